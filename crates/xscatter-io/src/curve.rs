//! Curves: intensity against q, 2θ, r or d, from the text and HDF5 files of the field.
//!
//! Use it for what integration, a 1D detector or a PDF program wrote. Images (2D NXcanSAS among
//! them) are opened with [`crate::open()`], integrated series (NXazint) as a whole with
//! [`azint`]. A table of fit results or of scan counters is no curve and is refused where it shows.
//!
//! ```
//! let folder = tempfile::tempdir()?;
//! let path = folder.path().join("a.dat");
//! std::fs::write(&path, "# q_nm^-1  I  sigma\n0.1 10 1\n0.2 5 0.5\n")?;
//! for curve in xscatter_io::curve::open(&path)? {
//!     assert_eq!(curve.q_inv_nm(None)?, [0.1, 0.2]);
//!     assert_eq!(curve.sigma(), Some(&[1.0, 0.5][..]));
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What is read
//!
//! The kind of a file is found by its content, never by its name.
//!
//! | kind | recognised by |
//! |---|---|
//! | NXcanSAS | HDF5 with groups of `canSAS_class` `SASdata` |
//! | NXazint1d, NXmonopd, any NXdata | HDF5 with a group of `NX_class` `NXdata` and a 1D signal |
//! | canSAS XML 1.0 and 1.1 | the root element `SASroot` |
//! | PDH (Anton Paar, PCG) | eight integers in line 3, five numbers in lines 4 and 5 |
//! | CHI (FIT2D) | three lines of text, the number of points (and of curves), then the points |
//! | columns | rows of as many numbers each, 2 to 16: pyFAI `.dat`, `.chi`, `.xy`, `.xye`, ATSAS and freesas `.dat`, PDFgetX and PDFgui `.gr`, `.fgr`, CSV, what `numpy.savetxt` writes |
//!
//! Columns are separated by white space, commas or semicolons; lines of text and lines that start
//! with `#`, `%`, `!`, `;`, `'` or `//` are the header. Exponents may be written with `D`. A decimal
//! comma is read where nothing else is possible (`0,5;1,25`); where it could as well separate
//! thousands, the file is refused. Text is UTF-8, or else Latin-1.
//!
//! # Conventions
//!
//! - A unit that the file does not state is [`AbscissaUnit::Unknown`]; values stay as they stand in
//!   the file and are converted on request ([`Curve::q_inv_nm`]).
//! - Without column titles, two columns are x and I, three are x, I and σ; more are kept as
//!   [`Curve::columns`] with their number as name, since their meaning is not stated.
//! - Abscissas are finite. `NaN` and infinity stand in other columns only where the file states
//!   them; an empty cell or a number beyond the range of `f64` is an error.
//! - Rows that are commented out are left out. A second block of rows is an error: nothing is
//!   joined in silence.
//! - Memory is that of the file times a small number; [`Limits::max_pixels`] bounds the points.
//!
//! Sources: NXcanSAS and NXazint application definitions of NeXus; canSAS1d 1.1; pyFAI 2026.9
//! (`pyFAI.io`); azint_writer 04e9227; the sasdata, freesas and PDFstream example files.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use thiserror::Error as ThisError;
use xscatter_core::{Error, ErrorKind, Result};

use crate::blob::{Blob, Bytes};
use crate::limits::Limits;

pub mod azint;
mod columns;
mod fixed;
mod h5;
mod h5_write;
mod nexus;
mod numbers;
mod titles;
mod unit;
mod write;
mod xml;

pub use unit::AbscissaUnit;
pub use write::{write_dat, write_nxcansas};

/// Why numbers are no curve.
#[derive(Debug, Clone, PartialEq, ThisError)]
#[non_exhaustive]
pub enum CurveError {
    /// No point at all.
    #[error("expected at least one point, found none")]
    Empty,
    /// A column of another length than the abscissa.
    #[error("expected {expected} values of {column}, one for each point, found {found}")]
    Length {
        /// The column.
        column: String,
        /// The number of points.
        expected: usize,
        /// The number of values.
        found: usize,
    },
    /// An abscissa that is no number.
    #[error("expected a finite abscissa, found {found} in point {index}")]
    Abscissa {
        /// The point, from 0.
        index: usize,
        /// Its abscissa.
        found: f64,
    },
}

impl From<CurveError> for Error {
    fn from(error: CurveError) -> Self {
        let kind = match error {
            CurveError::Empty => ErrorKind::DegenerateData,
            CurveError::Length { .. } => ErrorKind::ShapeMismatch,
            CurveError::Abscissa { .. } => ErrorKind::Malformed,
        };
        Self::new(kind, error.to_string()).with_source(error)
    }
}

