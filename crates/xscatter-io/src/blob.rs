//! The bytes of a file, plain or packed with gzip or bzip2, on disk or in memory, read in pieces that are known to be
//! there.
//!
//! Nothing is mapped into memory: a file that another program shortens meanwhile is an error here, not
//! the end of the process.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bzip2::read::MultiBzDecoder;
use flate2::read::MultiGzDecoder;
use xscatter_core::{Error, ErrorKind, Result};

use crate::limits::Limits;

/// Unpacked bytes that are kept for the frames to come; larger files are unpacked for each frame.
const KEPT_BYTES: usize = 64 << 20;

/// Where the bytes of a detector file are.
#[derive(Debug, Clone)]
pub(crate) struct Blob {
    path: PathBuf,
    source: Source,
    /// What lies beside bytes that are in memory.
    companions: Arc<BTreeMap<PathBuf, Blob>>,
    limits: Limits,
}

#[derive(Debug, Clone)]
enum Source {
    /// As they lie on disk.
    Disk,
    /// Packed on disk.
    Packed(Packing),
    /// In memory; `on_disk` if they were unpacked from a file.
    Memory { bytes: Arc<Vec<u8>>, on_disk: bool },
}

impl Blob {
    /// A file on disk.
    pub(crate) fn new(path: &Path, limits: &Limits) -> Result<Self> {
        let mut blob = Self {
            path: path.to_path_buf(),
            source: Source::Disk,
            companions: Arc::default(),
            limits: *limits,
        };
        if let Some(packing) = packing(&blob.open()?.head(10)?) {
            blob.source = match unpack(packing, open_file(path)?, limits)? {
                bytes if bytes.len() <= KEPT_BYTES => Source::Memory {
                    bytes: Arc::new(bytes),
                    on_disk: true,
                },
                _ => Source::Packed(packing),
            };
        }
        Ok(blob)
    }

    /// The content of a file in memory; `name` stands in errors and beside the frames.
    pub(crate) fn in_memory(name: &Path, bytes: Vec<u8>, limits: &Limits) -> Result<Self> {
        let bytes = match packing(&bytes) {
            Some(packing) => unpack(packing, &bytes[..], limits)?,
            None => bytes,
        };
        Ok(Self {
            path: name.to_path_buf(),
            source: Source::Memory {
                bytes: Arc::new(bytes),
                on_disk: false,
            },
            companions: Arc::default(),
            limits: *limits,
        })
    }

    /// The same with files beside it, by their names.
    pub(crate) fn with_companions(mut self, companions: &[(&str, &[u8])]) -> Result<Self> {
        let mut found = BTreeMap::new();
        for (name, bytes) in companions {
            let path = self.path.with_file_name(name);
            let blob = Self::in_memory(&path, bytes.to_vec(), &self.limits)
                .map_err(|error| error.in_file(&path))?;
            found.insert(path, blob);
        }
        self.companions = Arc::new(found);
        Ok(self)
    }

    /// Whether there is such a file beside this one.
    pub(crate) fn has_beside(&self, path: &Path) -> bool {
        if self.is_on_disk() {
            path.is_file()
        } else {
            self.companions.contains_key(path)
        }
    }

    /// A file beside this one.
    pub(crate) fn beside(&self, path: &Path) -> Result<Self> {
        match self.companions.get(path) {
            Some(blob) => Ok(blob.clone()),
            None => Self::new(path, &self.limits),
        }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Whether the bytes lie in the file as they are, so that another library can open it.
    pub(crate) fn is_plain_file(&self) -> bool {
        matches!(self.source, Source::Disk)
    }

    /// Whether files beside this one can belong to it.
    pub(crate) fn is_on_disk(&self) -> bool {
        !matches!(self.source, Source::Memory { on_disk: false, .. })
    }

    /// Opens the file; a packed one is unpacked into memory, at most as far as the limits allow.
    pub(crate) fn open(&self) -> Result<Bytes> {
        match &self.source {
            Source::Disk => {
                let file = open_file(&self.path)?;
                let len = file.metadata()?.len();
                Ok(Bytes::File { file, len })
            }
            Source::Packed(packing) => {
                let bytes = unpack(*packing, open_file(&self.path)?, &self.limits)?;
                Ok(Bytes::Memory(Arc::new(bytes)))
            }
            Source::Memory { bytes, .. } => Ok(Bytes::Memory(Arc::clone(bytes))),
        }
    }
}

/// How a whole file is packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Packing {
    Gzip,
    Bzip2,
}

