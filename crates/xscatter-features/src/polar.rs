//! Rings of q, cut into sectors of χ: which cell each pixel lies in, and what was counted there.
//!
//! The start of every feature of scattering: a frame of a megapixel becomes some thousand sums. Use it
//! where the geometry of a frame is known; `radial` and `azimuthal` do with a beam centre in pixels.
//!
//! Rings are equally wide in q (`|q| = 4π sin(θ)/λ`, nm⁻¹) or in ln q, from `q_min` to `q_max`; the pixel
//! at the very end belongs to the last ring. Where a limit is not given it is the frame's own, whatever
//! is masked: the smallest and the largest q of its pixel centres, with logarithmic rings at least a
//! hundredth of `q_max`. Then the axis is *relative*: column k of two frames lies at the same share of
//! what each detector covers. With both limits given it is *absolute*: the same q in the same column.
//!
//! Sector s of S spans `χ = 2π [s, s + 1) / S`, counted from the fast axis (right) towards the slow axis,
//! as in pyFAI. A pixel within 10⁻⁹ of an edge lies above it, so that a quarter turn of the frame moves
//! whole sectors if S is a multiple of 4. Pixels are not split: each lies in the cell of its centre.
//!
//! *Masks*: a masked pixel is in no sum; cells without a valid pixel have a count of 0, and who uses them
//! says what that means. *Cost*: a table is one pass with a square root (and an arc tangent, if there are
//! sectors) a pixel and keeps 4 bytes a pixel; extractors keep the tables of the last two geometries they
//! met. The sums are one pass of additions.

mod sums;
mod tables;

use std::f64::consts::TAU;

use serde::{Deserialize, Serialize};
use xscatter_core::{Error, ErrorKind, Frame, Result};
use xscatter_geometry::PixelMap;

use crate::resample::{Grid, MIN_COVERAGE, Resampled, degenerate, name_frame};

pub use sums::CellSums;
pub(crate) use sums::RINGS_A_BAND;
pub(crate) use tables::Tables;

/// What rings are equally wide in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum QSpacing {
    /// In q.
    #[default]
    Linear,
    /// In ln q.
    Log,
}

/// Rings about the beam; see the [module](self).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct QAxis {
    /// How many rings.
    pub bins: usize,
    /// What they are equally wide in.
    pub spacing: QSpacing,
    /// Inner edge of the first ring; `None` for that of the frame.
    pub q_min_inv_nm: Option<f64>,
    /// Outer edge of the last ring; `None` for that of the frame.
    pub q_max_inv_nm: Option<f64>,
}

impl Default for QAxis {
    /// 32 rings of equal width over what the frame covers.
    fn default() -> Self {
        Self::linear(32)
    }
}

/// Why rings or sectors could not be laid.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum QAxisError {
    /// No ring, or more than can be wanted.
    #[error("expected 1 to {MAX_BINS} rings, got {0}")]
    Bins(usize),
    /// No sector, or more than can be wanted.
    #[error("expected 1 to {MAX_BINS} sectors, got {0}")]
    Sectors(usize),
    /// A limit that is no q.
    #[error("expected {lowest} q limits with min < max, got {min:?} and {max:?} per nm")]
    Limits {
        /// "non-negative" or, for logarithms, "positive".
        lowest: &'static str,
        /// The lower limit.
        min: Option<f64>,
        /// The upper limit.
        max: Option<f64>,
    },
    /// The frame reaches no q between the limits.
    #[error("expected pixels that cover a range of q, found {min} to {max} per nm for the rings")]
    Range {
        /// Where the rings would begin.
        min: f64,
        /// Where the rings would end.
        max: f64,
    },
}

/// The most rings and the most sectors.
const MAX_BINS: usize = 1 << 14;

/// Logarithmic rings of a relative axis begin no lower than this share of their end.
const LOG_FLOOR: f64 = 0.01;

impl QAxis {
    /// So many rings of equal width in q over what the frame covers.
    pub const fn linear(bins: usize) -> Self {
        Self {
            bins,
            spacing: QSpacing::Linear,
            q_min_inv_nm: None,
            q_max_inv_nm: None,
        }
    }

