//! The bytes of a file, plain or gzipped, read in pieces that are known to be there.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use flate2::read::MultiGzDecoder;
use xscatter_core::{Error, ErrorKind, Result};

use crate::limits::Limits;

/// Where the bytes of a detector file are.
#[derive(Debug, Clone)]
pub(crate) struct Blob {
    path: PathBuf,
    gzipped: bool,
    limits: Limits,
}

impl Blob {
    pub(crate) fn new(path: &Path, limits: &Limits) -> Result<Self> {
        let mut blob = Self {
            path: path.to_path_buf(),
            gzipped: false,
            limits: *limits,
        };
        blob.gzipped = blob.open()?.head(2)? == [0x1f, 0x8b];
        Ok(blob)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn is_gzipped(&self) -> bool {
        self.gzipped
    }

    /// Opens the file; a gzipped one is unpacked into memory, at most as far as the limits allow.
    pub(crate) fn open(&self) -> Result<Bytes> {
        let file = File::open(&self.path)?;
        if file.metadata()?.is_dir() {
            return Err(Error::new(ErrorKind::Io, "expected a file, found a folder"));
        }
        if !self.gzipped {
            let len = file.metadata()?.len();
            return Ok(Bytes::File { file, len });
        }
        let limit = (self.limits.max_pixels as u64).saturating_mul(8);
        let mut bytes = Vec::new();
        // Some writers append one gzip member a frame (fabio#18).
        MultiGzDecoder::new(file)
            .take(limit + 1)
            .read_to_end(&mut bytes)
            .map_err(|error| {
                let kind = match error.kind() {
                    std::io::ErrorKind::UnexpectedEof => ErrorKind::Truncated,
                    _ => ErrorKind::Malformed,
                };
                Error::new(kind, format!("expected a whole gzip stream: {error}"))
            })?;
        if bytes.len() as u64 > limit {
            return Err(Error::new(
                ErrorKind::LimitExceeded,
                format!("expected at most {limit} bytes after unpacking"),
            ));
        }
        Ok(Bytes::Memory(bytes))
    }
}

/// An open file.
#[derive(Debug)]
pub(crate) enum Bytes {
    File { file: File, len: u64 },
    Memory(Vec<u8>),
}

impl Bytes {
    pub(crate) fn len(&self) -> u64 {
        match self {
            Self::File { len, .. } => *len,
            Self::Memory(bytes) => bytes.len() as u64,
        }
    }

    /// Exactly `len` bytes from `offset`; nothing is allocated if they are not there.
    pub(crate) fn read_at(&mut self, offset: u64, len: u64) -> Result<Vec<u8>> {
        let end = offset.checked_add(len);
        if end.is_none_or(|end| end > self.len()) {
            return Err(Error::new(
                ErrorKind::Truncated,
                format!(
                    "expected {len} bytes, found {}",
                    self.len().saturating_sub(offset)
                ),
            )
            .at(format!("byte {offset}")));
        }
        match self {
            Self::File { file, .. } => {
                file.seek(SeekFrom::Start(offset))?;
                let mut bytes = Vec::with_capacity(len as usize);
                file.take(len).read_to_end(&mut bytes)?;
                if (bytes.len() as u64) < len {
                    return Err(Error::new(
                        ErrorKind::Truncated,
                        format!("expected {len} bytes, found {}", bytes.len()),
                    )
                    .at(format!("byte {offset}")));
                }
                Ok(bytes)
            }
            Self::Memory(bytes) => {
                let start = offset as usize;
                Ok(bytes[start..start + len as usize].to_vec())
            }
        }
    }

    /// At most `len` bytes from `offset`, fewer at the end of the file.
    pub(crate) fn read_up_to(&mut self, offset: u64, len: u64) -> Result<Vec<u8>> {
        let len = len.min(self.len().saturating_sub(offset));
        self.read_at(offset.min(self.len()), len)
    }

    pub(crate) fn head(&mut self, len: u64) -> Result<Vec<u8>> {
        self.read_up_to(0, len)
    }
}
