//! A mail server for the demo and for tests: takes every mail and keeps it as a file, delivers nothing. An address that begins
//! with `refuse` is refused for good, so that refusals can be seen.
//!
//! Speaks as much of RFC 5321 as a client needs to hand over a mail: no TLS, no authentication, for local use only.

use std::{
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use anyhow::{Context as _, bail};
use tokio::{
    fs,
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::{TcpListener, TcpStream},
};

/// Largest mail.
const SIZE: usize = 32 << 20;
/// Longest command.
const COMMAND: u64 = 2_000;
/// Longest silence of a client.
const SILENCE: Duration = Duration::from_secs(60);

static COUNT: AtomicU64 = AtomicU64::new(0);

/// Takes mails until the task is dropped.
///
/// # Errors
/// When the folder cannot be made or the listener fails.
pub async fn serve(listener: TcpListener, dir: PathBuf) -> anyhow::Result<()> {
    fs::create_dir_all(&dir).await.with_context(|| format!("cannot make {}", dir.display()))?;
    loop {
        let (stream, _) = listener.accept().await?;
        let dir = dir.clone();
        tokio::spawn(async move {
            // A client that goes away or speaks nonsense is its own affair.
            let _ = converse(stream, &dir).await;
        });
    }
}

async fn converse(stream: TcpStream, dir: &Path) -> anyhow::Result<()> {
    let mut client = BufReader::new(stream);
    say(&mut client, "220 catcher ready").await?;
    let mut recipients = 0;
    loop {
        let line = command(&mut client).await?;
        let verb = line.split(' ').next().unwrap_or_default().to_ascii_uppercase();
        match verb.as_str() {
            "EHLO" => say(&mut client, &format!("250-catcher\r\n250-8BITMIME\r\n250 SIZE {SIZE}")).await?,
            "HELO" | "NOOP" => say(&mut client, "250 ok").await?,
            "MAIL" | "RSET" => {
                recipients = 0;
                say(&mut client, "250 ok").await?;
            }
            "RCPT" if line.to_ascii_lowercase().contains(":<refuse") => {
                say(&mut client, "550 5.1.1 no such mailbox").await?;
            }
            "RCPT" => {
                recipients += 1;
                say(&mut client, "250 ok").await?;
            }
            "DATA" if recipients == 0 => say(&mut client, "503 nobody to send to").await?,
            "DATA" => {
                say(&mut client, "354 go on").await?;
                let mail = data(&mut client).await?;
                keep(dir, &mail).await?;
                say(&mut client, "250 kept").await?;
            }
            "QUIT" => {
                say(&mut client, "221 bye").await?;
                return Ok(());
            }
            _ => say(&mut client, "502 not here").await?,
        }
    }
}

async fn say(client: &mut BufReader<TcpStream>, line: &str) -> anyhow::Result<()> {
    client.get_mut().write_all(format!("{line}\r\n").as_bytes()).await?;
    Ok(())
}

async fn line(client: &mut BufReader<TcpStream>, limit: u64) -> anyhow::Result<Vec<u8>> {
    let mut line = Vec::new();
    let read = tokio::time::timeout(SILENCE, client.take(limit).read_until(b'\n', &mut line)).await??;
    if read == 0 || !line.ends_with(b"\n") {
        bail!("the client went away");
    }
    Ok(line)
}

async fn command(client: &mut BufReader<TcpStream>) -> anyhow::Result<String> {
    let line = line(client, COMMAND).await?;
    Ok(String::from_utf8_lossy(&line).trim_end().to_owned())
}

/// Until the line with a single dot; a dot that was doubled for the way is one again.
async fn data(client: &mut BufReader<TcpStream>) -> anyhow::Result<Vec<u8>> {
    let mut mail = Vec::new();
    loop {
        let line = line(client, SIZE as u64).await?;
        if line == b".\r\n" || line == b".\n" {
            return Ok(mail);
        }
        if mail.len() + line.len() > SIZE {
            say(client, "552 too large").await?;
            bail!("more than {SIZE} bytes");
        }
        mail.extend_from_slice(line.strip_prefix(b".").unwrap_or(&line));
    }
}

/// Under a name that sorts by time; whole or not at all.
async fn keep(dir: &Path, mail: &[u8]) -> anyhow::Result<()> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis();
    let name = format!("{now}-{}-{:04}.eml", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
    let part = dir.join(format!("{name}.part"));
    let mut file = fs::File::create(&part).await?;
    file.write_all(mail).await?;
    file.sync_all().await?;
    fs::rename(&part, dir.join(name)).await?;
    Ok(())
}

/// A kept mail, as its reader sees it.
#[derive(Debug)]
pub struct Mail {
    /// Its Message-ID, without angle brackets.
    pub message_id: String,
    /// First address.
    pub to: String,
    /// Subject.
    pub subject: String,
    /// The text.
    pub text: String,
    /// Names and contents of attachments.
    pub files: Vec<(String, Vec<u8>)>,
}

impl Mail {
    /// The reply link in the text.
    #[must_use]
    pub fn link(&self) -> Option<&str> {
        self.text.split_whitespace().find(|word| word.contains("/r/"))
    }
}

/// The mails kept in a folder, oldest first.
///
/// # Errors
/// When the folder or a file cannot be read, or a file is no mail.
pub fn mails(dir: &Path) -> anyhow::Result<Vec<Mail>> {
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(dir).with_context(|| format!("cannot read {}", dir.display()))? {
        paths.push(entry?.path());
    }
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "eml"));
    paths.sort();
    paths.iter().map(|path| read(path)).collect()
}

fn read(path: &Path) -> anyhow::Result<Mail> {
    use mail_parser::MimeHeaders as _;
    let bytes = std::fs::read(path)?;
    let parsed = mail_parser::MessageParser::default().parse(&bytes);
    let mail = parsed.with_context(|| format!("{} is no mail", path.display()))?;
    let to = mail.to().and_then(|to| to.first()).and_then(|to| to.address());
    let files = mail
        .attachments()
        .map(|part| (part.attachment_name().unwrap_or_default().to_owned(), part.contents().to_vec()));
    Ok(Mail {
        message_id: mail.message_id().unwrap_or_default().to_owned(),
        to: to.unwrap_or_default().to_owned(),
        subject: mail.subject().unwrap_or_default().to_owned(),
        text: mail.body_text(0).unwrap_or_default().into_owned(),
        files: files.collect(),
    })
}
