//! Sums of the pixels of a disc with polynomials, without looking at every polynomial in every pixel.
//!
//! Along the part of a row that lies in the disc, K = degree + 1 masses at the Chebyshev nodes have the same
//! sums with all polynomials up to that degree as the pixels themselves:
//!
//! ```text
//! S_q = Σ w T_q(t)          t from −1 at the first pixel to 1 at the last
//! u_k = Σ_q (2 − δ_q0)/K T_q(t_k) S_q        t_k = cos(π (k + ½)/K)
//! ```
//!
//! Rows are replaced exactly (to rounding) and stably at any degree, since |T_q| ≤ 1. A million
//! pixels become ten thousand masses.
#![allow(
    clippy::inline_always,
    reason = "a function that is not inlined would be compiled without the wide instructions"
)]

use std::f64::consts::PI;
use std::ops::Range;

use super::vector::{Work, vectorised};

/// A disc in an image whose pixels have whole coordinates.
#[derive(Debug, Clone, Copy)]
pub(super) struct Disc {
    pub(super) row: f64,
    pub(super) column: f64,
    pub(super) radius_px: f64,
}

impl Disc {
    /// The columns whose pixels lie in the disc.
    pub(super) fn chord(&self, row: usize, columns: usize) -> Range<usize> {
        let y = self.y(row);
        // The very expression of mahotas, so that pixels on the rim fall on the same side.
        let inside = |column: usize| {
            let x = self.x(column);
            (x * x + y * y).sqrt() <= 1.0
        };
        let half = (1.0 - y * y).max(0.0).sqrt() * self.radius_px;
        let place = |column: f64| (column.max(0.0) as usize).min(columns);
        let mut start = place((self.column - half).ceil());
        let mut end = place((self.column + half).floor() + 1.0).max(start);
        while start > 0 && inside(start - 1) {
            start -= 1;
        }
        while start < end && !inside(start) {
            start += 1;
        }
        while end < columns && inside(end) {
            end += 1;
        }
        while end > start && !inside(end - 1) {
            end -= 1;
        }
        start..end
    }

    fn x(&self, column: usize) -> f64 {
        (column as f64 - self.column) / self.radius_px
    }

    fn y(&self, row: usize) -> f64 {
        (row as f64 - self.row) / self.radius_px
    }
}

/// A mass at a place of the unit disc.
#[derive(Debug, Clone, Copy)]
pub(super) struct Mass {
    pub(super) x: f64,
    pub(super) y: f64,
    pub(super) weight: f64,
}

/// Replaces pixels by masses; compiled for a degree.
#[derive(Debug, Clone)]
pub(super) struct Chords {
    /// `t_k`.
    nodes: Vec<f64>,
    /// `(2 − δ_q0)/K T_q(t_k)`, node by node.
    weights: Vec<f64>,
}

const LANES: usize = 32;

impl Chords {
    pub(super) fn new(degree: usize) -> Self {
        let number = degree + 1;
        let angle = |k: usize| PI * (k as f64 + 0.5) / number as f64;
        let weight = |k: usize, q: usize| {
            let factor = if q == 0 { 1.0 } else { 2.0 };
            factor / number as f64 * (q as f64 * angle(k)).cos()
        };
        Self {
            nodes: (0..number).map(|k| angle(k).cos()).collect(),
            weights: (0..number)
                .flat_map(|k| (0..number).map(move |q| weight(k, q)))
                .collect(),
        }
    }

    /// Masses that have the sums of `values` over the disc with all polynomials up to the degree.
    pub(super) fn masses(&self, values: &[f32], columns: usize, disc: Disc) -> Vec<Mass> {
        let mut masses = Vec::new();
        vectorised(Replace {
            chords: self,
            values,
            columns,
            disc,
            masses: &mut masses,
        });
        masses
    }
}

struct Replace<'a> {
    chords: &'a Chords,
    values: &'a [f32],
    columns: usize,
    disc: Disc,
    masses: &'a mut Vec<Mass>,
}

