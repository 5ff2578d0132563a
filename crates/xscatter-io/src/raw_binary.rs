//! Headerless images: nothing but pixels, with a layout that is stated elsewhere.
//!
//! Such a file has no mark to know it by. It is opened with a [`RawLayout`] in the
//! [`ReadConfig`], or with a sidecar beside it; the sidecar is looked for if the content is binary and
//! of no known kind, or if the name ends in `.raw` or `.bin`. Of `scan_0007.raw` these are tried, each with the ends
//! `.json`, `.toml` and `.ini`: `scan_0007.raw.json`, `scan_0007.json`, `scan.json`. A sidecar is a JSON
//! object, or lines of `key = value`:
//!
//! | key | value |
//! |---|---|
//! | `shape` | `[rows, columns]` or `[frames, rows, columns]`; else `rows` and `columns` |
//! | `dtype` | a numpy name: `int32`, `<i4`, `>u2` |
//! | `byte_order` | `little` (default) or `big` |
//! | `offset` | bytes in front of the first frame, 0 by default |
//! | `frames` | how many; by default as many as the file holds, which must then fit exactly |
//! | `wavelength_m`, `wavelength_nm`, `wavelength_angstrom`, `energy_ev`, `energy_kev` | |
//! | `distance_m`, `distance_mm` | |
//! | `pixel_size_m`, `pixel_size_um` | one number, or `[along rows (y), along columns (x)]` |
//! | `beam_row_px`, `beam_column_px` | |
//! | `exposure_s`, `incident_angle_rad`, `incident_angle_deg`, `count_cutoff` | |
//!
//! A table of counters beside the file (`scan_0007.raw.csv`, `scan_0007.csv`, `scan.csv`) adds its
//! columns to the header, see the module `counters`. Markers of gaps and overflows are those of
//! detectors (module [`sentinel`](crate::sentinel)).

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use xscatter_core::{Error, ErrorKind, Result};

use crate::blob::Blob;
use crate::config::ReadConfig;
use crate::header::Header;
use crate::limits::Limits;
use crate::metadata::Metadata;
use crate::open::{self, About, DetectorFile, Opened, ReadFrame};
use crate::pixels::{ByteOrder, Dtype, Pixels};

mod counters;
mod sidecar;

use counters::Counters;
use sidecar::Sidecar;

/// How the pixels lie in a file that does not say so itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RawLayout {
    /// Rows and columns.
    pub shape: (usize, usize),
    /// The type of the pixels.
    pub dtype: Dtype,
    /// The order of the bytes of a pixel.
    pub byte_order: ByteOrder,
    /// Bytes in front of the first frame.
    pub offset: u64,
    /// How many frames there are; `None` for as many as the file holds, which must then fit exactly.
    pub frames: Option<usize>,
}

impl RawLayout {
    /// Little-endian frames from the first byte to the last.
    pub fn new(shape: (usize, usize), dtype: Dtype) -> Self {
        Self {
            shape,
            dtype,
            byte_order: ByteOrder::Little,
            offset: 0,
            frames: None,
        }
    }

    fn frame_bytes(&self) -> u64 {
        (self.shape.0 * self.shape.1 * self.dtype.bytes()) as u64
    }

    /// The number of frames of a file of `len` bytes.
    fn frames_in(&self, len: u64, limits: &Limits) -> Result<usize> {
        limits.check_shape(self.shape.0 as u64, self.shape.1 as u64)?;
        let there = len.saturating_sub(self.offset);
        let frame_bytes = self.frame_bytes();
        let expected = match self.frames {
            Some(frames) => {
                let frames = limits.check_frames(frames as u64)?;
                let claimed = u128::from(frame_bytes) * frames as u128;
                if frames > 0 && claimed <= u128::from(there) {
                    return Ok(frames);
                }
                format!("{claimed} bytes for {frames} frames")
            }
            None if there > 0 && there.is_multiple_of(frame_bytes) => {
                return limits.check_frames(there / frame_bytes);
            }
            None => format!("a whole number of frames of {frame_bytes} bytes"),
        };
        let kind = if there < frame_bytes || self.frames.is_some() {
            ErrorKind::Truncated
        } else {
            ErrorKind::Malformed
        };
        Err(Error::new(
            kind,
            format!(
                "expected {expected} ({}x{} pixels of {}), found {there} bytes",
                self.shape.0, self.shape.1, self.dtype
            ),
        )
        .at(format!("byte {}", self.offset)))
    }
}

