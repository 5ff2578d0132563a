//! Writing frames as detector files that this crate, and the programs of the field, read back.
//!
//! Counts are rounded to the nearest integer unless the type is a float. Masked pixels become the
//! marker of the type: −1 for a gap and −2 for anything else in signed integers, all bits set in
//! unsigned ones, NaN in floats; HDF5 files get a `pixel_mask` as well. A valid count that would read
//! back as a marker (below 0, too large) is an error, never changed in silence. The file appears
//! under its name only once it is complete.
//!
//! | format | frames | types | geometry |
//! |---|---|---|---|
//! | EDF | any | all | keys of pyFAI |
//! | CBF | one | `I32` | DECTRIS keys, and one line with the whole geometry |
//! | TIFF | one | all | as CBF, in `ImageDescription` |
//! | npy | any (3D if several) | `I32`, `F32` with masks, else all | none |
//! | NeXus | any | all | NXdetector, NXbeam, and the keys of pyFAI |

use std::fs::File;
use std::io::BufWriter;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use xscatter_core::{Error, ErrorKind, Frame, PixelFlags, Result};

use crate::format::Format;
use crate::{cbf, edf, nexus, npy, tiff};

/// The stored type of the pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum WriteDtype {
    /// Signed, 32 bits: what Pilatus detectors write.
    #[default]
    I32,
    /// Unsigned, 16 bits.
    U16,
    /// Unsigned, 32 bits: what Eiger detectors write.
    U32,
    /// IEEE 754, 32 bits: counts as they are.
    F32,
}

impl WriteDtype {
    /// The size of one pixel in bytes.
    pub(crate) const fn bytes(self) -> usize {
        match self {
            Self::U16 => 2,
            Self::I32 | Self::U32 | Self::F32 => 4,
        }
    }

    /// The little-endian bytes of one pixel; `None` for a valid count that the type cannot hold
    /// beside its markers.
    fn encode(self, count: f32, flags: PixelFlags, out: &mut Vec<u8>) -> Option<()> {
        let valid = flags.is_valid();
        let rounded = f64::from(count).round();
        let integer = |max: f64| (valid && (0.0..=max).contains(&rounded)).then_some(rounded);
        match self {
            Self::I32 => {
                let value = match valid {
                    true => integer(f64::from(i32::MAX))? as i32,
                    false if flags.contains(PixelFlags::GAP) => -1,
                    false => -2,
                };
                out.extend(value.to_le_bytes());
            }
            Self::U16 => {
                let value = if valid {
                    integer(f64::from(u16::MAX - 1))? as u16
                } else {
                    u16::MAX
                };
                out.extend(value.to_le_bytes());
            }
            Self::U32 => {
                let value = if valid {
                    integer(f64::from(u32::MAX - 3))? as u32
                } else {
                    u32::MAX
                };
                out.extend(value.to_le_bytes());
            }
            Self::F32 => {
                if valid && !count.is_finite() {
                    return None;
                }
                let value = if valid { count } else { f32::NAN };
                out.extend(value.to_le_bytes());
            }
        }
        Some(())
    }
}

/// How the chunks of an HDF5 file are compressed; the other formats have one way each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Compression {
    /// As they are.
    None,
    /// Deflate, which every program reads.
    #[default]
    Gzip,
    /// Bitshuffle and LZ4 (filter 32008), which is what DECTRIS detectors write.
    BitshuffleLz4,
}

/// How frames are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct WriteOptions {
    /// The type of the pixels.
    pub dtype: WriteDtype,
    /// The compression of HDF5 chunks.
    pub compression: Compression,
}

