//! Image moments, and Hu's seven invariants of them: the form of the bright part as a whole.
//!
//! Use them for one bright object whose outline matters (a halo, a streak, an arc): elongation, skewness
//! and handedness, wherever it lies, however large it is and whichever way it is turned. They say nothing
//! about texture, and a strong background turns them into the moments of the sensor's rectangle.
//!
//! With weights `w = t(I)` of the pixels at row `r` and column `c` (indices, as scikit-image counts):
//!
//! ```text
//! raw         M_pq = Σ w rᵖ c^q
//! central     μ_pq = Σ w (r − r̄)ᵖ (c − c̄)^q        r̄ = M₁₀/M₀₀, c̄ = M₀₁/M₀₀
//! normalised  η_pq = μ_pq / μ₀₀^(1 + (p + q)/2)     p + q ≥ 2
//! Hu          h₁ = η₂₀ + η₀₂, h₂ = (η₂₀ − η₀₂)² + 4 η₁₁², … (M.-K. Hu 1962, doi:10.1109/TIT.1962.1057692)
//! ```
//!
//! | column | value |
//! |---|---|
//! | `hu-moments.h1` … `hu-moments.h7` | `−sign(h) log₁₀ abs(h)`, since they span twenty decades |
//!
//! *Sign of h₇*: as scikit-image 0.26, whose first axis is the row; OpenCV 5 has the opposite sign, for
//! its first axis is the column. h₇ changes its sign in a mirror image; nothing else does. *Invariances*:
//! moving the object over a dark image and quarter turns change nothing, multiplying the weights by `a`
//! divides h₁ by `a`, … (Hu's scaling is of lengths).
//!
//! *Masks*: a masked pixel has no weight. That is a bias, for light that was not counted counts as dark:
//! gaps through the object pull its centre away from them and change every moment. Fit
//! [`Zernike`](crate::Zernike) moments by least squares where gaps are large. *Missing* (`NaN`, with the
//! reason from [`HuMoments::quantities`]): all of them if the sum of weights is not positive, and those
//! that symmetry makes zero, so that nothing but rounding is left of them: h₂ of round objects, h₃ to h₇
//! of those that half a turn does not change, h₇ of mirror images of themselves.
//!
//! *Cost*: two passes, 1 ms a million pixels and as much as the transform takes. *Source*: compared with
//! scikit-image 0.26 (`moments_central`, `moments_normalized`, `moments_hu`).

use std::borrow::Cow;
use std::sync::Arc;

use ndarray::ArrayViewMut2;
use serde::{Deserialize, Serialize};
use xscatter_core::{FeatureExtractor, Frame, Result};

use crate::batch::fill_rows;
use crate::intensity::{IntensityError, IntensityTransform};
use crate::measured::{Measured, Quantity, Undefined};
use crate::resample::{Grid, GridError, Resampled};
use crate::zernike::vector::{Work, vectorised};

/// Moments by the powers of row and column, `[p][q]` for p, q ≤ 3.
pub type Moments = [[f64; 4]; 4];

/// What [`HuMoments`] computes.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HuMomentsConfig {
    /// What is done to the counts.
    pub transform: IntensityTransform,
    /// The pixels that are summed over.
    pub grid: Grid,
}