/// How wide the distribution of q behind each point is, in the unit of the abscissa.
#[derive(Debug, Clone, PartialEq)]
pub enum Resolution {
    /// One standard deviation, of a pinhole instrument (`Qdev`).
    Pinhole(Vec<f64>),
    /// A slit-smeared instrument; at least one of the two is there.
    Slit {
        /// Along the short side of the slit (`dQw`).
        width: Option<Vec<f64>>,
        /// Along the long side of the slit (`dQl`).
        length: Option<Vec<f64>>,
    },
}

/// A column whose meaning is not one of those that a [`Curve`] knows.
#[derive(Debug, Clone, PartialEq)]
pub struct Column {
    /// Its title, or `column 4` (counted from 1) if it has none.
    pub name: String,
    /// One value for each point.
    pub values: Vec<f64>,
}

/// What a file says about its curve, as it stands there.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct CurveInfo {
    /// The title of the abscissa with its unit: `2th_deg`.
    pub x_label: Option<String>,
    /// The unit of the intensity: `1/cm`, `Counts`.
    pub intensity_unit: Option<String>,
    /// The title of the data set.
    pub title: Option<String>,
    /// The sample.
    pub sample: Option<String>,
    /// The number or name of the measurement.
    pub run: Option<String>,
    /// The wavelength, where the file states it with its unit.
    pub wavelength_m: Option<f64>,
    /// Everything else, under the keys of the file.
    pub header: BTreeMap<String, String>,
    /// What is wrong with the file, which could be read all the same.
    pub warnings: Vec<String>,
    /// The file.
    pub path: Option<PathBuf>,
}

/// Intensity against an abscissa. All columns have one value for each point.
#[derive(Debug, Clone, PartialEq)]
pub struct Curve {
    x: Vec<f64>,
    x_unit: AbscissaUnit,
    intensity: Vec<f64>,
    sigma: Option<Vec<f64>>,
    resolution: Option<Resolution>,
    columns: Vec<Column>,
    /// What is known about it.
    pub info: CurveInfo,
}

impl Curve {
    /// A curve without uncertainties.
    ///
    /// # Errors
    /// If there is no point, the lengths differ, or an abscissa is not finite.
    pub fn new(
        x: Vec<f64>,
        x_unit: AbscissaUnit,
        intensity: Vec<f64>,
    ) -> std::result::Result<Self, CurveError> {
        if x.is_empty() && intensity.is_empty() {
            return Err(CurveError::Empty);
        }
        if let Some(index) = x.iter().position(|x| !x.is_finite()) {
            let found = x[index];
            return Err(CurveError::Abscissa { index, found });
        }
        let curve = Self {
            x,
            x_unit,
            intensity: Vec::new(),
            sigma: None,
            resolution: None,
            columns: Vec::new(),
            info: CurveInfo::default(),
        };
        curve.check("I", &intensity)?;
        Ok(Self { intensity, ..curve })
    }

    /// With the standard deviation of each intensity.
    ///
    /// # Errors
    /// If the length differs.
    pub fn with_sigma(mut self, sigma: Vec<f64>) -> std::result::Result<Self, CurveError> {
        self.check("σ", &sigma)?;
        self.sigma = Some(sigma);
        Ok(self)
    }

    /// With the resolution of each point; a slit without width and length is none.
    ///
    /// # Errors
    /// If the length differs.
    pub fn with_resolution(
        mut self,
        resolution: Resolution,
    ) -> std::result::Result<Self, CurveError> {
        match &resolution {
            Resolution::Pinhole(dq) => self.check("dQ", dq)?,
            Resolution::Slit { width, length } => {
                for (name, values) in [("dQw", width), ("dQl", length)] {
                    if let Some(values) = values {
                        self.check(name, values)?;
                    }
                }
                if width.is_none() && length.is_none() {
                    return Ok(self);
                }
            }
        }
        self.resolution = Some(resolution);
        Ok(self)
    }

    /// With one more column.
    ///
    /// # Errors
    /// If the length differs.
    pub fn with_column(mut self, column: Column) -> std::result::Result<Self, CurveError> {
        self.check(&column.name, &column.values)?;
        self.columns.push(column);
        Ok(self)
    }

    fn check(&self, column: &str, values: &[f64]) -> std::result::Result<(), CurveError> {
        if values.len() == self.x.len() {
            return Ok(());
        }
        Err(CurveError::Length {
            column: column.to_owned(),
            expected: self.x.len(),
            found: values.len(),
        })
    }

