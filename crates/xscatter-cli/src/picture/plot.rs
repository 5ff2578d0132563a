//! A curve as a picture: I(q) on logarithmic axes.
//!
//! The horizontal axis is logarithmic if all q are above 0, the vertical one if at least two of three
//! intensities are: noise around 0 at the end of a subtracted curve does no harm, but a G(r), which
//! swings around 0, is drawn linearly. What an axis cannot show is left out and counted
//! below the plot: points that are not finite and, on a logarithmic axis, points at 0 and below. A
//! standard error becomes a bar; a lower end that a logarithmic axis cannot show ends at the frame.
//! The range of the axes is that of the points, whatever their errors.

use super::canvas::{
    Align, BLACK, CHARACTER, Canvas, GREY, HEIGHT, Ink, LINE, PALE, Rgb, WHITE, text_width,
};
use super::image::shortened;
use super::ticks::{self, Tick};

/// What stands around the plot.
#[derive(Debug, Clone, Default)]
pub(crate) struct Labels {
    /// The first line.
    pub(crate) title: String,
    /// Below the horizontal axis, with its unit.
    pub(crate) x: String,
    /// Beside the vertical axis, with its unit.
    pub(crate) y: String,
}

const CURVE: Rgb = [31, 90, 160];
const ERRORS: Rgb = [168, 196, 226];
const WIDTH: i64 = 1000;
const HEIGHT_OF_PLOT: i64 = 640;
const LEFT: i64 = 104;
const TOP: i64 = 46;
const RIGHT: i64 = 28;
const BOTTOM: i64 = 80;

/// One axis: its range in its own measure (logarithms or numbers).
#[derive(Debug, Clone, Copy)]
struct Axis {
    logarithmic: bool,
    low: f64,
    high: f64,
}

impl Axis {
    /// An axis for these values, a little longer than their range.
    fn new(values: impl Iterator<Item = f64>, logarithmic: bool) -> Self {
        let (low, high) = values
            .map(|value| if logarithmic { value.log10() } else { value })
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| {
                (low.min(value), high.max(value))
            });
        let (low, high) = if low > high { (0.0, 1.0) } else { (low, high) };
        let span = high - low;
        let margin = if span > 0.0 {
            span * 0.03
        } else {
            0.5 * if logarithmic { 1.0 } else { low.abs().max(1.0) }
        };
        Self {
            logarithmic,
            low: low - margin,
            high: high + margin,
        }
    }

    /// Between 0 and 1 inside the range; `None` for what a logarithmic axis cannot show.
    fn position(self, value: f64) -> Option<f64> {
        let value = match self.logarithmic {
            true if value <= 0.0 => return None,
            true => value.log10(),
            false => value,
        };
        Some((value - self.low) / (self.high - self.low))
    }

    fn ticks(self, count: usize) -> Vec<Tick> {
        if self.logarithmic {
            ticks::logarithmic(10_f64.powf(self.low), 10_f64.powf(self.high))
        } else {
            ticks::linear(self.low, self.high, count)
        }
    }
}

