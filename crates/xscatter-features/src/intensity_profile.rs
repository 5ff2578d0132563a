//! I(q): the mean count on rings of q with its standard uncertainty.
//!
//! What most analyses of unoriented matter start from: [`Curve::of`] makes the numbers for fits, and
//! [`IntensityProfile`] puts them into columns. Use it where the geometry is known; without one,
//! [`RadialProfile`](crate::RadialProfile) does with the beam centre. Pixels are not split between rings: for
//! publication integrate with `xscatter-reduce`.
//!
//! With the counts `c` of the valid pixels of a ring and their normalisation `w` (solid angle relative to
//! the point of normal incidence, polarisation factor; 1 without corrections):
//!
//! `I = Σ c / Σ w`,  `σ = √(Σ c) / Σ w` (Poisson)  or  `σ² = Σ (c − w I)² / (Σ w)² · n/(n − 1)` (scatter)
//!
//! A ring without a count has a Poisson uncertainty all the same: that of one count, `σ = 1 / Σ w`. The
//! Poisson form holds for detectors that count photons. Where a detector integrates charge, or counts were
//! scaled or subtracted, take the scatter of the pixels on the ring; it also contains the variation of an
//! oriented or grainy ring, and needs two pixels (fewer count as an empty ring).
//!
//! | column | value |
//! |---|---|
//! | `profile.mean.b00` … | `t(I)`, with `t` the transform: of the mean, not the mean of transforms |
//! | `profile.sigma.b00` … | `σ dt/dI`, if asked for |
//!
//! *Rings*: see [`polar`](crate::polar); relative to the frame's own range of q, or between fixed limits.
//! *Masks*: masked pixels do not exist. A ring without a valid pixel is filled by [`EmptyBin`] in the table
//! and left out of a curve; a frame without a valid pixel in any ring is an error of kind
//! [`DegenerateData`](xscatter_core::ErrorKind::DegenerateData), one without a geometry of kind
//! [`MissingMetadata`](xscatter_core::ErrorKind::MissingMetadata). *Cost*: one pass of additions over the pixels (two with
//! scatter), and a table of cells once for each pose.
//!
//! Source: the definitions of pyFAI (doi:10.1107/S1600576715004306); values checked against 2026.9.0,
//! method "no" (no pixel splitting).

use std::sync::Arc;

use ndarray::ArrayViewMut2;
use serde::{Deserialize, Serialize};
use xscatter_core::{Error, ErrorKind, FeatureExtractor, Frame, Result};
use xscatter_geometry::PixelMap;

use crate::batch::fill_rows;
use crate::curve::Curve;
use crate::intensity::{IntensityError, IntensityTransform};
use crate::polar::{PolarTable, QAxis, QAxisError, Tables, finite, ring_names};
use crate::radial::EmptyBin;
use crate::resample::{Grid, Resampled, name_frame};

/// Where the uncertainty of a ring's mean comes from; see the [module](self).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProfileSigma {
    /// From the number of counts: for detectors that count.
    #[default]
    Poisson,
    /// From the scatter of the pixels on the ring: for all others.
    Scatter,
}

/// What [`IntensityProfile`] and [`Curve::of`] compute.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ProfileConfig {
    /// The rings.
    pub axis: QAxis,
    /// Whether counts are divided by the relative solid angle of their pixels.
    pub solid_angle: bool,
    /// The polarisation (+1 along the fast axis, 0 for none) by whose factor counts are divided; `None`
    /// to leave them.
    pub polarisation: Option<f64>,
    /// Where the uncertainty comes from.
    pub sigma: ProfileSigma,
    /// Whether the uncertainties get columns too.
    pub sigma_columns: bool,
    /// What is done to the means in the columns; a curve has them as they are.
    pub transform: IntensityTransform,
    /// What stands for a ring without a valid pixel in the columns.
    pub empty: EmptyBin,
}

impl Default for ProfileConfig {
    /// `ln(1 + I)` on 128 rings of equal width over the q of the frame, without corrections.
    fn default() -> Self {
        Self {
            axis: QAxis::linear(128),
            solid_angle: false,
            polarisation: None,
            sigma: ProfileSigma::Poisson,
            sigma_columns: false,
            transform: IntensityTransform::Log1p,
            empty: EmptyBin::Nearest,
        }
    }
}

