//! Azimuthal integration: a frame to a profile of intensity over q, 2θ or another radial unit.
//!
//! The detector's pose fixes once and for all which pixel contributes to which bin; the integrator
//! works that out when it is built and then turns any number of frames into profiles. Build one for
//! each pose and keep it. For maps over both q and χ, or over the reciprocal space of a sample at
//! grazing incidence, this is the wrong tool.
//!
//! With the share `c` of a pixel in a bin (see [`split`](crate::split)), its counts `x`, its solid
//! angle and polarisation `norm` and the variance `σ²` of its counts:
//!
//! ```text
//! I = Σ c·x / Σ c·norm        sigma = √(Σ c²·σ²) / Σ c·norm        count = Σ c
//! ```
//!
//! a ratio of sums, not a mean of ratios. Sums are in f64 and in the order of the pixels, so a
//! profile does not depend on the number of threads or on the other frames of the batch. Masked
//! pixels are left out of all sums; a bin without a valid pixel is kept and marked
//! ([`Profile`]). A valid pixel that is not a finite number is an error. `sigma` takes the bins as
//! independent; when pixels are split, neighbouring bins share pixels and are correlated.
//!
//! The axis: the bins have equal widths, each includes its lower edge. Without a range they run from
//! the lowest to the highest radius of a pixel of the sector: of its centre without splitting, of
//! its corners with. The azimuth is that of the pixel's centre, and a sector includes its start and
//! not its end, so that sectors side by side share no pixel. A sector may cross ±π: state it as
//! `(3.0, 3.5)`, not in two parts.
//!
//! Cost: building takes two passes over the pixels with a few trigonometric functions a pixel, in
//! parallel; the table takes about 16 bytes a pixel, more with bins narrower than pixels. A frame
//! takes one pass over the table on one core; a batch runs its frames in parallel.
//!
//! Source: Kieffer et al. 2015, doi:10.1107/S1600576714026739; values checked against pyFAI
//! 2026.9.0 (`integrate1d`, engine csr).

use std::f64::consts::TAU;

use rayon::prelude::*;
use xscatter_core::{Error, ErrorKind, Frame, Geometry, Result};
use xscatter_geometry::{GeometryError, PixelMap, Poni, RadialUnit};

use crate::profile::Profile;
use crate::split::{PixelSplitting, Shares};

/// More bins than pixels across any detector.
pub const MAX_BINS: usize = 1 << 16;

/// The variance that a pixel's counts have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum ErrorModel {
    /// Not known: profiles have no sigma.
    None,
    /// That of counting photons, `max(1, counts)`; too large for very sparse frames, where most
    /// pixels hold no photon.
    #[default]
    Poisson,
}

/// What to integrate over, and how.
#[derive(Debug, Clone, PartialEq)]
pub struct IntegrateConfig {
    /// How many bins, 1 to [`MAX_BINS`].
    pub bins: usize,
    /// The unit of the radial axis.
    pub unit: RadialUnit,
    /// The edges of the radial axis in that unit; `None` for the range of the pixels.
    pub range: Option<(f64, f64)>,
    /// Start and end of the sector, in radians from the fast axis towards the slow axis; the end is
    /// above the start and may be beyond π. `None` for the full circle.
    pub azimuth_range_rad: Option<(f64, f64)>,
    /// How pixels are shared among bins.
    pub splitting: PixelSplitting,
    /// Whether to correct for the solid angle of a pixel.
    pub solid_angle: bool,
    /// Whether to correct for the polarisation of the beam, and its factor, −1 to 1.
    pub polarisation: Option<f64>,
    /// How sure the counts of a pixel are.
    pub error_model: ErrorModel,
}

impl Default for IntegrateConfig {
    fn default() -> Self {
        Self {
            bins: 1000,
            unit: RadialUnit::QInvNm,
            range: None,
            azimuth_range_rad: None,
            splitting: PixelSplitting::Full,
            solid_angle: true,
            polarisation: None,
            error_model: ErrorModel::Poisson,
        }
    }
}