    /// The number of points.
    pub fn len(&self) -> usize {
        self.x.len()
    }

    /// Whether there is no point: never.
    pub fn is_empty(&self) -> bool {
        self.x.is_empty()
    }

    /// The abscissa, in [`Curve::x_unit`].
    pub fn x(&self) -> &[f64] {
        &self.x
    }

    /// What the abscissa is.
    pub fn x_unit(&self) -> AbscissaUnit {
        self.x_unit
    }

    /// The intensity.
    pub fn intensity(&self) -> &[f64] {
        &self.intensity
    }

    /// The standard deviation of the intensity.
    pub fn sigma(&self) -> Option<&[f64]> {
        self.sigma.as_deref()
    }

    /// The resolution, in the unit of the abscissa.
    pub fn resolution(&self) -> Option<&Resolution> {
        self.resolution.as_ref()
    }

    /// Columns of another meaning.
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// The abscissa as q in 1/nm: q = (4π/λ) sin(2θ/2), q = 2π/d.
    ///
    /// `wavelength_m` goes before the wavelength that the file states; only 2θ needs one.
    ///
    /// # Errors
    /// If the abscissa has no relation to q ([`AbscissaUnit::Unknown`], a distance), if 2θ comes
    /// without a wavelength, or if d is 0 somewhere.
    pub fn q_inv_nm(&self, wavelength_m: Option<f64>) -> Result<Vec<f64>> {
        self.x_unit
            .to_q_inv_nm(&self.x, wavelength_m.or(self.info.wavelength_m))
            .map_err(|error| match &self.info.path {
                Some(path) => error.in_file(path),
                None => error,
            })
    }
}

/// Opens a file with curves; its kind is found by its content.
///
/// # Errors
/// If there is no such file, if it holds no curve (an image, a table, several blocks of rows), or
/// if it is malformed, truncated or larger than the limits.
pub fn open(path: impl AsRef<Path>) -> Result<Vec<Curve>> {
    open_with(path, &Limits::default())
}

/// Opens a file with curves, with limits of one's own: `max_pixels` bounds the points of a curve,
/// `max_frames` the curves, `max_header_bytes` the text around the points.
///
/// # Errors
/// As [`open`].
pub fn open_with(path: impl AsRef<Path>, limits: &Limits) -> Result<Vec<Curve>> {
    let path = path.as_ref();
    Blob::new(path, limits)
        .and_then(|blob| read(&blob, limits))
        .map_err(|error| error.in_file(path))
}

/// Opens the content of a file that is in memory already; `name` stands in errors and beside the curves.
///
/// # Errors
/// As [`open`].
pub fn open_bytes(name: impl AsRef<Path>, bytes: Vec<u8>, limits: &Limits) -> Result<Vec<Curve>> {
    let name = name.as_ref();
    Blob::in_memory(name, bytes, limits)
        .and_then(|blob| read(&blob, limits))
        .map_err(|error| error.in_file(name))
}

fn read(blob: &Blob, limits: &Limits) -> Result<Vec<Curve>> {
    let bytes = blob.open()?;
    let head = bytes.head(HEAD)?;
    if head.is_empty() {
        return Err(Error::new(
            ErrorKind::Truncated,
            "expected a curve, found an empty file",
        ));
    }
    let mut curves = if crate::nexus::sniff(&head) {
        nexus::read(blob, limits)?
    } else {
        read_text(&text(&bytes, &head, limits)?, limits)?
    };
    for curve in &mut curves {
        curve.info.path = Some(blob.path().to_path_buf());
    }
    Ok(curves)
}

/// Bytes that tell text, HDF5 and other files apart.
const HEAD: u64 = 4096;
/// Bytes of one point in text beyond which a file is too large for its number of points.
const MAX_POINT_BYTES: u64 = 1024;