/// Why an [`IntensityProfile`] could not be built.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ProfileError {
    /// The rings make no sense.
    #[error(transparent)]
    Axis(#[from] QAxisError),
    /// No beam has this polarisation.
    #[error("expected a polarisation of -1 to 1, got {0}")]
    Polarisation(f64),
    /// The transform makes no sense.
    #[error(transparent)]
    Intensity(#[from] IntensityError),
}

/// I(q) as columns, and as curves; see the [module](self).
///
/// ```
/// use ndarray::Array2;
/// use xscatter_core::{FeatureExtractor, Frame, FrameInfo, Geometry, PixelPosition};
/// use xscatter_features::{IntensityProfile, ProfileConfig};
/// use xscatter_features::polar::QAxis;
///
/// let centre = PixelPosition { row: 30.0, column: 40.0 };
/// let geometry = Geometry::transmission(1.0, centre, 172e-6, 1e-10);
/// let info = FrameInfo { geometry: Some(geometry.into()), ..Default::default() };
/// let frame = Frame::new(Array2::ones((60, 80))).with_info(info);
/// let profile = IntensityProfile::new(ProfileConfig { axis: QAxis::linear(8), ..Default::default() })?;
/// let table = profile.extract(std::slice::from_ref(&frame))?;
/// assert_eq!(&*table.columns()[3], "profile.mean.b3");
/// assert_eq!(table.values()[(0, 3)], 2f32.ln());
/// let curve = profile.curve(&frame)?;
/// assert_eq!(curve.intensity(), [1.0; 8]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct IntensityProfile {
    config: ProfileConfig,
    columns: Vec<Arc<str>>,
    tables: Tables<Normalised>,
}

/// The rings of a pose, and what a count in each pixel is divided by.
#[derive(Debug)]
struct Normalised {
    polar: PolarTable,
    norm: Option<Vec<f32>>,
}

/// A ring: counts, normalisation, valid pixels, and the squares of what each deviates by.
#[derive(Debug, Clone, Copy, Default)]
struct Ring {
    counts: f64,
    norm: f64,
    valid: u32,
    squares: f64,
}

impl IntensityProfile {
    /// An extractor with these settings.
    ///
    /// # Errors
    /// [`ProfileError`] if a setting is outside its domain.
    pub fn new(config: ProfileConfig) -> Result<Self, ProfileError> {
        config.axis.check()?;
        config.transform.check()?;
        if let Some(factor) = config.polarisation
            && !(-1.0..=1.0).contains(&factor)
        {
            return Err(ProfileError::Polarisation(factor));
        }
        let kinds: &[&str] = if config.sigma_columns {
            &["mean", "sigma"]
        } else {
            &["mean"]
        };
        let rings = ring_names(config.axis.bins);
        let columns = kinds
            .iter()
            .flat_map(|kind| {
                let name = move |ring| format!("profile.{kind}.{ring}").into();
                rings.clone().map(name)
            })
            .collect();
        Ok(Self {
            config,
            columns,
            tables: Tables::new(),
        })
    }

    /// The curve of a frame, rings without a valid pixel left out.
    ///
    /// The table of cells is kept: for many frames of one pose this is faster than [`Curve::of`].
    ///
    /// # Errors
    /// [`ErrorKind::MissingMetadata`] without a geometry, [`ErrorKind::DegenerateData`] if no pixel counts
    /// in any ring or a valid pixel is not finite.
    ///
    /// # Panics
    /// Never: rings ascend in q and their means are finite.
    pub fn curve(&self, frame: &Frame) -> Result<Curve> {
        let (table, rings) = self.rings(frame)?;
        let (mut q, mut intensity, mut sigma) = (Vec::new(), Vec::new(), Vec::new());
        for (k, ring) in rings.iter().enumerate() {
            if let Some((mean, uncertainty)) = self.measured(ring) {
                q.push(table.polar.q_inv_nm(k));
                intensity.push(mean);
                sigma.push(uncertainty);
            }
        }
        Ok(Curve::new(q, intensity, sigma).expect("rings ascend and means are finite"))
    }

