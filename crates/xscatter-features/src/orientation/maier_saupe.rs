//! The distribution of Maier and Saupe: its order parameter, and its fit to a ring.

use std::f64::consts::PI;

use crate::cholesky::Cholesky;
use crate::measured::{Measured, Undefined};
use crate::polar::chi_rad;

/// The largest `m` that is fitted: an arc of about 4° full width at half maximum.
pub const M_MAX: f64 = 500.0;

/// A fit of `I(χ) = b + a exp(m cos²(χ − χ_0))` to a ring; see the module
/// [`orientation`](crate::orientation).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MaierSaupe {
    /// The width of the distribution, above 0: larger is narrower.
    pub m: Measured,
    /// The order parameter of that width on the sphere.
    pub s2: Measured,
    /// The director, 0 to π.
    pub director_rad: Measured,
    /// The isotropic intensity under the arcs.
    pub background: Measured,
    /// The intensity at the director above it.
    pub height: Measured,
}

/// `∫₀¹ x^(2k) exp(m x²) dx · (2k + 1)` by a series of positive terms; for negative `m` times `exp(−m)`.
fn moment(k: f64, m: f64) -> f64 {
    // Kummer's function M(k + 1/2, k + 3/2, m) = e^m M(1, k + 3/2, −m).
    let (mut term, mut sum, mut j) = (1.0, 1.0, 0.0);
    while term > 1e-17 * sum {
        let ratio = if m >= 0.0 {
            (k + 0.5 + j) / (k + 1.5 + j) * m / (1.0 + j)
        } else {
            -m / (k + 1.5 + j)
        };
        term *= ratio;
        sum += term;
        j += 1.0;
    }
    sum
}

/// `⟨cos² θ⟩` and `⟨cos⁴ θ⟩` of `exp(m cos² θ)` on the sphere.
fn powers_of_cosine(m: f64) -> (f64, f64) {
    let all = moment(0.0, m);
    (moment(1.0, m) / 3.0 / all, moment(2.0, m) / 5.0 / all)
}

/// The order parameter `⟨P_2(cos θ)⟩` of the distribution `exp(m cos² θ)` on the sphere; `m` within ±700.
///
/// ```
/// use xscatter_features::orientation::maier_saupe_s2;
///
/// assert!((maier_saupe_s2(5.0) - 0.6463993324).abs() < 1e-8);
/// assert_eq!(maier_saupe_s2(0.0), 0.0);
/// ```
pub fn maier_saupe_s2(m: f64) -> f64 {
    if m == 0.0 {
        return 0.0;
    }
    let m = m.clamp(-700.0, 700.0);
    1.5 * powers_of_cosine(m).0 - 0.5
}

/// A sector: its azimuth, its mean count, its number of pixels.
struct Sector {
    chi_rad: f64,
    mean: f64,
    pixels: f64,
}

/// Offset, height at the director, `m`, director.
type Parameters = [f64; 4];

fn model(p: &Parameters, chi_rad: f64) -> f64 {
    let cosine = (chi_rad - p[3]).cos();
    p[0] + p[1] * (p[2] * (cosine * cosine - 1.0)).exp()
}

fn gradient(p: &Parameters, chi_rad: f64) -> Parameters {
    let (sine, cosine) = (chi_rad - p[3]).sin_cos();
    let arc = (-p[2] * sine * sine).exp();
    [
        1.0,
        arc,
        -p[1] * arc * sine * sine,
        p[1] * arc * 2.0 * p[2] * cosine * sine,
    ]
}

/// The best of a row of widths, offset and height being those of linear least squares.
fn start(sectors: &[Sector], weights: &[f64], director_rad: f64) -> Option<Parameters> {
    let mut best: Option<(f64, Parameters)> = None;
    for k in 0..11 {
        let m = 0.25 * f64::from(1 << k);
        let shape = [0.0, 1.0, m, director_rad];
        let (mut normal, mut moments) = ([0.0; 3], [0.0; 2]);
        for (sector, w) in sectors.iter().zip(weights) {
            let arc = model(&shape, sector.chi_rad);
            for (sum, term) in normal.iter_mut().zip([1.0, arc, arc * arc]) {
                *sum += w * term;
            }
            moments[0] += w * sector.mean;
            moments[1] += w * sector.mean * arc;
        }
        let Some(linear) = Cholesky::of(&[normal[0], normal[1], normal[1], normal[2]], 2, 1e-12)
        else {
            continue;
        };
        let [background, height] = [0, 1].map(|part| linear.solve(&moments)[part]);
        let p = [background, height, m, director_rad];
        let residual = |(s, w): (&Sector, &f64)| w * (s.mean - model(&p, s.chi_rad)).powi(2);
        let cost: f64 = sectors.iter().zip(weights).map(residual).sum();
        if height > 0.0 && best.is_none_or(|(known, _)| cost < known) {
            best = Some((cost, p));
        }
    }
    best.map(|(_, p)| p)
}

/// How many steps a fit may take.
const STEPS: usize = 500;