/// Draws intensities over q, with standard errors if there are any.
pub(crate) fn draw_curve(q: &[f64], i: &[f64], sigma: Option<&[f64]>, labels: &Labels) -> Canvas {
    let finite: Vec<(f64, f64, f64)> = q
        .iter()
        .zip(i)
        .enumerate()
        .filter(|(_, (q, i))| q.is_finite() && i.is_finite())
        .map(|(index, (&q, &i))| {
            let sigma = sigma.and_then(|sigma| sigma.get(index).copied());
            (q, i, sigma.filter(|sigma| sigma.is_finite()).unwrap_or(0.0))
        })
        .collect();
    let log_x = !finite.is_empty() && finite.iter().all(|&(q, _, _)| q > 0.0);
    let positive = finite.iter().filter(|&&(_, i, _)| i > 0.0).count();
    let log_y = positive * 3 >= finite.len() * 2 && positive > 0;
    let shown = |&(_, i, _): &(f64, f64, f64)| !log_y || i > 0.0;
    let x_axis = Axis::new(finite.iter().filter(|p| shown(p)).map(|p| p.0), log_x);
    let y_axis = Axis::new(finite.iter().filter(|p| shown(p)).map(|p| p.1), log_y);

    let mut canvas = Canvas::new(WIDTH as usize, HEIGHT_OF_PLOT as usize, WHITE);
    let (right, bottom) = (WIDTH - RIGHT, HEIGHT_OF_PLOT - BOTTOM);
    let area = (LEFT, TOP, right, bottom);
    let x_of = |position: f64| LEFT as f64 + position * (right - LEFT) as f64;
    let y_of = |position: f64| bottom as f64 - position * (bottom - TOP) as f64;
    grid(&mut canvas, x_axis, y_axis, area);

    let place = |q: f64, i: f64| Some((x_of(x_axis.position(q)?), y_of(y_axis.position(i)?)));
    for &(q, i, sigma) in finite.iter().filter(|point| point.2 > 0.0) {
        if let (Some(high), Some(middle)) = (place(q, i + sigma), place(q, i)) {
            let low = place(q, i - sigma).unwrap_or((middle.0, bottom as f64));
            canvas.line(low, high, 1.2, ERRORS, area);
        }
    }
    // A point that cannot be shown interrupts the line.
    let points: Vec<Option<(f64, f64)>> = finite.iter().map(|p| place(p.0, p.1)).collect();
    for pair in points.windows(2) {
        if let [Some(from), Some(to)] = *pair {
            canvas.line(from, to, 1.4, CURVE, area);
        }
    }
    let sparse = points.len() <= 200;
    for &(x, y) in points.iter().flatten().filter(|_| sparse) {
        canvas.line((x, y), (x, y), 5.0, CURVE, area);
    }
    canvas.border(LEFT, TOP, right - LEFT, bottom - TOP, BLACK);
    let drawn = points.iter().flatten().count();
    write_labels(&mut canvas, labels, q.len(), drawn, (log_x, log_y));
    canvas
}

/// Pale lines at the numbered marks, the marks and the numbers.
fn grid(canvas: &mut Canvas, x_axis: Axis, y_axis: Axis, area: (i64, i64, i64, i64)) {
    let (left, top, right, bottom) = area;
    for tick in x_axis.ticks(8) {
        let Some(position) = x_axis.position(tick.value) else {
            continue;
        };
        let x = left + (position * (right - left) as f64).round() as i64;
        let mark = if tick.label.is_some() { 6 } else { 3 };
        if let Some(label) = tick.label {
            canvas.fill(x, top, 1, bottom - top, PALE);
            let centred = Ink {
                align: Align::Centre,
                ..Ink::default()
            };
            canvas.text(x, bottom + 10, &label, centred);
        }
        canvas.fill(x, bottom + 1, 1, mark, BLACK);
    }
    for tick in y_axis.ticks(6) {
        let Some(position) = y_axis.position(tick.value) else {
            continue;
        };
        let y = bottom - (position * (bottom - top) as f64).round() as i64;
        let mark = if tick.label.is_some() { 6 } else { 3 };
        if let Some(label) = tick.label {
            canvas.fill(left, y, right - left, 1, PALE);
            let right = Ink {
                align: Align::Right,
                ..Ink::default()
            };
            canvas.text(left - 10, y - HEIGHT / 2, &label, right);
        }
        canvas.fill(left - 1 - mark, y, mark, 1, BLACK);
    }
}