    fn row(&self, frame: &Frame) -> Result<Vec<f32>> {
        let (_, rings) = self.rings(frame)?;
        let measured: Vec<Option<(f64, f64)>> =
            rings.iter().map(|ring| self.measured(ring)).collect();
        let filled: Vec<usize> = (0..measured.len())
            .filter(|&k| measured[k].is_some())
            .collect();
        let of = |k: usize| match self.config.empty {
            EmptyBin::Missing => measured[k],
            // Of two at the same distance the first, which is the inner one.
            EmptyBin::Nearest => filled
                .iter()
                .min_by_key(|&&other| other.abs_diff(k))
                .and_then(|&other| measured[other]),
        };
        let transform = self.config.transform;
        let means = (0..measured.len())
            .map(|k| of(k).map_or(f32::NAN, |(mean, _)| finite(transform.apply(mean))));
        if !self.config.sigma_columns {
            return Ok(means.collect());
        }
        let sigmas = (0..measured.len()).map(|k| {
            of(k).map_or(f32::NAN, |(mean, sigma)| {
                finite(sigma * slope(transform, mean))
            })
        });
        Ok(means.chain(sigmas).collect())
    }

    /// Mean and uncertainty of a ring, if it has any.
    fn measured(&self, ring: &Ring) -> Option<(f64, f64)> {
        let least = match self.config.sigma {
            ProfileSigma::Poisson => 1,
            ProfileSigma::Scatter => 2,
        };
        if ring.valid < least {
            return None;
        }
        let sigma = match self.config.sigma {
            ProfileSigma::Poisson => ring.counts.max(1.0).sqrt(),
            ProfileSigma::Scatter => {
                let n = f64::from(ring.valid);
                (ring.squares * n / (n - 1.0)).sqrt()
            }
        };
        Some((ring.counts / ring.norm, sigma / ring.norm))
    }

    fn rings(&self, frame: &Frame) -> Result<(Arc<Normalised>, Vec<Ring>)> {
        let image = Resampled::of(frame, Grid::Native)?;
        let table = self.tables.of(frame, |map| self.table(map))?;
        let mut rings = vec![Ring::default(); table.polar.rings() + 1];
        match &table.norm {
            None => {
                table.polar.each(&image, |cell, count| {
                    rings[cell].counts += f64::from(count);
                    rings[cell].valid += 1;
                });
                for ring in &mut rings {
                    ring.norm = f64::from(ring.valid);
                }
            }
            Some(norm) => table.each(&image, norm, |cell, count, norm| {
                rings[cell].counts += count;
                rings[cell].norm += norm;
                rings[cell].valid += 1;
            }),
        }
        if self.config.sigma == ProfileSigma::Scatter {
            let means: Vec<f64> = rings.iter().map(|ring| ring.counts / ring.norm).collect();
            match &table.norm {
                None => table.polar.each(&image, |cell, count| {
                    rings[cell].squares += (f64::from(count) - means[cell]).powi(2);
                }),
                Some(norm) => table.each(&image, norm, |cell, count, norm| {
                    rings[cell].squares += (count - norm * means[cell]).powi(2);
                }),
            }
        }
        rings.pop();
        if rings.iter().all(|ring| self.measured(ring).is_none()) {
            return Err(table.polar.unmeasured(frame));
        }
        Ok((table, rings))
    }

    fn table(&self, map: &PixelMap) -> Result<Normalised, QAxisError> {
        let polar = PolarTable::new(map, &self.config.axis, 1)?;
        let ProfileConfig {
            solid_angle,
            polarisation,
            ..
        } = self.config;
        let norm = (solid_angle || polarisation.is_some()).then(|| {
            let (rows, columns) = map.shape();
            let centres = (0..rows).flat_map(|r| (0..columns).map(move |c| (r, c)));
            centres
                .map(|(row, column)| {
                    let t = map.position_m(row as f64 + 0.5, column as f64 + 0.5);
                    let omega = if solid_angle {
                        solid_angle_at(map, t)
                    } else {
                        1.0
                    };
                    let factor = polarisation.map_or(1.0, |factor| polarisation_at(t, factor));
                    (omega * factor) as f32
                })
                .collect()
        });
        Ok(Normalised { polar, norm })
    }
}