    /// So many rings of equal width in ln q over what the frame covers.
    pub const fn log(bins: usize) -> Self {
        Self {
            spacing: QSpacing::Log,
            ..Self::linear(bins)
        }
    }

    /// The same number of rings between two q.
    #[must_use]
    pub const fn between(self, q_min_inv_nm: f64, q_max_inv_nm: f64) -> Self {
        Self {
            q_min_inv_nm: Some(q_min_inv_nm),
            q_max_inv_nm: Some(q_max_inv_nm),
            ..self
        }
    }

    /// The same axis with every ring cut into so many.
    pub(crate) const fn refined(self, rings: usize) -> Self {
        Self {
            bins: self.bins.saturating_mul(rings),
            ..self
        }
    }

    pub(crate) fn check(&self) -> Result<(), QAxisError> {
        let &Self {
            bins,
            spacing,
            q_min_inv_nm: min,
            q_max_inv_nm: max,
        } = self;
        if !(1..=MAX_BINS).contains(&bins) {
            return Err(QAxisError::Bins(bins));
        }
        let (lowest, is_q): (_, fn(f64) -> bool) = match spacing {
            QSpacing::Linear => ("non-negative", |q| q.is_finite() && q >= 0.0),
            QSpacing::Log => ("positive", |q| q.is_finite() && q > 0.0),
        };
        let ordered = min.is_none_or(|min| max.is_none_or(|max| min < max));
        if ordered && min.is_none_or(is_q) && max.is_none_or(|q| is_q(q) && q > 0.0) {
            Ok(())
        } else {
            Err(QAxisError::Limits { lowest, min, max })
        }
    }

    /// The limits on a frame whose pixel centres have these q.
    fn limits(&self, q_inv_nm: &[f64]) -> Result<(f64, f64), QAxisError> {
        let own = |fold: fn(f64, f64) -> f64| q_inv_nm.iter().copied().reduce(fold).unwrap_or(0.0);
        let max = self.q_max_inv_nm.unwrap_or_else(|| own(f64::max));
        let min = self.q_min_inv_nm.unwrap_or_else(|| match self.spacing {
            QSpacing::Linear => own(f64::min),
            QSpacing::Log => own(f64::min).max(LOG_FLOOR * max),
        });
        if min < max {
            Ok((min, max))
        } else {
            Err(QAxisError::Range { min, max })
        }
    }

    /// Where the rings end: one more than there are rings, ascending.
    fn edges(&self, (min, max): (f64, f64)) -> Vec<f64> {
        let share = |k: usize| k as f64 / self.bins as f64;
        (0..=self.bins)
            .map(|k| match self.spacing {
                QSpacing::Linear => min + (max - min) * share(k),
                QSpacing::Log => min * (max / min).powf(share(k)),
            })
            .collect()
    }
}

/// The cell of every pixel of a detector in a pose.
///
/// ```
/// use ndarray::Array2;
/// use xscatter_core::{Frame, Geometry, PixelPosition};
/// use xscatter_features::polar::{PolarTable, QAxis};
/// use xscatter_geometry::PixelMap;
///
/// let centre = PixelPosition { row: 30.0, column: 40.0 };
/// let map = PixelMap::new(&Geometry::transmission(1.0, centre, 172e-6, 1e-10), (60, 80))?;
/// let table = PolarTable::new(&map, &QAxis::linear(10), 36)?;
/// let cells = table.sums(&Frame::new(Array2::ones((60, 80))))?;
/// assert_eq!(cells.ring_sum(4), f64::from(cells.ring_valid(4)));
/// assert_eq!(cells.mean(4, 7), Some(1.0));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct PolarTable {
    shape: (usize, usize),
    spacing: QSpacing,
    q_edges_inv_nm: Vec<f64>,
    sectors: usize,
    /// `ring · sectors + sector`, row-major; `rings · sectors` for a pixel in no ring.
    cells: Vec<u32>,
}

