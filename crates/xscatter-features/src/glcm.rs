//! Texture from the grey-level co-occurrence matrix.
//!
//! `P(i, j)` is the share of pixel pairs at a given offset whose first pixel has level `i` and whose
//! second has level `j`. Its properties tell smooth from speckled, ringed from spotty. Use it where
//! the fine structure of a pattern matters; it knows nothing of where on the detector something
//! lies (see [`RadialProfile`](crate::RadialProfile) and [`Layout`](crate::Layout) for that).
//!
//! An offset of distance `d` and angle `α` is `round(d sin α)` rows down and `round(d cos α)` columns
//! to the right, so 45° points down-right. With `μ` and `σ` of the row and column sums of `P`:
//!
//! | property | formula |
//! |---|---|
//! | contrast | `Σ P (i − j)²` |
//! | dissimilarity | `Σ P \|i − j\|` |
//! | homogeneity | `Σ P / (1 + (i − j)²)` |
//! | asm | `Σ P²` |
//! | energy | `√asm` |
//! | correlation | `Σ P (i − μᵢ)(j − μⱼ) / (σᵢ σⱼ)`; 1 if a σ is 0 |
//! | mean, variance, std | of `i` under `P` |
//! | entropy | `−Σ P ln P` |
//!
//! *Masks*: a pair counts only if both its ends are valid; gaps filled with zeros would lower the
//! contrast of a Pilatus frame by 5 % and stamp the mask's own signature on it. A frame on which an
//! offset has no such pair is an error of kind
//! [`DegenerateData`](xscatter_core::ErrorKind::DegenerateData); a constant frame has contrast 0,
//! entropy 0 and correlation 1.
//!
//! *Symmetry*: with `symmetric` and the four default angles, the mean and the range over angles do
//! not change when the image is flipped or turned by quarters.
//!
//! *Cost*: with up to 39 levels one increment a pixel for every two offsets, with more one for every offset
//! (a pixel is counted with several neighbours at once where the joint table stays small), plus some ten
//! operations for every pair of levels that occur.
//!
//! Source: Haralick, Shanmugam and Dinstein 1973, doi:10.1109/TSMC.1973.4309314; names, angles and
//! definitions of scikit-image 0.26.

mod joint;
mod pairs;

use std::f64::consts::{FRAC_PI_4, PI};
use std::sync::Arc;

use ndarray::{Array2, ArrayView2, ArrayViewMut2};
use serde::{Deserialize, Serialize};
use xscatter_core::{FeatureExtractor, Frame, Result};

use crate::batch::fill_rows;
use crate::intensity::{IntensityError, IntensityTransform, LevelRange, Quantiser};
use crate::resample::{Grid, GridError, Resampled, degenerate};
pub(crate) use joint::{Joint, Spread, entropy};

/// What is computed from a co-occurrence matrix; see the [module](self) for the formulas.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GlcmProperty {
    /// `Σ P (i − j)²`.
    Contrast,
    /// `Σ P |i − j|`.
    Dissimilarity,
    /// `Σ P / (1 + (i − j)²)`.
    Homogeneity,
    /// The angular second moment `Σ P²`.
    Asm,
    /// `√(Σ P²)`.
    Energy,
    /// The correlation of the two levels of a pair.
    Correlation,
    /// The mean level.
    Mean,
    /// The variance of the level.
    Variance,
    /// The standard deviation of the level.
    Std,
    /// `−Σ P ln P`.
    Entropy,
}

impl GlcmProperty {
    /// All properties, in the order of [`GlcmProperties`].
    pub const ALL: [Self; 10] = [
        Self::Contrast,
        Self::Dissimilarity,
        Self::Homogeneity,
        Self::Asm,
        Self::Energy,
        Self::Correlation,
        Self::Mean,
        Self::Variance,
        Self::Std,
        Self::Entropy,
    ];