impl Work for Replace<'_> {
    #[inline(always)]
    fn run(self) {
        let Self { disc, columns, .. } = self;
        let Chords { nodes, weights } = self.chords;
        let mut lanes = vec![[0.0; LANES]; nodes.len()];
        let mut sums = vec![0.0; nodes.len()];
        for (row, values) in self.values.chunks_exact(columns).enumerate() {
            let chord = disc.chord(row, columns);
            let (first, y) = (chord.start, disc.y(row));
            let values = &values[chord];
            if values.len() <= nodes.len() {
                let pixels = values.iter().enumerate().map(|(k, &value)| Mass {
                    x: disc.x(first + k),
                    y,
                    weight: f64::from(value),
                });
                self.masses.extend(pixels);
                continue;
            }
            chebyshev_sums(values, &mut lanes);
            for (sum, lanes) in sums.iter_mut().zip(&lanes) {
                *sum = total(lanes);
            }
            let half = 0.5 * (values.len() - 1) as f64;
            let middle = (first as f64 + half - disc.column) / disc.radius_px;
            let half = half / disc.radius_px;
            let rows = weights.chunks_exact(nodes.len());
            self.masses
                .extend(nodes.iter().zip(rows).map(|(node, weights)| Mass {
                    x: middle + half * node,
                    y,
                    weight: weights.iter().zip(&sums).map(|(w, s)| w * s).sum(),
                }));
        }
    }
}

/// By halves, so that it is vectors that are added.
#[inline(always)]
fn total(lanes: &[f64; LANES]) -> f64 {
    let mut lanes = *lanes;
    let mut half = LANES / 2;
    while half > 0 {
        for lane in 0..half {
            lanes[lane] += lanes[lane + half];
        }
        half /= 2;
    }
    lanes[0]
}

/// `Σ w T_q(t)` in lanes for as many q as there are sums; two pixels or more.
#[inline(always)]
fn chebyshev_sums(values: &[f32], sums: &mut [[f64; LANES]]) {
    sums.fill([0.0; LANES]);
    let step = 2.0 / (values.len() - 1) as f64;
    let (blocks, rest) = values.as_chunks::<LANES>();
    let mut last = [0.0; LANES];
    last[..rest.len()].copy_from_slice(rest);
    for (number, block) in blocks.iter().chain([&last]).enumerate() {
        let first = (number * LANES) as f64;
        let w: [f64; LANES] = std::array::from_fn(|lane| f64::from(block[lane]));
        // Beyond the last pixel there is no weight; t stays small.
        let t: [f64; LANES] =
            std::array::from_fn(|lane| ((first + lane as f64) * step - 1.0).min(1.0));
        let (mut before, mut now) = (t, [1.0; LANES]);
        for sum in &mut *sums {
            for lane in 0..LANES {
                sum[lane] += w[lane] * now[lane];
                // T₋₁ = T₁, so that the recurrence starts by itself.
                let next = 2.0 * t[lane] * now[lane] - before[lane];
                before[lane] = now[lane];
                now[lane] = next;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_abs_diff_eq;

    #[test]
    fn masses_have_the_sums_of_the_pixels_with_every_polynomial() {
        let (rows, columns) = (41, 83);
        let values: Vec<f32> = (0..rows * columns).map(|k| (k * 37 % 29) as f32).collect();
        for (degree, disc) in [
            (0, [20.0, 40.0, 18.0]),
            (5, [3.2, 70.1, 30.0]),
            (40, [20.0, 41.3, 60.0]),
        ] {
            let [row, column, radius_px] = disc;
            let disc = Disc {
                row,
                column,
                radius_px,
            };
            let masses = Chords::new(degree).masses(&values, columns, disc);
            for (p, q) in [(0, 0), (degree, 0), (0, degree), (degree / 2, degree / 3)] {
                let powers = |x: f64, y: f64| y.powi(p as i32) * x.powi(q as i32);
                let found: f64 = masses.iter().map(|m| m.weight * powers(m.x, m.y)).sum();
                let mut expected = 0.0;
                for r in 0..rows {
                    for c in 0..columns {
                        let (x, y) = (disc.x(c), disc.y(r));
                        if x.hypot(y) <= 1.0 {
                            expected += f64::from(values[r * columns + c]) * powers(x, y);
                        }
                    }
                }
                assert_abs_diff_eq!(found, expected, epsilon = 1e-9);
            }
        }
    }

    #[test]
    fn chords_end_where_the_disc_does() {
        let disc = Disc {
            row: 5.0,
            column: 7.0,
            radius_px: 5.0,
        };
        assert_eq!(disc.chord(5, 20), 2..13);
        assert_eq!(disc.chord(0, 20), 7..8);
        assert_eq!(disc.chord(2, 20), 3..12);
        assert!(disc.chord(11, 20).is_empty());
        assert_eq!(disc.chord(5, 9), 2..9);
        let off = Disc {
            column: -40.0,
            ..disc
        };
        assert!(off.chord(5, 20).is_empty());
        let off = Disc {
            column: 1e12,
            ..disc
        };
        assert!(off.chord(5, 20).is_empty());
    }
}