impl PolarTable {
    /// The cells of the pixels of `map`.
    ///
    /// # Errors
    /// [`QAxisError`] if the axis is outside its domain, or the frame covers nothing of it.
    pub fn new(map: &PixelMap, axis: &QAxis, sectors: usize) -> Result<Self, QAxisError> {
        axis.check()?;
        check_sectors(sectors)?;
        let (rows, columns) = map.shape();
        // One thread: the callers run on all of them, and wait here for each other.
        let centres =
            (0..rows).flat_map(|row| (0..columns).map(move |c| (row as f64 + 0.5, c as f64 + 0.5)));
        let q_inv_nm: Vec<f64> = centres
            .clone()
            .map(|(row, column)| map.q_inv_nm_at(row, column))
            .collect();
        let (min, max) = axis.limits(&q_inv_nm)?;
        let none = (axis.bins * sectors) as u32;
        let last = (axis.bins - 1) as f64;
        let per_ring = match axis.spacing {
            QSpacing::Linear => axis.bins as f64 / (max - min),
            QSpacing::Log => axis.bins as f64 / (max / min).ln(),
        };
        let per_sector = sectors as f64 / TAU;
        let cells = q_inv_nm
            .iter()
            .zip(centres)
            .map(|(&q, (row, column))| {
                if !(min..=max).contains(&q) {
                    return none;
                }
                let place = match axis.spacing {
                    QSpacing::Linear => (q - min) * per_ring,
                    QSpacing::Log => (q / min).ln() * per_ring,
                };
                let ring = (place + EDGE).floor().min(last) as usize;
                let sector = if sectors == 1 {
                    0
                } else {
                    let turn = map.chi_rad_at(row, column) * per_sector + EDGE;
                    turn.floor().rem_euclid(sectors as f64) as usize
                };
                (ring * sectors + sector) as u32
            })
            .collect();
        Ok(Self {
            shape: (rows, columns),
            spacing: axis.spacing,
            q_edges_inv_nm: axis.edges((min, max)),
            sectors,
            cells,
        })
    }

    /// Rows and columns of the detector.
    pub fn shape(&self) -> (usize, usize) {
        self.shape
    }

    /// How many rings.
    pub fn rings(&self) -> usize {
        self.q_edges_inv_nm.len() - 1
    }

    /// How many sectors.
    pub fn sectors(&self) -> usize {
        self.sectors
    }

    /// The edges of the rings, one more than there are rings.
    pub fn q_edges_inv_nm(&self) -> &[f64] {
        &self.q_edges_inv_nm
    }

    /// The middle of a ring: the arithmetic mean of its edges, of logarithmic rings the geometric one.
    ///
    /// # Panics
    /// If there is no such ring.
    pub fn q_inv_nm(&self, ring: usize) -> f64 {
        let (a, b) = (self.q_edges_inv_nm[ring], self.q_edges_inv_nm[ring + 1]);
        match self.spacing {
            QSpacing::Linear => 0.5 * (a + b),
            QSpacing::Log => (a * b).sqrt(),
        }
    }

    /// The azimuth in the middle of a sector, 0 to 2π.
    pub fn chi_rad(&self, sector: usize) -> f64 {
        chi_rad(sector, self.sectors)
    }

    /// The ring and the sector of a pixel; `None` outside the rings.
    ///
    /// # Panics
    /// If the pixel is outside the detector.
    pub fn cell(&self, row: usize, column: usize) -> Option<(usize, usize)> {
        assert!(column < self.shape.1, "column {column} of {}", self.shape.1);
        let cell = self.cells[row * self.shape.1 + column] as usize;
        (cell < self.rings() * self.sectors).then_some((cell / self.sectors, cell % self.sectors))
    }

    /// What was counted in each cell.
    ///
    /// # Errors
    /// [`ErrorKind::ShapeMismatch`] for a frame of another shape, [`ErrorKind::DegenerateData`] if no
    /// pixel counts or a valid pixel is not finite.
    pub fn sums(&self, frame: &Frame) -> Result<CellSums> {
        if frame.shape() != self.shape {
            let message = format!(
                "expected a frame of {:?} pixels, found {:?}",
                self.shape,
                frame.shape()
            );
            return Err(name_frame(
                Error::new(ErrorKind::ShapeMismatch, message),
                frame,
            ));
        }
        Ok(self.sums_of(&Resampled::of(frame, Grid::Native)?))
    }

