//! Hermans' order parameter of a ring with gaps.

use std::f64::consts::PI;

use super::{IsotropicBackground, SIGNIFICANT};
use crate::measured::{Measured, Undefined};
use crate::order_statistics::quantile;
use crate::polar::chi_rad;

/// Hermans' order parameter and how much of the ring it rests on.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Hermans {
    /// `S`, −1/2 to 1.
    pub s: Measured,
    /// The share of the sectors that are measured, themselves or by their opposite.
    pub covered: f64,
}

/// The variance of the director's azimuth in rad² if `photons` follow the texture kernel of Ruland with this
/// order parameter: `(1 − η²) / (8 N η²)`.
///
/// ```
/// use xscatter_features::orientation::angle_variance;
///
/// assert!((angle_variance(0.3, 2000.0) - 6.319444444e-4).abs() < 1e-12);
/// ```
pub fn angle_variance(eta: f64, photons: f64) -> f64 {
    (1.0 - eta * eta) / (8.0 * photons * eta * eta)
}

/// Hermans' `S` about a director: from the `sums` of counts and numbers of `valid` pixels of an even number
/// of sectors of equal width; see the module [`orientation`](crate::orientation).
///
/// ```
/// use xscatter_features::orientation::{IsotropicBackground, hermans};
///
/// // cos² about χ = 0: ⟨cos²⟩ = (1/5) / (1/3).
/// let chi = |s: usize| (s as f64 + 0.5) * std::f64::consts::TAU / 720.0;
/// let sums: Vec<f64> = (0..720).map(|s| 1e4 * chi(s).cos().powi(2)).collect();
/// let found = hermans(&sums, &[1; 720], 0.0, IsotropicBackground::None)?;
/// assert!((found.s.value - 0.4).abs() < 1e-4);
/// # Ok::<(), xscatter_features::Undefined>(())
/// ```
///
/// # Errors
/// [`Undefined`] without a measured sector, or if less than three uncertainties are left above the background.
///
/// # Panics
/// If there are not as many sums as numbers of pixels, or not an even number of them.
pub fn hermans<N: Copy + Into<f64>>(
    sums: &[f64],
    valid: &[N],
    director_rad: f64,
    background: IsotropicBackground,
) -> Result<Hermans, Undefined> {
    assert_eq!(sums.len(), valid.len(), "a number of pixels for every sum");
    assert!(sums.len().is_multiple_of(2), "sectors with opposites");
    let sectors = sums.len();
    let valid: Vec<f64> = valid.iter().map(|&n| n.into()).collect();
    let shares =
        shares(&valid).ok_or_else(|| Undefined::new("expected a measured sector, found none"))?;
    // ∫ |sin φ| and ∫ cos² φ |sin φ| over what each measured sector stands for.
    let mut weights = vec![(0.0, 0.0); sectors];
    for (sector, parts) in shares.iter().enumerate() {
        let half = PI / sectors as f64;
        let middle = chi_rad(sector, sectors) - director_rad;
        let (plain, squared) = (
            area(middle + half).0 - area(middle - half).0,
            area(middle + half).1 - area(middle - half).1,
        );
        for &(source, share) in parts {
            weights[source].0 += share * plain;
            weights[source].1 += share * squared;
        }
    }
    let mean = |sector: usize| sums[sector] / valid[sector];
    let measured: Vec<usize> = (0..sectors).filter(|&sector| valid[sector] > 0.0).collect();
    let level = match background {
        IsotropicBackground::None => 0.0,
        IsotropicBackground::Quantile(level) => {
            let mut means: Vec<f64> = measured.iter().map(|&sector| mean(sector)).collect();
            means.sort_unstable_by(f64::total_cmp);
            quantile(means.len(), level, |place| means[place])
        }
    };
    let total = |weight: &dyn Fn(usize) -> f64| -> f64 {
        let terms = measured
            .iter()
            .map(|&sector| weight(sector) * (mean(sector) - level));
        terms.sum()
    };
    let net = total(&|sector| weights[sector].0);
    let spread = |weight: &dyn Fn(usize) -> f64| -> f64 {
        let terms = measured.iter().map(|&sector| {
            let n = valid[sector];
            weight(sector).powi(2) * sums[sector].max(0.0) / (n * n)
        });
        terms.sum::<f64>().sqrt()
    };
    let noise = spread(&|sector| weights[sector].0);
    if net <= SIGNIFICANT * noise || !net.is_finite() {
        return Err(Undefined::new(format!(
            "expected intensity above the background, found {net} with an uncertainty of {noise}"
        )));
    }
    let square = total(&|sector| weights[sector].1) / net;
    let sigma = spread(&|sector| (weights[sector].1 - square * weights[sector].0) / net);
    Ok(Hermans {
        s: Measured {
            value: 1.5 * square - 0.5,
            sigma: Some(1.5 * sigma),
        },
        covered: covered(&valid),
    })
}

/// The share of the sectors that are measured, themselves or by their opposite.
pub(super) fn covered(valid: &[f64]) -> f64 {
    let opposite = |sector: usize| valid[(sector + valid.len() / 2) % valid.len()];
    let count = (0..valid.len()).filter(|&sector| valid[sector] > 0.0 || opposite(sector) > 0.0);
    count.count() as f64 / valid.len() as f64
}