struct Raw {
    blob: Blob,
    layout: RawLayout,
    /// What the sidecar says, for every frame.
    header: Arc<Header>,
    metadata: Arc<Metadata>,
    frames: usize,
    limits: Limits,
    /// Looked for when the header of a frame is asked for: a table serves a series of many files.
    counters: OnceLock<(Option<Counters>, Vec<String>)>,
}

impl Raw {
    fn counters(&self) -> &(Option<Counters>, Vec<String>) {
        self.counters.get_or_init(|| {
            match counters::beside(&self.blob, self.frames, &self.limits) {
                Ok(found) => (found, Vec::new()),
                Err(error) => (None, vec![error.to_string()]),
            }
        })
    }
}

/// Opens a file by the layout of the configuration.
pub(crate) fn open(blob: &Blob, config: &ReadConfig) -> Result<Opened> {
    let layout = config.raw.ok_or_else(|| {
        Error::new(
            ErrorKind::InvalidArgument,
            "expected a layout in the configuration, got none",
        )
    })?;
    open_as(blob, config, layout, Header::new())
}

/// Opens a file by the sidecar beside it; `None` if there is none.
pub(crate) fn open_by_sidecar(blob: &Blob, config: &ReadConfig) -> Result<Option<Opened>> {
    for path in candidates(blob.path(), &["json", "toml", "ini"]) {
        if !blob.has_beside(&path) {
            continue;
        }
        let found = blob
            .beside(&path)
            .and_then(|sidecar| Sidecar::read(&sidecar, &config.limits))
            .map_err(|error| error.in_file(&path))?;
        if let Some(Sidecar { layout, header }) = found {
            return open_as(blob, config, layout, header).map(Some);
        }
    }
    Ok(None)
}

/// Opens pixels that are in memory already, with what would lie beside their file: a sidecar and a table of
/// counters, by their names. `name` stands in errors and is what the names of companions are compared with.
///
/// ```
/// use xscatter_core::FrameSource;
/// use xscatter_io::{ReadConfig, raw_binary};
///
/// let sidecar = br#"{"shape": [1, 2], "dtype": "uint16"}"#;
/// let companions = [("a.json", &sidecar[..]), ("a.csv", b"exposure_s\n0.5\n")];
/// let file = raw_binary::open_bytes("a.raw", vec![7, 0, 8, 0], &companions, &ReadConfig::default())?;
/// let frame = file.read(0)?;
/// assert_eq!((frame.as_slice(), frame.info.exposure_s), (&[7.0, 8.0][..], Some(0.5)));
/// # Ok::<(), xscatter_core::Error>(())
/// ```
///
/// # Errors
/// As [`open`](crate::open()); if the bytes have no mark of a format and no companion states a layout.
pub fn open_bytes(
    name: impl AsRef<Path>,
    bytes: Vec<u8>,
    companions: &[(&str, &[u8])],
    config: &ReadConfig,
) -> Result<DetectorFile> {
    let name = name.as_ref();
    Blob::in_memory(name, bytes, &config.limits)
        .and_then(|blob| blob.with_companions(companions))
        .and_then(|blob| open::identify_and_open(&blob, config))
        .map_err(|error| error.in_file(name))
}

/// Whether the name is one that headerless files often have.
pub(crate) fn has_name(path: &Path) -> bool {
    let is_one = |end: &OsStr| end.eq_ignore_ascii_case("raw") || end.eq_ignore_ascii_case("bin");
    path.extension().is_some_and(is_one)
}

/// What would make an unknown file readable.
pub(crate) fn advice(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    format!(
        "headerless pixels can be read with a sidecar {name}.json that states \
         {{\"shape\": [rows, columns], \"dtype\": \"int32\"}}, or with a layout in the configuration"
    )
}