/// Why an integrator cannot be built.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum IntegrateError {
    /// The pose of the detector is impossible.
    #[error(transparent)]
    Geometry(#[from] GeometryError),
    /// No bin, or too many.
    #[error("expected 1 to {MAX_BINS} bins, got {0}")]
    Bins(usize),
    /// A radial range that is empty, reversed or not finite.
    #[error("expected a radial range of two finite numbers in rising order, got {0} to {1}")]
    Range(f64, f64),
    /// A sector that is empty, reversed or wider than the circle.
    #[error("expected a sector wider than 0 and at most 2*pi, got {0} to {1} rad")]
    Sector(f64, f64),
    /// A polarisation factor that cannot be.
    #[error("expected a polarisation factor of -1 to 1, got {0}")]
    Polarisation(f64),
    /// The range or the sector misses the detector.
    #[error("expected a range and a sector that contain a pixel, got none")]
    NoPixel,
}

impl From<IntegrateError> for Error {
    fn from(error: IntegrateError) -> Self {
        let kind = match &error {
            IntegrateError::NoPixel => ErrorKind::DegenerateData,
            _ => ErrorKind::InvalidArgument,
        };
        Self::new(kind, error.to_string()).with_source(error)
    }
}

/// Turns the frames of one detector pose into radial profiles.
#[derive(Debug, Clone)]
pub struct AzimuthalIntegrator {
    config: IntegrateConfig,
    geometry: Geometry,
    shape: (usize, usize),
    axis: Axis,
    table: Table,
    /// Solid angle times polarisation of every pixel.
    norm: Vec<f32>,
}

/// Equal bins between two edges.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Axis {
    low: f64,
    width: f64,
    bins: usize,
}

impl Axis {
    fn new((low, high): (f64, f64), bins: usize) -> Result<Self, IntegrateError> {
        let width = (high - low) / bins as f64;
        if !(low.is_finite() && high.is_finite() && width > 0.0) {
            return Err(IntegrateError::Range(low, high));
        }
        Ok(Self { low, width, bins })
    }

    fn in_bins(&self, radius: f64) -> f64 {
        (radius - self.low) / self.width
    }
}

/// The shares of all pixels: pixel `p` gives `weights[start[p]..start[p + 1]]` to the bins from
/// `first[p]` on.
#[derive(Debug, Clone, Default)]
struct Table {
    first: Vec<u32>,
    start: Vec<u32>,
    weights: Vec<f32>,
}

/// The sums of one bin.
#[derive(Debug, Clone, Copy, Default)]
struct Sums {
    signal: f64,
    variance: f64,
    norm: f64,
    count: f64,
}

impl AzimuthalIntegrator {
    /// Works out the shares of all pixels of a detector of `shape` (rows, columns).
    ///
    /// # Errors
    /// [`IntegrateError`] if the geometry or the configuration is impossible, or no pixel lies in
    /// the range and the sector.
    pub fn new(
        geometry: &Geometry,
        shape: (usize, usize),
        config: IntegrateConfig,
    ) -> Result<Self, IntegrateError> {
        let map = PixelMap::new(geometry, shape)?;
        check(&config)?;
        let pixels = Pixels {
            map: &map,
            config: &config,
        };
        let range = match config.range {
            Some(range) => range,
            None => pixels.radial_range()?,
        };
        let axis = Axis::new(range, config.bins)?;
        let table = pixels.table(axis);
        if table.weights.is_empty() {
            return Err(IntegrateError::NoPixel);
        }
        let norm = pixels.norm();
        Ok(Self {
            geometry: geometry.clone(),
            shape,
            axis,
            table,
            norm,
            config,
        })
    }

    /// Rows and columns of the frames that this integrator takes.
    pub fn shape(&self) -> (usize, usize) {
        self.shape
    }

    /// What it was built with.
    pub fn config(&self) -> &IntegrateConfig {
        &self.config
    }

    /// The middle of each bin.
    pub fn centres(&self) -> Vec<f64> {
        (0..self.axis.bins)
            .map(|bin| self.axis.low + self.axis.width * (bin as f64 + 0.5))
            .collect()
    }

