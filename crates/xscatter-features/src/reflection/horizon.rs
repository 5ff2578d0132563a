//! The horizon: the straight edge between the shadow of a sample and what scatters above it.

use ndarray::Array2;

use super::view::View;
use crate::measured::{Measured, Undefined};
use crate::order_statistics::median;

/// Strips across the horizon.
const STRIPS: usize = 16;
/// The share of the strips that may lack the edge: a stop, its arm, a streak.
const LACKING: f64 = 0.15;
/// The rows of a window and those left out between the two: a sharp edge and blurred ones.
const WINDOWS: [(usize, usize); 3] = [(2, 0), (4, 1), (8, 1)];
/// The highest of them.
const WIDEST: usize = 2;
/// Rows a column: the edge is nearly level.
const SLOPES: [f64; 5] = [0.0, -0.01, 0.01, -0.02, 0.02];
/// How many times more than the mean count makes 1 + 1 in the logarithm.
const STRETCH: f64 = 50.0;
/// An edge of this part of the strongest is taken for the horizon if it is nearer to the beam.
const FIRST: f64 = 0.2;
/// Within so many rows an edge is the same.
const SAME: usize = 3;
/// By how many rows an edge that is none bends from the middle to the ends.
const BENDS: [f64; 8] = [2.0, -2.0, 4.0, -4.0, 8.0, -8.0, 12.0, -12.0];
/// A bent edge must be stronger by this factor than a straight one.
const BENT: f64 = 1.1;

/// An edge in rows of the view, at its anchor.
#[derive(Debug, Clone, Copy)]
pub(super) struct Edge {
    pub(super) place: Measured,
    pub(super) slope: f64,
    pub(super) score: f64,
}

/// The logarithms of the means of windows that start at a row, strip by strip.
struct Windows<'a> {
    view: &'a View,
    /// Sum and number of the valid counts of the rows before this, strip by strip.
    sums: Array2<(f64, f64)>,
    /// For each of [`WINDOWS`]: from the row `-height`; NaN without enough pixels.
    logs: [Array2<f64>; 3],
    /// Of each strip, from the anchor.
    centres: [f64; STRIPS],
}

/// The edge with the dark side at the lower rows, beyond the beam where there is one.
pub(super) fn edge(view: &View) -> Result<Edge, Undefined> {
    let (rows, columns) = view.counts.dim();
    if rows < 8 || columns < STRIPS {
        return Err(Undefined::new(format!(
            "expected at least 8 rows and {STRIPS} columns, found {rows} and {columns}"
        )));
    }
    let windows = Windows::of(view);
    let missing = || Undefined::new("expected a step between rows, found none");
    let lines: Vec<(usize, f64)> = (0..WINDOWS.len())
        .flat_map(|window| SLOPES.map(|slope| (window, slope)))
        .collect();
    let first = 2;
    let strengths: Vec<Vec<f64>> = lines
        .iter()
        .map(|&(window, slope)| {
            let offsets = windows.offsets(slope, 0.0);
            (first..rows - 1)
                .map(|row| windows.strength(window, row as i64, &offsets, LACKING))
                .collect()
        })
        .collect();
    // The direct beam meets the detector below the horizon.
    let lowest = view.beam.map_or(f64::NEG_INFINITY, |beam| beam.row - 1.0);
    let allowed = |at: usize| (first + at) as f64 > lowest;
    let strongest = strengths
        .iter()
        .flat_map(|line| line.iter().enumerate())
        .filter(|&(at, _)| allowed(at))
        .fold(0.0, |best: f64, (_, &strength)| best.max(strength));
    if strongest <= 0.0 {
        return Err(missing());
    }
    let is_peak = |line: &[f64], at: usize| {
        let around = at.saturating_sub(SAME)..(at + SAME + 1).min(line.len());
        line[around].iter().all(|&other| other <= line[at])
    };
    let peaks: Vec<(usize, usize, f64)> = strengths
        .iter()
        .enumerate()
        .flat_map(|(which, line)| {
            let peaks = (0..line.len())
                .filter(|&at| allowed(at) && line[at] >= FIRST * strongest && is_peak(line, at));
            peaks.map(move |at| (which, at, line[at]))
        })
        .collect();
    let nearest = peaks
        .iter()
        .map(|&(_, at, _)| at)
        .min()
        .ok_or_else(missing)?;
    let same = peaks.iter().filter(|&&(_, at, _)| at <= nearest + SAME);
    let best = same
        .copied()
        .reduce(|best, next| if next.2 > best.2 { next } else { best });
    let (which, at, score) = best.ok_or_else(missing)?;
    let (window, slope) = lines[which];
    let row = (first + at) as i64;
    if windows.bent(window, row, slope) > BENT * score {
        return Err(Undefined::new("expected a straight edge, found a bent one"));
    }
    let (row, slope) = windows.refined(window, row).unwrap_or((row, slope));
    Ok(Edge {
        place: Measured {
            value: row as f64,
            sigma: Some(windows.scatter(row, slope)),
        },
        slope,
        score,
    })
}

impl<'a> Windows<'a> {
    fn of(view: &'a View) -> Self {
        let (rows, columns) = view.counts.dim();
        let anchor = view.anchor();
        let mut windows = Self {
            view,
            sums: sums_of_strips(&view.counts),
            logs: Default::default(),
            centres: std::array::from_fn(|strip| {
                (strip as f64 + 0.5) * columns as f64 / STRIPS as f64 - anchor
            }),
        };
        windows.logs = WINDOWS.map(|(height, _)| {
            Array2::from_shape_fn((rows + height, STRIPS), |(at, strip)| {
                windows.log_of(at as i64 - height as i64, height, strip)
            })
        });
        windows
    }