fn packing(head: &[u8]) -> Option<Packing> {
    // The first block of bzip2, or the end of an empty stream, begins with digits of π or √π.
    let starts_block = |rest: &[u8]| {
        rest.starts_with(&[0x31, 0x41, 0x59, 0x26, 0x53, 0x59])
            || rest.starts_with(&[0x17, 0x72, 0x45, 0x38, 0x50, 0x90])
    };
    match head {
        [0x1f, 0x8b, ..] => Some(Packing::Gzip),
        [b'B', b'Z', b'h', b'1'..=b'9', rest @ ..] if starts_block(rest) => Some(Packing::Bzip2),
        _ => None,
    }
}

fn open_file(path: &Path) -> Result<File> {
    let file = File::open(path)?;
    if file.metadata()?.is_dir() {
        return Err(Error::new(ErrorKind::Io, "expected a file, found a folder"));
    }
    Ok(file)
}

fn unpack(packing: Packing, packed: impl Read, limits: &Limits) -> Result<Vec<u8>> {
    let limit = (limits.max_pixels as u64).saturating_mul(8);
    let mut bytes = Vec::new();
    // Some writers append one gzip member a frame (fabio#18), parallel packers one bzip2 stream a part.
    let (name, unpacked) = match packing {
        Packing::Gzip => {
            let mut reader = MultiGzDecoder::new(packed).take(limit + 1);
            ("gzip", reader.read_to_end(&mut bytes))
        }
        Packing::Bzip2 => {
            let mut reader = MultiBzDecoder::new(packed).take(limit + 1);
            ("bzip2", reader.read_to_end(&mut bytes))
        }
    };
    unpacked.map_err(|error| {
        let kind = match error.kind() {
            std::io::ErrorKind::UnexpectedEof => ErrorKind::Truncated,
            _ => ErrorKind::Malformed,
        };
        Error::new(kind, format!("expected a whole {name} stream: {error}"))
    })?;
    if bytes.len() as u64 > limit {
        return Err(Error::new(
            ErrorKind::LimitExceeded,
            format!("expected at most {limit} bytes after unpacking"),
        ));
    }
    Ok(bytes)
}

/// An open file.
#[derive(Debug)]
pub(crate) enum Bytes {
    File { file: File, len: u64 },
    Memory(Arc<Vec<u8>>),
}

impl Bytes {
    pub(crate) fn len(&self) -> u64 {
        match self {
            Self::File { len, .. } => *len,
            Self::Memory(bytes) => bytes.len() as u64,
        }
    }

    /// Fills `out` from `offset`.
    pub(crate) fn read_into(&self, offset: u64, out: &mut [u8]) -> Result<()> {
        self.check(offset, out.len() as u64)?;
        match self {
            Self::File { file, .. } => read_exact_at(file, out, offset).map_err(|error| {
                let kind = match error.kind() {
                    std::io::ErrorKind::UnexpectedEof => ErrorKind::Truncated,
                    _ => ErrorKind::Io,
                };
                Error::new(kind, format!("expected {} bytes: {error}", out.len()))
                    .at(format!("byte {offset}"))
            }),
            Self::Memory(bytes) => {
                out.copy_from_slice(&bytes[offset as usize..][..out.len()]);
                Ok(())
            }
        }
    }

    /// Exactly `len` bytes from `offset`; nothing is allocated if they are not there.
    pub(crate) fn read_at(&self, offset: u64, len: u64) -> Result<Vec<u8>> {
        self.check(offset, len)?;
        let mut bytes = vec![0; len as usize];
        self.read_into(offset, &mut bytes)?;
        Ok(bytes)
    }

    /// At most `len` bytes from `offset`, fewer at the end of the file.
    pub(crate) fn read_up_to(&self, offset: u64, len: u64) -> Result<Vec<u8>> {
        let len = len.min(self.len().saturating_sub(offset));
        self.read_at(offset.min(self.len()), len)
    }

    pub(crate) fn head(&self, len: u64) -> Result<Vec<u8>> {
        self.read_up_to(0, len)
    }

    /// That so many bytes are there: to be asked before memory is set aside for them.
    pub(crate) fn check(&self, offset: u64, len: u64) -> Result<()> {
        let end = offset.checked_add(len);
        if end.is_some_and(|end| end <= self.len()) {
            return Ok(());
        }
        Err(Error::new(
            ErrorKind::Truncated,
            format!(
                "expected {len} bytes, found {}",
                self.len().saturating_sub(offset)
            ),
        )
        .at(format!("byte {offset}")))
    }
}

#[cfg(unix)]
fn read_exact_at(file: &File, out: &mut [u8], offset: u64) -> std::io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, out, offset)
}

#[cfg(not(unix))]
fn read_exact_at(mut file: &File, out: &mut [u8], offset: u64) -> std::io::Result<()> {
    use std::io::{Seek, SeekFrom};
    file.seek(SeekFrom::Start(offset))?;
    file.read_exact(out)
}
