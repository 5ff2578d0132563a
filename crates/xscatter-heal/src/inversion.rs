//! The centre about which an image is most like its own inverse.

use crate::pyramid::Level;

/// The pattern is compared within this many blocks of the centre.
const RADIUS: usize = 256;
/// The least part of the image (or of that square) in which both of a pair must be valid.
const MIN_OVERLAP: f64 = 0.15;

/// Where the correlation of the image with its inverse is largest.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Peak {
    /// In blocks, the centre of block `i` at `i + 0.5`.
    pub(crate) row: f64,
    pub(crate) column: f64,
    /// The correlation there, −1 to 1.
    pub(crate) score: f64,
    /// Whether the largest value lies on the border of the search: then it is none.
    pub(crate) at_limit: bool,
}

/// The best centre within `reach` blocks of `start`, in steps of half a block and then by parabolas.
///
/// `None` if no centre has enough valid pairs.
pub(crate) fn best_inversion(level: &Level, start: [f64; 2], reach: usize) -> Option<Peak> {
    // Blocks i and k − i are each other's image about the place (k + 1) / 2.
    let middle = start.map(|place| (2.0 * place - 1.0).round() as isize);
    let reach = 2 * reach as isize;
    let side = (2 * reach + 1) as usize;
    let scores: Vec<Option<f64>> = (0..side * side)
        .map(|index| {
            let down = (index / side) as isize - reach;
            let right = (index % side) as isize - reach;
            correlation(level, [middle[0] + down, middle[1] + right])
        })
        .collect();
    let mut best: Option<(usize, f64)> = None;
    for (index, score) in scores.iter().enumerate() {
        if let Some(score) = *score
            && best.is_none_or(|(_, highest)| score > highest)
        {
            best = Some((index, score));
        }
    }
    let (index, score) = best?;
    let (down, right) = (index / side, index % side);
    let last = side - 1;
    let at_limit = down == 0 || right == 0 || down == last || right == last;
    let fraction = |before: Option<usize>, after: usize| {
        let a = scores[before?]?;
        let b = (*scores.get(after)?)?;
        let curvature = a - 2.0 * score + b;
        (curvature < 0.0).then(|| (0.5 * (a - b) / curvature).clamp(-0.5, 0.5))
    };
    let (mut dy, mut dx) = (0.0, 0.0);
    if !at_limit {
        dy = fraction(index.checked_sub(side), index + side).unwrap_or(0.0);
        dx = fraction(index.checked_sub(1), index + 1).unwrap_or(0.0);
    }
    let place = |middle: isize, step: usize, fraction: f64| {
        (middle as f64 + step as f64 - reach as f64 + fraction + 1.0) / 2.0
    };
    Some(Peak {
        row: place(middle[0], down, dy),
        column: place(middle[1], right, dx),
        score,
        at_limit,
    })
}

/// The correlation of the square about a centre with its inverse over the pairs that are valid.
fn correlation(level: &Level, total: [isize; 2]) -> Option<f64> {
    // The blocks whose image is on the level, within the square.
    let span = |total: isize, size: usize| {
        let last = size as isize - 1;
        let half = total.div_euclid(2);
        let low = 0.max(total - last).max(half - RADIUS as isize);
        let high = (total - low).min(last);
        (low <= high).then_some((low as usize, high as usize))
    };
    let (top, bottom) = span(total[0], level.rows)?;
    let (left, right) = span(total[1], level.columns)?;
    let (mut n, mut sum, mut squares, mut products) = (0.0f64, 0.0f64, 0.0f64, 0.0f64);
    // Each pair once: rows up to the middle one (whose pairs then count twice, which weighs it as
    // the others are weighed by two images).
    for row in top..=usize::midpoint(top, bottom) {
        let image = top + bottom - row;
        let within = |row: usize| row * level.columns + left..row * level.columns + right + 1;
        let (a, wa) = (&level.values[within(row)], &level.weights[within(row)]);
        let (b, wb) = (&level.values[within(image)], &level.weights[within(image)]);
        // Sums over a row are short: single precision holds them.
        let (mut rn, mut rs, mut rq, mut rp) = (0.0f32, 0.0f32, 0.0f32, 0.0f32);
        for (((a, wa), b), wb) in a.iter().zip(wa).zip(b.iter().rev()).zip(wb.iter().rev()) {
            let weight = wa * wb;
            rn += weight;
            rs += weight * (a + b);
            rq += weight * (a * a + b * b);
            rp += weight * a * b;
        }
        n += f64::from(rn);
        sum += f64::from(rs);
        squares += f64::from(rq);
        products += f64::from(rp);
    }
    let area = level.rows.min(2 * RADIUS) * level.columns.min(2 * RADIUS);
    if n < MIN_OVERLAP * area as f64 / 2.0 {
        return None;
    }
    let mean = sum / (2.0 * n);
    let variance = squares / (2.0 * n) - mean * mean;
    (variance > 1e-9).then(|| (products / n - mean * mean) / variance)
}
