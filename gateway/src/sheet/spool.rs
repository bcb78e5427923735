//! Files on disk without a name: whatever ends this process, they leave nothing behind.

use std::{
    fs::File,
    io::{self, Read, Seek, SeekFrom},
    os::unix::fs::{FileExt as _, OpenOptionsExt as _},
    path::Path,
    sync::Arc,
};

/// Makes a file that has no name any more.
///
/// # Errors
/// When the disk refuses.
pub fn nameless(dir: &Path) -> io::Result<File> {
    let path = dir.join(format!("centrale-{}.upload", uuid::Uuid::now_v7().simple()));
    let file = File::options().read(true).write(true).create_new(true).mode(0o600).open(&path)?;
    std::fs::remove_file(&path)?;
    Ok(file)
}

/// A file that is read from its start, by several readers at once, each at its own place.
#[derive(Debug)]
pub struct Stored {
    file: Arc<File>,
    at: u64,
}

impl Stored {
    /// Reads a file from its start.
    #[must_use]
    pub const fn new(file: Arc<File>) -> Self {
        Self { file, at: 0 }
    }
}

impl Clone for Stored {
    /// Another reader, at the start.
    fn clone(&self) -> Self {
        Self::new(self.file.clone())
    }
}

impl Read for Stored {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read_at(buffer, self.at)?;
        self.at += u64::try_from(read).unwrap_or_default();
        Ok(read)
    }
}

impl Seek for Stored {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let base = match to {
            SeekFrom::Start(at) => {
                self.at = at;
                return Ok(at);
            }
            SeekFrom::Current(by) => self.at.checked_add_signed(by),
            SeekFrom::End(by) => self.file.metadata()?.len().checked_add_signed(by),
        };
        self.at = base.ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
        Ok(self.at)
    }
}