    /// The name in a column.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Contrast => "contrast",
            Self::Dissimilarity => "dissimilarity",
            Self::Homogeneity => "homogeneity",
            Self::Asm => "asm",
            Self::Energy => "energy",
            Self::Correlation => "correlation",
            Self::Mean => "mean",
            Self::Variance => "variance",
            Self::Std => "std",
            Self::Entropy => "entropy",
        }
    }
}

/// How the angles of one distance become columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GlcmAggregation {
    /// The mean and the range (largest minus smallest) over the angles: `glcm.contrast.d1.mean`,
    /// `glcm.contrast.d1.range`. The mean does not know the orientation of the detector, the range
    /// is the anisotropy.
    #[default]
    MeanAndRange,
    /// A column an angle, named by its degrees: `glcm.contrast.d1.a45`.
    PerAngle,
    /// The properties of the mean of the angles' normalised matrices: `glcm.contrast.d1.isotropic`. Not
    /// the mean of the properties: those that are not linear in `P` differ. With 256 levels, `symmetric`
    /// off and one distance, this is the texture of pyCBIR, which Ushizima et al. 2021 used.
    Isotropic,
}

/// What [`Glcm`] computes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GlcmConfig {
    /// Lengths of the offsets in pixels of the (resampled) image.
    pub distances_px: Vec<usize>,
    /// Directions of the offsets, from growing columns towards growing rows.
    pub angles_rad: Vec<f64>,
    /// Grey levels, 2 to 256.
    pub levels: u16,
    /// Whether a pair counts in both orders.
    pub symmetric: bool,
    /// What is done to the counts before they are cut into levels.
    pub transform: IntensityTransform,
    /// The intensities that the levels cover.
    pub range: LevelRange,
    /// How angles become columns.
    pub aggregation: GlcmAggregation,
    /// The properties, in the order of their columns.
    pub properties: Vec<GlcmProperty>,
    /// The pixels that are paired.
    pub grid: Grid,
}

impl Default for GlcmConfig {
    /// 32 levels over what a 16-bit counter can hold, on `ln(1 + I)`; distances 1, 2 and 4; four
    /// angles, their mean and range; all properties at full resolution.
    fn default() -> Self {
        Self {
            distances_px: vec![1, 2, 4],
            angles_rad: vec![0.0, FRAC_PI_4, 2.0 * FRAC_PI_4, 3.0 * FRAC_PI_4],
            levels: 32,
            symmetric: true,
            transform: IntensityTransform::Log1p,
            range: LevelRange::default(),
            aggregation: GlcmAggregation::MeanAndRange,
            properties: GlcmProperty::ALL.to_vec(),
            grid: Grid::Native,
        }
    }
}

