//! What shades the image away from the beam: the end of a flight tube, the rim of a camera, the
//! holder of a sample, a window that is too small.

use xscatter_core::PixelPosition;

use super::ranges::{ShadowRanges, log_or_off, stream};
use crate::draw::{chance, log_uniform, normal, uniform};
use crate::obstacle::{Obstacle, Outline};

/// The shadows of an experiment, each there or not.
#[derive(Debug, Clone, Default)]
pub(super) struct Shadows {
    pub(super) rim: Option<Obstacle>,
    pub(super) holder: Option<Obstacle>,
    pub(super) window: Option<Obstacle>,
}

impl Shadows {
    pub(super) fn draw(
        ranges: &ShadowRanges,
        shape: (usize, usize),
        camera: bool,
        beam: PixelPosition,
        seed: u64,
    ) -> Self {
        let sides = (shape.0 as f64, shape.1 as f64);
        let rim_share = if camera {
            ranges.camera_rim_share
        } else {
            ranges.rim_share
        };
        let there = |name: &str, share: f64| {
            let mut rng = stream(seed, name);
            chance(&mut rng, share).then_some(rng)
        };
        Self {
            rim: there("rim", rim_share).map(|mut rng| rim(ranges, sides, &mut rng)),
            holder: there("holder", ranges.holder_share)
                .map(|mut rng| holder(ranges, sides, &mut rng)),
            window: there("window", ranges.window_share)
                .map(|mut rng| window(ranges, sides, beam, &mut rng)),
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Obstacle> {
        self.rim.iter().chain(&self.holder).chain(&self.window)
    }
}

type Rng = rand_chacha::ChaCha8Rng;

fn rim(ranges: &ShadowRanges, (rows, columns): (f64, f64), rng: &mut Rng) -> Obstacle {
    let centre = (
        (rows * uniform(rng, 0.42, 0.58)) as f32,
        (columns * uniform(rng, 0.42, 0.58)) as f32,
    );
    let half_diagonal = 0.5 * rows.hypot(columns);
    Obstacle {
        outline: Outline::Rim {
            centre,
            radius_px: (half_diagonal * ranges.rim_radius_relative.uniform(rng)) as f32,
        },
        edge_px: log_uniform(rng, 1.0, 8.0) as f32,
        transmission: log_or_off(ranges.rim_leak, rng) as f32,
    }
}

/// A holder at the first or the last rows, or columns.
fn holder(ranges: &ShadowRanges, (rows, columns): (f64, f64), rng: &mut Rng) -> Obstacle {
    let (last, row_wise) = (chance(rng, 0.5), chance(rng, 0.6));
    let side = if row_wise { rows } else { columns };
    let depth = (normal(rng, ranges.holder_depth_relative) * side).abs();
    let sign = if last { 1.0 } else { -1.0 };
    let edge = if last { side - depth } else { depth } as f32;
    let (on, towards) = if row_wise {
        ((edge, 0.0), (sign, 0.0))
    } else {
        ((0.0, edge), (0.0, sign))
    };
    Obstacle {
        outline: Outline::HalfPlane { on, towards },
        edge_px: log_uniform(rng, 1.0, 20.0) as f32,
        transmission: log_or_off(ranges.holder_leak, rng) as f32,
    }
}

/// A round or square window around the beam, or around the middle if the beam is far off.
fn window(
    ranges: &ShadowRanges,
    (rows, columns): (f64, f64),
    beam: PixelPosition,
    rng: &mut Rng,
) -> Obstacle {
    let side = (rows * columns).sqrt();
    let half = ranges.window_half_size_relative.uniform(rng) * side;
    let place = |beam: f64, side: f64, rng: &mut Rng| {
        let middle = if (-0.1 * side..=1.1 * side).contains(&beam) {
            beam
        } else {
            0.5 * side
        };
        (middle + normal(rng, 0.15) * half) as f32
    };
    let centre = (place(beam.row, rows, rng), place(beam.column, columns, rng));
    let turn = normal(rng, 0.05);
    let ratio = log_uniform(rng, 0.7, 1.4);
    let outline = if chance(rng, 0.5) {
        Outline::Rim {
            centre,
            radius_px: half as f32,
        }
    } else {
        Outline::Window {
            centre,
            towards: (turn.cos() as f32, turn.sin() as f32),
            half_sides_px: (half as f32, (half * ratio) as f32),
        }
    };
    Obstacle {
        outline,
        edge_px: (log_or_off(ranges.window_edge_px, rng) * side / 1000.0) as f32,
        transmission: log_or_off(ranges.window_leak, rng) as f32,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shadows_come_by_their_shares_and_leave_some_light() {
        let ranges = ShadowRanges {
            window_share: 0.5,
            ..ShadowRanges::default()
        };
        let beam = PixelPosition {
            row: 50.0,
            column: 700.0,
        };
        let mut counts = [0; 3];
        for seed in 0..1000 {
            let shadows = Shadows::draw(&ranges, (200, 300), false, beam, seed);
            counts[0] += u32::from(shadows.rim.is_some());
            counts[1] += u32::from(shadows.holder.is_some());
            counts[2] += u32::from(shadows.window.is_some());
            let lit = (0..200 * 300)
                .step_by(11)
                .filter(|pixel| {
                    let (row, column) = ((pixel / 300) as f32, (pixel % 300) as f32);
                    shadows.iter().all(|o| o.transmitted(row, column) > 0.9)
                })
                .count();
            assert!(lit > 100, "{shadows:?}");
        }
        assert!((150..250).contains(&counts[0]), "{counts:?}");
        assert!((20..60).contains(&counts[1]), "{counts:?}");
        assert!((440..560).contains(&counts[2]), "{counts:?}");
    }
}
