//! Masks of pixels from files: which pixels of a detector a person or a program has excluded.
//!
//! Use it for masks that belong to a detector or a sample and lie in a file of their own. What a
//! detector file says about its own pixels is applied when it is read.
//!
//! Programs disagree about the polarity: pyFAI, NeXus and Fit2D write non-zero for *bad*, LImA and
//! SciAnalysis zero for *bad*. A mask is never inverted in silence: each format has one default, which
//! [`MaskReadConfig::polarity`] overrides.
//!
//! | format | a pixel counts as set | set means, by default |
//! |---|---|---|
//! | EDF, TIFF, CBF, npy, npz, HDF5, Fit2D and any other detector format | not 0 | bad |
//! | text, one row a line, columns between blanks, commas, semicolons or tabs | not 0 | bad |
//! | PNG | from [`MaskReadConfig::threshold`] of the largest level | good (white = use) |
//!
//! Masks that LImA writes as EDF need [`MaskPolarity::NonZeroIsGood`]. A colour of a PNG counts by its
//! luminance (Rec. 601); a transparent pixel is an error, as it says nothing. What is not a number is
//! bad in either polarity. Bad pixels get [`PixelFlags::USER`]; those of an HDF5 dataset called
//! `pixel_mask` the flags of its bits. A file with several images is an error.
//!
//! ```
//! use xscatter_io::mask_file::{MaskPolarity, MaskReadConfig, read_mask};
//!
//! let folder = tempfile::tempdir()?;
//! let path = folder.path().join("mask.txt");
//! std::fs::write(&path, "# 1 = masked\n0 0 1\n0 1 0\n")?;
//! assert_eq!(read_mask(&path, &MaskReadConfig::default())?.invalid_count(), 2);
//!
//! let good = MaskReadConfig { polarity: Some(MaskPolarity::NonZeroIsGood), ..Default::default() };
//! assert_eq!(read_mask(&path, &good)?.invalid_count(), 4);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use std::path::Path;

use ndarray::Array2;
use xscatter_core::{Error, ErrorKind, FrameSource, Mask, PixelFlags, Result};

use crate::blob::Blob;
use crate::config::ReadConfig;
use crate::format;
use crate::limits::Limits;
use crate::open;
use crate::pixels::Pixels;
use crate::{nexus, png};

/// What a set pixel of a mask file means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MaskPolarity {
    /// Set pixels are masked: pyFAI, NeXus, Fit2D.
    NonZeroIsBad,
    /// Set pixels are used: LImA, SciAnalysis.
    NonZeroIsGood,
}

/// How a mask file is read.
#[derive(Debug, Clone, PartialEq)]
pub struct MaskReadConfig {
    /// What a set pixel means; `None` for the default of the format.
    pub polarity: Option<MaskPolarity>,
    /// From which part of the largest level a pixel of a PNG is set: the edges of painted masks have
    /// levels in between. 0.5 by default; above 0, at most 1.
    pub threshold: f64,
    /// The dataset of an HDF5 file; `None` for the only one called `pixel_mask` or `mask`.
    pub dataset: Option<String>,
    /// Rows and columns that the mask must have; `None` for any.
    pub shape: Option<(usize, usize)>,
    /// Limits, the layout of headerless files, and which bits of a `pixel_mask` count.
    pub read: ReadConfig,
}

impl Default for MaskReadConfig {
    fn default() -> Self {
        Self {
            polarity: None,
            threshold: 0.5,
            dataset: None,
            shape: None,
            read: ReadConfig::default(),
        }
    }
}

/// Reads a mask.
///
/// # Errors
/// If the file cannot be read as a mask, holds several images, has another shape than asked for, or
/// the threshold is not above 0 and at most 1.
pub fn read_mask(path: impl AsRef<Path>, config: &MaskReadConfig) -> Result<Mask> {
    let path = path.as_ref();
    Blob::new(path, &config.read.limits)
        .and_then(|blob| read(&blob, config))
        .map_err(|error| error.in_file(path))
}

/// Reads a mask that is in memory already; `name` stands in errors.
///
/// # Errors
/// As [`read_mask`].
pub fn read_mask_bytes(
    name: impl AsRef<Path>,
    bytes: Vec<u8>,
    config: &MaskReadConfig,
) -> Result<Mask> {
    let name = name.as_ref();
    Blob::in_memory(name, bytes, &config.read.limits)
        .and_then(|blob| read(&blob, config))
        .map_err(|error| error.in_file(name))
}

