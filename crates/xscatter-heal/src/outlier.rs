//! Isolated spikes: zingers, cosmic rays, hot pixels.
//!
//! A count `I` stands out if more than half of its valid neighbours `m` in a square window lie more
//! than `k` standard deviations of counting noise below it: `I − m > k √(max(m, 0) + 1)`. This is the
//! comparison with the median of the neighbourhood, without computing it. Connected pixels (of
//! eight) that stand out by `k / 2` form a cluster; a cluster is a spike if it has at most
//! `max_cluster_px` pixels, one of which stands out by `k`. Rings, streaks and Bragg spots that are
//! wider than that are connected over more pixels and stay.
//!
//! Use it before features or integrals on frames of detectors that see cosmic rays (CCDs, long
//! exposures) or have hot pixels; state `counts_per_photon` for detectors that integrate, or noise
//! will be taken for spikes. Do not use it where single-pixel Bragg spots are the signal: one
//! frame cannot tell them from zingers; a series can.
//!
//! A spike takes the median of its valid neighbours outside the cluster and is flagged
//! [`HEALED`](xscatter_core::PixelFlags::HEALED). The search repeats until nothing stands out, so
//! healing twice is healing once. *Masks*: masked pixels are neither healed nor neighbours; a pixel
//! with fewer than three valid neighbours is left alone.
//!
//! *Cost*: `2 (2 r + 1)²` comparisons a pixel; later passes look only at rows near healed pixels.

use rayon::prelude::*;
use xscatter_core::{Frame, FrameTransform, PixelFlags, Result};

/// What counts as a spike.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ZingerConfig {
    /// The window reaches this far to each side: 1 for 3 × 3, 2 for 5 × 5.
    pub radius_px: usize,
    /// Standard deviations of counting noise by which a spike stands out.
    pub threshold_sigma: f64,
    /// The most pixels that a spike has.
    pub max_cluster_px: usize,
    /// The counts that one photon makes; 1 in a photon counter.
    pub counts_per_photon: f64,
}

impl Default for ZingerConfig {
    /// 5 × 5 windows, six standard deviations, at most 4 pixels, a photon counter.
    fn default() -> Self {
        Self {
            radius_px: 2,
            threshold_sigma: 6.0,
            max_cluster_px: 4,
            counts_per_photon: 1.0,
        }
    }
}

/// Why [`ZingerRemoval`] could not be built.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum ZingerError {
    /// The window is the pixel itself, or so wide that it is no neighbourhood.
    #[error("expected a radius of 1 to 8 pixels, got {0}")]
    Radius(usize),
    /// The threshold is not positive and finite.
    #[error("expected a positive finite threshold, got {0} sigma")]
    Threshold(f64),
    /// The counts of a photon are not positive and finite.
    #[error("expected positive finite counts per photon, got {0}")]
    CountsPerPhoton(f64),
    /// No pixel, or so many that half of a window would be spikes.
    #[error("expected clusters of 1 to {most} pixels for this radius, got {found}")]
    Cluster {
        /// The most that the window allows: a third of its neighbours.
        most: usize,
        /// What was asked for.
        found: usize,
    },
}

/// One pixel of a spike.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Zinger {
    /// Along axis 0.
    pub row: usize,
    /// Along axis 1.
    pub column: usize,
    /// What the detector counted.
    pub count: f32,
    /// What its neighbours let expect.
    pub expected: f32,
}

/// Replaces isolated spikes by the median of their neighbours; see the [module](self).
///
/// ```
/// use ndarray::Array2;
/// use xscatter_core::{Frame, FrameTransform};
/// use xscatter_heal::{ZingerConfig, ZingerRemoval};
///
/// let mut counts = Array2::from_elem((9, 9), 20.0);
/// counts[(4, 5)] = 5000.0;
/// let healed = ZingerRemoval::new(ZingerConfig::default())?.apply(Frame::new(counts))?;
/// assert_eq!(healed.counts()[(4, 5)], 20.0);
/// assert_eq!(healed.mask().map(|mask| mask.healed_count()), Some(1));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, Default)]
pub struct ZingerRemoval {
    config: ZingerConfig,
}

