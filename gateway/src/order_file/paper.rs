//! Pages of text and tables, laid out as A4: measures and wraps text, breaks pages, repeats table headers, numbers pages. Text is kept as
//! text, so that it can be searched and copied.
//!
//! Everything is laid out first and drawn after: the last page's number stands on every page.

#![allow(clippy::float_arithmetic, reason = "places on paper, in points; no figure of the order is computed here")]

use kit::Failure;
use krilla::{
    Document,
    color::rgb,
    geom::{PathBuilder, Point, Rect, Transform},
    metadata::Metadata,
    num::NormalizedF32,
    page::PageSettings,
    paint::Fill,
    surface::Surface,
    text::{Font, GlyphId, KrillaGlyph},
};
use skrifa::{
    FontRef, MetadataProvider as _,
    instance::{LocationRef, Size},
};

static REGULAR: &[u8] = include_bytes!("../../fonts/DejaVuSansCondensed.ttf");
static BOLD: &[u8] = include_bytes!("../../fonts/DejaVuSansCondensed-Bold.ttf");

/// A4 in points.
const PAGE: (f32, f32) = (595.28, 841.89);
const LEFT: f32 = 40.0;
/// Width between the margins.
const WIDTH: f32 = PAGE.0 - 2.0 * LEFT;
const TOP: f32 = 54.0;
const BOTTOM: f32 = PAGE.1 - 46.0;
/// Between two cells, and between a cell and its rules.
const GAP: f32 = 3.0;
const BLACK: u8 = 20;
const GREY: u8 = 95;

/// The size of the paper. Everything is laid out as A4; a larger sheet of the same shape enlarges all of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// 210 × 297 mm.
    A4,
    /// 297 × 420 mm.
    A3,
}

impl Format {
    /// How much larger than A4 each side is.
    const fn scale(self) -> f32 {
        match self {
            Self::A4 => 1.0,
            Self::A3 => std::f32::consts::SQRT_2,
        }
    }
}

/// How a text is set.
#[derive(Debug, Clone, Copy)]
pub struct Style {
    /// In points.
    pub size: f32,
    /// Bold.
    pub bold: bool,
    /// Less important.
    pub grey: bool,
}

impl Style {
    /// Of that size.
    pub const fn of(size: f32) -> Self {
        Self { size, bold: false, grey: false }
    }

    /// Bold.
    pub const fn bold(self) -> Self {
        Self { bold: true, ..self }
    }

    /// Grey.
    pub const fn grey(self) -> Self {
        Self { grey: true, ..self }
    }

    fn leading(self) -> f32 {
        self.size * 1.3
    }
}

const CELL: Style = Style::of(8.0);
const SMALL: Style = Style::of(6.8).grey();

/// A column of a table.
#[derive(Debug, Clone, Copy)]
pub struct Column {
    /// In the header.
    pub title: &'static str,
    /// In points; the columns of a table together at most 515.
    pub width: f32,
    /// Figures stand on the right.
    pub right: bool,
}

enum Mark {
    Text { x: f32, y: f32, style: Style, text: String },
    Fill { x: f32, y: f32, width: f32, height: f32, grey: u8 },
}

struct Face {
    font: Font,
    metrics: FontRef<'static>,
    units_per_em: f32,
}

impl Face {
    fn read(bytes: &'static [u8]) -> Result<Self, Failure> {
        let font =
            Font::new(bytes.into(), 0).ok_or_else(|| Failure::internal("a font of the gateway cannot be read"))?;
        let metrics = FontRef::new(bytes).map_err(Failure::internal)?;
        let units_per_em = font.units_per_em();
        Ok(Self { font, metrics, units_per_em })
    }

    /// One glyph per character, with its width relative to the size. What the font lacks shows as its empty box, and is
    /// still copied as what it is.
    fn glyphs(&self, text: &str) -> Vec<KrillaGlyph> {
        let characters = self.metrics.charmap();
        let widths = self.metrics.glyph_metrics(Size::unscaled(), LocationRef::default());
        text.char_indices()
            .map(|(at, letter)| {
                let glyph = characters.map(letter).unwrap_or_default();
                KrillaGlyph {
                    glyph_id: GlyphId::new(glyph.to_u32()),
                    text_range: at..at + letter.len_utf8(),
                    x_advance: widths.advance_width(glyph).unwrap_or_default() / self.units_per_em,
                    x_offset: 0.0,
                    y_offset: 0.0,
                    y_advance: 0.0,
                    location: None,
                }
            })
            .collect()
    }
}

/// Pages being laid out.
pub struct Paper {
    regular: Face,
    bold: Face,
    pages: Vec<Vec<Mark>>,
    /// Top of what comes next on the last page.
    y: f32,
    /// What every page says above its text.
    head: String,
}

