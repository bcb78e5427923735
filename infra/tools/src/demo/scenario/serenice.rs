//! The GIE of radiologists.

use super::{Shown, Stage};

/// Runs it.
///
/// # Errors
/// When something is refused that should not be, or accepted that should not be.
pub async fn run(stage: &Stage<'_>) -> anyhow::Result<Vec<Shown>> {
    let cast = stage.load().await?;
    let season = stage.season(&cast, "serenice").await?;
    Ok(vec![Shown::new("Besoins", season.facts["need_lines"].to_string())])
}