/// Why [`HuMoments`] could not be built.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum HuMomentsError {
    /// The transform is not defined.
    #[error(transparent)]
    Transform(#[from] IntensityError),
    /// A grid without pixels.
    #[error(transparent)]
    Grid(#[from] GridError),
}

/// The sums `Σ w rᵖ c^q` over the pixels that count; r and c count from 0.
///
/// ```
/// use ndarray::array;
/// use xscatter_core::Frame;
/// use xscatter_features::moments::raw_moments;
/// use xscatter_features::{Grid, IntensityTransform, Resampled};
///
/// let frame = Frame::new(array![[0.0, 0.0, 0.0], [0.0, 0.0, 3.0]]);
/// let image = Resampled::of(&frame, Grid::Native)?;
/// let m = raw_moments(&image, IntensityTransform::Raw);
/// assert_eq!((m[0][0], m[1][0], m[0][1], m[1][2]), (3.0, 3.0, 6.0, 12.0));
/// # Ok::<(), xscatter_core::Error>(())
/// ```
pub fn raw_moments(image: &Resampled, transform: IntensityTransform) -> Moments {
    moments_about(&weights(image, transform), image.values.ncols(), [0.0, 0.0])
}

/// The moments about the centroid.
///
/// # Errors
/// [`Undefined`] if the sum of the weights is not positive, so that there is no centroid.
pub fn central_moments(
    image: &Resampled,
    transform: IntensityTransform,
) -> Result<Moments, Undefined> {
    let weights = weights(image, transform);
    let columns = image.values.ncols();
    Ok(moments_about(
        &weights,
        columns,
        centroid(&weights, columns)?,
    ))
}

/// Central moments over the power of the mass that makes them independent of scale; `NaN` where p + q is
/// below 2, as scikit-image has it.
///
/// # Errors
/// [`Undefined`] if the mass `central[0][0]` is not positive.
pub fn normalised_moments(central: &Moments) -> Result<Moments, Undefined> {
    let mass = positive(central[0][0])?;
    let mut normalised = [[f64::NAN; 4]; 4];
    for (p, row) in normalised.iter_mut().enumerate() {
        for (q, value) in row.iter_mut().enumerate().filter(|(q, _)| p + q >= 2) {
            *value = central[p][q] / mass.powf(1.0 + 0.5 * (p + q) as f64);
        }
    }
    Ok(normalised)
}

/// Hu's invariants of normalised central moments; the last has the sign of scikit-image.
pub fn hu_moments(normalised: &Moments) -> [f64; 7] {
    let n = normalised;
    let (sum, difference) = (n[2][0] + n[0][2], n[2][0] - n[0][2]);
    let (a, b) = (n[3][0] + n[1][2], n[2][1] + n[0][3]);
    let (c, d) = (n[3][0] - 3.0 * n[1][2], 3.0 * n[2][1] - n[0][3]);
    let (aa, bb) = (a * a, b * b);
    let (cubic_a, cubic_b) = (a * (aa - 3.0 * bb), b * (3.0 * aa - bb));
    [
        sum,
        difference * difference + 4.0 * n[1][1] * n[1][1],
        c * c + d * d,
        aa + bb,
        c * cubic_a + d * cubic_b,
        difference * (aa - bb) + 4.0 * n[1][1] * a * b,
        d * cubic_a - c * cubic_b,
    ]
}

/// The transformed counts row by row, 0 where a pixel does not count.
pub(crate) fn weights<'a>(image: &'a Resampled, transform: IntensityTransform) -> Cow<'a, [f32]> {
    if transform == IntensityTransform::Raw && image.coverage.is_none() {
        return Cow::Borrowed(image.as_slice());
    }
    Cow::Owned(image.map_valid(0.0, |count| transform.apply(f64::from(count)) as f32))
}

/// The centre of mass in rows and columns.
pub(crate) fn centroid(weights: &[f32], columns: usize) -> Result<[f64; 2], Undefined> {
    // About the middle, so that little is lost to cancellation.
    let rows = weights.len() / columns;
    let middle = [rows, columns].map(|size| 0.5 * (size as f64 - 1.0));
    let sums = moments_about(weights, columns, middle);
    let mass = positive(sums[0][0])?;
    Ok([middle[0] + sums[1][0] / mass, middle[1] + sums[0][1] / mass])
}

pub(crate) fn positive(mass: f64) -> Result<f64, Undefined> {
    if mass > 0.0 && mass.is_finite() {
        return Ok(mass);
    }
    let reason = format!("expected a positive sum of intensities, found {mass}");
    Err(Undefined::new(reason))
}

fn moments_about(weights: &[f32], columns: usize, origin: [f64; 2]) -> Moments {
    let mut moments = [[0.0; 4]; 4];
    vectorised(About {
        weights,
        columns,
        origin,
        moments: &mut moments,
    });
    moments
}