    /// Of the window of so many rows from `start`, as far as it lies on the image.
    fn log_of(&self, start: i64, height: usize, strip: usize) -> f64 {
        let (rows, columns) = self.view.counts.dim();
        let inside = |row: i64| row.clamp(0, rows as i64) as usize;
        let (before, after) = (
            self.sums[(inside(start), strip)],
            self.sums[(inside(start + height as i64), strip)],
        );
        let (sum, count) = (after.0 - before.0, after.1 - before.1);
        if count < 0.3 * columns as f64 / STRIPS as f64 {
            return f64::NAN;
        }
        self.view.stretched(STRETCH, (sum / count).max(0.0))
    }

    fn log(&self, window: usize, start: i64, strip: usize) -> f64 {
        let logs = &self.logs[window];
        let at = start + WINDOWS[window].0 as i64;
        if (0..logs.nrows() as i64).contains(&at) {
            logs[(at as usize, strip)]
        } else {
            f64::NAN
        }
    }

    /// Rows from the row at the anchor, for a line of this slope that bends by so much to its ends.
    fn offsets(&self, slope: f64, bend: f64) -> [i64; STRIPS] {
        let columns = self.view.counts.ncols() as f64;
        let middle = 0.5 * columns - self.view.anchor();
        self.centres.map(|column| {
            let aside = (column - middle) / (0.5 * columns);
            (slope * column + bend * aside * aside).round() as i64
        })
    }

    /// By how much the logarithm jumps at the least, but for some strips, beyond the slopes beside the edge.
    fn strength(&self, window: usize, row: i64, offsets: &[i64; STRIPS], lacking: f64) -> f64 {
        let (height, gap) = WINDOWS[window];
        let (height, gap) = (height as i64, gap as i64);
        let mut jumps: Vec<f64> = (0..STRIPS)
            .map(|strip| {
                let row = row + offsets[strip];
                let log = |start: i64| self.log(window, start, strip);
                let (dark, below) = (log(row - gap - height), log(row - gap - 2 * height));
                let (bright, above) = (log(row + gap), log(row + gap + height));
                // A narrow shadow, such as the arm of a stop, ends: the dark side is dark further down.
                let wide = self.log(WIDEST, row - gap - WINDOWS[WIDEST].0 as i64, strip);
                // `max` passes over a NaN: what is not there has no slope.
                bright
                    - dark
                    - (above - bright).max(0.0)
                    - (dark - below).max(0.0)
                    - (wide - dark).max(0.0)
            })
            .filter(|jump| !jump.is_nan())
            .collect();
        if jumps.len() <= STRIPS / 2 {
            return f64::NEG_INFINITY;
        }
        let place = (lacking * jumps.len() as f64) as usize;
        *jumps.select_nth_unstable_by(place, f64::total_cmp).1
    }

    /// How strong the edge is as part of a ring or of the end of a round window.
    fn bent(&self, window: usize, row: i64, slope: f64) -> f64 {
        let mut best = f64::NEG_INFINITY;
        for bend in BENDS {
            let offsets = self.offsets(slope, bend);
            let reach = bend.abs() as i64 + 2;
            for row in row - reach..=row + reach {
                best = best.max(self.strength(window, row, &offsets, LACKING));
            }
        }
        best
    }

    /// The sharpest edge within a window's height, at finer slopes: row and slope.
    fn refined(&self, window: usize, row: i64) -> Option<(i64, f64)> {
        let reach = (WINDOWS[window].0 / 2) as i64;
        let mut best: Option<(f64, i64, f64)> = None;
        // The level line first: of equals it stays.
        let steps = (0..=6).flat_map(|step| [step, -step]);
        for slope in steps.map(|step| 0.005 * f64::from(step)) {
            let offsets = self.offsets(slope, 0.0);
            for row in row - reach..=row + reach {
                let strength = self.strength(0, row, &offsets, 0.4);
                if strength > best.map_or(0.0, |best| best.0) {
                    best = Some((strength, row, slope));
                }
            }
        }
        best.map(|(_, row, slope)| (row, slope))
    }

    /// The uncertainty of the row from the scatter of the single strips.
    fn scatter(&self, row: i64, slope: f64) -> f64 {
        let offsets = self.offsets(slope, 0.0);
        let reach = 2 * SAME as i64;
        let own: Vec<f64> = (0..STRIPS)
            .filter_map(|strip| {
                let jump = |shift: i64| {
                    let row = row + offsets[strip] + shift;
                    self.log(0, row, strip) - self.log(0, row - WINDOWS[0].0 as i64, strip)
                };
                (-reach..=reach)
                    .map(|shift| (jump(shift), shift))
                    .filter(|(jump, _)| !jump.is_nan())
                    .reduce(|best, next| if next.0 > best.0 { next } else { best })
            })
            .map(|(_, shift)| shift.abs() as f64)
            .collect();
        let count = own.len().max(1) as f64;
        (1.4826 * median(own).unwrap_or(0.0)).max(12f64.sqrt().recip()) / count.sqrt()
    }
}

/// Prefix sums over rows of the counts in each strip: sum and number of those before the row.
fn sums_of_strips(values: &Array2<Option<f64>>) -> Array2<(f64, f64)> {
    let (rows, columns) = values.dim();
    let mut sums = Array2::from_elem((rows + 1, STRIPS), (0.0, 0.0));
    for row in 0..rows {
        for strip in 0..STRIPS {
            sums[(row + 1, strip)] = sums[(row, strip)];
        }
        for (column, value) in values.row(row).iter().enumerate() {
            if let Some(value) = value {
                let sum = &mut sums[(row + 1, column * STRIPS / columns)];
                sum.0 += value;
                sum.1 += 1.0;
            }
        }
    }
    sums
}