/// The text of a file that could hold a curve.
fn text(bytes: &Bytes, head: &[u8], limits: &Limits) -> Result<String> {
    let unsupported = |found: &str| {
        Error::new(
            ErrorKind::Unsupported,
            format!("expected a curve in text or HDF5, found {found}"),
        )
    };
    if head.starts_with(&[0xff, 0xfe]) || head.starts_with(&[0xfe, 0xff]) {
        return Err(unsupported("text in UTF-16: save it as UTF-8"));
    }
    if head.contains(&0) {
        return Err(unsupported("a binary file"));
    }
    let limit = (limits.max_pixels as u64)
        .saturating_mul(MAX_POINT_BYTES)
        .saturating_add(limits.max_header_bytes as u64);
    let found = bytes.len();
    if found > limit {
        return Err(Error::new(
            ErrorKind::LimitExceeded,
            format!("expected at most {limit} bytes of text, found {found}"),
        ));
    }
    let bytes = bytes.read_at(0, found)?;
    if let Some(at) = bytes.iter().position(|&byte| byte == 0) {
        return Err(unsupported("a NUL byte in text").at(format!("byte {at}")));
    }
    let text = match String::from_utf8(bytes) {
        Ok(text) => text,
        // Latin-1: every byte is its own code point.
        Err(error) => error.as_bytes().iter().map(|&byte| byte as char).collect(),
    };
    Ok(match text.strip_prefix('\u{feff}') {
        Some(rest) => rest.to_owned(),
        None => text,
    })
}

fn read_text(text: &str, limits: &Limits) -> Result<Vec<Curve>> {
    let start = text.trim_start();
    if start.starts_with('<') {
        return xml::read(text, limits);
    }
    if fixed::is_pdh(text) {
        return Ok(vec![fixed::read_pdh(text, limits)?]);
    }
    if fixed::is_chi(text) {
        return fixed::read_chi(text, limits);
    }
    Ok(vec![columns::read(text, limits)?])
}

/// How many times the bytes of its file the headers of all curves may take together: each curve
/// has a copy of the header of its entry.
const MAX_COPIES: u64 = 8;

/// Adds up the headers that the curves of a file hold, before they are copied.
#[derive(Debug)]
struct HeaderBudget {
    most: u64,
    sum: u64,
}

impl HeaderBudget {
    fn new(file_bytes: u64, limits: &Limits) -> Self {
        let most = file_bytes
            .saturating_mul(MAX_COPIES)
            .saturating_add(limits.max_header_bytes as u64);
        Self { most, sum: 0 }
    }

    fn add(&mut self, info: &CurveInfo) -> Result<()> {
        let entry = |(key, value): (&String, &String)| (key.len() + value.len() + 64) as u64;
        self.sum = self.sum.saturating_add(info.header.iter().map(entry).sum());
        let most = self.most;
        if self.sum <= most {
            return Ok(());
        }
        Err(Error::new(
            ErrorKind::LimitExceeded,
            format!("expected at most {most} bytes of headers in all curves"),
        ))
    }
}

/// Checks a number of points before room for them is made.
fn check_points(points: u64, limits: &Limits) -> Result<()> {
    if points <= limits.max_pixels as u64 {
        return Ok(());
    }
    Err(Error::new(
        ErrorKind::LimitExceeded,
        format!(
            "expected at most {} points, found {points}",
            limits.max_pixels
        ),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn curve() -> Curve {
        Curve::new(
            vec![1.0, 2.0],
            AbscissaUnit::QInvAngstrom,
            vec![5.0, f64::NAN],
        )
        .unwrap()
    }

    #[test]
    fn lengths_are_checked() {
        let error = Curve::new(vec![1.0], AbscissaUnit::Unknown, vec![]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "expected 1 values of I, one for each point, found 0"
        );
        assert!(curve().with_sigma(vec![1.0]).is_err());
        assert!(
            curve()
                .with_resolution(Resolution::Slit {
                    width: None,
                    length: Some(vec![1.0; 3]),
                })
                .is_err()
        );
        let empty = Curve::new(vec![], AbscissaUnit::Unknown, vec![]).unwrap_err();
        assert_eq!(Error::from(empty).kind(), ErrorKind::DegenerateData);
    }

    #[test]
    fn abscissas_are_finite() {
        let error =
            Curve::new(vec![1.0, f64::NAN], AbscissaUnit::Unknown, vec![1.0, 2.0]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "expected a finite abscissa, found NaN in point 1"
        );
    }

    #[test]
    fn the_wavelength_of_the_file_is_the_default() {
        let mut curve = Curve::new(vec![60.0], AbscissaUnit::TwoThetaDeg, vec![1.0]).unwrap();
        let error = curve.q_inv_nm(None).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::MissingMetadata);
        curve.info.wavelength_m = Some(1e-9);
        let of = |wavelength| curve.q_inv_nm(wavelength).unwrap()[0];
        approx::assert_relative_eq!(of(None), 2.0 * std::f64::consts::PI, max_relative = 1e-15);
        approx::assert_relative_eq!(of(Some(5e-10)), 2.0 * of(None), max_relative = 1e-15);
    }
}