struct About<'a> {
    weights: &'a [f32],
    columns: usize,
    origin: [f64; 2],
    moments: &'a mut Moments,
}

impl Work for About<'_> {
    #[allow(
        clippy::inline_always,
        reason = "a function that is not inlined would be compiled without the wide instructions"
    )]
    #[inline(always)]
    fn run(self) {
        for (row, weights) in self.weights.chunks_exact(self.columns).enumerate() {
            let sums = power_sums(weights, -self.origin[1]);
            let y = row as f64 - self.origin[0];
            let mut power = 1.0;
            for moments in &mut *self.moments {
                for (moment, sum) in moments.iter_mut().zip(sums) {
                    *moment += power * sum;
                }
                power *= y;
            }
        }
    }
}

/// `Σ w x^q` for x = `first`, `first` + 1, … and q ≤ 3.
#[allow(
    clippy::inline_always,
    reason = "a function that is not inlined would be compiled without the wide instructions"
)]
#[inline(always)]
fn power_sums(weights: &[f32], first: f64) -> [f64; 4] {
    const LANES: usize = 16;
    let mut sums = [[0.0_f64; LANES]; 4];
    let mut x: [f64; LANES] = std::array::from_fn(|lane| first + lane as f64);
    let (blocks, rest) = weights.as_chunks::<LANES>();
    let mut last = [0.0; LANES];
    last[..rest.len()].copy_from_slice(rest);
    for block in blocks.iter().chain([&last]) {
        for lane in 0..LANES {
            let mut term = f64::from(block[lane]);
            for sum in &mut sums {
                sum[lane] += term;
                term *= x[lane];
            }
            x[lane] += LANES as f64;
        }
    }
    sums.map(|lanes| lanes.iter().sum())
}

/// What rounding leaves of a zero, relative to what was subtracted.
const ROUNDING: f64 = 1e-12;

/// The invariants on the scale `−sign(h) log₁₀ |h|`, where there is more of them than rounding.
fn logarithms(h: [f64; 7]) -> [Quantity; 7] {
    // |h₅ + i h₇|² = h₃ h₄³ and |h₆| ≤ √h₂ h₄, so these say how large they could have been.
    let scale = h[0].abs();
    let (second, third) = (ROUNDING * scale, ROUNDING * scale.powf(1.5));
    let octic = ROUNDING * (h[2] * h[3].powi(3)).sqrt();
    let limits = [
        0.0,
        second * second,
        third * third,
        third * third,
        octic.max(third.powi(4)),
        (ROUNDING * h[1].sqrt() * h[3]).max(second * third * third),
        octic.max(third.powi(4)),
    ];
    std::array::from_fn(|k| {
        if h[k].abs() > limits[k] {
            return Ok(Measured {
                value: -h[k].signum() * h[k].abs().log10(),
                sigma: None,
            });
        }
        let number = k + 1;
        Err(Undefined::new(format!(
            "expected an image without the symmetry that makes h{number} zero, found {:e}",
            h[k]
        )))
    })
}

/// Hu's invariants; see the [module](self).
///
/// ```
/// use ndarray::Array2;
/// use xscatter_core::{FeatureExtractor, Frame};
/// use xscatter_features::{HuMoments, HuMomentsConfig};
///
/// let streak = |row: usize, column: usize| if column < 3 * row + 9 { 50.0 } else { 0.0 };
/// let counts = Array2::from_shape_fn((40, 60), |(row, column)| streak(row, column));
/// let turned = Array2::from_shape_fn((60, 40), |(row, column)| streak(column, 59 - row));
/// let table = HuMoments::new(HuMomentsConfig::default())?
///     .extract(&[Frame::new(counts), Frame::new(turned)])?;
/// assert!((table.values()[(0, 1)] - table.values()[(1, 1)]).abs() < 1e-5);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct HuMoments {
    config: HuMomentsConfig,
    columns: Vec<Arc<str>>,
}

