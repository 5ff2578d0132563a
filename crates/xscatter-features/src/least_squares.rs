//! Weighted least squares: straight lines in closed form, curves by Levenberg–Marquardt within bounds.
//!
//! Both minimise `χ² = Σ ((y − f) / σ)²`; the covariance is the inverse of `Jᵀ J` with the rows of `J`
//! over σ, that is, the given σ are taken at their word. A parameter that ends on a bound where χ² still
//! falls outwards is held there and has variance 0.

use crate::curve::Curve;
use crate::measured::Undefined;

/// The uncertainties of a curve as weights need them: where one is 0 (a bin without a count), the
/// smallest of the others stands in.
pub(crate) fn usable_sigma(curve: &Curve) -> Result<Vec<f64>, Undefined> {
    let above = curve.sigma().iter().copied().filter(|&sigma| sigma > 0.0);
    let smallest = above.fold(f64::INFINITY, f64::min);
    if smallest.is_infinite() {
        let reason = "expected a curve with uncertainties above 0, found none";
        return Err(Undefined::new(reason));
    }
    Ok(curve
        .sigma()
        .iter()
        .map(|&sigma| if sigma > 0.0 { sigma } else { smallest })
        .collect())
}

/// What a fit found.
#[derive(Debug, Clone)]
pub(crate) struct Fit {
    pub(crate) parameters: Vec<f64>,
    /// Row-major, parameters × parameters.
    pub(crate) covariance: Vec<f64>,
    pub(crate) chi_square: f64,
    /// Points less free parameters.
    pub(crate) freedom: usize,
}

impl Fit {
    /// The standard uncertainty of a parameter.
    pub(crate) fn sigma(&self, parameter: usize) -> f64 {
        self.covariance(parameter, parameter).sqrt()
    }

    pub(crate) fn covariance(&self, one: usize, other: usize) -> f64 {
        self.covariance[one * self.parameters.len() + other]
    }

    /// χ² over the degrees of freedom; 0 without any.
    pub(crate) fn reduced_chi_square(&self) -> f64 {
        self.chi_square / self.freedom.max(1) as f64
    }
}

/// The most steps of a fit; one that needs more has no minimum nearby.
const STEPS: usize = 200;

/// Fits `f(x; parameters)` to `y ± sigma`, from `start`, within `bounds`; `None` if there are fewer points
/// than parameters, the numbers leave the finite, or no minimum is reached.
///
/// `model` writes the derivatives to its parameters and returns the value.
pub(crate) fn fit_curve(
    x: &[f64],
    y: &[f64],
    sigma: &[f64],
    start: &[f64],
    bounds: &[(f64, f64)],
    model: impl Fn(f64, &[f64], &mut [f64]) -> f64,
) -> Option<Fit> {
    let count = start.len();
    if x.len() < count {
        return None;
    }
    let clamp = |value: f64, parameter: usize| {
        let (low, high) = bounds[parameter];
        value.clamp(low, high)
    };
    let mut derivatives = vec![0.0; count];
    let chi_square = |parameters: &[f64], derivatives: &mut [f64]| -> f64 {
        let terms = x.iter().zip(y).zip(sigma);
        terms
            .map(|((&x, &y), &sigma)| ((y - model(x, parameters, derivatives)) / sigma).powi(2))
            .sum()
    };
    let mut parameters: Vec<f64> = (0..count).map(|at| clamp(start[at], at)).collect();
    let mut best = chi_square(&parameters, &mut derivatives);
    if !best.is_finite() {
        return None;
    }
    let mut damping = 1e-3;
    let mut normal = vec![0.0; count * count];
    let mut gradient = vec![0.0; count];
    for _ in 0..STEPS {
        normal.fill(0.0);
        gradient.fill(0.0);
        for ((&x, &y), &sigma) in x.iter().zip(y).zip(sigma) {
            let residual = (y - model(x, &parameters, &mut derivatives)) / sigma;
            for one in 0..count {
                let scaled = derivatives[one] / sigma;
                gradient[one] += scaled * residual;
                for other in 0..=one {
                    normal[one * count + other] += scaled * derivatives[other] / sigma;
                }
            }
        }
        mirror(&mut normal, count);
        let free: Vec<usize> = (0..count)
            .filter(|&at| {
                let (low, high) = bounds[at];
                !(parameters[at] <= low && gradient[at] <= 0.0
                    || parameters[at] >= high && gradient[at] >= 0.0)
            })
            .collect();
        let mut moved = false;
        // More and more damping, until a step descends.
        while damping < 1e16 {
            let step = damped_step(&normal, &gradient, count, &free, damping);
            let trial: Option<Vec<f64>> = step.map(|step| {
                let mut trial = parameters.clone();
                for (&at, step) in free.iter().zip(step) {
                    trial[at] = clamp(trial[at] + step, at);
                }
                trial
            });
            if let Some(trial) = trial {
                let found = chi_square(&trial, &mut derivatives);
                if found <= best {
                    // How much less χ² is than the linear model said.
                    let gain = (best - found) / predicted(&trial, &parameters, &normal, &gradient);
                    // How far the step goes in units of the uncertainties it leaves.
                    let far: f64 = free
                        .iter()
                        .map(|&at| {
                            let change = trial[at] - parameters[at];
                            change * change * normal[at * count + at]
                        })
                        .sum();
                    // χ² does not tell shorter steps from rounding.
                    moved = far > 1e-16 * (1.0 + found);
                    parameters = trial;
                    best = found;
                    // Steps that go too far come back in the next: damping ends that.
                    damping = match gain {
                        0.75.. => (damping * 0.1).max(1e-9),
                        0.25.. => damping,
                        _ => (damping * 10.0).max(1e-2),
                    };
                    break;
                }
            }
            damping *= 10.0;
        }
        if !moved {
            return finish(parameters, best, &normal, &free, x.len());
        }
    }
    None
}