impl Normalised {
    /// Every valid pixel: its cell, its count, what that is divided by.
    fn each(&self, image: &Resampled, norm: &[f32], mut f: impl FnMut(usize, f64, f64)) {
        self.polar.each_pixel(image, |pixel, cell, count| {
            f(cell, f64::from(count), f64::from(norm[pixel]));
        });
    }
}

impl Curve {
    /// I(q) of one frame; see [`intensity_profile`](crate::intensity_profile) for what is computed, and
    /// [`IntensityProfile::curve`] for many frames.
    ///
    /// ```
    /// use ndarray::Array2;
    /// use xscatter_core::{Frame, FrameInfo, Geometry, PixelPosition};
    /// use xscatter_features::{Curve, ProfileConfig};
    ///
    /// let centre = PixelPosition { row: 30.0, column: 40.0 };
    /// let geometry = Geometry::transmission(1.0, centre, 172e-6, 1e-10);
    /// let info = FrameInfo { geometry: Some(geometry.into()), ..Default::default() };
    /// let frame = Frame::new(Array2::from_elem((60, 80), 4.0)).with_info(info);
    /// let curve = Curve::of(&frame, &ProfileConfig::default())?;
    /// assert!(curve.intensity().iter().all(|&mean| mean == 4.0));
    /// # Ok::<(), xscatter_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`ErrorKind::InvalidArgument`] for settings outside their domain, and those of
    /// [`IntensityProfile::curve`].
    pub fn of(frame: &Frame, config: &ProfileConfig) -> Result<Self> {
        IntensityProfile::new(config.clone())
            .map_err(|error| Error::new(ErrorKind::InvalidArgument, error.to_string()))
            .map_err(|error| name_frame(error, frame))?
            .curve(frame)
    }
}

impl FeatureExtractor for IntensityProfile {
    fn name(&self) -> &str {
        "profile"
    }

    fn columns(&self) -> &[Arc<str>] {
        &self.columns
    }

    fn extract_into(&self, frames: &[Frame], out: ArrayViewMut2<'_, f32>) -> Result<()> {
        self.check_out(frames, &out)?;
        fill_rows(frames, out, |frame| self.row(frame))
    }
}

/// The derivative of a transform, which carries an uncertainty to its scale.
fn slope(transform: IntensityTransform, count: f64) -> f64 {
    match transform {
        IntensityTransform::Raw => 1.0,
        IntensityTransform::Log1p => 1.0 / (1.0 + count.max(0.0)),
        IntensityTransform::Asinh { scale } => 1.0 / count.hypot(scale),
        IntensityTransform::Anscombe => 1.0 / (count + 0.375).max(0.375).sqrt(),
    }
}

/// As [`PixelMap::solid_angle`], for one position and on one thread.
fn solid_angle_at(map: &PixelMap, t: [f64; 3]) -> f64 {
    let r = (t[0] * t[0] + t[1] * t[1] + t[2] * t[2]).sqrt();
    (map.geometry().distance_m.abs() / r).powi(3)
}

