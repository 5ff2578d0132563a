//! The bytes of a file, on disk or in memory, read by place and never beyond their end.
//!
//! Nothing is mapped into memory: a file that another program shortens meanwhile is an error here, not
//! the end of the process. Reads are positioned, so that threads share one handle without a lock.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::error::{Error, Result};

#[derive(Debug)]
pub(crate) struct Store {
    source: Source,
    /// Where the file is, or is said to be; its folder is where linked files are looked for.
    pub(crate) path: Option<PathBuf>,
    len: u64,
}

#[derive(Debug)]
enum Source {
    Disk(File),
    Memory(Arc<Vec<u8>>),
}

impl Store {
    pub(crate) fn open(path: &Path) -> Result<Self> {
        let at = |error| Error::io(path, error);
        let file = File::open(path).map_err(at)?;
        let metadata = file.metadata().map_err(at)?;
        if metadata.is_dir() {
            let error = io::Error::new(
                io::ErrorKind::IsADirectory,
                "expected a file, found a folder",
            );
            return Err(at(error));
        }
        Ok(Self {
            source: Source::Disk(file),
            path: Some(path.to_path_buf()),
            len: metadata.len(),
        })
    }

    pub(crate) fn in_memory(bytes: Arc<Vec<u8>>, path: Option<PathBuf>) -> Self {
        Self {
            len: bytes.len() as u64,
            source: Source::Memory(bytes),
            path,
        }
    }

    pub(crate) fn len(&self) -> u64 {
        self.len
    }

    /// Fills `out` from `offset` of the file; the error counts from there on.
    pub(crate) fn read_into(&self, what: &'static str, offset: u64, out: &mut [u8]) -> Result<()> {
        self.check(what, offset, out.len() as u64)?;
        match &self.source {
            Source::Memory(bytes) => {
                out.copy_from_slice(&bytes[offset as usize..][..out.len()]);
                Ok(())
            }
            Source::Disk(file) => read_exact_at(file, out, offset).map_err(|error| {
                let path = self.path.as_deref().unwrap_or(Path::new(""));
                match error.kind() {
                    io::ErrorKind::UnexpectedEof => Error::Truncated {
                        what,
                        address: offset,
                        expected: out.len() as u64,
                        found: 0,
                    },
                    _ => Error::io(path, error),
                }
            }),
        }
    }

    /// That so many bytes are there: asked before memory is set aside for them.
    pub(crate) fn check(&self, what: &'static str, offset: u64, len: u64) -> Result<()> {
        let end = offset.checked_add(len);
        if end.is_some_and(|end| end <= self.len) {
            return Ok(());
        }
        Err(Error::Truncated {
            what,
            address: offset,
            expected: len,
            found: self.len.saturating_sub(offset),
        })
    }
}

#[cfg(unix)]
fn read_exact_at(file: &File, out: &mut [u8], offset: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, out, offset)
}

#[cfg(windows)]
fn read_exact_at(file: &File, mut out: &mut [u8], mut offset: u64) -> io::Result<()> {
    while !out.is_empty() {
        match std::os::windows::fs::FileExt::seek_read(file, out, offset)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            read => {
                out = &mut out[read..];
                offset += read as u64;
            }
        }
    }
    Ok(())
}