impl ZingerRemoval {
    /// A transform with these settings.
    ///
    /// # Errors
    /// [`ZingerError`] if a setting is outside its domain.
    pub fn new(config: ZingerConfig) -> Result<Self, ZingerError> {
        let ZingerConfig {
            radius_px,
            threshold_sigma,
            max_cluster_px,
            counts_per_photon,
        } = config;
        if !(1..=8).contains(&radius_px) {
            return Err(ZingerError::Radius(radius_px));
        }
        if !(threshold_sigma > 0.0 && threshold_sigma.is_finite()) {
            return Err(ZingerError::Threshold(threshold_sigma));
        }
        if !(counts_per_photon > 0.0 && counts_per_photon.is_finite()) {
            return Err(ZingerError::CountsPerPhoton(counts_per_photon));
        }
        let most = ((2 * radius_px + 1).pow(2) - 1) / 3;
        if !(1..=most).contains(&max_cluster_px) {
            return Err(ZingerError::Cluster {
                most,
                found: max_cluster_px,
            });
        }
        Ok(Self { config })
    }

    /// The spikes that [`apply`](FrameTransform::apply) would replace, in the order of their
    /// finding; their number is that of the healed pixels.
    pub fn find(&self, frame: &Frame) -> Vec<Zinger> {
        self.heal(&mut frame.clone())
    }

    fn heal(&self, frame: &mut Frame) -> Vec<Zinger> {
        let mut all = Vec::new();
        let mut levels = vec![Vec::new(); frame.shape().0];
        loop {
            let found = self.pass(frame, &mut levels);
            if found.is_empty() {
                return all;
            }
            for zinger in &found {
                frame.heal(zinger.row, zinger.column, zinger.expected);
                // What stands out changes only where a window holds a healed pixel.
                let radius = self.config.radius_px;
                let rows = zinger.row.saturating_sub(radius)..=zinger.row + radius;
                levels
                    .iter_mut()
                    .take(*rows.end() + 1)
                    .skip(*rows.start())
                    .for_each(Vec::clear);
            }
            // Every pass heals pixels that no later pass may heal again: it ends.
            all.extend(found);
        }
    }

    /// The spikes of one pass; `levels` holds what stands out in each row, empty where that is to be
    /// found (again).
    fn pass(&self, frame: &Frame, levels: &mut [Vec<u8>]) -> Vec<Zinger> {
        let (rows, columns) = frame.shape();
        let window = Window::new(frame, self.config.radius_px);
        levels.par_iter_mut().enumerate().for_each(|(row, line)| {
            if line.is_empty() {
                *line = window.levels(row, &self.config);
            }
        });
        let mut seen = vec![false; rows * columns];
        let mut zingers = Vec::new();
        for (row, line) in levels.iter().enumerate() {
            for column in (0..columns).filter(|&column| line[column] == 2) {
                let cluster = cluster(levels, &mut seen, (row, column));
                if (1..=self.config.max_cluster_px).contains(&cluster.len()) {
                    for &(row, column) in &cluster {
                        if let Some(expected) = window.median(row, column, &cluster) {
                            let count = frame.counts()[(row, column)];
                            zingers.push(Zinger {
                                row,
                                column,
                                count,
                                expected,
                            });
                        }
                    }
                }
            }
        }
        zingers
    }
}

impl FrameTransform for ZingerRemoval {
    fn apply(&self, mut frame: Frame) -> Result<Frame> {
        self.heal(&mut frame);
        Ok(frame)
    }
}

/// The count of a neighbour at which `count` stands out by exactly `k` standard deviations: the
/// solution of `m + k √(g max(m, 0) + g²) = count`.
fn limit(count: f64, k: f64, counts_per_photon: f64) -> f64 {
    let photons = count / counts_per_photon;
    if photons < k {
        return count - k * counts_per_photon;
    }
    let root = ((k * k + 4.0 * (photons + 1.0)).sqrt() - k) / 2.0;
    (root * root - 1.0) * counts_per_photon
}

/// The pixels that stand out and are connected to this one; nothing if it was seen before.
fn cluster(levels: &[Vec<u8>], seen: &mut [bool], start: (usize, usize)) -> Vec<(usize, usize)> {
    let columns = levels[0].len();
    let mut cluster = Vec::new();
    let mut open = vec![start];
    while let Some((row, column)) = open.pop() {
        let place = &mut seen[row * columns + column];
        if *place || levels[row][column] == 0 {
            continue;
        }
        *place = true;
        cluster.push((row, column));
        for r in row.saturating_sub(1)..(row + 2).min(levels.len()) {
            for c in column.saturating_sub(1)..(column + 2).min(columns) {
                open.push((r, c));
            }
        }
    }
    cluster
}

/// The neighbourhoods of a frame.
struct Window<'a> {
    /// The counts of the frame; infinite, hence below nothing, where invalid.
    counts: Vec<f32>,
    flags: Option<&'a [PixelFlags]>,
    rows: usize,
    columns: usize,
    radius: usize,
}

