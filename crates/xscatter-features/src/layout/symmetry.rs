//! How much a picture is its own mirror image, and where the mirror stands.

use super::picture::Picture;

/// The smallest part of the picture that must lie on both sides of a mirror.
const MIN_OVERLAP: f64 = 0.4;

/// A mirror line across the rows.
#[derive(Debug, Clone, Copy)]
pub(super) struct Mirror {
    /// The masked correlation of the picture with its image, −1 to 1; 0 for a constant picture.
    pub(super) score: f64,
    /// Where the line lies, 0 to 1 from the first to the last row.
    pub(super) position: f64,
}

/// The line between or on rows about which the picture correlates best with its mirror image.
pub(super) fn best_mirror(picture: &Picture) -> Mirror {
    let rows = picture.rows;
    let mut best = Mirror {
        score: f64::NEG_INFINITY,
        position: 0.5,
    };
    // Rows r and total − r are images of each other; the middle line comes first, so that of equal
    // scores the most central one stays.
    let overlap = |total: usize| rows - total.abs_diff(rows - 1);
    let mut totals: Vec<usize> = (0..2 * rows - 1)
        .filter(|&total| overlap(total) as f64 >= MIN_OVERLAP * rows as f64)
        .collect();
    totals.sort_by_key(|&total| total.abs_diff(rows - 1));
    for total in totals {
        let mut pairs = Pairs::default();
        for row in total.saturating_sub(rows - 1)..=(total / 2) {
            let image = total - row;
            if image == row {
                // A row on the line is its own image: it proves nothing.
                continue;
            }
            for column in 0..picture.columns {
                if let (Some(a), Some(b)) = (picture.get(row, column), picture.get(image, column)) {
                    pairs.push(a, b);
                }
            }
        }
        let score = pairs.correlation();
        if score > best.score + 1e-12 {
            best = Mirror {
                score,
                position: (total as f64 / 2.0 + 0.5) / rows as f64,
            };
        }
    }
    if best.score.is_finite() {
        best
    } else {
        Mirror {
            score: 0.0,
            position: 0.5,
        }
    }
}

/// The correlation of the picture with itself turned by half a turn about a place (0 to 1 along
/// both axes); 0 if nothing overlaps.
pub(super) fn point_symmetry(picture: &Picture, row: f64, column: f64) -> f64 {
    let total = |place: f64, size: usize| (2.0 * place * size as f64 - 1.0).round() as isize;
    let (rows, columns) = (total(row, picture.rows), total(column, picture.columns));
    let within = |place: isize, size: usize| (0..size as isize).contains(&place);
    let mut pairs = Pairs::default();
    for (r, c, z) in picture.valid_pixels() {
        let (image_row, image_column) = (rows - r as isize, columns - c as isize);
        if (image_row, image_column) > (r as isize, c as isize)
            && within(image_row, picture.rows)
            && within(image_column, picture.columns)
            && let Some(image) = picture.get(image_row as usize, image_column as usize)
        {
            pairs.push(z, image);
        }
    }
    pairs.correlation()
}

/// Sums over pairs whose order means nothing.
#[derive(Default)]
struct Pairs {
    n: f64,
    sum: f64,
    squares: f64,
    products: f64,
}

impl Pairs {
    fn push(&mut self, a: f64, b: f64) {
        self.n += 1.0;
        self.sum += a + b;
        self.squares += a * a + b * b;
        self.products += a * b;
    }

    fn correlation(&self) -> f64 {
        if self.n == 0.0 {
            return 0.0;
        }
        let mean = self.sum / (2.0 * self.n);
        let variance = self.squares / (2.0 * self.n) - mean * mean;
        if variance <= 1e-12 {
            return 0.0;
        }
        (self.products / self.n - mean * mean) / variance
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;

    fn picture(rows: usize, columns: usize, f: impl Fn(f64, f64) -> f64) -> Picture {
        let z: Vec<f64> = (0..rows * columns)
            .map(|index| f((index / columns) as f64, (index % columns) as f64))
            .collect();
        Picture {
            rows,
            columns,
            valid: vec![true; z.len()],
            counts: z.clone(),
            z,
        }
    }

    #[test]
    fn the_mirror_of_an_off_centre_peak_is_found() {
        let peak = picture(40, 30, |row, column| {
            (-((row - 13.5).powi(2) + (column - 15.0).powi(2)) / 50.0).exp()
        });
        let mirror = best_mirror(&peak);
        assert_relative_eq!(mirror.position, 14.0 / 40.0, epsilon = 1e-12);
        assert_relative_eq!(mirror.score, 1.0, epsilon = 1e-9);
        let score = point_symmetry(&peak, 14.0 / 40.0, 15.5 / 30.0);
        assert_relative_eq!(score, 1.0, epsilon = 1e-9);
    }

    #[test]
    fn a_ramp_is_the_opposite_of_its_mirror_image() {
        let ramp = picture(20, 5, |row, _| row);
        assert!(best_mirror(&ramp).score < -0.9);
        assert!(point_symmetry(&ramp, 0.5, 0.5) < -0.9);
    }

    #[test]
    fn a_constant_picture_and_a_single_row_score_zero_in_the_middle() {
        for rows in [1, 8] {
            let mirror = best_mirror(&picture(rows, 8, |_, _| 3.0));
            assert_eq!((mirror.score, mirror.position), (0.0, 0.5));
        }
    }
}