/// The antiderivatives of |sin φ| and cos² φ |sin φ|.
fn area(phi: f64) -> (f64, f64) {
    let half_turns = (phi / PI).floor();
    let cosine = (phi - half_turns * PI).cos();
    (
        2.0 * half_turns + 1.0 - cosine,
        (2.0 * half_turns + 1.0 - cosine.powi(3)) / 3.0,
    )
}

/// The measured sectors whose means make that of each sector, with their shares.
fn shares(valid: &[f64]) -> Option<Vec<Vec<(usize, f64)>>> {
    let sectors = valid.len();
    // What is measured directly or by the opposite sector.
    let known: Vec<Option<usize>> = (0..sectors)
        .map(|sector| {
            let opposite = (sector + sectors / 2) % sectors;
            [sector, opposite].into_iter().find(|&one| valid[one] > 0.0)
        })
        .collect();
    known.iter().flatten().next()?;
    let towards = |sector: usize, step: usize| {
        (1..sectors).find_map(|k| known[(sector + k * step) % sectors].map(|source| (k, source)))
    };
    (0..sectors)
        .map(|sector| {
            if let Some(source) = known[sector] {
                return Some(vec![(source, 1.0)]);
            }
            let (after, next) = towards(sector, 1)?;
            let (before, last) = towards(sector, sectors - 1)?;
            let share = after as f64 / (after + before) as f64;
            Some(vec![(last, share), (next, 1.0 - share)])
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;
    use std::f64::consts::TAU;

    const NONE: IsotropicBackground = IsotropicBackground::None;

    /// Ruland's kernel of period n.
    fn kernel(eta: f64, n: f64, chi: f64) -> f64 {
        (1.0 - eta * eta) / ((1.0 + eta).powi(2) - 4.0 * eta * (0.5 * n * chi).cos().powi(2))
    }

    #[test]
    fn g_ori_1_the_variance_of_a_direction() {
        assert_relative_eq!(
            angle_variance(0.3, 2000.0),
            6.319_444_444e-4,
            max_relative = 1e-9
        );
    }

    #[test]
    fn g_tex_5_hermans_of_a_texture_kernel() {
        // Fine sectors: each is taken as constant.
        let sums: Vec<f64> = (0..16_000)
            .map(|s| 1e5 * kernel(0.7, 2.0, chi_rad(s, 16_000) - 0.4))
            .collect();
        let found = hermans(&sums, &vec![1; 16_000], 0.4, NONE).unwrap();
        assert_relative_eq!(found.s.value, 0.418_462_962_9, max_relative = 1e-7);
        assert_eq!(found.covered, 1.0);
    }

    #[test]
    fn the_limits_are_one_zero_and_minus_a_half() {
        let mut along = vec![0.0; 3600];
        (along[0], along[3599], along[1799], along[1800]) = (1e4, 1e4, 1e4, 1e4);
        let s = |sums: &[f64], director| {
            let found = hermans(sums, &vec![1; sums.len()], director, NONE).unwrap();
            found.s.value
        };
        assert_relative_eq!(s(&along, 0.0), 1.0, epsilon = 1e-5);
        assert_relative_eq!(s(&along, 0.25 * TAU), -0.5, epsilon = 1e-5);
        assert_relative_eq!(s(&[100.0; 90], 0.3), 0.0, epsilon = 1e-12);
    }

    #[test]
    fn an_isotropic_background_dilutes_unless_it_is_taken_off() {
        let chi = |s| chi_rad(s, 360);
        // cos⁴ falls to 0; cos² φ sin φ weights give S = 4/7.
        let sums: Vec<f64> = (0..360)
            .map(|s| 1e4 * (chi(s).cos().powi(4) + 0.5))
            .collect();
        let s = |background| hermans(&sums, &[1; 360], 0.0, background).unwrap().s.value;
        assert!(s(NONE) < 0.2);
        assert_relative_eq!(
            s(IsotropicBackground::Quantile(0.0)),
            4.0 / 7.0,
            epsilon = 1e-3
        );
    }

    #[test]
    fn gaps_are_closed_by_the_opposite_side() {
        let valid: Vec<u32> = (0..180).map(|s| u32::from(!(5..30).contains(&s))).collect();
        let sums = |s: usize| 1e6 * kernel(0.5, 2.0, chi_rad(s, 180)) * f64::from(valid[s]);
        let sums: Vec<f64> = (0..180).map(sums).collect();
        let whole: Vec<f64> = (0..180)
            .map(|s| 1e6 * kernel(0.5, 2.0, chi_rad(s, 180)))
            .collect();
        let found = hermans(&sums, &valid, 0.0, NONE).unwrap();
        let expected = hermans(&whole, &[1; 180], 0.0, NONE).unwrap();
        assert_relative_eq!(found.s.value, expected.s.value, max_relative = 1e-12);
        assert_eq!(found.covered, 1.0);
        // What rests on fewer photons is less certain.
        assert!(found.s.sigma > expected.s.sigma);
        let wedge: Vec<f64> = (0..180)
            .map(|s| if s % 90 < 20 { 0.0 } else { 1.0 })
            .collect();
        assert_relative_eq!(covered(&wedge), 70.0 / 90.0, max_relative = 1e-12);
    }

    #[test]
    fn nothing_above_the_background_is_undefined() {
        let flat = hermans(
            &[100.0; 60],
            &[1; 60],
            0.0,
            IsotropicBackground::Quantile(0.0),
        );
        assert!(flat.is_err());
        assert!(hermans(&[0.0; 60], &[0u32; 60], 0.0, NONE).is_err());
    }
}