/// Why a [`Glcm`] could not be built.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum GlcmError {
    /// A list that must not be empty is empty, or holds something twice.
    #[error("expected at least one of {0}, each once")]
    List(&'static str),
    /// A distance of 0 pairs every pixel with itself.
    #[error("expected distances of at least 1 pixel, got 0")]
    Distance,
    /// A distance beyond any detector.
    #[error("expected distances of at most {FURTHEST} pixels, got {0}")]
    Far(usize),
    /// An angle is not a number.
    #[error("expected finite angles, got {0}")]
    Angle(f64),
    /// Too few or too many levels.
    #[error("expected 2 to 256 levels, got {0}")]
    Levels(u16),
    /// The grid has no pairs.
    #[error(transparent)]
    Grid(#[from] GridError),
    /// The transform or the range makes no sense.
    #[error(transparent)]
    Intensity(#[from] IntensityError),
}

/// Texture from the grey-level co-occurrence matrix; see the [module](self).
///
/// ```
/// use ndarray::array;
/// use xscatter_core::{FeatureExtractor, Frame};
/// use xscatter_features::{Glcm, GlcmConfig};
///
/// let glcm = Glcm::new(GlcmConfig { distances_px: vec![1], ..Default::default() })?;
/// let table = glcm.extract(&[Frame::new(array![[0.0, 900.0, 0.0], [900.0, 0.0, 900.0]])])?;
/// assert_eq!(&*table.columns()[0], "glcm.contrast.d1.mean");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Glcm {
    config: GlcmConfig,
    quantiser: Quantiser,
    columns: Vec<Arc<str>>,
}

impl Glcm {
    /// An extractor with these settings.
    ///
    /// # Errors
    /// [`GlcmError`] if a setting is outside its domain.
    pub fn new(config: GlcmConfig) -> Result<Self, GlcmError> {
        let GlcmConfig {
            distances_px,
            angles_rad,
            properties,
            levels,
            ..
        } = &config;
        let quantiser = Quantiser::new(config.transform, config.range, *levels)?;
        let degrees = check_pairs(distances_px, angles_rad, *levels)?;
        if has_twins(properties) {
            return Err(GlcmError::List("properties"));
        }
        config.grid.check(2)?;
        let suffixes = config.aggregation.suffixes(&degrees);
        let mut columns: Vec<Arc<str>> = Vec::new();
        for distance in distances_px {
            for property in properties {
                for suffix in &suffixes {
                    let property = property.name();
                    columns.push(format!("glcm.{property}.d{distance}.{suffix}").into());
                }
            }
        }
        Ok(Self {
            config,
            quantiser,
            columns,
        })
    }

    fn row(&self, frame: &Frame) -> Result<Vec<f32>> {
        let config = &self.config;
        let image = Resampled::of(frame, config.grid)?;
        let offsets = offsets(&config.distances_px, &config.angles_rad);
        let joints = joints(
            &image,
            &self.quantiser,
            &offsets,
            config.levels,
            config.symmetric,
        );
        let joints = all_defined(frame, joints, &offsets)?;
        let mut row = Vec::with_capacity(self.columns.len());
        for joints in joints.chunks(config.angles_rad.len()) {
            let properties: Vec<GlcmProperties> = match config.aggregation {
                GlcmAggregation::Isotropic => vec![GlcmProperties::of_joint(&Joint::mean(joints))],
                GlcmAggregation::PerAngle | GlcmAggregation::MeanAndRange => {
                    joints.iter().map(GlcmProperties::of_joint).collect()
                }
            };
            for &property in &config.properties {
                let values = properties.iter().map(|p| p.get(property));
                row.extend(config.aggregation.columns_of(values));
            }
        }
        Ok(row)
    }
}

impl GlcmAggregation {
    /// The columns of the values that one property has.
    pub(crate) fn columns_of(self, values: impl ExactSizeIterator<Item = f64> + Clone) -> Vec<f32> {
        match self {
            Self::PerAngle | Self::Isotropic => values.map(|value| value as f32).collect(),
            Self::MeanAndRange => {
                let mean = values.clone().sum::<f64>() / values.len() as f64;
                let low = values.clone().fold(f64::INFINITY, f64::min);
                let high = values.fold(f64::NEG_INFINITY, f64::max);
                vec![mean as f32, (high - low) as f32]
            }
        }
    }

    /// The last part of these columns' names.
    pub(crate) fn suffixes(self, degrees: &[String]) -> Vec<String> {
        match self {
            Self::MeanAndRange => vec!["mean".to_owned(), "range".to_owned()],
            Self::PerAngle => degrees.iter().map(|angle| format!("a{angle}")).collect(),
            Self::Isotropic => vec!["isotropic".to_owned()],
        }
    }
}

/// The matrices, or which of the offsets has none.
pub(crate) fn all_defined(
    frame: &Frame,
    joints: Vec<Option<Joint>>,
    offsets: &[(isize, isize)],
) -> Result<Vec<Joint>> {
    let joints = joints.into_iter().zip(offsets).map(|(joint, offset)| {
        joint.ok_or_else(|| {
            degenerate(
                frame,
                format!("expected two valid pixels {offset:?} rows and columns apart, found none"),
            )
        })
    });
    joints.collect()
}

impl FeatureExtractor for Glcm {
    fn name(&self) -> &str {
        "glcm"
    }

    fn columns(&self) -> &[Arc<str>] {
        &self.columns
    }

    fn extract_into(&self, frames: &[Frame], out: ArrayViewMut2<'_, f32>) -> Result<()> {
        self.check_out(frames, &out)?;
        fill_rows(frames, out, |frame| self.row(frame))
    }
}

/// Refuses lists of offsets and numbers of levels that make no sense; names the angles by their degrees.
pub(crate) fn check_pairs(
    distances_px: &[usize],
    angles_rad: &[f64],
    levels: u16,
) -> Result<Vec<String>, GlcmError> {
    if has_twins(distances_px) {
        return Err(GlcmError::List("distances_px"));
    }
    if distances_px.contains(&0) {
        return Err(GlcmError::Distance);
    }
    if let Some(&distance) = distances_px.iter().find(|&&distance| distance > FURTHEST) {
        return Err(GlcmError::Far(distance));
    }
    if let Some(&angle) = angles_rad.iter().find(|angle| !angle.is_finite()) {
        return Err(GlcmError::Angle(angle));
    }
    let degrees: Vec<String> = angles_rad.iter().map(|&angle| degrees(angle)).collect();
    if has_twins(&degrees) {
        return Err(GlcmError::List("angles_rad"));
    }
    if !(2..=256).contains(&levels) {
        return Err(GlcmError::Levels(levels));
    }
    Ok(degrees)
}

/// The longest offset, beyond the side of any detector.
const FURTHEST: usize = 1 << 20;

/// Whether a list is empty or names something twice.
fn has_twins<T: PartialEq>(list: &[T]) -> bool {
    list.is_empty() || (1..list.len()).any(|index| list[..index].contains(&list[index]))
}

fn degrees(angle_rad: f64) -> String {
    let degrees = angle_rad * 180.0 / PI;
    // Four decimals tell angles apart that no pixel grid can.
    format!("{}", (degrees * 1e4).round() / 1e4)
}

/// The offsets of all distances, angle by angle.
pub(crate) fn offsets(distances_px: &[usize], angles_rad: &[f64]) -> Vec<(isize, isize)> {
    let pairs = distances_px
        .iter()
        .flat_map(|&distance| angles_rad.iter().map(move |&angle| (distance, angle)));
    pairs
        .map(|(distance, angle)| offset(distance, angle))
        .collect()
}

fn offset(distance: usize, angle_rad: f64) -> (isize, isize) {
    let part = |unit: f64| (unit * distance as f64).round() as isize;
    (part(angle_rad.sin()), part(angle_rad.cos()))
}

/// How often level `j` stands at `offset` (rows, columns) from level `i`: the matrix `[i, j]` of
/// pairs in one order. A pixel of level `levels` or above takes part in no pair.
///
/// ```
/// use ndarray::array;
/// use xscatter_features::glcm::co_occurrence;
///
/// let counts = co_occurrence(array![[0u16, 0, 1], [1, 1, 2]].view(), (0, 1), 2);
/// assert_eq!(counts, array![[1, 1], [0, 1]]);
/// ```
pub fn co_occurrence(
    image: ArrayView2<'_, u16>,
    offset: (isize, isize),
    levels: u16,
) -> Array2<u32> {
    let mut matrices = co_occurrences(image, &[offset], levels);
    matrices.swap_remove(0)
}

/// The matrices of [`co_occurrence`] at several offsets, which takes less time than one after the other
/// where there are few levels.
///
/// ```
/// use ndarray::array;
/// use xscatter_features::glcm::co_occurrences;
///
/// let matrices = co_occurrences(array![[0u16, 0, 1], [1, 1, 2]].view(), &[(0, 1), (1, 0)], 2);
/// assert_eq!(matrices, [array![[1, 1], [0, 1]], array![[0, 2], [0, 0]]]);
/// ```
pub fn co_occurrences(
    image: ArrayView2<'_, u16>,
    offsets: &[(isize, isize)],
    levels: u16,
) -> Vec<Array2<u32>> {
    pairs::count(image.dim(), levels, offsets, |row, cells| {
        for (cell, &level) in cells.iter_mut().zip(image.row(row)) {
            *cell = level.min(levels);
        }
    })
}

/// The matrices of a frame's levels at some offsets, those of an empty one left out as `None`.
pub(crate) fn joints(
    image: &Resampled,
    quantiser: &Quantiser,
    offsets: &[(isize, isize)],
    levels: u16,
    symmetric: bool,
) -> Vec<Option<Joint>> {
    let (_, columns) = image.shape();
    let steps = quantiser.steps(image);
    let (counts, coverage) = (image.as_slice(), image.coverage_slice());
    let matrices = pairs::count(image.shape(), levels, offsets, |row, cells| {
        let pixels = row * columns..(row + 1) * columns;
        let coverage = coverage.map(|coverage| &coverage[pixels.clone()]);
        steps.fill(&counts[pixels], coverage, cells);
    });
    matrices
        .into_iter()
        .map(|counts| Joint::of(counts.view(), symmetric))
        .collect()
}

/// The properties of one co-occurrence matrix; see the [module](self) for the formulas.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GlcmProperties([f64; GlcmProperty::ALL.len()]);

impl GlcmProperties {
    /// The properties of a matrix of counts, made symmetric first if asked for.
    ///
    /// `None` if the matrix counts nothing.
    ///
    /// # Panics
    /// If the matrix is not square.
    pub fn of(counts: ArrayView2<'_, u32>, symmetric: bool) -> Option<Self> {
        assert!(counts.is_square(), "levels are those of both pixels");
        Joint::of(counts, symmetric).map(|joint| Self::of_joint(&joint))
    }

    fn of_joint(joint: &Joint) -> Self {
        let (first, second) = (joint.spread(&joint.first()), joint.spread(&joint.second()));
        let (deviation, deviation_j) = (first.variance.sqrt(), second.variance.sqrt());
        // The limit of scikit-image below which a deviation is taken for zero.
        let correlation = if deviation < 1e-15 || deviation_j < 1e-15 {
            1.0
        } else {
            joint.covariance(first, second) / (deviation * deviation_j)
        };
        let differences = joint.differences();
        let sum = |f: &dyn Fn(f64) -> f64| -> f64 {
            let terms = differences.iter().enumerate();
            terms.map(|(k, weight)| weight * f(k as f64)).sum::<f64>() / joint.total
        };
        let asm = joint.second_moment();
        Self([
            sum(&|k| k * k),
            sum(&|k| k),
            sum(&|k| 1.0 / (1.0 + k * k)),
            asm,
            asm.sqrt(),
            correlation,
            first.mean,
            first.variance,
            deviation,
            joint.entropy(),
        ])
    }

    /// One property.
    pub fn get(&self, property: GlcmProperty) -> f64 {
        self.0[property as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;
    use ndarray::array;
    use xscatter_core::ErrorKind;

    fn config() -> GlcmConfig {
        GlcmConfig {
            distances_px: vec![1],
            ..Default::default()
        }
    }

    #[test]
    fn a_diagonal_of_45_degrees_points_down_right() {
        assert_eq!(offset(1, FRAC_PI_4), (1, 1));
        assert_eq!(offset(1, 3.0 * FRAC_PI_4), (1, -1));
        assert_eq!(offset(5, FRAC_PI_4), (4, 4));
        let image = array![[0u16, 1], [2, 3]];
        assert_eq!(co_occurrence(image.view(), (1, 1), 4)[(0, 3)], 1);
        assert_eq!(co_occurrence(image.view(), (1, -1), 4)[(1, 2)], 1);
    }

    #[test]
    fn opposite_offsets_give_transposed_matrices() {
        let image = Array2::from_shape_fn((9, 13), |(r, c)| ((r * 5 + c * 7 + r * c) % 6) as u16);
        for (down, right) in [(0, 1), (2, 3), (1, -4), (8, 12)] {
            let forth = co_occurrence(image.view(), (down, right), 6);
            let back = co_occurrence(image.view(), (-down, -right), 6);
            assert_eq!(forth, back.t());
        }
    }

    #[test]
    fn an_offset_larger_than_the_image_counts_nothing() {
        let image = Array2::<u16>::zeros((3, 4));
        for offset in [(3, 0), (0, 4), (-5, 5)] {
            let counts = co_occurrence(image.view(), offset, 2);
            assert_eq!(GlcmProperties::of(counts.view(), true), None);
        }
    }

    #[test]
    fn a_constant_frame_has_no_contrast_and_full_correlation() {
        let glcm = Glcm::new(config()).unwrap();
        let table = glcm.extract(&[Frame::new(Array2::zeros((5, 7)))]).unwrap();
        let value = |name: &str| {
            let column = table.columns().iter().position(|column| &**column == name);
            table.values()[(0, column.unwrap())]
        };
        assert_eq!(value("glcm.contrast.d1.mean"), 0.0);
        assert_eq!(value("glcm.entropy.d1.mean").to_bits(), 0f32.to_bits());
        assert_eq!(value("glcm.correlation.d1.mean"), 1.0);
        assert_eq!(value("glcm.energy.d1.range"), 0.0);
    }

    #[test]
    fn a_frame_without_a_pair_is_an_error_that_names_it() {
        let mut frame = Frame::new(array![[1.0]]);
        frame.info.path = Some("b.edf".into());
        let error = Glcm::new(config()).unwrap().extract(&[frame]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::DegenerateData);
        assert!(error.to_string().starts_with("b.edf: at frame 0: "));
    }

    #[test]
    fn flips_and_quarter_turns_do_not_change_the_mean_and_range() {
        let counts = Array2::from_shape_fn((30, 40), |(r, c)| {
            (5000 / (1 + (r + 2 * c) % 37) + (r * r * 7 + c * 3) % 19) as f32
        });
        let mut flipped = counts.clone();
        flipped.invert_axis(ndarray::Axis(1));
        let turned = flipped.clone().reversed_axes();
        let glcm = Glcm::new(GlcmConfig::default()).unwrap();
        let frames = [counts, flipped, turned].map(Frame::new);
        let rows = glcm.extract(&frames).unwrap();
        for column in 0..rows.n_columns() {
            for row in 1..3 {
                let (value, moved) = (rows.values()[(0, column)], rows.values()[(row, column)]);
                assert_relative_eq!(value, moved, max_relative = 1e-5, epsilon = 1e-6);
            }
        }
    }

    #[test]
    fn columns_name_angles_by_their_degrees() {
        let glcm = Glcm::new(GlcmConfig {
            aggregation: GlcmAggregation::PerAngle,
            properties: vec![GlcmProperty::Asm],
            ..config()
        })
        .unwrap();
        let names: Vec<&str> = glcm.columns().iter().map(AsRef::as_ref).collect();
        assert_eq!(
            names,
            [
                "glcm.asm.d1.a0",
                "glcm.asm.d1.a45",
                "glcm.asm.d1.a90",
                "glcm.asm.d1.a135"
            ]
        );
    }

    #[test]
    fn senseless_settings_are_refused() {
        let broken = |change: fn(&mut GlcmConfig)| {
            let mut config = config();
            change(&mut config);
            Glcm::new(config).unwrap_err()
        };
        assert_eq!(broken(|c| c.levels = 1), GlcmError::Levels(1));
        assert_eq!(broken(|c| c.levels = 257), GlcmError::Levels(257));
        assert_eq!(broken(|c| c.distances_px = vec![0]), GlcmError::Distance);
        assert_eq!(
            broken(|c| c.distances_px = vec![]),
            GlcmError::List("distances_px")
        );
        assert_eq!(
            broken(|c| c.angles_rad = vec![0.0, 0.0]),
            GlcmError::List("angles_rad")
        );
        assert!(matches!(
            broken(|c| c.grid = Grid::LongSide(1)),
            GlcmError::Grid(_)
        ));
        assert!(matches!(
            broken(|c| c.angles_rad = vec![f64::NAN]),
            GlcmError::Angle(_)
        ));
    }
}
