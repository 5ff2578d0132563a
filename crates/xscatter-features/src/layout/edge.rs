//! The strongest straight step across a picture: a horizon, the edge of a shadow.

use super::picture::Picture;
use crate::order_statistics::median;

/// Strips across the step that must agree on it.
const STRIPS: usize = 8;
/// How far the two sides of a step reach, in parts of the picture.
const REACH: f64 = 0.05;

/// A step between two rows that runs across the whole picture.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Step {
    /// Median over the strips of (after − before); positive if it is darker at lower rows.
    pub(super) height: f64,
    /// Where it lies, 0 to 1 from the first to the last row.
    pub(super) position: f64,
    /// The height over the root mean square over the strips: 1 if all agree.
    pub(super) coherence: f64,
    /// The mean of everything on the darker side.
    pub(super) dark_mean: f64,
    /// The standard deviation of everything on the darker side: a shadow is even.
    pub(super) dark_std: f64,
}

/// The step with the largest median height over strips of columns.
///
/// The median ignores what is not straight and wide: beamstops, spots, rods, arcs.
pub(super) fn strongest_step(picture: &Picture) -> Step {
    let (rows, columns) = (picture.rows, picture.columns);
    let reach = ((REACH * rows as f64).round() as usize).max(2);
    // Prefix sums over rows of each strip: sums[row][strip] of all rows before `row`.
    let mut sums = vec![[(0.0f64, 0.0f64); STRIPS]; rows + 1];
    for row in 0..rows {
        let mut next = sums[row];
        for column in 0..columns {
            if let Some(z) = picture.get(row, column) {
                let strip = &mut next[column * STRIPS / columns];
                strip.0 += z;
                strip.1 += 1.0;
            }
        }
        sums[row + 1] = next;
    }
    let mean = |strip: usize, from: usize, to: usize| {
        let n = sums[to][strip].1 - sums[from][strip].1;
        (n > 0.0).then(|| (sums[to][strip].0 - sums[from][strip].0) / n)
    };
    let mut best = Step {
        position: 0.5,
        ..Default::default()
    };
    // Both sides in full: the borders of detectors are dead or dim often enough.
    for row in reach..(rows + 1).saturating_sub(reach) {
        let (before, after) = (row - reach, row + reach);
        let steps: Vec<f64> = (0..STRIPS)
            .filter_map(|strip| Some(mean(strip, row, after)? - mean(strip, before, row)?))
            .collect();
        if steps.len() < STRIPS / 2 {
            continue;
        }
        let square = steps.iter().map(|step| step * step).sum::<f64>() / steps.len() as f64;
        let Some(height) = median(steps) else {
            continue;
        };
        if height.abs() > best.height.abs() {
            best = Step {
                height,
                position: row as f64 / rows as f64,
                coherence: (height.abs() / square.sqrt()).min(1.0),
                ..best
            };
        }
    }
    let edge = (best.position * rows as f64).round() as usize;
    let dark = if best.height > 0.0 {
        0..edge
    } else {
        edge..rows
    };
    let (mut n, mut sum, mut squares) = (0.0, 0.0, 0.0);
    for (row, _, z) in picture.valid_pixels() {
        if dark.contains(&row) {
            n += 1.0;
            sum += z;
            squares += z * z;
        }
    }
    if n > 0.0 {
        best.dark_mean = sum / n;
        best.dark_std = (squares / n - best.dark_mean * best.dark_mean)
            .max(0.0)
            .sqrt();
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;

    #[test]
    fn a_horizon_is_found_beside_a_brighter_beamstop_edge() {
        let (rows, columns) = (60, 80);
        let mut z = vec![0.0; rows * columns];
        for row in 0..rows {
            for column in 0..columns {
                let stop = (20..30).contains(&row) && (35..45).contains(&column);
                z[row * columns + column] = match (stop, row) {
                    (true, _) => 9.0,
                    (_, 0..42) => 1.0,
                    _ => -0.5,
                };
            }
        }
        let step = strongest_step(&Picture {
            rows,
            columns,
            valid: vec![true; z.len()],
            counts: z.clone(),
            z,
        });
        assert_relative_eq!(step.height, -1.5, epsilon = 1e-12);
        assert_relative_eq!(step.position, 0.7, epsilon = 1e-12);
        assert_relative_eq!(step.coherence, 1.0, epsilon = 1e-12);
        assert_relative_eq!(step.dark_mean, -0.5, epsilon = 1e-12);
        assert_relative_eq!(step.dark_std, 0.0, epsilon = 1e-7);
    }
}