fn read(blob: &Blob, config: &MaskReadConfig) -> Result<Mask> {
    if !(config.threshold > 0.0 && config.threshold <= 1.0) {
        return Err(Error::new(
            ErrorKind::InvalidArgument,
            format!(
                "expected a threshold above 0 and at most 1, got {}",
                config.threshold
            ),
        ));
    }
    let limits = &config.read.limits;
    let bytes = blob.open()?;
    let head = bytes.head(format::HEAD)?;
    let with = |default: MaskPolarity| config.polarity.unwrap_or(default);
    let mask = if config.read.raw.is_none() && png::sniff(&head) {
        let bytes = bytes.read_at(0, bytes.len())?;
        let set = of_picture(&bytes, config.threshold, limits)?;
        of_set(&set, with(MaskPolarity::NonZeroIsGood))
    } else if config.read.raw.is_none() && nexus::sniff(&head) {
        let (name, pixels) = nexus::read_dataset(blob, config.dataset.as_deref(), limits)?;
        let is_bits = name.rsplit('/').next() == Some("pixel_mask") && config.polarity.is_none();
        let of_bits = is_bits
            .then(|| nexus::mask_from_bits(&pixels, config.read.pixel_mask_bits))
            .flatten();
        match of_bits {
            Some(mask) => mask,
            None => of_pixels(&pixels, with(MaskPolarity::NonZeroIsBad)),
        }
    } else if is_table(&head) {
        let bytes = bytes.read_at(0, bytes.len())?;
        let set = of_text(&bytes, limits)?;
        of_set(&set, with(MaskPolarity::NonZeroIsBad))
    } else {
        let file = open::identify_and_open(blob, &config.read)?;
        if file.len() != 1 {
            return Err(Error::new(
                ErrorKind::Unsupported,
                format!("expected a mask of one image, found {} images", file.len()),
            ));
        }
        let mut pixels = Pixels::default();
        file.read_pixels_into(0, &mut pixels)?;
        of_pixels(&pixels, with(MaskPolarity::NonZeroIsBad))
    };
    match config.shape {
        Some(expected) if expected != mask.shape() => {
            let found = mask.shape();
            Err(Error::new(
                ErrorKind::ShapeMismatch,
                format!(
                    "expected a mask of {}x{} pixels, found {}x{}",
                    expected.0, expected.1, found.0, found.1
                ),
            ))
        }
        _ => Ok(mask),
    }
}

fn of_set(set: &Array2<bool>, polarity: MaskPolarity) -> Mask {
    match polarity {
        MaskPolarity::NonZeroIsBad => Mask::from_bad(set.view()),
        MaskPolarity::NonZeroIsGood => Mask::from_good(set.view()),
    }
}

fn of_pixels(pixels: &Pixels, polarity: MaskPolarity) -> Mask {
    macro_rules! flags {
        ($values:expr, $is_set:expr) => {
            of_set(&$values.mapv($is_set), polarity)
        };
    }
    match pixels {
        Pixels::U8(values) => flags!(values, |value| value != 0),
        Pixels::I8(values) => flags!(values, |value| value != 0),
        Pixels::U16(values) => flags!(values, |value| value != 0),
        Pixels::I16(values) => flags!(values, |value| value != 0),
        Pixels::U32(values) => flags!(values, |value| value != 0),
        Pixels::I32(values) => flags!(values, |value| value != 0),
        Pixels::U64(values) => flags!(values, |value| value != 0),
        Pixels::I64(values) => flags!(values, |value| value != 0),
        Pixels::F32(values) => of_floats(values.iter().map(|&v| v.into()), values.dim(), polarity),
        Pixels::F64(values) => of_floats(values.iter().copied(), values.dim(), polarity),
    }
}

fn of_floats(
    values: impl Iterator<Item = f64>,
    shape: (usize, usize),
    polarity: MaskPolarity,
) -> Mask {
    let is_bad = |value: f64| match polarity {
        _ if value.is_nan() => true,
        MaskPolarity::NonZeroIsBad => value != 0.0,
        MaskPolarity::NonZeroIsGood => value == 0.0,
    };
    let mut flags = Array2::from_elem(shape, PixelFlags::VALID);
    for (flags, value) in flags.iter_mut().zip(values) {
        if is_bad(value) {
            *flags = PixelFlags::USER;
        }
    }
    Mask::new(flags)
}