impl HuMoments {
    /// An extractor with these settings.
    ///
    /// # Errors
    /// [`HuMomentsError`] if a setting is outside its domain.
    pub fn new(config: HuMomentsConfig) -> Result<Self, HuMomentsError> {
        config.transform.check()?;
        config.grid.check(1)?;
        let names = (1..=7).map(|number| format!("hu-moments.h{number}").into());
        Ok(Self {
            config,
            columns: names.collect(),
        })
    }

    /// The seven columns of a frame, or why one of them is missing.
    ///
    /// # Errors
    /// [`DegenerateData`](xscatter_core::ErrorKind::DegenerateData) for a frame without a valid pixel or with
    /// one that is not finite; [`ShapeMismatch`](xscatter_core::ErrorKind::ShapeMismatch) for a frame that the
    /// grid refuses.
    pub fn quantities(&self, frame: &Frame) -> Result<[Quantity; 7]> {
        let image = Resampled::of(frame, self.config.grid)?;
        let normalised = central_moments(&image, self.config.transform)
            .and_then(|central| normalised_moments(&central));
        Ok(match normalised {
            Ok(normalised) => logarithms(hu_moments(&normalised)),
            Err(reason) => std::array::from_fn(|_| Err(reason.clone())),
        })
    }
}

impl FeatureExtractor for HuMoments {
    fn name(&self) -> &str {
        "hu-moments"
    }

    fn columns(&self) -> &[Arc<str>] {
        &self.columns
    }