fn open_as(blob: &Blob, config: &ReadConfig, layout: RawLayout, header: Header) -> Result<Opened> {
    let limits = &config.limits;
    let frames = layout.frames_in(blob.open()?.len(), limits)?;
    Ok(Opened {
        shape: layout.shape,
        dtype: layout.dtype,
        frames,
        linked: Vec::new(),
        reader: Box::new(Raw {
            blob: blob.clone(),
            layout,
            metadata: Arc::new(sidecar::stated(&header)),
            header: Arc::new(header),
            frames,
            limits: *limits,
            counters: OnceLock::new(),
        }),
    })
}

/// The names of a companion of `path`, the nearest first: with the whole name, with its stem, and with
/// the stem without the number of the series.
fn candidates(path: &Path, extensions: &[&str]) -> Vec<PathBuf> {
    let (Some(name), Some(stem)) = (path.file_name(), path.file_stem()) else {
        return Vec::new();
    };
    let (name, stem) = (name.to_string_lossy(), stem.to_string_lossy());
    let mut bases = vec![name.as_ref(), stem.as_ref()];
    bases.extend(series_of(&stem).map(|(series, _)| series));
    let mut found = Vec::new();
    for base in bases {
        for extension in extensions {
            let candidate = path.with_file_name(format!("{base}.{extension}"));
            if candidate != path && !found.contains(&candidate) {
                found.push(candidate);
            }
        }
    }
    found
}

/// The name of a series and the number in it: `scan_0007` is 7 of `scan`.
fn series_of(stem: &str) -> Option<(&str, u64)> {
    let letters = stem.trim_end_matches(|c: char| c.is_ascii_digit());
    let number = stem[letters.len()..].parse().ok()?;
    let series = letters.trim_end_matches(['_', '-', '.', ' ']);
    (!series.is_empty()).then_some((series, number))
}

impl ReadFrame for Raw {
    fn about(&self, index: usize) -> Result<About> {
        let (counters, warnings) = self.counters();
        let mut about = About {
            header: Arc::clone(&self.header),
            metadata: Arc::clone(&self.metadata),
            warnings: warnings.clone(),
            ..Default::default()
        };
        if let Some(counters) = counters {
            let mut header = (*self.header).clone();
            counters.add_to(index, &mut header);
            about.metadata = Arc::new(sidecar::stated(&header));
            about.header = Arc::new(header);
        }
        Ok(about)
    }

    fn pixels(&self, index: usize, pixels: &mut Pixels) -> Result<Option<String>> {
        let layout = &self.layout;
        let frame_bytes = layout.frame_bytes();
        let offset = layout.offset + index as u64 * frame_bytes;
        let bytes = self.blob.open()?;
        bytes.check(offset, frame_bytes)?;
        pixels.fill(layout.dtype, layout.byte_order, layout.shape, |out| {
            bytes.read_into(offset, out)
        })?;
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn companions_are_looked_for_from_the_nearest_name() {
        let names: Vec<_> = candidates(Path::new("a/scan_0007.raw"), &["json", "ini"])
            .iter()
            .map(|path| path.to_string_lossy().into_owned())
            .collect();
        let expected = [
            "a/scan_0007.raw.json",
            "a/scan_0007.raw.ini",
            "a/scan_0007.json",
            "a/scan_0007.ini",
            "a/scan.json",
            "a/scan.ini",
        ];
        assert_eq!(names, expected);
        assert_eq!(series_of("b_run_scan1_0012"), Some(("b_run_scan1", 12)));
        assert_eq!(series_of("0012"), None);
        assert_eq!(series_of("scan"), None);
    }

    #[test]
    fn the_length_decides_the_number_of_frames() {
        let limits = Limits::default();
        let mut layout = RawLayout::new((3, 4), Dtype::I32);
        assert_eq!(layout.frames_in(96, &limits).unwrap(), 2);
        assert_eq!(
            layout.frames_in(97, &limits).unwrap_err().kind(),
            ErrorKind::Malformed
        );
        assert_eq!(
            layout.frames_in(47, &limits).unwrap_err().kind(),
            ErrorKind::Truncated
        );
        layout.frames = Some(1);
        assert_eq!(layout.frames_in(97, &limits).unwrap(), 1);
        layout.frames = Some(3);
        let error = layout.frames_in(97, &limits).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Truncated);
        assert!(error.message().contains("3x4 pixels of int32"), "{error}");
        layout.shape = (usize::MAX, 2);
        let error = layout.frames_in(97, &limits).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::LimitExceeded);
    }
}
