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
//! *Cost*: one pass over the pixels an offset, plus `levels²` operations.
//!
//! Source: Haralick, Shanmugam and Dinstein 1973, doi:10.1109/TSMC.1973.4309314; names, angles and
//! definitions of scikit-image 0.26.

use std::f64::consts::{FRAC_PI_4, PI};
use std::sync::Arc;

use ndarray::{Array2, ArrayView2, ArrayViewMut2};
use serde::{Deserialize, Serialize};
use xscatter_core::{FeatureExtractor, Frame, Result};

use crate::batch::fill_rows;
use crate::intensity::{IntensityError, IntensityTransform, LevelRange, quantise};
use crate::resample::{Grid, GridError, Resampled, degenerate};

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
    columns: Vec<Arc<str>>,
}

impl Glcm {
    /// An extractor with these settings.
    ///
    /// # Errors
    /// [`GlcmError`] if a setting is outside its domain.
    pub fn new(config: GlcmConfig) -> Result<Self, GlcmError> {
        config.transform.check()?;
        config.range.check()?;
        let GlcmConfig {
            distances_px,
            angles_rad,
            properties,
            ..
        } = &config;
        if has_twins(distances_px) {
            return Err(GlcmError::List("distances_px"));
        }
        if has_twins(properties) {
            return Err(GlcmError::List("properties"));
        }
        if distances_px.contains(&0) {
            return Err(GlcmError::Distance);
        }
        if let Some(&angle) = angles_rad.iter().find(|angle| !angle.is_finite()) {
            return Err(GlcmError::Angle(angle));
        }
        let degrees: Vec<String> = angles_rad.iter().map(|&angle| degrees(angle)).collect();
        if has_twins(&degrees) {
            return Err(GlcmError::List("angles_rad"));
        }
        if !(2..=256).contains(&config.levels) {
            return Err(GlcmError::Levels(config.levels));
        }
        config.grid.check(2)?;
        let suffixes = match config.aggregation {
            GlcmAggregation::MeanAndRange => vec!["mean".to_owned(), "range".to_owned()],
            GlcmAggregation::PerAngle => degrees.iter().map(|angle| format!("a{angle}")).collect(),
        };
        let mut columns: Vec<Arc<str>> = Vec::new();
        for distance in distances_px {
            for property in properties {
                for suffix in &suffixes {
                    let property = property.name();
                    columns.push(format!("glcm.{property}.d{distance}.{suffix}").into());
                }
            }
        }
        Ok(Self { config, columns })
    }

