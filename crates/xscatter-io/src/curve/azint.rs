//! Series of integrated patterns: NXazint1d and NXazint2d, as azint of MAX IV writes them.
//!
//! Use it for the whole output of an integration: all frames, the axes with their bin edges, what
//! was corrected and by which program. For one pattern as a curve, [`open`](super::open) does.
//!
//! A file has one entry with its `definition`, what was applied, the process, the instrument and
//! one NXdata: `I` with the axes frame, (azimuth,) radius. Files with both definitions in one entry
//! (subentries `azint1d` and `azint2d`) are read as well. The radial axis is q in 1/Å or 2θ in
//! degrees and nothing else; azimuths are in degrees, 0 at 3 o'clock on the detector face, clockwise
//! positive. `NaN` stands for a bin without a pixel. Axes are finite; edges are one more than bins.
//!
//! Sources: the NeXus application definitions NXazint1d and NXazint2d; azint_writer 04e9227.

use std::collections::BTreeMap;

use ndarray::{Array2, Array3};
use xscatter_core::{Error, ErrorKind, Result};

use super::AbscissaUnit;

mod read;
mod write;

pub use read::{read_1d, read_1d_bytes, read_1d_with, read_2d, read_2d_bytes, read_2d_with};
pub use write::{write_1d, write_2d};

/// What an integration says about itself.
#[allow(
    clippy::struct_excessive_bools,
    reason = "the definition has these four truth values, each independent of the others"
)]
#[derive(Debug, Clone, Default, PartialEq)]
pub struct AzintInfo {
    /// Whether intensities were divided by the solid angle of their pixels.
    pub solid_angle_applied: bool,
    /// Whether they were divided by the polarisation factor.
    pub polarization_applied: bool,
    /// Whether they were divided by the number of pixels.
    pub normalization_applied: bool,
    /// Whether they were divided by a monitor.
    pub monitor_applied: bool,
    /// The program that integrated.
    pub program: Option<String>,
    /// Its version.
    pub version: Option<String>,
    /// When it did, ISO 8601.
    pub date: Option<String>,
    /// Where the algorithm is described.
    pub reference: Option<String>,
    /// What is needed to read the numbers: the convention of azimuths.
    pub note: Option<String>,
    /// The settings of the program.
    pub input: BTreeMap<String, String>,
    /// The instrument or beamline.
    pub instrument: Option<String>,
    /// The name of the source.
    pub source_name: Option<String>,
    /// Its type: `Synchrotron`.
    pub source_type: Option<String>,
    /// What it emits: `x-ray`.
    pub source_probe: Option<String>,
    /// The wavelength.
    pub wavelength_m: Option<f64>,
    /// The unit of the intensity; `arbitrary units` if none is given.
    pub intensity_unit: Option<String>,
}

/// An axis of bins.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Bins {
    /// The centre of each bin.
    pub centres: Vec<f64>,
    /// The edges, one more than bins.
    pub edges: Option<Vec<f64>>,
}

/// A series of 1D patterns.
#[derive(Debug, Clone, PartialEq)]
pub struct Azint1d {
    /// Intensities, one row a frame.
    pub intensity: Array2<f64>,
    /// Their standard deviations.
    pub errors: Option<Array2<f64>>,
    /// The radial axis.
    pub radial: Bins,
    /// [`AbscissaUnit::QInvAngstrom`] or [`AbscissaUnit::TwoThetaDeg`].
    pub radial_unit: AbscissaUnit,
    /// The (effective) number of pixels in each bin.
    pub norm: Option<Vec<f64>>,
    /// The monitor of each frame.
    pub monitor: Option<Vec<f64>>,
    /// How it came about.
    pub info: AzintInfo,
}

/// A series of 2D patterns (cakes).
#[derive(Debug, Clone, PartialEq)]
pub struct Azint2d {
    /// Intensities: frame, azimuth, radius.
    pub intensity: Array3<f64>,
    /// Their standard deviations.
    pub errors: Option<Array3<f64>>,
    /// The azimuthal axis in degrees.
    pub azimuthal_deg: Bins,
    /// The radial axis.
    pub radial: Bins,
    /// [`AbscissaUnit::QInvAngstrom`] or [`AbscissaUnit::TwoThetaDeg`].
    pub radial_unit: AbscissaUnit,
    /// The (effective) number of pixels in each bin: azimuth, radius.
    pub norm: Option<Array2<f64>>,
    /// The monitor of each frame.
    pub monitor: Option<Vec<f64>>,
    /// How it came about.
    pub info: AzintInfo,
}

/// What both kinds share, to check, write and read them once.
struct Series<'a> {
    definition: &'static str,
    shape: Vec<usize>,
    intensity: &'a [f64],
    errors: Option<(&'a [f64], Vec<usize>)>,
    azimuthal: Option<&'a Bins>,
    radial: &'a Bins,
    radial_unit: AbscissaUnit,
    norm: Option<(&'a [f64], Vec<usize>)>,
    monitor: Option<&'a [f64]>,
    info: &'a AzintInfo,
}

fn mismatch(what: &str, expected: &[usize], found: &[usize]) -> Error {
    Error::new(
        ErrorKind::ShapeMismatch,
        format!("expected {what} of shape {expected:?}, found {found:?}"),
    )
}

fn check_bins(name: &str, bins: &Bins, count: usize) -> Result<()> {
    if bins.centres.len() != count {
        return Err(mismatch(name, &[count], &[bins.centres.len()]));
    }
    let edges = bins.edges.as_deref().unwrap_or(&[]);
    if bins.edges.is_some() && edges.len() != count + 1 {
        let name = format!("{name}_edges");
        return Err(mismatch(&name, &[count + 1], &[edges.len()]));
    }
    match bins
        .centres
        .iter()
        .chain(edges)
        .find(|value| !value.is_finite())
    {
        Some(found) => Err(Error::new(
            ErrorKind::InvalidArgument,
            format!("expected finite values of {name}, found {found}"),
        )),
        None => Ok(()),
    }
}

impl Series<'_> {
    /// Checks that all shapes agree and that the unit is one of those of the definition.
    fn check(&self) -> Result<()> {
        let shape = &self.shape;
        let radii = shape.last().copied().unwrap_or(0);
        if shape.contains(&0) {
            return Err(mismatch("I with values", &[1, 1], shape));
        }
        check_bins("radial_axis", self.radial, radii)?;
        if let Some(azimuthal) = self.azimuthal {
            check_bins("azimuthal_axis", azimuthal, shape[1])?;
        }
        if let Some((_, found)) = &self.errors
            && found != shape
        {
            return Err(mismatch("I_errors", shape, found));
        }
        if let Some((_, found)) = &self.norm
            && *found != shape[1..]
        {
            return Err(mismatch("norm", &shape[1..], found));
        }
        if let Some(monitor) = self.monitor
            && monitor.len() != shape[0]
        {
            return Err(mismatch("the monitor", &shape[..1], &[monitor.len()]));
        }
        match self.radial_unit {
            AbscissaUnit::QInvAngstrom | AbscissaUnit::TwoThetaDeg => Ok(()),
            other => Err(Error::new(
                ErrorKind::InvalidArgument,
                format!(
                    "expected a radial axis of q in 1/Å or 2θ in degrees, as {} demands, got {other}",
                    self.definition
                ),
            )),
        }
    }
}