/// Writes frames to one file; an existing one is replaced as a whole.
///
/// # Errors
/// If there is no frame, several for a format that holds one, frames of different shapes, a count
/// that the type cannot hold, or the file cannot be written. An existing file is then left as it was.
pub fn write(
    path: impl AsRef<Path>,
    format: Format,
    frames: &[Frame],
    options: &WriteOptions,
) -> Result<()> {
    let path = path.as_ref();
    let Some(first) = frames.first() else {
        return Err(invalid("expected at least one frame, got none").in_file(path));
    };
    if !format.can_write() {
        return Err(invalid(format!("{format} can be read, not written")).in_file(path));
    }
    let single = matches!(format, Format::Cbf | Format::Tiff);
    if single && frames.len() > 1 {
        let frames = frames.len();
        return Err(invalid(format!("{format} holds one frame, got {frames}")).in_file(path));
    }
    for (index, frame) in frames.iter().enumerate() {
        let (found, expected) = (frame.shape(), first.shape());
        if found != expected {
            return Err(Error::new(
                ErrorKind::ShapeMismatch,
                format!(
                    "expected {}x{} pixels as in frame 0, got {}x{}",
                    expected.0, expected.1, found.0, found.1
                ),
            )
            .in_file(path)
            .at(format!("frame {index}")));
        }
    }
    atomically(path, |temporary| {
        let create = || Ok::<_, Error>(BufWriter::new(File::create(temporary)?));
        let dtype = options.dtype;
        match format {
            Format::Edf => edf::write(&mut create()?, frames, dtype),
            Format::Cbf => cbf::write(&mut create()?, first, dtype),
            Format::Tiff => tiff::write(&mut create()?, first, dtype),
            Format::Npy => npy::write(&mut create()?, frames, dtype),
            Format::Nexus => nexus::write(temporary, frames, *options),
            other => Err(invalid(format!("{other} can be read, not written"))),
        }
    })
}

/// Lets `write` make a file under a temporary name in the same folder, then gives it its name; on
/// failure the temporary file goes and an earlier file stays.
pub(crate) fn atomically(path: &Path, write: impl FnOnce(&Path) -> Result<()>) -> Result<()> {
    static COUNTER: AtomicU64 = AtomicU64::new(0);
    let Some(name) = path.file_name() else {
        return Err(invalid("expected the name of a file").in_file(path));
    };
    let mut temporary = std::ffi::OsString::from(".");
    temporary.push(name);
    let number = COUNTER.fetch_add(1, Ordering::Relaxed);
    temporary.push(format!(".{}-{number}.tmp", std::process::id()));
    let temporary = path.with_file_name(temporary);
    let result = write(&temporary).and_then(|()| Ok(std::fs::rename(&temporary, path)?));
    if result.is_err() {
        // The first error is the one to report; there may be no file at all.
        let _ = std::fs::remove_file(&temporary);
    }
    result.map_err(|error| error.in_file(path))
}

/// Writes a whole file under a temporary name in its folder, then gives it its name: whoever reads the
/// name finds all of it, what was there before, or nothing.
///
/// # Errors
/// If the folder cannot be written; what was there before stays.
///
/// ```
/// let folder = tempfile::tempdir()?;
/// let path = folder.path().join("labels.csv");
/// xscatter_io::write::write_whole(&path, b"path,class\n")?;
/// assert_eq!(std::fs::read(&path)?, b"path,class\n");
/// # Ok::<(), xscatter_core::Error>(())
/// ```
pub fn write_whole(path: &Path, bytes: &[u8]) -> Result<()> {
    atomically(path, |temporary| Ok(std::fs::write(temporary, bytes)?))
}

/// The pixels of a frame as little-endian bytes.
pub(crate) fn pixel_bytes(frame: &Frame, dtype: WriteDtype) -> Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(frame.as_slice().len() * dtype.bytes());
    let flags = frame.mask().map(|mask| mask.as_slice());
    for (index, &count) in frame.as_slice().iter().enumerate() {
        let flags = flags.map_or(PixelFlags::VALID, |flags| flags[index]);
        dtype.encode(count, flags, &mut bytes).ok_or_else(|| {
            let columns = frame.shape().1;
            let (row, column) = (index / columns, index % columns);
            invalid(format!(
                "expected a count that {dtype:?} can hold beside its markers, got {count}"
            ))
            .at(format!("pixel ({row}, {column})"))
        })?;
    }
    Ok(bytes)
}

pub(crate) fn invalid(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidArgument, message)
}