    /// The same for an image whose shape is known to fit.
    pub(crate) fn sums_of(&self, image: &Resampled) -> CellSums {
        let mut cells = vec![(0.0f64, 0u32); self.rings() * self.sectors + 1];
        self.each(image, |cell, count| {
            cells[cell].0 += f64::from(count);
            cells[cell].1 += 1;
        });
        // What lies in no ring.
        cells.pop();
        let (sums, valid) = cells.into_iter().unzip();
        CellSums::new(self.sectors, sums, valid)
    }

    /// The same for a frame that must have a valid pixel on some ring.
    pub(crate) fn sums_measured(&self, image: &Resampled, frame: &Frame) -> Result<CellSums> {
        let cells = self.sums_of(image);
        if (0..cells.rings()).any(|ring| cells.ring_valid(ring) > 0) {
            return Ok(cells);
        }
        Err(self.unmeasured(frame))
    }

    /// The error of a frame without a valid pixel on any ring.
    pub(crate) fn unmeasured(&self, frame: &Frame) -> Error {
        let edges = &self.q_edges_inv_nm;
        let message = format!(
            "expected valid pixels on rings from {} to {} per nm, found none",
            edges[0],
            edges[edges.len() - 1]
        );
        degenerate(frame, message)
    }

    /// How many pixels each ring has, masked ones included.
    pub(crate) fn pixels(&self) -> Vec<u32> {
        let mut pixels = vec![0; self.rings() + 1];
        for &cell in &self.cells {
            pixels[cell as usize / self.sectors] += 1;
        }
        pixels.pop();
        pixels
    }

    /// Every valid pixel in storage order: its cell (the one beyond the last if it is in no ring), its count.
    pub(crate) fn each(&self, image: &Resampled, mut f: impl FnMut(usize, f32)) {
        self.each_pixel(image, |_, cell, count| f(cell, count));
    }

    /// The same with the pixel's place in storage order before it.
    pub(crate) fn each_pixel(&self, image: &Resampled, mut f: impl FnMut(usize, usize, f32)) {
        let pixels = self.cells.iter().zip(image.as_slice()).enumerate();
        match image.coverage_slice() {
            None => pixels.for_each(|(pixel, (&cell, &count))| f(pixel, cell as usize, count)),
            Some(coverage) => {
                for ((pixel, (&cell, &count)), &part) in pixels.zip(coverage) {
                    if part >= MIN_COVERAGE {
                        f(pixel, cell as usize, count);
                    }
                }
            }
        }
    }
}

/// The tolerance of an edge in widths of a bin; see the module.
const EDGE: f64 = 1e-9;

pub(crate) fn chi_rad(sector: usize, sectors: usize) -> f64 {
    (sector as f64 + 0.5) * TAU / sectors as f64
}

/// Sectors that no ring can have are refused before a frame is there.
pub(crate) fn check_sectors(sectors: usize) -> Result<(), QAxisError> {
    if (1..=MAX_BINS).contains(&sectors) {
        Ok(())
    } else {
        Err(QAxisError::Sectors(sectors))
    }
}

/// `b00`, `b01` …: names of equal width, so that sorted columns are in the order of the rings.
pub(crate) fn ring_names(bins: usize) -> impl Iterator<Item = String> + Clone {
    let width = (bins - 1).to_string().len();
    (0..bins).map(move |bin| format!("b{bin:0width$}"))
}