    /// What is done to a frame, in lines of text, to go with the result.
    ///
    /// # Panics
    /// Never: a geometry that made an integrator can be written.
    pub fn describe(&self) -> String {
        let config = &self.config;
        let azimuth = config
            .azimuth_range_rad
            .map_or("full circle".to_owned(), |(start, end)| {
                format!("{start} to {end} rad")
            });
        let polarisation = config
            .polarisation
            .map_or("no".to_owned(), |factor| factor.to_string());
        let pose = Poni::new(self.geometry.clone())
            .to_text()
            .expect("a checked geometry has finite numbers");
        format!(
            "xscatter-reduce {}: azimuthal integration\n\
             {pose}bins: {}, {} to {} {}\n\
             azimuth: {azimuth}\n\
             pixel splitting: {}\n\
             solid angle corrected: {}\n\
             polarisation factor: {polarisation}\n\
             error model: {:?}",
            env!("CARGO_PKG_VERSION"),
            config.bins,
            self.axis.low,
            self.axis.low + self.axis.width * self.axis.bins as f64,
            config.unit,
            config.splitting.name(),
            if config.solid_angle { "yes" } else { "no" },
            config.error_model,
        )
    }

    /// The profile of one frame.
    ///
    /// # Errors
    /// If the frame has another shape, no valid pixel within the axis, or a valid pixel that is not
    /// a finite number.
    pub fn integrate(&self, frame: &Frame) -> Result<Profile> {
        self.profile(frame).map_err(|error| {
            let error = error.at(format!("frame {}", frame.info.index));
            match &frame.info.path {
                Some(path) => error.in_file(path),
                None => error,
            }
        })
    }

    /// The profiles of many frames, in their order; in parallel over frames.
    ///
    /// # Errors
    /// The error of [`integrate`](Self::integrate) of the first frame that has one.
    pub fn integrate_many(&self, frames: &[Frame]) -> Result<Vec<Profile>> {
        let profiles: Vec<Result<Profile>> = frames
            .par_iter()
            .map(|frame| self.integrate(frame))
            .collect();
        profiles.into_iter().collect()
    }

    fn profile(&self, frame: &Frame) -> Result<Profile> {
        if frame.shape() != self.shape {
            return Err(Error::new(
                ErrorKind::ShapeMismatch,
                format!(
                    "expected a frame of {:?}, got one of {:?}",
                    self.shape,
                    frame.shape()
                ),
            ));
        }
        let sums = self.sums(frame);
        if sums.iter().any(|sums| !sums.signal.is_finite()) {
            return Err(not_finite(frame));
        }
        if sums.iter().all(|sums| sums.norm <= 0.0) {
            return Err(Error::new(
                ErrorKind::DegenerateData,
                "expected a valid pixel within the radial axis, found none",
            ));
        }
        let over_norm = |value: f64, norm: f64| if norm > 0.0 { value / norm } else { f64::NAN };
        Ok(Profile {
            unit: self.config.unit,
            centres: self.centres(),
            intensity: sums.iter().map(|s| over_norm(s.signal, s.norm)).collect(),
            sigma: (self.config.error_model != ErrorModel::None).then(|| {
                sums.iter()
                    .map(|s| over_norm(s.variance.sqrt(), s.norm))
                    .collect()
            }),
            norm: sums.iter().map(|s| s.norm).collect(),
            count: sums.iter().map(|s| s.count).collect(),
        })
    }

    /// One pass over the pixels in their order.
    fn sums(&self, frame: &Frame) -> Vec<Sums> {
        let table = &self.table;
        let flags = frame.mask().map(|mask| mask.as_slice());
        let mut sums = vec![Sums::default(); self.axis.bins];
        for (pixel, &counts) in frame.as_slice().iter().enumerate() {
            let (start, stop) = (table.start[pixel] as usize, table.start[pixel + 1] as usize);
            if start == stop || flags.is_some_and(|flags| !flags[pixel].is_valid()) {
                continue;
            }
            let counts = f64::from(counts);
            let variance = counts.max(1.0);
            let norm = f64::from(self.norm[pixel]);
            let first = table.first[pixel] as usize;
            let bins = &mut sums[first..first + (stop - start)];
            for (bin, &weight) in bins.iter_mut().zip(&table.weights[start..stop]) {
                let weight = f64::from(weight);
                bin.signal += weight * counts;
                bin.variance += weight * weight * variance;
                bin.norm += weight * norm;
                bin.count += weight;
            }
        }
        sums
    }
}

