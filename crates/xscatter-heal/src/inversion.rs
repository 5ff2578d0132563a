//! The centre about which an image is most like its own inverse.

use crate::pyramid::Level;

/// The pattern is compared within this many blocks of the centre.
const RADIUS: usize = 256;
/// The least part of the compared square in which both of a pair must be valid.
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
    // The same square for all candidates, so that they are compared on equal terms.
    let radius = radius(level, start);
    let scores: Vec<Option<f64>> = (0..side * side)
        .map(|index| {
            let down = (index / side) as isize - reach;
            let right = (index % side) as isize - reach;
            correlation(level, [middle[0] + down, middle[1] + right], radius)
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

/// Half the side of the square about the start that is compared.
fn radius(level: &Level, start: [f64; 2]) -> [usize; 2] {
    // A pair needs both blocks on the image: beyond the nearer border there is none.
    let room = |place: f64, size: usize| place.max(size as f64 - place).ceil().max(1.0) as usize;
    [
        room(start[0], level.rows).min(RADIUS),
        room(start[1], level.columns).min(RADIUS),
    ]
}

/// The correlation of the square about a centre with its inverse over the pairs that are valid.
fn correlation(level: &Level, total: [isize; 2], radius: [usize; 2]) -> Option<f64> {
    // The blocks whose image is on the level, within the square.
    let span = |total: isize, size: usize, radius: usize| {
        let last = size as isize - 1;
        let half = total.div_euclid(2);
        let low = 0.max(total - last).max(half - radius as isize);
        let high = (total - low).min(last);
        (low <= high).then_some((low as usize, high as usize))
    };
    let (top, bottom) = span(total[0], level.rows, radius[0])?;
    let (left, right) = span(total[1], level.columns, radius[1])?;
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
    let pairs = (2 * radius[0] * radius[1]) as f64;
    if n < MIN_OVERLAP * pairs {
        return None;
    }
    let mean = sum / (2.0 * n);
    let variance = squares / (2.0 * n) - mean * mean;
    (variance > 1e-9).then(|| (products / n - mean * mean) / variance)
}