impl Paper {
    /// A first page, still empty.
    ///
    /// # Errors
    /// When the fonts that the gateway was built with cannot be read.
    pub fn new(head: String) -> Result<Self, Failure> {
        let mut paper =
            Self { regular: Face::read(REGULAR)?, bold: Face::read(BOLD)?, pages: Vec::new(), y: TOP, head };
        paper.break_page();
        Ok(paper)
    }

    /// What pages from the next one on say above their text.
    pub fn set_head(&mut self, head: String) {
        self.head = head;
    }

    /// Begins a page.
    pub fn break_page(&mut self) {
        let style = Style::of(7.0).grey();
        let head = Mark::Text { x: LEFT, y: TOP - 20.0, style, text: self.head.clone() };
        let rule = Mark::Fill { x: LEFT, y: TOP - 14.0, width: WIDTH, height: 0.5, grey: 180 };
        self.pages.push(vec![head, rule]);
        self.y = TOP;
    }

    /// Begins a page unless so much room is left.
    pub fn keep(&mut self, height: f32) {
        if self.y + height > BOTTOM {
            self.break_page();
        }
    }

    /// Leaves room.
    pub fn space(&mut self, height: f32) {
        self.y += height;
    }

    /// A paragraph over the whole width.
    pub fn paragraph(&mut self, text: &str, style: Style) {
        for line in self.wrap(text, style, WIDTH) {
            self.keep(style.leading());
            self.put(LEFT, self.y, style, line);
            self.y += style.leading();
        }
    }

    /// Names and values under each other.
    pub fn facts(&mut self, facts: &[(&str, String)]) {
        const NAMES: f32 = 118.0;
        let style = Style::of(8.5);
        for (name, value) in facts.iter().filter(|(_, value)| !value.is_empty()) {
            let lines = self.wrap(value, style, WIDTH - NAMES);
            self.keep(style.leading());
            self.put(LEFT, self.y, style.grey(), (*name).to_owned());
            for line in lines {
                self.keep(style.leading());
                self.put(LEFT + NAMES, self.y, style, line);
                self.y += style.leading();
            }
        }
    }

    /// Begins a table; its header comes again on each page.
    pub fn table<'p>(&'p mut self, columns: &'p [Column]) -> Table<'p> {
        self.keep(60.0);
        let mut table = Table { paper: self, columns };
        table.header();
        table
    }

    fn face(&self, style: Style) -> &Face {
        if style.bold { &self.bold } else { &self.regular }
    }

    fn width(&self, text: &str, style: Style) -> f32 {
        self.face(style).glyphs(text).iter().map(|glyph| glyph.x_advance).sum::<f32>() * style.size
    }

    /// Lines that fit; a word that does not is cut.
    fn wrap(&self, text: &str, style: Style, width: f32) -> Vec<String> {
        let mut lines = Vec::new();
        let mut line = String::new();
        for word in text.split(' ') {
            let longer = if line.is_empty() { word.to_owned() } else { format!("{line} {word}") };
            if self.width(&longer, style) <= width {
                line = longer;
                continue;
            }
            if !line.is_empty() {
                lines.push(std::mem::take(&mut line));
            }
            for letter in word.chars() {
                line.push(letter);
                if self.width(&line, style) > width && line.chars().count() > 1 {
                    line.pop();
                    lines.push(std::mem::replace(&mut line, letter.to_string()));
                }
            }
        }
        lines.push(line);
        lines
    }

    /// Text whose top is at `y`.
    fn put(&mut self, x: f32, y: f32, style: Style, text: String) {
        self.mark(Mark::Text { x, y: y + style.size, style, text });
    }

    fn mark(&mut self, mark: Mark) {
        if let Some(page) = self.pages.last_mut() {
            page.push(mark);
        }
    }

    /// Draws all pages as A4, each with its number.
    ///
    /// # Errors
    /// When the document cannot be written.
    pub fn finish(self, title: &str) -> Result<Vec<u8>, Failure> {
        self.finish_as(title, Format::A4)
    }

