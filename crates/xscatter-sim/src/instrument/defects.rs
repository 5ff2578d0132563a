//! Bad pixels: dead, hot and noisy ones, known to the file or not, and dead lines of cameras.

use xscatter_core::{Mask, PixelFlags};

use super::ranges::{DefectRanges, log_or_off, several, stream};
use crate::draw::{chance, whole};

/// The bad pixels of a detector; places in row-major order.
#[derive(Debug, Clone, Default)]
pub(super) struct Defects {
    /// Pixels that count nothing and that nobody marked.
    pub(super) silent: Vec<usize>,
    /// Pixels that count by themselves, and how much a second.
    pub(super) hot: Vec<(usize, f32)>,
    /// The same, now and then.
    pub(super) noisy: Vec<(usize, f32)>,
    /// Pixels that the file marks.
    pub(super) known: Vec<usize>,
    /// How many pixels are dead, known or not.
    pub(super) dead: usize,
}

impl Defects {
    pub(super) fn draw(
        ranges: &DefectRanges,
        (rows, columns): (usize, usize),
        camera: bool,
        seed: u64,
    ) -> Self {
        let pixels = rows * columns;
        let mut defects = Self::default();
        let rng = &mut stream(seed, "hot");
        for _ in 0..several(ranges.hot, pixels, rng) {
            let pixel = whole(rng, 0, pixels - 1);
            let rate = log_or_off(ranges.hot_per_s, rng) as f32;
            defects.hot.push((pixel, rate));
            if chance(rng, ranges.hot_known_share) {
                defects.known.push(pixel);
            }
        }
        let rng = &mut stream(seed, "noisy");
        for _ in 0..several(ranges.noisy, pixels, rng) {
            let pixel = whole(rng, 0, pixels - 1);
            let rate = log_or_off(ranges.hot_per_s, rng) as f32;
            defects.noisy.push((pixel, rate));
        }
        if camera {
            let rng = &mut stream(seed, "line");
            if chance(rng, ranges.camera_line_share) {
                if chance(rng, 0.3) {
                    let row = whole(rng, 0, rows - 1);
                    defects.silent.extend(row * columns..(row + 1) * columns);
                } else {
                    let column = whole(rng, 0, columns - 1);
                    defects.silent.extend((column..pixels).step_by(columns));
                }
            }
        } else {
            let rng = &mut stream(seed, "dead");
            for _ in 0..several(ranges.dead, pixels, rng) {
                let pixel = whole(rng, 0, pixels - 1);
                if chance(rng, ranges.dead_known_share) {
                    defects.known.push(pixel);
                } else {
                    defects.silent.push(pixel);
                }
                defects.dead += 1;
            }
        }
        defects
    }

    /// Flags the known ones.
    pub(super) fn flag(&self, mask: &mut Mask) {
        let columns = mask.shape().1;
        for &pixel in &self.known {
            mask.insert(pixel / columns, pixel % columns, PixelFlags::BAD);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Interval;

    #[test]
    fn pixels_are_bad_at_the_stated_share_and_known_at_theirs() {
        let ranges = DefectRanges {
            dead: Interval::new(0.01, 0.01),
            hot: Interval::new(0.002, 0.002),
            dead_known_share: 0.5,
            hot_known_share: 0.0,
            ..DefectRanges::default()
        };
        let defects = Defects::draw(&ranges, (300, 400), false, 4);
        assert!((1060..1340).contains(&defects.dead), "{}", defects.dead);
        assert!((180..300).contains(&defects.hot.len()));
        assert!((500..700).contains(&defects.known.len()));
        let mut mask = Mask::all_valid((300, 400));
        defects.flag(&mut mask);
        assert!((490..700).contains(&mask.invalid_count()));
    }

    #[test]
    fn a_camera_has_dead_lines_and_knows_nothing() {
        let ranges = DefectRanges {
            camera_line_share: 1.0,
            hot_known_share: 0.0,
            ..DefectRanges::default()
        };
        let defects = Defects::draw(&ranges, (30, 40), true, 4);
        assert!(matches!(defects.silent.len(), 30 | 40));
        assert!(defects.known.is_empty() && defects.dead == 0);
    }
}