/// The least squares of `weights` by Levenberg and Marquardt's method, and the covariance for weights that
/// are inverse variances.
fn minimise(
    sectors: &[Sector],
    weights: &[f64],
    start: Parameters,
) -> Result<(Parameters, Vec<f64>), Undefined> {
    let cost = |p: &Parameters| -> f64 {
        let terms = sectors.iter().zip(weights);
        terms
            .map(|(s, w)| w * (s.mean - model(p, s.chi_rad)).powi(2))
            .sum()
    };
    // What sums of squares differ by without meaning it: by rounding, and that of an exact fit.
    let squares = sectors
        .iter()
        .zip(weights)
        .map(|(s, w)| w * s.mean * s.mean);
    let exact = 1e-26 * squares.sum::<f64>();
    let mut p = start;
    let mut value = cost(&p);
    let mut damping = 1e-3;
    for _ in 0..STEPS {
        let (normal, downhill) = normal_equations(sectors, weights, &p);
        let mut damped = normal.clone();
        (0..4).for_each(|k| damped[5 * k] *= 1.0 + damping);
        let step = Cholesky::of(&damped, 4, 1e-14).map(|cholesky| cholesky.solve(&downhill));
        let next = step.map(|step| [0, 1, 2, 3].map(|k| p[k] + step[k]));
        let next = next.filter(|next| next[2].abs() <= 2.0 * M_MAX);
        // A step of nearly full length that changes nothing: this is the bottom, to rounding. So it is if
        // no step, however short, leads further down.
        let still = next.is_some_and(|next| damping <= 1.0 && is_still(&p, &next));
        let lower = next
            .map(|next| (next, cost(&next)))
            .filter(|(_, found)| *found <= value * (1.0 + 1e-12) + exact);
        if let Some((next, found)) = lower {
            (p, value) = (next, found);
            damping = (0.1 * damping).max(1e-12);
        } else {
            damping *= 10.0;
        }
        if still || damping > 1e12 {
            let (normal, _) = normal_equations(sectors, weights, &p);
            return covariance(&normal).map(|covariance| (p, covariance));
        }
    }
    Err(Undefined::new(format!(
        "expected a fit within {STEPS} steps, found none"
    )))
}

fn is_still(p: &Parameters, next: &Parameters) -> bool {
    let intensity = p[0].abs() + p[1].abs();
    let scale = [intensity, intensity, p[2].abs(), 1.0];
    (0..4).all(|k| (next[k] - p[k]).abs() <= 1e-9 * scale[k])
}

/// `Jᵀ W J` and `Jᵀ W r`.
fn normal_equations(sectors: &[Sector], weights: &[f64], p: &Parameters) -> (Vec<f64>, Vec<f64>) {
    let (mut normal, mut downhill) = (vec![0.0; 16], vec![0.0; 4]);
    for (sector, weight) in sectors.iter().zip(weights) {
        let slope = gradient(p, sector.chi_rad);
        let residual = sector.mean - model(p, sector.chi_rad);
        for row in 0..4 {
            downhill[row] += weight * slope[row] * residual;
            for column in 0..4 {
                normal[4 * row + column] += weight * slope[row] * slope[column];
            }
        }
    }
    (normal, downhill)
}

fn covariance(normal: &[f64]) -> Result<Vec<f64>, Undefined> {
    let cholesky = Cholesky::of(normal, 4, 1e-13);
    cholesky.map(|cholesky| cholesky.inverse()).ok_or_else(|| {
        Undefined::new("expected sectors that tell height, width and background apart")
    })
}

impl MaierSaupe {
    /// The fit to sectors of equal width, `sums` of counts and numbers of `valid` pixels, from a director
    /// nearby.
    ///
    /// ```
    /// use xscatter_features::orientation::MaierSaupe;
    ///
    /// let chi = |s: usize| (s as f64 + 0.5) * std::f64::consts::TAU / 90.0;
    /// let arcs = |s| 100.0 + 900.0 * (3.0 * ((chi(s) - 1.0f64).cos().powi(2) - 1.0)).exp();
    /// let sums: Vec<f64> = (0..90).map(arcs).collect();
    /// let fit = MaierSaupe::fit(&sums, &[1; 90], 0.9)?;
    /// assert!((fit.m.value - 3.0).abs() < 1e-6);
    /// assert!((fit.director_rad.value - 1.0).abs() < 1e-6);
    /// # Ok::<(), xscatter_features::Undefined>(())
    /// ```
    ///
    /// # Errors
    /// [`Undefined`] if the fit does not converge within `m` of 0 to [`M_MAX`].
    ///
    /// # Panics
    /// If there are not as many sums as numbers of pixels.
    pub fn fit<N: Copy + Into<f64>>(
        sums: &[f64],
        valid: &[N],
        director_rad: f64,
    ) -> Result<Self, Undefined> {
        assert_eq!(sums.len(), valid.len(), "a number of pixels for every sum");
        let valid: Vec<f64> = valid.iter().map(|&n| n.into()).collect();
        let sectors: Vec<Sector> = (0..sums.len())
            .filter(|&sector| valid[sector] > 0.0)
            .map(|sector| Sector {
                chi_rad: chi_rad(sector, sums.len()),
                mean: sums[sector] / valid[sector],
                pixels: valid[sector],
            })
            .collect();
        if sectors.len() <= 4 {
            return Err(Undefined::new(format!(
                "expected more than 4 sectors with valid pixels, found {}",
                sectors.len()
            )));
        }
        let pixels: f64 = sectors.iter().map(|sector| sector.pixels).sum();
        let mean = sums.iter().sum::<f64>() / pixels;
        if mean.is_nan() || mean <= 0.0 {
            return Err(Undefined::new(format!(
                "expected a positive mean, found {mean}"
            )));
        }
        let weights: Vec<f64> = sectors.iter().map(|sector| sector.pixels / mean).collect();
        let start = start(&sectors, &weights, director_rad).ok_or_else(|| {
            Undefined::new(format!("expected arcs about {director_rad}, found none"))
        })?;
        let (first, _) = minimise(&sectors, &weights, start)?;
        // A model below 0 has no Poisson variance; the background of the mean bounds it from below.
        let variance = |sector: &Sector| model(&first, sector.chi_rad).max(1e-3 * mean);
        let weights: Vec<f64> = sectors
            .iter()
            .map(|sector| sector.pixels / variance(sector))
            .collect();
        let (p, covariance) = minimise(&sectors, &weights, first)?;
        Self::described(p, &covariance)
    }