/// A number for a table; what no `f32` holds is missing.
pub(crate) fn finite(value: f64) -> f32 {
    let value = value as f32;
    if value.is_finite() { value } else { f32::NAN }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{Array2, Axis};
    use xscatter_core::{Geometry, Mask, PixelPosition};

    fn map(shape: (usize, usize), row: f64, column: f64) -> PixelMap {
        let centre = PixelPosition { row, column };
        let geometry = Geometry::transmission(1.0, centre, 172e-6, 1e-10);
        PixelMap::new(&geometry, shape).unwrap()
    }

    #[test]
    fn every_pixel_of_a_relative_axis_is_in_a_ring() {
        let map = map((64, 80), 20.25, 30.75);
        let q = map.q_inv_nm();
        let table = PolarTable::new(&map, &QAxis::linear(7), 12).unwrap();
        for ((row, column), q) in q.indexed_iter() {
            let (ring, sector) = table.cell(row, column).unwrap();
            let edges = &table.q_edges_inv_nm()[ring..];
            assert!(edges[0] <= q * (1.0 + 1e-9) && *q <= edges[1] * (1.0 + 1e-9));
            let chi = map.chi_rad()[(row, column)].rem_euclid(TAU);
            assert!((chi - table.chi_rad(sector)).abs() <= TAU / 24.0 + 1e-6);
        }
    }

    #[test]
    fn logarithmic_rings_have_edges_of_one_ratio() {
        let map = map((64, 80), 20.25, 30.75);
        let table = PolarTable::new(&map, &QAxis::log(5), 1).unwrap();
        let edges = table.q_edges_inv_nm();
        assert!((edges[5] / edges[0] - 100.0).abs() < 1e-9);
        for pair in edges.windows(2) {
            assert!((pair[1] / pair[0] - 100f64.powf(0.2)).abs() < 1e-9);
        }
        assert!((table.q_inv_nm(2) - 0.1 * edges[5]).abs() < 1e-9);
        // The pixel next to the beam is below the first ring.
        assert_eq!(table.cell(20, 30), None);
        for ((row, column), q) in map.q_inv_nm().indexed_iter() {
            if let Some((ring, 0)) = table.cell(row, column) {
                assert!(edges[ring] <= q * (1.0 + 1e-9) && *q <= edges[ring + 1] * (1.0 + 1e-9));
            }
        }
    }

    #[test]
    fn a_quarter_turn_moves_whole_sectors() {
        let counts =
            Array2::from_shape_fn((40, 40), |(r, c)| ((r * 31 + c * 17 + r * c) % 101) as f32);
        let table = PolarTable::new(&map((40, 40), 20.0, 20.0), &QAxis::linear(6), 16).unwrap();
        let before = table.sums(&Frame::new(counts.clone())).unwrap();
        // (row, column) goes to (column, last - row): χ by −90°.
        let mut turned = counts.t().to_owned();
        turned.invert_axis(Axis(1));
        let after = table.sums(&Frame::new(turned)).unwrap();
        for ring in 0..6 {
            for sector in 0..16 {
                let from = (sector + 12) % 16;
                assert_eq!(after.sums(ring)[sector], before.sums(ring)[from]);
                assert_eq!(after.valid(ring)[sector], before.valid(ring)[from]);
            }
        }
    }

    #[test]
    fn a_masked_pixel_is_in_no_sum() {
        let table = PolarTable::new(&map((9, 9), 4.5, 4.5), &QAxis::linear(2), 4).unwrap();
        let bad = Array2::from_shape_fn((9, 9), |(row, _)| row < 5);
        let counts = Array2::from_shape_fn((9, 9), |(r, _)| if r < 5 { f32::NAN } else { 2.0 });
        let frame = Frame::new(counts)
            .with_mask(Mask::from_bad(bad.view()))
            .unwrap();
        let cells = table.sums(&frame).unwrap();
        assert_eq!(cells.ring_sum(0) + cells.ring_sum(1), 2.0 * 36.0);
        // χ grows with the row: sectors 2 and 3 are masked.
        assert_eq!(cells.mean(1, 3), None);
        assert_eq!(cells.mean(1, 1), Some(2.0));
    }

    #[test]
    fn what_is_no_axis_is_refused() {
        let map = map((8, 8), 4.0, 4.0);
        let refused = |axis: QAxis, sectors| PolarTable::new(&map, &axis, sectors).unwrap_err();
        assert_eq!(refused(QAxis::linear(0), 1), QAxisError::Bins(0));
        assert_eq!(refused(QAxis::linear(1), 0), QAxisError::Sectors(0));
        assert!(matches!(
            refused(QAxis::log(3).between(0.0, 1.0), 1),
            QAxisError::Limits { .. }
        ));
        let beyond = QAxis {
            q_min_inv_nm: Some(100.0),
            ..QAxis::linear(3)
        };
        assert!(matches!(refused(beyond, 1), QAxisError::Range { .. }));
        let table = PolarTable::new(&map, &QAxis::linear(3), 1).unwrap();
        let error = table.sums(&Frame::new(Array2::zeros((8, 9)))).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ShapeMismatch);
    }
}