/// By how much the step lowers the χ² of the model that is linear in the parameters.
fn predicted(trial: &[f64], parameters: &[f64], normal: &[f64], gradient: &[f64]) -> f64 {
    let count = parameters.len();
    let step: Vec<f64> = trial.iter().zip(parameters).map(|(t, p)| t - p).collect();
    let along = |one: usize| -> f64 {
        let row = &normal[one * count..(one + 1) * count];
        let bent: f64 = row.iter().zip(&step).map(|(n, s)| n * s).sum();
        step[one] * (2.0 * gradient[one] - bent)
    };
    (0..count).map(along).sum()
}

fn mirror(matrix: &mut [f64], count: usize) {
    for one in 0..count {
        for other in 0..one {
            matrix[other * count + one] = matrix[one * count + other];
        }
    }
}

/// Solves `(N + damping · diag N) step = gradient` for the free parameters.
fn damped_step(
    normal: &[f64],
    gradient: &[f64],
    count: usize,
    free: &[usize],
    damping: f64,
) -> Option<Vec<f64>> {
    let factor = Cholesky::of(free.len(), |one, other| {
        let value = normal[free[one] * count + free[other]];
        if one == other {
            value * (1.0 + damping)
        } else {
            value
        }
    })?;
    let gradient: Vec<f64> = free.iter().map(|&at| gradient[at]).collect();
    Some(factor.solve(&gradient))
}

fn finish(
    parameters: Vec<f64>,
    chi_square: f64,
    normal: &[f64],
    free: &[usize],
    points: usize,
) -> Option<Fit> {
    let count = parameters.len();
    let factor = Cholesky::of(free.len(), |one, other| {
        normal[free[one] * count + free[other]]
    })?;
    let mut covariance = vec![0.0; count * count];
    for (column, &at) in free.iter().enumerate() {
        let mut unit = vec![0.0; free.len()];
        unit[column] = 1.0;
        for (value, &row) in factor.solve(&unit).into_iter().zip(free) {
            covariance[row * count + at] = value;
        }
    }
    let sound = parameters.iter().chain(&covariance).all(|v| v.is_finite())
        && (0..count).all(|at| covariance[at * count + at] >= 0.0);
    sound.then_some(Fit {
        parameters,
        covariance,
        chi_square,
        freedom: points - free.len(),
    })
}

/// The Cholesky factor of a matrix that is scaled to a unit diagonal first.
struct Cholesky {
    size: usize,
    /// Lower triangle, row-major.
    lower: Vec<f64>,
    /// One over the square root of each diagonal element.
    scale: Vec<f64>,
}

impl Cholesky {
    /// `None` if the matrix is not positive definite to working precision.
    fn of(size: usize, matrix: impl Fn(usize, usize) -> f64) -> Option<Self> {
        let scale: Vec<f64> = (0..size).map(|at| 1.0 / matrix(at, at).sqrt()).collect();
        if !scale.iter().all(|scale| scale.is_finite()) {
            return None;
        }
        let mut lower = vec![0.0; size * size];
        for row in 0..size {
            for column in 0..=row {
                let known: f64 = (0..column)
                    .map(|k| lower[row * size + k] * lower[column * size + k])
                    .sum();
                let rest = matrix(row, column) * scale[row] * scale[column] - known;
                lower[row * size + column] = if row == column {
                    // A unit diagonal: what is left below this is rounding.
                    if rest < 1e-14 {
                        return None;
                    }
                    rest.sqrt()
                } else {
                    rest / lower[column * size + column]
                };
            }
        }
        Some(Self { size, lower, scale })
    }