    fn row(&self, frame: &Frame) -> Result<Vec<f32>> {
        let config = &self.config;
        let image = Resampled::of(frame, config.grid)?;
        let levels = quantise(&image, config.transform, config.range, config.levels);
        let levels = Array2::from_shape_vec(image.shape(), levels)
            .expect("quantising keeps the number of pixels");
        let mut row = Vec::with_capacity(self.columns.len());
        for &distance in &config.distances_px {
            let properties = config
                .angles_rad
                .iter()
                .map(|&angle| {
                    let offset = offset(distance, angle);
                    let counts = co_occurrence(levels.view(), offset, config.levels);
                    GlcmProperties::of(counts.view(), config.symmetric).ok_or_else(|| {
                        degenerate(
                            frame,
                            format!("expected two valid pixels {offset:?} rows and columns apart, found none"),
                        )
                    })
                })
                .collect::<Result<Vec<_>>>()?;
            for &property in &config.properties {
                let values = properties.iter().map(|p| p.get(property));
                match config.aggregation {
                    GlcmAggregation::PerAngle => row.extend(values.map(|value| value as f32)),
                    GlcmAggregation::MeanAndRange => {
                        let mean = values.clone().sum::<f64>() / properties.len() as f64;
                        let low = values.clone().fold(f64::INFINITY, f64::min);
                        let high = values.fold(f64::NEG_INFINITY, f64::max);
                        row.extend([mean as f32, (high - low) as f32]);
                    }
                }
            }
        }
        Ok(row)
    }
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

/// Whether a list is empty or names something twice.
fn has_twins<T: PartialEq>(list: &[T]) -> bool {
    list.is_empty() || (1..list.len()).any(|index| list[..index].contains(&list[index]))
}

fn degrees(angle_rad: f64) -> String {
    let degrees = angle_rad * 180.0 / PI;
    // Four decimals tell angles apart that no pixel grid can.
    format!("{}", (degrees * 1e4).round() / 1e4)
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
///
/// # Panics
/// Never: the image is made row-major first.
pub fn co_occurrence(
    image: ArrayView2<'_, u16>,
    offset: (isize, isize),
    levels: u16,
) -> Array2<u32> {
    // Runs of equal pairs, the rule in smooth regions, would wait for each other's increments:
    // neighbouring pairs go to matrices of their own.
    const LANES: usize = 4;
    // Masked pixels have a row and a column of their own, which are dropped at the end: no branch.
    let side = usize::from(levels) + 1;
    let mut lanes = vec![0u32; LANES * side * side];
    let (rows, columns) = image.dim();
    let image = image.as_standard_layout();
    let pixels = image.as_slice().expect("the layout is standard");
    let (down, right) = offset;
    let (skip_rows, skip_columns) = (down.unsigned_abs(), right.unsigned_abs());
    let width = columns.saturating_sub(skip_columns);
    for near in 0..rows.saturating_sub(skip_rows) {
        // The pair's first pixel is the upper one if the offset points down.
        let (row, other) = if down >= 0 {
            (near, near + skip_rows)
        } else {
            (near + skip_rows, near)
        };
        let (column, other_column) = if right >= 0 {
            (0, skip_columns)
        } else {
            (skip_columns, 0)
        };
        let first = &pixels[row * columns..][column..][..width];
        let second = &pixels[other * columns..][other_column..][..width];
        let bin = |i: u16, j: u16| usize::from(i.min(levels)) * side + usize::from(j.min(levels));
        let (first, first_rest) = first.as_chunks::<LANES>();
        let (second, second_rest) = second.as_chunks::<LANES>();
        for (i, j) in first.iter().zip(second) {
            for lane in 0..LANES {
                lanes[lane * side * side + bin(i[lane], j[lane])] += 1;
            }
        }
        for (&i, &j) in first_rest.iter().zip(second_rest) {
            lanes[bin(i, j)] += 1;
        }
    }
    let levels = usize::from(levels);
    Array2::from_shape_fn((levels, levels), |(i, j)| {
        (0..LANES)
            .map(|lane| lanes[lane * side * side + i * side + j])
            .sum()
    })
}

/// The properties of one co-occurrence matrix; see the [module](self) for the formulas.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GlcmProperties([f64; GlcmProperty::ALL.len()]);

impl GlcmProperties {
    /// The properties of a matrix of counts, made symmetric first if asked for.
    ///
    /// `None` if the matrix counts nothing.
    pub fn of(counts: ArrayView2<'_, u32>, symmetric: bool) -> Option<Self> {
        let total: u64 = counts.iter().map(|&count| u64::from(count)).sum();
        if total == 0 {
            return None;
        }
        let total = total as f64 * if symmetric { 2.0 } else { 1.0 };
        let share = |i: usize, j: usize| {
            let count = u64::from(counts[(i, j)]);
            let both = if symmetric {
                count + u64::from(counts[(j, i)])
            } else {
                count
            };
            both as f64 / total
        };
        // Most of the matrix is empty.
        let cells: Vec<(f64, f64, f64)> = (0..counts.nrows())
            .flat_map(|i| (0..counts.ncols()).map(move |j| (i, j)))
            .map(|(i, j)| (i as f64, j as f64, share(i, j)))
            .filter(|&(_, _, p)| p > 0.0)
            .collect();
        let sum = |f: &dyn Fn(f64, f64) -> f64| -> f64 {
            cells.iter().map(|&(i, j, p)| p * f(i, j)).sum()
        };
        let (mean, mean_j) = (sum(&|i, _| i), sum(&|_, j| j));
        let variance = sum(&|i, _| (i - mean).powi(2));
        let deviation = variance.sqrt();
        let deviation_j = sum(&|_, j| (j - mean_j).powi(2)).sqrt();
        // The limit of scikit-image below which a deviation is taken for zero.
        let correlation = if deviation < 1e-15 || deviation_j < 1e-15 {
            1.0
        } else {
            sum(&|i, j| (i - mean) * (j - mean_j)) / (deviation * deviation_j)
        };
        let asm: f64 = cells.iter().map(|(_, _, p)| p * p).sum();
        Some(Self([
            sum(&|i, j| (i - j).powi(2)),
            sum(&|i, j| (i - j).abs()),
            sum(&|i, j| 1.0 / (1.0 + (i - j).powi(2))),
            asm,
            asm.sqrt(),
            correlation,
            mean,
            variance,
            deviation,
            // Adding zero turns the −0 of a single filled cell into 0.
            -cells.iter().map(|(_, _, p)| p * p.ln()).sum::<f64>() + 0.0,
        ]))
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