/// As [`PixelMap::polarisation`], for one position and on one thread.
fn polarisation_at(t: [f64; 3], factor: f64) -> f64 {
    let (fast, slow, beam) = (t[1] * t[1], t[0] * t[0], t[2] * t[2]);
    let all = fast + slow + beam;
    0.5 * (1.0 + beam / all - factor * (fast - slow) / all)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::polar::QSpacing;
    use approx::assert_relative_eq;
    use ndarray::{Array2, Axis};
    use xscatter_core::{FrameInfo, Geometry, Mask, PixelPosition};

    fn geometry() -> Geometry {
        let centre = PixelPosition {
            row: 20.25,
            column: 30.75,
        };
        Geometry::transmission(1.0, centre, 172e-6, 1e-10)
    }

    fn with_geometry(counts: Array2<f32>, geometry: Geometry) -> Frame {
        Frame::new(counts).with_info(FrameInfo {
            geometry: Some(geometry.into()),
            ..Default::default()
        })
    }

    /// `100 + 10 r`, the frame of the golden values of pyFAI.
    fn cone() -> Frame {
        let counts = Array2::from_shape_fn((64, 80), |(row, column)| {
            let (y, x) = (row as f64 + 0.5 - 20.25, column as f64 + 0.5 - 30.75);
            (100.0 + 10.0 * y.hypot(x)) as f32
        });
        with_geometry(counts, geometry())
    }

    fn config(bins: usize) -> ProfileConfig {
        ProfileConfig {
            axis: QAxis::linear(bins),
            ..Default::default()
        }
    }

    #[test]
    fn g_ai_1_to_3_agree_with_pyfai() {
        // pyFAI 2026.9.0, method "no", 8 bins between the extreme pixel centres.
        let q = [
            0.047_598_57,
            0.135_153_95,
            0.222_709_32,
            0.310_264_7,
            0.397_820_08,
            0.485_375_46,
            0.572_930_83,
            0.660_486_21,
        ];
        let bare = [
            156.54263, 229.40532, 306.79138, 387.23438, 468.11685, 546.58026, 620.3307, 699.45337,
        ];
        let corrected = [
            156.54298, 229.40765, 306.7994, 387.2542, 468.15466, 546.6471, 620.43616, 699.6073,
        ];
        let corrections = ProfileConfig {
            solid_angle: true,
            polarisation: Some(0.95),
            ..config(8)
        };
        for (config, expected) in [(config(8), bare), (corrections, corrected)] {
            let curve = Curve::of(&cone(), &config).unwrap();
            for k in 0..8 {
                assert_relative_eq!(curve.q_inv_nm()[k], q[k], max_relative = 1e-6);
                assert_relative_eq!(curve.intensity()[k], expected[k], max_relative = 1e-6);
            }
        }
    }

    #[test]
    fn corrections_at_a_place_are_those_of_the_map() {
        let tilted = Geometry {
            distance_m: 0.02,
            rot1_rad: 0.3,
            rot2_rad: -0.2,
            ..geometry()
        };
        let map = PixelMap::new(&tilted, (9, 11)).unwrap();
        let (omega, factor) = (map.solid_angle(), map.polarisation(0.9));
        for ((row, column), omega) in omega.indexed_iter() {
            let t = map.position_m(row as f64 + 0.5, column as f64 + 0.5);
            assert_relative_eq!(solid_angle_at(&map, t), *omega, max_relative = 1e-12);
            let expected = factor[(row, column)];
            assert_relative_eq!(polarisation_at(t, 0.9), expected, max_relative = 1e-12);
        }
    }

    #[test]
    fn a_poisson_sigma_is_the_root_of_the_counts_and_never_zero() {
        let four = with_geometry(Array2::from_elem((30, 30), 4.0), geometry());
        let none = with_geometry(Array2::zeros((30, 30)), geometry());
        let settings = config(5);
        let table = PolarTable::new(
            &PixelMap::new(&geometry(), (30, 30)).unwrap(),
            &settings.axis,
            1,
        )
        .unwrap();
        let cells = table.sums(&four).unwrap();
        let [four, none] = [four, none].map(|frame| Curve::of(&frame, &settings).unwrap());
        for ring in 0..5 {
            let n = f64::from(cells.ring_valid(ring));
            assert_relative_eq!(four.sigma()[ring], (4.0 * n).sqrt() / n, epsilon = 1e-12);
            assert_relative_eq!(none.sigma()[ring], 1.0 / n, epsilon = 1e-12);
        }
    }

    #[test]
    fn scatter_is_the_standard_error_of_the_pixels() {
        let mut bright = cone();
        let counts = bright.as_mut_slice();
        for (k, count) in counts.iter_mut().enumerate() {
            *count = if k % 2 == 0 { 90.0 } else { 110.0 };
        }
        let scatter = ProfileConfig {
            sigma: ProfileSigma::Scatter,
            ..config(1)
        };
        let curve = Curve::of(&bright, &scatter).unwrap();
        let n = 64.0 * 80.0;
        assert_relative_eq!(curve.intensity()[0], 100.0, max_relative = 1e-12);
        let expected = 10.0 / f64::sqrt(n - 1.0);
        assert_relative_eq!(curve.sigma()[0], expected, max_relative = 1e-12);
    }

    #[test]
    fn empty_rings_are_left_out_missing_or_as_their_neighbour() {
        let bad = Array2::from_shape_fn((64, 80), |(row, column)| {
            row.abs_diff(20) < 12 && column.abs_diff(30) < 12
        });
        let frame = cone().with_mask(Mask::from_bad(bad.view())).unwrap();
        assert_eq!(Curve::of(&frame, &config(8)).unwrap().q_inv_nm().len(), 7);
        let row = |empty| {
            let profile = IntensityProfile::new(ProfileConfig { empty, ..config(8) }).unwrap();
            let table = profile.extract(std::slice::from_ref(&frame)).unwrap();
            table.values().row(0).to_vec()
        };
        let nearest = row(EmptyBin::Nearest);
        assert_eq!(nearest[0], nearest[1]);
        let missing = row(EmptyBin::Missing);
        assert!(missing[0].is_nan());
        assert_eq!(missing[1..], nearest[1..]);
    }

    #[test]
    fn flips_and_quarter_turns_change_nothing() {
        let counts =
            Array2::from_shape_fn((41, 41), |(r, c)| ((r * 31 + c * 17 + r * c) % 101) as f32);
        let centre = PixelPosition {
            row: 20.5,
            column: 20.5,
        };
        let geometry = Geometry::transmission(1.0, centre, 172e-6, 1e-10);
        let mut mirrored = counts.clone();
        mirrored.invert_axis(Axis(0));
        let turned = mirrored.t().to_owned();
        let [a, b, c] = [counts, mirrored, turned]
            .map(|counts| Curve::of(&with_geometry(counts, geometry.clone()), &config(9)).unwrap());
        for (other, k) in [b, c]
            .iter()
            .flat_map(|other| (0..9).map(move |k| (other, k)))
        {
            assert_relative_eq!(a.intensity()[k], other.intensity()[k], max_relative = 1e-12);
        }
    }

    #[test]
    fn more_exposure_is_more_intensity_with_less_relative_uncertainty() {
        let mut long = cone();
        long.as_mut_slice()
            .iter_mut()
            .for_each(|count| *count *= 16.0);
        let [one, long] = [cone(), long].map(|frame| Curve::of(&frame, &config(8)).unwrap());
        for k in 0..8 {
            let (a, b) = (one.intensity()[k], long.intensity()[k]);
            assert_relative_eq!(16.0 * a, b, max_relative = 1e-12);
            let relative = (one.sigma()[k] / a) / (long.sigma()[k] / b);
            assert_relative_eq!(relative, 4.0, max_relative = 1e-12);
        }
    }

    #[test]
    fn far_from_the_defaults_the_contract_holds() {
        let bad = Array2::from_shape_fn((64, 80), |(row, column)| row == 20 || column % 37 == 3);
        let masked = cone().with_mask(Mask::from_bad(bad.view())).unwrap();
        let extractor = IntensityProfile::new(ProfileConfig {
            axis: QAxis {
                spacing: QSpacing::Log,
                ..QAxis::log(12).between(0.05, 0.9)
            },
            solid_angle: true,
            polarisation: Some(0.99),
            sigma: ProfileSigma::Scatter,
            sigma_columns: true,
            transform: IntensityTransform::Asinh { scale: 3.0 },
            empty: EmptyBin::Missing,
        })
        .unwrap();
        xscatter_testkit::check_extractor(&extractor, &[cone(), masked]).unwrap();
    }

    #[test]
    fn senseless_settings_and_frames_without_geometry_are_errors() {
        let refused = IntensityProfile::new(ProfileConfig {
            polarisation: Some(1.5),
            ..Default::default()
        });
        assert_eq!(refused.unwrap_err(), ProfileError::Polarisation(1.5));
        let kind =
            |frame: &Frame, config: &ProfileConfig| Curve::of(frame, config).unwrap_err().kind();
        assert_eq!(kind(&cone(), &config(0)), ErrorKind::InvalidArgument);
        let bare = Frame::new(Array2::ones((4, 4)));
        assert_eq!(kind(&bare, &config(4)), ErrorKind::MissingMetadata);
        let beyond = ProfileConfig {
            axis: QAxis::linear(4).between(50.0, 60.0),
            ..Default::default()
        };
        assert_eq!(kind(&cone(), &beyond), ErrorKind::DegenerateData);
    }
}