    fn solve(&self, right: &[f64]) -> Vec<f64> {
        let Self { size, lower, scale } = self;
        let mut x: Vec<f64> = right.iter().zip(scale).map(|(r, s)| r * s).collect();
        for row in 0..*size {
            let known: f64 = (0..row).map(|k| lower[row * size + k] * x[k]).sum();
            x[row] = (x[row] - known) / lower[row * size + row];
        }
        for row in (0..*size).rev() {
            let known: f64 = (row + 1..*size).map(|k| lower[k * size + row] * x[k]).sum();
            x[row] = (x[row] - known) / lower[row * size + row];
        }
        x.into_iter().zip(scale).map(|(x, s)| x * s).collect()
    }
}

/// Fits `y = a + b x`; parameters `[a, b]`. `None` with fewer than two different x.
pub(crate) fn fit_line(x: &[f64], y: &[f64], sigma: &[f64]) -> Option<Fit> {
    let (mut weights, mut mean_x, mut mean_y) = (0.0, 0.0, 0.0);
    for ((x, y), sigma) in x.iter().zip(y).zip(sigma) {
        let weight = sigma.powi(-2);
        weights += weight;
        mean_x += weight * x;
        mean_y += weight * y;
    }
    mean_x /= weights;
    mean_y /= weights;
    let (mut xx, mut xy) = (0.0, 0.0);
    for ((x, y), sigma) in x.iter().zip(y).zip(sigma) {
        let weight = sigma.powi(-2);
        xx += weight * (x - mean_x).powi(2);
        xy += weight * (x - mean_x) * (y - mean_y);
    }
    if x.len() < 2 || xx.is_nan() || xx <= 0.0 {
        return None;
    }
    let slope = xy / xx;
    let offset = mean_y - slope * mean_x;
    let chi_square = x
        .iter()
        .zip(y)
        .zip(sigma)
        .map(|((x, y), sigma)| ((y - offset - slope * x) / sigma).powi(2))
        .sum();
    let covariance = vec![
        1.0 / weights + mean_x * mean_x / xx,
        -mean_x / xx,
        -mean_x / xx,
        1.0 / xx,
    ];
    let sound = offset.is_finite() && slope.is_finite() && covariance[0].is_finite();
    sound.then_some(Fit {
        parameters: vec![offset, slope],
        covariance,
        chi_square,
        freedom: x.len() - 2,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;

    const FREE: (f64, f64) = (f64::NEG_INFINITY, f64::INFINITY);

    fn line(x: f64, p: &[f64], d: &mut [f64]) -> f64 {
        d.copy_from_slice(&[1.0, x]);
        p[0] + p[1] * x
    }

    #[test]
    fn a_line_is_the_same_in_closed_form_and_by_steps() {
        let x = [1.0, 2.0, 4.0, 7.0];
        let y = [3.0, 4.5, 9.5, 14.0];
        let sigma = [0.5, 0.5, 1.0, 2.0];
        let closed = fit_line(&x, &y, &sigma).unwrap();
        let steps = fit_curve(&x, &y, &sigma, &[0.0, 0.0], &[FREE; 2], line).unwrap();
        for at in 0..2 {
            assert_relative_eq!(
                closed.parameters[at],
                steps.parameters[at],
                max_relative = 1e-9
            );
            assert_relative_eq!(closed.sigma(at), steps.sigma(at), max_relative = 1e-12);
        }
        assert_relative_eq!(closed.chi_square, steps.chi_square, max_relative = 1e-9);
        assert_eq!((closed.freedom, steps.freedom), (2, 2));
    }

    #[test]
    fn a_parameter_on_its_bound_is_held_there() {
        let (x, y, sigma) = ([0.0, 1.0, 2.0], [1.0, 2.0, 3.0], [1.0; 3]);
        let bounds = [(2.0, 9.0), FREE];
        let fit = fit_curve(&x, &y, &sigma, &[5.0, 0.0], &bounds, line).unwrap();
        assert_eq!((fit.parameters[0], fit.sigma(0)), (2.0, 0.0));
        // With the offset at 2, the slope is Σ x (y − 2) / Σ x².
        assert_relative_eq!(fit.parameters[1], 0.4, max_relative = 1e-9);
        assert_relative_eq!(fit.sigma(1), 0.2f64.sqrt(), max_relative = 1e-12);
    }

    #[test]
    fn what_the_points_do_not_decide_is_refused() {
        assert!(fit_line(&[1.0, 1.0], &[1.0, 2.0], &[1.0; 2]).is_none());
        assert!(fit_line(&[1.0], &[1.0], &[1.0]).is_none());
        let fit = fit_curve(&[1.0; 3], &[1.0; 3], &[1.0; 3], &[0.0; 2], &[FREE; 2], line);
        assert!(fit.is_none());
        let fit = fit_curve(&[1.0], &[1.0], &[1.0], &[0.0; 2], &[FREE; 2], line);
        assert!(fit.is_none());
    }
}