fn check(config: &IntegrateConfig) -> Result<(), IntegrateError> {
    if !(1..=MAX_BINS).contains(&config.bins) {
        return Err(IntegrateError::Bins(config.bins));
    }
    if let Some((start, end)) = config.azimuth_range_rad {
        // A circle written with the digits of a file may be a little wider than 2π.
        let width = end - start;
        if !(start.is_finite() && width > 0.0 && width <= TAU * (1.0 + 1e-6)) {
            return Err(IntegrateError::Sector(start, end));
        }
    }
    match config.polarisation {
        Some(factor) if !(-1.0..=1.0).contains(&factor) => {
            Err(IntegrateError::Polarisation(factor))
        }
        _ => Ok(()),
    }
}

fn not_finite(frame: &Frame) -> Error {
    let columns = frame.shape().1;
    let found = frame
        .as_slice()
        .iter()
        .enumerate()
        .find(|&(pixel, counts)| {
            let (row, column) = (pixel / columns, pixel % columns);
            !counts.is_finite() && frame.is_valid(row, column)
        });
    let message = match found {
        Some((pixel, counts)) => format!(
            "expected finite counts in every valid pixel, found {counts} in row {}, column {}",
            pixel / columns,
            pixel % columns
        ),
        None => "expected counts whose sum is finite, found too large ones".to_owned(),
    };
    Error::new(ErrorKind::DegenerateData, message)
}

/// The pixels of a detector on the way to a table.
struct Pixels<'a> {
    map: &'a PixelMap,
    config: &'a IntegrateConfig,
}