impl<'a> Window<'a> {
    fn new(frame: &'a Frame, radius: usize) -> Self {
        let (rows, columns) = frame.shape();
        let flags = frame.mask().map(|mask| mask.as_slice());
        let valid = |index: usize| flags.is_none_or(|flags: &[PixelFlags]| flags[index].is_valid());
        let counts = frame.as_slice().iter().enumerate();
        Self {
            counts: counts
                .map(|(index, &count)| if valid(index) { count } else { f32::INFINITY })
                .collect(),
            flags,
            rows,
            columns,
            radius,
        }
    }

    fn near(&self, place: usize, size: usize) -> std::ops::Range<usize> {
        place.saturating_sub(self.radius)..(place + self.radius + 1).min(size)
    }

    /// For each pixel of a row 2 if it stands out by the threshold, 1 if by half of it, else 0. What
    /// was healed does not stand out.
    fn levels(&self, row: usize, config: &ZingerConfig) -> Vec<u8> {
        let line = &self.counts[row * self.columns..][..self.columns];
        let (half, whole) = (config.threshold_sigma / 2.0, config.threshold_sigma);
        let limit =
            |count: f32, k: f64| limit(f64::from(count), k, config.counts_per_photon) as f32;
        let low: Vec<f32> = line.iter().map(|&count| limit(count, half)).collect();
        // One shift of the row after the other: each is a loop without branches, four lanes wide.
        let mut neighbours = vec![0u32; self.columns];
        let mut below = vec![0u32; self.columns];
        for other in self.near(row, self.rows) {
            let others = &self.counts[other * self.columns..][..self.columns];
            for shift in 0..=2 * self.radius {
                if other == row && shift == self.radius {
                    continue;
                }
                let from = self.radius.saturating_sub(shift).min(self.columns);
                let others = &others[shift.saturating_sub(self.radius).min(self.columns)..];
                for (n, &count) in neighbours[from..].iter_mut().zip(others) {
                    *n += u32::from(count < f32::INFINITY);
                }
                for ((n, &low), &count) in below[from..].iter_mut().zip(&low[from..]).zip(others) {
                    *n += u32::from(count < low);
                }
            }
        }
        (0..self.columns)
            .map(|column| {
                let (n, count) = (neighbours[column], line[column]);
                let healed = || {
                    let index = row * self.columns + column;
                    self.flags.is_some_and(|flags| flags[index].is_healed())
                };
                if 2 * below[column] <= n || n < 3 || count == f32::INFINITY || healed() {
                    return 0;
                }
                // Few pixels come so far: the others need no second limit.
                let high = limit(count, whole);
                let counts = self.around(row, column).filter(|&count| count < high);
                1 + u8::from(2 * counts.count() > n as usize)
            })
            .collect()
    }