fn write_labels(
    canvas: &mut Canvas,
    labels: &Labels,
    points: usize,
    drawn: usize,
    (log_x, log_y): (bool, bool),
) {
    let middle = LEFT + (WIDTH - LEFT - RIGHT) / 2;
    let centred = Ink {
        align: Align::Centre,
        ..Ink::default()
    };
    let characters = ((WIDTH - 24) / CHARACTER) as usize;
    let bold = Ink {
        bold: true,
        ..Ink::default()
    };
    canvas.text(12, 12, &shortened(&labels.title, characters), bold);
    let bottom = HEIGHT_OF_PLOT - BOTTOM;
    canvas.text(middle, bottom + 12 + LINE, &labels.x, centred);
    let upwards = Ink {
        upwards: true,
        ..centred
    };
    let y = TOP + (bottom - TOP) / 2;
    canvas.text(12, y, &shortened(&labels.y, 50), upwards);
    let name = |logarithmic: bool| if logarithmic { "log" } else { "linear" };
    let mut note = format!("{points} points, {}-{}", name(log_x), name(log_y));
    if drawn < points {
        let why = if log_y {
            "0, below 0 or not finite"
        } else {
            "not finite"
        };
        note = format!("{note}, {} not shown ({why})", points - drawn);
    }
    let grey = Ink {
        colour: GREY,
        ..Ink::default()
    };
    let x = (WIDTH - RIGHT - text_width(&note)).max(12);
    canvas.text(x, HEIGHT_OF_PLOT - 24, &note, grey);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels() -> Labels {
        Labels {
            title: "curve.dat".into(),
            x: "q (1/nm)".into(),
            y: "I".into(),
        }
    }

    /// Pixels of the line's full colour: row and column.
    fn inked(canvas: &Canvas) -> Vec<(i64, i64)> {
        let (width, height) = canvas.size();
        (0..height as i64)
            .flat_map(|y| (0..width as i64).map(move |x| (y, x)))
            .filter(|&(y, x)| canvas.get(x, y) == Some(CURVE))
            .collect()
    }

    #[test]
    fn a_power_law_is_a_straight_line() {
        let q: Vec<f64> = (1..=100).map(|n| f64::from(n) * 0.01).collect();
        let i: Vec<f64> = q.iter().map(|q| q.powi(-4)).collect();
        let pixels = inked(&draw_curve(&q, &i, None, &labels()));
        let (first, last) = (pixels[0], pixels[pixels.len() - 1]);
        let slope = (last.0 - first.0) as f64 / (last.1 - first.1) as f64;
        assert!(slope > 0.0);
        for &(y, x) in &pixels {
            let expected = first.0 as f64 + slope * (x - first.1) as f64;
            assert!((y as f64 - expected).abs() < 6.0, "({y}, {x}): {expected}");
        }
    }

    #[test]
    fn points_without_logarithm_or_number_are_left_out() {
        let q = [0.1, 0.2, 0.3, 0.4, 0.5];
        let with = draw_curve(&q, &[5.0, -1.0, 3.0, f64::NAN, 2.0], None, &labels());
        let without = draw_curve(&[0.1, 0.3, 0.5], &[5.0, 3.0, 2.0], None, &labels());
        // The same dots; the line from the first to the second is interrupted.
        assert!(inked(&with).len() < inked(&without).len());
        assert!(!inked(&with).is_empty());
        // A curve that swings around 0 is shown as a whole.
        let swinging = draw_curve(&[1.0, 2.0, 3.0], &[-1.0, 4.0, -2.0], None, &labels());
        let (low, high) = (inked(&swinging).last().unwrap().0, inked(&swinging)[0].0);
        assert!(low - high > 300, "{low} {high}");
    }

    #[test]
    fn a_longer_error_does_not_move_the_curve() {
        let (q, i) = ([1.0, 2.0, 3.0], [10.0, 20.0, 5.0]);
        let plain = draw_curve(&q, &i, None, &labels());
        let errors = draw_curve(&q, &i, Some(&[1.0, 100.0, f64::NAN]), &labels());
        let missing = inked(&plain)
            .iter()
            .filter(|&&(y, x)| errors.get(x, y) != Some(CURVE))
            .count();
        assert_eq!(missing, 0);
        assert!(errors != plain);
    }

    #[test]
    fn linear_axes_serve_where_logarithms_fail() {
        for (q, i) in [
            (&[-1.0, 0.0, 1.0][..], &[1.0, 2.0, 3.0][..]),
            (&[1.0, 2.0, 3.0], &[-1.0, 0.0, -2.0]),
            (&[1.0, 2.0, 3.0], &[-1.0, 4.0, -2.0]),
            (&[2.0], &[2.0]),
        ] {
            assert!(
                !inked(&draw_curve(q, i, None, &labels())).is_empty(),
                "{q:?}"
            );
        }
        for (q, i) in [(&[][..], &[][..]), (&[f64::NAN], &[1.0])] {
            assert!(
                inked(&draw_curve(q, i, None, &labels())).is_empty(),
                "{q:?}"
            );
        }
    }
}