impl Pixels<'_> {
    fn radius(&self, position_m: [f64; 3]) -> f64 {
        let wavelength_m = self.map.geometry().wavelength_m;
        self.config.unit.of_position(position_m, wavelength_m)
    }

    /// Radius and azimuth of the grid point below and left of pixel `(row, column)`.
    fn corner(&self, row: usize, column: usize) -> (f64, f64) {
        let position_m = self.map.position_m(row as f64, column as f64);
        (self.radius(position_m), position_m[0].atan2(position_m[1]))
    }

    fn centre_m(&self, row: usize, column: usize) -> [f64; 3] {
        self.map.position_m(row as f64 + 0.5, column as f64 + 0.5)
    }

    fn in_sector(&self, row: usize, column: usize) -> bool {
        self.config.azimuth_range_rad.is_none_or(|(start, end)| {
            let position_m = self.centre_m(row, column);
            let chi_rad = position_m[0].atan2(position_m[1]);
            (chi_rad - start).rem_euclid(TAU) < end - start
        })
    }

    fn centre_radius(&self, row: usize, column: usize) -> f64 {
        self.radius(self.centre_m(row, column))
    }

    /// The radii around the centre as far as the farthest corner; none is below 0.
    fn bounding_box(&self, row: usize, column: usize, corners: [(f64, f64); 4]) -> (f64, f64) {
        let centre = self.centre_radius(row, column);
        let reach = corners.into_iter().fold(0.0, |reach: f64, (radius, _)| {
            reach.max((radius - centre).abs())
        });
        ((centre - reach).max(0.0), centre + reach)
    }

    /// The grid points along one edge of a row of pixels; none if centres are enough.
    fn corners(&self, row: usize) -> Vec<(f64, f64)> {
        match self.config.splitting {
            PixelSplitting::None => Vec::new(),
            _ => (0..=self.map.shape().1)
                .map(|column| self.corner(row, column))
                .collect(),
        }
    }

    /// The lowest and the highest radius that a pixel of the sector reaches.
    fn radial_range(&self) -> Result<(f64, f64), IntegrateError> {
        let (rows, columns) = self.map.shape();
        let of_row = |row: usize| {
            let (below, above) = (self.corners(row), self.corners(row + 1));
            let mut range = NOTHING;
            for column in 0..columns {
                if !self.in_sector(row, column) {
                    continue;
                }
                let (low, high) = match self.config.splitting {
                    PixelSplitting::None => {
                        let centre = self.centre_radius(row, column);
                        (centre, centre)
                    }
                    PixelSplitting::BoundingBox => {
                        self.bounding_box(row, column, quadrilateral(&below, &above, column))
                    }
                    PixelSplitting::Full => quadrilateral(&below, &above, column)
                        .into_iter()
                        .fold(NOTHING, |(low, high), (radius, _)| {
                            (low.min(radius), high.max(radius))
                        }),
                };
                range = (range.0.min(low), range.1.max(high));
            }
            range
        };
        let ranges: Vec<(f64, f64)> = (0..rows).into_par_iter().map(of_row).collect();
        let (low, high) = ranges.into_iter().fold(NOTHING, |range, row| {
            (range.0.min(row.0), range.1.max(row.1))
        });
        if low > high {
            return Err(IntegrateError::NoPixel);
        }
        // The last bin shall contain the outermost point: a little more, as pyFAI takes.
        Ok((low, high * (1.0 + f64::from(f32::EPSILON))))
    }

    fn table(&self, axis: Axis) -> Table {
        let (rows, columns) = self.map.shape();
        let of_row = |row: usize| {
            let (below, above) = (self.corners(row), self.corners(row + 1));
            let mut shares = Shares::default();
            let mut table = Table::default();
            for column in 0..columns {
                if !self.in_sector(row, column) {
                    table.push(0, &[]);
                    continue;
                }
                match self.config.splitting {
                    PixelSplitting::None => {
                        let centre = self.centre_radius(row, column);
                        shares.by_centre(axis.in_bins(centre), axis.bins);
                    }
                    PixelSplitting::BoundingBox => {
                        let corners = quadrilateral(&below, &above, column);
                        let (low, high) = self.bounding_box(row, column, corners);
                        shares.by_interval(axis.in_bins(low), axis.in_bins(high), axis.bins);
                    }
                    PixelSplitting::Full => {
                        let corners = quadrilateral(&below, &above, column)
                            .map(|(radius, chi_rad)| (axis.in_bins(radius), chi_rad));
                        shares.by_area(corners, axis.bins);
                    }
                }
                table.push(shares.first(), shares.weights());
            }
            table
        };
        let of_rows: Vec<Table> = (0..rows).into_par_iter().map(of_row).collect();
        let mut all = Table {
            first: Vec::with_capacity(rows * columns),
            start: Vec::with_capacity(rows * columns + 1),
            weights: Vec::with_capacity(of_rows.iter().map(|row| row.weights.len()).sum()),
        };
        for row in of_rows {
            let offset = all.weights.len() as u32;
            all.first.extend(row.first);
            all.start
                .extend(row.start.iter().map(|start| offset + start));
            all.weights.extend(row.weights);
        }
        all.start.push(all.weights.len() as u32);
        all
    }

    fn norm(&self) -> Vec<f32> {
        let (rows, columns) = self.map.shape();
        let mut norm = if self.config.solid_angle {
            self.map.solid_angle()
        } else {
            ndarray::Array2::ones((rows, columns))
        };
        if let Some(factor) = self.config.polarisation {
            norm *= &self.map.polarisation(factor);
        }
        norm.iter().map(|&norm| norm as f32).collect()
    }
}

impl Table {
    fn push(&mut self, first: usize, weights: &[f64]) {
        self.first.push(first as u32);
        self.start.push(self.weights.len() as u32);
        self.weights
            .extend(weights.iter().map(|&weight| weight as f32));
    }
}

/// The radial range of no pixel at all.
const NOTHING: (f64, f64) = (f64::INFINITY, f64::NEG_INFINITY);

/// The corners of a pixel in turn, from the grid points of the two edges of its row.
fn quadrilateral(below: &[(f64, f64)], above: &[(f64, f64)], column: usize) -> [(f64, f64); 4] {
    [
        below[column],
        below[column + 1],
        above[column + 1],
        above[column],
    ]
}