    /// As [`Paper::finish`] on paper of another size.
    ///
    /// # Errors
    /// When the document cannot be written.
    pub fn finish_as(self, title: &str, format: Format) -> Result<Vec<u8>, Failure> {
        let scale = format.scale();
        let mut document = Document::new();
        let metadata = Metadata::new()
            .title(title.to_owned())
            .language("fr-FR".to_owned())
            .creator("Centrale".to_owned())
            .producer("Centrale".to_owned());
        document.set_metadata(metadata);
        let last = self.pages.len();
        for (index, marks) in self.pages.iter().enumerate() {
            let settings = PageSettings::from_wh(PAGE.0 * scale, PAGE.1 * scale)
                .ok_or_else(|| Failure::internal("a page has no size"))?;
            let mut page = document.start_page_with(settings);
            let mut surface = page.surface();
            surface.push_transform(&Transform::from_scale(scale, scale));
            for mark in marks {
                self.draw(&mut surface, mark);
            }
            let number = format!("{title} — page {} / {last}", index + 1);
            let style = Style::of(7.0).grey();
            let x = PAGE.0 - LEFT - self.width(&number, style);
            self.draw(&mut surface, &Mark::Text { x, y: PAGE.1 - 24.0, style, text: number });
            surface.pop();
            surface.finish();
            page.finish();
        }
        document.finish().map_err(|error| Failure::internal(format!("PDF not written: {error:?}")))
    }

    fn draw(&self, surface: &mut Surface<'_>, mark: &Mark) {
        match mark {
            Mark::Text { x, y, style, text } => {
                surface.set_fill(Some(ink(if style.grey { GREY } else { BLACK })));
                let face = self.face(*style);
                let at = Point::from_xy(*x, *y);
                surface.draw_glyphs(at, &face.glyphs(text), face.font.clone(), text, style.size, false);
            }
            Mark::Fill { x, y, width, height, grey } => {
                let mut path = PathBuilder::new();
                if let Some(rect) = Rect::from_xywh(*x, *y, *width, *height) {
                    path.push_rect(rect);
                }
                surface.set_fill(Some(ink(*grey)));
                if let Some(path) = path.finish() {
                    surface.draw_path(&path);
                }
            }
        }
    }
}

fn ink(grey: u8) -> Fill {
    Fill { paint: rgb::Color::new(grey, grey, grey).into(), opacity: NormalizedF32::ONE, rule: Default::default() }
}

/// A table being laid out.
pub struct Table<'p> {
    paper: &'p mut Paper,
    columns: &'p [Column],
}

impl Table<'_> {
    fn header(&mut self) {
        let style = Style::of(7.5).bold();
        let lines: Vec<Vec<(String, Style)>> = self
            .columns
            .iter()
            .map(|column| {
                let lines = self.paper.wrap(column.title, style, column.width - 2.0 * GAP);
                lines.into_iter().map(|line| (line, style)).collect()
            })
            .collect();
        let height = height(&lines);
        let width = self.columns.iter().map(|column| column.width).sum();
        self.paper.mark(Mark::Fill { x: LEFT, y: self.paper.y, width, height, grey: 228 });
        self.place(lines, height);
    }

    /// A row. The first line of a cell stands out from those after a line break.
    pub fn row(&mut self, cells: &[&str]) {
        self.styled_row(cells, CELL);
    }

    /// A row of sums.
    pub fn sum(&mut self, cells: &[&str]) {
        self.styled_row(cells, CELL.bold());
    }

    fn styled_row(&mut self, cells: &[&str], style: Style) {
        let lines: Vec<Vec<(String, Style)>> = self
            .columns
            .iter()
            .zip(cells)
            .map(|(column, cell)| {
                let parts = cell.split('\n').enumerate();
                parts
                    .flat_map(|(index, part)| {
                        let style = if index == 0 { style } else { SMALL };
                        let lines = self.paper.wrap(part, style, column.width - 2.0 * GAP);
                        lines.into_iter().map(move |line| (line, style))
                    })
                    .collect()
            })
            .collect();
        let height = height(&lines);
        if self.paper.y + height > BOTTOM {
            self.paper.break_page();
            self.header();
        }
        self.place(lines, height);
        let width = self.columns.iter().map(|column| column.width).sum();
        self.paper.mark(Mark::Fill { x: LEFT, y: self.paper.y, width, height: 0.4, grey: 190 });
    }

    fn place(&mut self, cells: Vec<Vec<(String, Style)>>, height: f32) {
        let top = self.paper.y;
        let mut x = LEFT;
        for (column, lines) in self.columns.iter().zip(cells) {
            let mut y = top + GAP;
            for (line, style) in lines {
                let shift = if column.right { column.width - GAP - self.paper.width(&line, style) } else { GAP };
                self.paper.put(x + shift, y, style, line);
                y += style.leading();
            }
            x += column.width;
        }
        self.paper.y = top + height;
    }
}

fn height(cells: &[Vec<(String, Style)>]) -> f32 {
    let of = |lines: &Vec<(String, Style)>| lines.iter().map(|(_, style)| style.leading()).sum::<f32>();
    cells.iter().map(of).fold(0.0, f32::max) + 2.0 * GAP
}