    /// The counts of the other pixels in the window of a pixel; infinite where invalid.
    fn around(&self, row: usize, column: usize) -> impl Iterator<Item = f32> + '_ {
        self.near(row, self.rows)
            .flat_map(move |r| self.near(column, self.columns).map(move |c| (r, c)))
            .filter(move |&place| place != (row, column))
            .map(|(r, c)| self.counts[r * self.columns + c])
    }

    /// The median of the valid neighbours outside the cluster.
    fn median(&self, row: usize, column: usize, cluster: &[(usize, usize)]) -> Option<f32> {
        let mut counts: Vec<f32> = self
            .near(row, self.rows)
            .flat_map(|r| self.near(column, self.columns).map(move |c| (r, c)))
            .filter(|place| !cluster.contains(place))
            .map(|(r, c)| self.counts[r * self.columns + c])
            .filter(|&count| count < f32::INFINITY)
            .collect();
        counts.sort_unstable_by(f32::total_cmp);
        let middle = counts.len() / 2;
        match counts.len() {
            0 => None,
            n if n % 2 == 1 => Some(counts[middle]),
            _ => Some(f32::midpoint(counts[middle - 1], counts[middle])),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;
    use ndarray::Array2;
    use xscatter_core::Mask;

    fn removal() -> ZingerRemoval {
        ZingerRemoval::new(ZingerConfig::default()).expect("the default is sensible")
    }

    /// A halo with a texture of the size of counting noise.
    fn halo() -> Array2<f32> {
        Array2::from_shape_fn((40, 50), |(row, column)| {
            let r2 = row.abs_diff(18).pow(2) + column.abs_diff(22).pow(2);
            let mean = 4_000.0 / (4.0 + r2 as f32 / 20.0);
            let noise = ((row * 37 + column * 61 + row * column * 11) % 23) as f32 / 23.0 - 0.5;
            (mean + noise * mean.sqrt() * 3.0).round()
        })
    }

    #[test]
    fn the_limit_solves_its_equation() {
        for count in [-20.0, 0.0, 3.0, 6.0, 7.0, 1e4] {
            let m = limit(count, 6.0, 2.5);
            let sigma = (2.5 * m.max(0.0) + 6.25f64).sqrt();
            assert_relative_eq!(m + 6.0 * sigma, count, epsilon = 1e-9);
        }
    }

    #[test]
    fn spikes_and_short_tracks_go_and_the_rest_stays() {
        let clean = halo();
        let mut counts = clean.clone();
        let spikes = [(5, 5), (30, 40), (30, 41), (31, 42), (0, 0), (18, 30)];
        for (row, column) in spikes {
            counts[(row, column)] += 4000.0;
        }
        let zingers = removal().find(&Frame::new(counts.clone()));
        let mut places: Vec<_> = zingers.iter().map(|z| (z.row, z.column)).collect();
        places.sort_unstable();
        let mut expected = spikes;
        expected.sort_unstable();
        assert_eq!(places, expected);
        let healed = removal().apply(Frame::new(counts)).unwrap();
        for ((place, &count), &clean) in healed.counts().indexed_iter().zip(&clean) {
            if spikes.contains(&place) {
                let sigma = (clean + 1.0).sqrt();
                assert!(
                    (count - clean).abs() < 8.0 * sigma,
                    "{place:?}: {count}, {clean}"
                );
                assert!(healed.mask().unwrap().flags()[place].is_healed());
            } else {
                assert_eq!(count, clean);
            }
        }
    }

    #[test]
    fn a_bragg_spot_and_a_thin_ring_stay() {
        let counts = Array2::from_shape_fn((60, 60), |(row, column)| {
            let (y, x) = (row as f32 - 30.0, column as f32 - 30.0);
            let spot = 9000.0 * (-((y - 12.0).powi(2) + (x + 3.0).powi(2)) / 2.0).exp();
            let ring = 900.0 * (-((y.hypot(x) - 20.0) / 0.7).powi(2)).exp();
            (10.0 + spot + ring).round()
        });
        assert_eq!(removal().find(&Frame::new(counts)), []);
    }

    #[test]
    fn healing_twice_is_healing_once() {
        let mut counts = halo();
        for k in 0..60 {
            let place = ((k * 17 + 3) % 40, (k * 29 + 11) % 50);
            counts[place] += 200.0 * (k % 7) as f32;
        }
        let once = removal().apply(Frame::new(counts)).unwrap();
        assert!(once.mask().unwrap().healed_count() > 10);
        let twice = removal().apply(once.clone()).unwrap();
        assert_eq!(once.counts(), twice.counts());
        assert_eq!(once.mask(), twice.mask());
    }

    #[test]
    fn a_masked_spike_is_not_healed_and_does_not_count() {
        let mut counts = halo();
        counts[(7, 7)] = f32::NAN;
        counts[(7, 8)] = 1e9;
        let bad = Array2::from_shape_fn((40, 50), |place| place == (7, 7) || place == (7, 8));
        let frame = Frame::new(counts)
            .with_mask(Mask::from_bad(bad.view()))
            .unwrap();
        assert_eq!(removal().find(&frame), []);
    }

    #[test]
    fn a_frame_too_small_for_neighbours_is_left_alone() {
        for shape in [(0, 0), (0, 5), (1, 1), (1, 3)] {
            let frame = Frame::new(Array2::from_elem(shape, 9.0));
            assert_eq!(removal().apply(frame).unwrap().shape(), shape);
        }
    }

    #[test]
    fn senseless_settings_are_refused() {
        let broken = |radius_px, threshold_sigma, max_cluster_px| {
            ZingerRemoval::new(ZingerConfig {
                radius_px,
                threshold_sigma,
                max_cluster_px,
                ..Default::default()
            })
            .unwrap_err()
        };
        assert_eq!(broken(0, 6.0, 1), ZingerError::Radius(0));
        assert_eq!(broken(1, 0.0, 1), ZingerError::Threshold(0.0));
        assert_eq!(
            broken(1, 6.0, 3),
            ZingerError::Cluster { most: 2, found: 3 }
        );
    }
}