/// The pixels of a picture from `threshold` of its largest level; none of a black one.
fn of_picture(bytes: &[u8], threshold: f64, limits: &Limits) -> Result<Array2<bool>> {
    let picture = png::Picture::decode(bytes, limits)?;
    let shape = picture.shape;
    let levels = picture.into_levels()?;
    let largest = levels.iter().copied().max().unwrap_or(0);
    let from = threshold * f64::from(largest);
    let set = levels
        .iter()
        .map(|&level| level > 0 && f64::from(level) >= from)
        .collect();
    Array2::from_shape_vec(shape, set)
        .map_err(|error| Error::new(ErrorKind::Malformed, error.to_string()))
}

/// Whether a file that begins so is a table of numbers.
fn is_table(head: &[u8]) -> bool {
    let mut lines = head
        .split(|&byte| byte == b'\n')
        .map(<[u8]>::trim_ascii)
        .filter(|line| !line.is_empty() && !line.starts_with(b"#"));
    lines.next().is_some_and(|line| {
        line.iter()
            .all(|byte| byte.is_ascii_digit() || b" \t,;+-.eE".contains(byte))
    })
}

/// The numbers of a table, set where they are not 0.
fn of_text(bytes: &[u8], limits: &Limits) -> Result<Array2<bool>> {
    let mut set = Vec::new();
    let (mut rows, mut columns) = (0, 0);
    for (index, line) in bytes.split(|&byte| byte == b'\n').enumerate() {
        let at = |error: Error| error.at(format!("line {}", index + 1));
        let line = line.split(|&byte| byte == b'#').next().unwrap_or(b"");
        let start = set.len();
        let tokens = line.split(|byte| byte.is_ascii_whitespace() || b",;".contains(byte));
        for token in tokens.filter(|token| !token.is_empty()) {
            let is_set = match token {
                b"0" => false,
                b"1" => true,
                _ => {
                    let number = std::str::from_utf8(token)
                        .ok()
                        .and_then(|text| text.parse::<f64>().ok())
                        .filter(|number| number.is_finite());
                    number.ok_or_else(|| {
                        at(Error::new(
                            ErrorKind::Malformed,
                            format!(
                                "expected a number, found `{}`",
                                String::from_utf8_lossy(&token[..token.len().min(20)])
                                    .escape_default()
                            ),
                        ))
                    })? != 0.0
                }
            };
            set.push(is_set);
        }
        let found = set.len() - start;
        if found == 0 {
            continue;
        }
        if rows == 0 {
            columns = found;
        } else if found != columns {
            return Err(at(Error::new(
                ErrorKind::Malformed,
                format!("expected {columns} columns as in the first row, found {found}"),
            )));
        }
        rows += 1;
    }
    let shape = limits.check_shape(rows as u64, columns as u64)?;
    Array2::from_shape_vec(shape, set)
        .map_err(|error| Error::new(ErrorKind::Malformed, error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn tables_are_told_from_other_texts() {
        assert!(is_table(b"# mask\n0 1 0\n"));
        assert!(is_table(b"0.0,1.0;1e0\n"));
        assert!(!is_table(b"q I sigma\n0 1 0\n"));
        assert!(!is_table(b"") && !is_table(b"\x89PNG"));
    }

    #[test]
    fn ragged_and_worded_tables_name_their_line() {
        let limits = Limits::default();
        let set = of_text(b"0 1\r\n\n1.0 -0 # end\n", &limits).unwrap();
        assert_eq!(set, array![[false, true], [true, false]]);
        let error = of_text(b"0 1\n0 1 1\n", &limits).unwrap_err();
        assert_eq!(error.place(), Some("line 2"));
        let error = of_text(b"0 1\n0 x\n", &limits).unwrap_err();
        assert!(error.message().contains("`x`"), "{error}");
        assert!(of_text(b"# nothing\n", &limits).is_err());
    }

    #[test]
    fn what_is_not_a_number_is_bad_in_either_polarity() {
        let pixels = Pixels::F32(array![[f32::NAN, 0.0, 1.0]]);
        for (polarity, expected) in [
            (MaskPolarity::NonZeroIsBad, [false, true, false]),
            (MaskPolarity::NonZeroIsGood, [false, false, true]),
        ] {
            let mask = of_pixels(&pixels, polarity);
            assert_eq!([0, 1, 2].map(|column| mask.is_valid(0, column)), expected);
        }
    }
}
