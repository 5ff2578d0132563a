//! Where the rings of a picture have their centre, if they are rings.

use super::picture::Picture;

/// Rings narrower than this many pixels would hold too few of them.
const RING_WIDTH: f64 = 2.0;
/// Sectors of the full turn.
const SECTORS: usize = 36;

/// What concentric rings about the best common centre say of a picture.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Rings {
    /// The centre along the first and the second axis in picture sizes, −2 to 3.
    pub(super) centre: [f64; 2],
    /// Share of the squared gradient that points to or from the centre: 1 for perfect rings, 1/2
    /// for no relation.
    pub(super) alignment: f64,
    /// Share of the variance that the ring means explain.
    pub(super) explained: f64,
    /// Slope of the ring means against the logarithm of the radius.
    pub(super) slope: f64,
    /// Deviation of the ring means from their running mean: sharp rings against smooth decay.
    pub(super) sharpness: f64,
    /// Share of the 36 sectors about the centre that hold valid pixels.
    pub(super) span: f64,
    /// Standard deviation of the sector means once the ring means are subtracted.
    pub(super) azimuthal: f64,
}

/// The rings about the point that lies closest to all lines along gradients.
///
/// Every gradient of a ring pattern points to its centre, so the centre is the weighted least-squares
/// intersection of the gradient lines (Parthasarathy 2012, doi:10.1038/nmeth.2071), repeated with
/// weights that fall with a line's distance from the last centre. It may lie off the picture.
pub(super) fn rings(picture: &Picture) -> Rings {
    let gradients = gradients(picture);
    let Some(centre) = centre(picture, &gradients) else {
        return Rings {
            centre: [0.5, 0.5],
            ..Default::default()
        };
    };
    let (mut along, mut all) = (0.0, 0.0);
    for g in &gradients {
        let (y, x) = (g.row - centre[0], g.column - centre[1]);
        let square = g.down * g.down + g.right * g.right;
        let distance = y.hypot(x);
        if distance > 1.0 {
            along += ((g.down * y + g.right * x) / distance).powi(2);
            all += square;
        }
    }
    let mut rings = Rings {
        centre: [
            (centre[0] / picture.rows as f64).clamp(-2.0, 3.0),
            (centre[1] / picture.columns as f64).clamp(-2.0, 3.0),
        ],
        alignment: if all > 0.0 { along / all } else { 0.0 },
        ..Default::default()
    };
    describe_profile(picture, centre, &mut rings);
    rings
}

struct Gradient {
    row: f64,
    column: f64,
    down: f64,
    right: f64,
}

/// Central differences of the smoothed picture where all four neighbours count.
fn gradients(picture: &Picture) -> Vec<Gradient> {
    let smooth = picture.smoothed();
    let at = |row: usize, column: usize| {
        let index = row * picture.columns + column;
        picture.valid[index].then(|| smooth[index])
    };
    let mut gradients = Vec::new();
    for row in 1..picture.rows.saturating_sub(1) {
        for column in 1..picture.columns.saturating_sub(1) {
            if let (Some(up), Some(down), Some(left), Some(right)) = (
                at(row - 1, column),
                at(row + 1, column),
                at(row, column - 1),
                at(row, column + 1),
            ) {
                gradients.push(Gradient {
                    row: row as f64 + 0.5,
                    column: column as f64 + 0.5,
                    down: (down - up) / 2.0,
                    right: (right - left) / 2.0,
                });
            }
        }
    }
    gradients
}

/// The common centre in pixels, or nothing if the gradients do not fix one.
fn centre(picture: &Picture, gradients: &[Gradient]) -> Option<[f64; 2]> {
    const PASSES: usize = 6;
    let size = picture.rows.max(picture.columns) as f64;
    let tolerance = 0.05 * size;
    let mut centre: Option<[f64; 2]> = None;
    for _ in 0..PASSES {
        // Σ w (1 − ĝ ĝᵀ)(p − c) = 0, with w the squared gradient: no division by its length.
        let [mut a, mut b, mut d, mut u, mut v] = [0.0; 5];
        for g in gradients {
            let trust = centre.map_or(1.0, |[row, column]| {
                let (y, x) = (g.row - row, g.column - column);
                let square = (g.down * g.down + g.right * g.right).max(f64::MIN_POSITIVE);
                let off_squared = (g.down * x - g.right * y).powi(2) / square;
                // Far gradients fix the centre badly; lines that pass it by belong to something else.
                1.0 / ((1.0 + off_squared / (tolerance * tolerance)) * (y.hypot(x) + tolerance)
                    / size)
            });
            let rr = trust * g.right * g.right;
            let rd = -trust * g.right * g.down;
            let dd = trust * g.down * g.down;
            a += rr;
            b += rd;
            d += dd;
            u += rr * g.row + rd * g.column;
            v += rd * g.row + dd * g.column;
        }
        let determinant = a * d - b * b;
        // Parallel gradients (a ramp, a horizon alone) have no common point.
        if determinant <= 1e-6 * (a + d).powi(2) {
            return centre;
        }
        centre = Some([(d * u - b * v) / determinant, (a * v - b * u) / determinant]);
    }
    centre
}