    fn extract_into(&self, frames: &[Frame], out: ArrayViewMut2<'_, f32>) -> Result<()> {
        self.check_out(frames, &out)?;
        fill_rows(frames, out, |frame| {
            let quantities = self.quantities(frame)?;
            let value = |one: &Quantity| one.as_ref().map_or(f32::NAN, |one| one.value as f32);
            Ok(quantities.iter().map(value).collect())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;
    use ndarray::Array2;
    use proptest::prelude::*;
    use xscatter_core::Mask;
    use xscatter_testkit::check_extractor;

    /// A lopsided halo about a place, on a dark ground.
    fn halo(shape: (usize, usize), row0: usize, column0: usize) -> Array2<f32> {
        Array2::from_shape_fn(shape, |(row, column)| {
            let (y, x) = (
                row as f64 - row0 as f64,
                column as f64 - column0 as f64 + 0.2 * y_of(row, row0),
            );
            let tail = if x > 0.0 { 0.02 } else { 0.05 };
            (1000.0 * (-0.01 * y * y - tail * x * x).exp()).floor() as f32
        })
    }

    fn y_of(row: usize, row0: usize) -> f64 {
        row as f64 - row0 as f64
    }

    fn hu(counts: Array2<f32>) -> [f64; 7] {
        let frame = Frame::new(counts);
        let image = Resampled::of(&frame, Grid::Native).unwrap();
        let central = central_moments(&image, IntensityTransform::Raw).unwrap();
        hu_moments(&normalised_moments(&central).unwrap())
    }

    #[test]
    fn a_rectangle_has_the_moments_of_the_textbook() {
        let mut counts = Array2::zeros((20, 30));
        counts.slice_mut(ndarray::s![4..10, 8..20]).fill(1.0);
        let frame = Frame::new(counts);
        let image = Resampled::of(&frame, Grid::Native).unwrap();
        let central = central_moments(&image, IntensityTransform::Raw).unwrap();
        // n pixels in a line have Σ x² = n (n² − 1)/12 about their middle.
        assert_relative_eq!(
            central[2][0],
            12.0 * 6.0 * 35.0 / 12.0,
            max_relative = 1e-13
        );
        assert_relative_eq!(
            central[0][2],
            6.0 * 12.0 * 143.0 / 12.0,
            max_relative = 1e-13
        );
        assert_eq!(
            (central[1][0], central[0][1], central[1][1]),
            (0.0, 0.0, 0.0)
        );
        let normalised = normalised_moments(&central).unwrap();
        assert!(normalised[1][0].is_nan());
        let h = hu_moments(&normalised);
        assert_relative_eq!(h[0], (35.0 + 143.0) / 12.0 / 72.0, max_relative = 1e-13);
        // Half a turn leaves a rectangle as it is.
        let logarithms = logarithms(h);
        assert!(logarithms[..2].iter().all(Result::is_ok));
        assert!(logarithms[2..].iter().all(Result::is_err));
    }

    #[test]
    fn moving_turning_and_mirroring_do_what_the_mathematics_says() {
        let counts = halo((64, 80), 30, 35);
        let h = hu(counts.clone());
        let moved = hu(halo((64, 80), 33, 39));
        let turned = hu(Array2::from_shape_fn((80, 64), |(row, column)| {
            counts[(column, 79 - row)]
        }));
        let mirrored = hu(Array2::from_shape_fn((64, 80), |(row, column)| {
            counts[(row, 79 - column)]
        }));
        for k in 0..7 {
            assert_relative_eq!(moved[k], h[k], max_relative = 1e-8);
            assert_relative_eq!(turned[k], h[k], max_relative = 1e-9);
            let sign = if k == 6 { -1.0 } else { 1.0 };
            assert_relative_eq!(mirrored[k], sign * h[k], max_relative = 1e-9);
        }
        assert_relative_eq!(
            h[4].powi(2) + h[6].powi(2),
            h[2] * h[3].powi(3),
            max_relative = 1e-9
        );
    }

    #[test]
    fn what_symmetry_makes_zero_is_missing_and_says_why() {
        let round = Array2::from_shape_fn((41, 41), |(row, column)| {
            let r2 = row.abs_diff(20).pow(2) + column.abs_diff(20).pow(2);
            500_u32.saturating_sub(r2 as u32) as f32
        });
        let extractor = HuMoments::new(HuMomentsConfig::default()).unwrap();
        let quantities = extractor.quantities(&Frame::new(round)).unwrap();
        assert!(quantities[0].is_ok());
        for quantity in &quantities[1..] {
            assert!(quantity.is_err(), "{quantity:?}");
        }
        let dark = extractor
            .quantities(&Frame::new(Array2::zeros((4, 4))))
            .unwrap();
        let reason = dark[0].clone().unwrap_err().to_string();
        assert_eq!(reason, "expected a positive sum of intensities, found 0");
        let single = Array2::from_shape_fn((5, 5), |place| f32::from(u8::from(place == (1, 2))));
        let single = extractor.quantities(&Frame::new(single)).unwrap();
        assert!(single.iter().all(Result::is_err));
    }

    #[test]
    fn the_contract_holds_far_from_the_defaults() {
        let frames = [(40, 52), (61, 33)].map(|shape| {
            let bad = Array2::from_shape_fn(shape, |(row, column)| (row + column) % 9 == 0);
            Frame::new(halo(shape, 20, 18))
                .with_mask(Mask::from_bad(bad.view()))
                .unwrap()
        });
        let extractor = HuMoments::new(HuMomentsConfig {
            transform: IntensityTransform::Asinh { scale: 4.0 },
            grid: Grid::LongSide(24),
        });
        check_extractor(&extractor.unwrap(), &frames).unwrap();
        let config = HuMomentsConfig {
            grid: Grid::LongSide(0),
            ..Default::default()
        };
        assert!(HuMoments::new(config).is_err());
    }

    proptest! {
        #[test]
        fn lanes_sum_as_a_plain_loop(rows in 1usize..9, columns in 1usize..70, seed in 0usize..97) {
            let weights: Vec<f32> = (0..rows * columns)
                .map(|k| ((k * 31 + seed) % 17) as f32 - 3.0)
                .collect();
            let found = moments_about(&weights, columns, [1.5, 20.0]);
            for p in 0..4 {
                for q in 0..4 {
                    let plain: f64 = weights
                        .iter()
                        .enumerate()
                        .map(|(k, &w)| {
                            let (y, x) = ((k / columns) as f64 - 1.5, (k % columns) as f64 - 20.0);
                            f64::from(w) * y.powi(p) * x.powi(q)
                        })
                        .sum();
                    prop_assert!((found[p as usize][q as usize] - plain).abs() < 1e-6);
                }
            }
        }
    }
}