    fn described(p: Parameters, covariance: &[f64]) -> Result<Self, Undefined> {
        let [background, height, m, director] = p;
        if !(m > 0.0 && m <= M_MAX && height > 0.0 && height.is_finite()) {
            return Err(Undefined::new(format!(
                "expected arcs with m of 0 to {M_MAX}, found m {m} and a height of {height}"
            )));
        }
        let measured = |value, variance: f64| Measured {
            value,
            sigma: Some(variance.max(0.0).sqrt()),
        };
        let (second, fourth) = powers_of_cosine(m);
        // d⟨cos²⟩/dm = ⟨cos⁴⟩ − ⟨cos²⟩².
        let slope = 1.5 * (fourth - second * second);
        Ok(Self {
            m: measured(m, covariance[10]),
            s2: measured(1.5 * second - 0.5, slope * slope * covariance[10]),
            director_rad: measured(director.rem_euclid(PI), covariance[15]),
            background: measured(background, covariance[0]),
            height: measured(height, covariance[5]),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;

    #[test]
    fn g_tex_6_order_parameters() {
        let expected = [
            (0.0, 0.0),
            (1.0, 0.143_846_058_8),
            (2.0, 0.296_896_836_7),
            (5.0, 0.646_399_332_4),
            (10.0, 0.839_091_643_1),
        ];
        for (m, s2) in expected {
            assert_relative_eq!(maier_saupe_s2(m), s2, epsilon = 1e-8);
        }
        // Narrow: ⟨sin²⟩ = 1/m; across: ⟨cos²⟩ = 1/(2|m|).
        assert_relative_eq!(maier_saupe_s2(700.0), 1.0 - 1.5 / 700.0, epsilon = 1e-5);
        assert_relative_eq!(maier_saupe_s2(-700.0), 1.5 / 1400.0 - 0.5, epsilon = 1e-5);
        // S ≈ 2 m / 15 where m is small, without a jump.
        assert_relative_eq!(maier_saupe_s2(1e-6), 2e-6 / 15.0, max_relative = 1e-4);
    }

    fn arcs(m: f64, director: f64, sectors: usize) -> Vec<f64> {
        let value =
            |s| 50.0 + 200.0 * (m * ((chi_rad(s, sectors) - director).cos().powi(2) - 1.0)).exp();
        (0..sectors).map(value).collect()
    }

    #[test]
    fn wide_and_narrow_arcs_are_found_in_any_direction() {
        for m in [0.5, 3.0, 40.0, 300.0] {
            for director in [0.0, 1.0, 3.0] {
                let fit =
                    MaierSaupe::fit(&arcs(m, director, 360), &[1; 360], director + 0.02).unwrap();
                assert_relative_eq!(fit.m.value, m, max_relative = 1e-6);
                let turn = (fit.director_rad.value - director + 0.1).rem_euclid(PI) - 0.1;
                assert!(turn.abs() < 1e-7, "{director}: {}", fit.director_rad.value);
                assert_relative_eq!(fit.background.value, 50.0, max_relative = 1e-4);
                assert_relative_eq!(fit.s2.value, maier_saupe_s2(fit.m.value), epsilon = 1e-12);
            }
        }
    }

    #[test]
    fn rings_without_arcs_are_undefined() {
        // Dark where arcs are asked for.
        let across = MaierSaupe::fit(&arcs(2.0, 0.5, 180), &[1; 180], 0.5 + 0.5 * PI);
        assert!(across.is_err());
        assert!(MaierSaupe::fit(&[9.0; 90], &[1; 90], 0.0).is_err());
        assert!(MaierSaupe::fit(&[0.0; 90], &[1; 90], 0.0).is_err());
        let few: Vec<u32> = (0..90).map(|s| u32::from(s < 4)).collect();
        assert!(MaierSaupe::fit(&arcs(2.0, 0.5, 90), &few, 0.5).is_err());
    }
}