fn describe_profile(picture: &Picture, centre: [f64; 2], rings: &mut Rings) {
    let place = |row: usize, column: usize| {
        let (y, x) = (
            row as f64 + 0.5 - centre[0],
            column as f64 + 0.5 - centre[1],
        );
        let sector = (x.atan2(y) / std::f64::consts::TAU + 0.5) * SECTORS as f64;
        (
            (y.hypot(x) / RING_WIDTH) as usize,
            (sector as usize).min(SECTORS - 1),
        )
    };
    let mut by_ring: Vec<(f64, f64)> = Vec::new();
    for (row, column, z) in picture.valid_pixels() {
        let (ring, _) = place(row, column);
        if by_ring.len() <= ring {
            by_ring.resize(ring + 1, (0.0, 0.0));
        }
        by_ring[ring].0 += z;
        by_ring[ring].1 += 1.0;
    }
    let mean = |k: usize| by_ring[k].0 / by_ring[k].1;
    let mut sectors = [(0.0f64, 0.0f64); SECTORS];
    let (mut within, mut total) = (0.0, 0.0);
    for (row, column, z) in picture.valid_pixels() {
        let (ring, sector) = place(row, column);
        let rest = z - mean(ring);
        within += rest * rest;
        total += z * z;
        sectors[sector].0 += rest;
        sectors[sector].1 += 1.0;
    }
    rings.explained = if total > 0.0 {
        1.0 - within / total
    } else {
        0.0
    };
    let filled = || sectors.iter().filter(|(_, n)| *n > 0.0);
    let n_filled = filled().count() as f64;
    rings.span = n_filled / SECTORS as f64;
    rings.azimuthal = (filled().map(|(sum, n)| (sum / n).powi(2)).sum::<f64>() / n_filled).sqrt();

    // The profile over the rings that hold at least a few pixels.
    let profile: Vec<(f64, f64)> = (0..by_ring.len())
        .filter(|&k| by_ring[k].1 >= 4.0)
        .map(|k| (((k as f64 + 0.5) * RING_WIDTH).ln(), mean(k)))
        .collect();
    if profile.len() < 3 {
        return;
    }
    let n = profile.len() as f64;
    let (mx, my) = profile
        .iter()
        .fold((0.0, 0.0), |(x, y), p| (x + p.0 / n, y + p.1 / n));
    let (sxy, sxx) = profile.iter().fold((0.0, 0.0), |(xy, xx), p| {
        (xy + (p.0 - mx) * (p.1 - my), xx + (p.0 - mx).powi(2))
    });
    rings.slope = sxy / sxx;
    let squares: f64 = (0..profile.len())
        .map(|k| {
            let near = &profile[k.saturating_sub(3)..(k + 4).min(profile.len())];
            let local = near.iter().map(|p| p.1).sum::<f64>() / near.len() as f64;
            (profile[k].1 - local).powi(2)
        })
        .sum();
    rings.sharpness = (squares / n).sqrt();
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;

    fn picture(f: impl Fn(f64, f64) -> f64) -> Picture {
        let (rows, columns) = (96, 128);
        let z: Vec<f64> = (0..rows * columns)
            .map(|k| f((k / columns) as f64 + 0.5, (k % columns) as f64 + 0.5))
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
    fn the_centre_of_rings_is_found_on_and_off_the_picture() {
        for (row, column) in [(40.0, 70.0), (90.0, 10.0), (120.0, 64.0), (-30.0, 150.0)] {
            let found = rings(&picture(|y, x| {
                let r = (y - row).hypot(x - column);
                (-((r % 30.0 - 15.0) / 4.0).powi(2)).exp() - r / 200.0
            }));
            assert_relative_eq!(found.centre[0] * 96.0, row, epsilon = 1.5);
            assert_relative_eq!(found.centre[1] * 128.0, column, epsilon = 1.5);
            assert!(found.alignment > 0.95 && found.explained > 0.9, "{found:?}");
        }
    }

    #[test]
    fn a_ramp_has_no_centre_and_a_constant_no_rings() {
        for flat in [rings(&picture(|y, _| y)), rings(&picture(|_, _| 1.0))] {
            assert_eq!((flat.centre, flat.alignment), ([0.5, 0.5], 0.0));
        }
    }
}
