//! How well each component of a frame can be seen, from the expected counts alone.
//!
//! ```text
//! w = 1/(μ + σ²)                      what a valid pixel knows: Poisson and read noise
//! F_ij = Σ w μ_i μ_j                  the Fisher information of the components' brightness
//! SNR_k = √F_kk                       seen by somebody who knows all the rest
//! SNR'_k = √(F_kk − F_ko F_oo⁻¹ F_ok) seen by somebody who knows the shapes of the others (and of a
//!                                     flat background), not how bright they are
//! ```
//!
//! An order of a ring is judged within 1.5 FWHM of its place, no further than half-way to the next
//! order, against a continuum that is linear in q: what a straight line explains is not a ring. The
//! sums that this takes are collected in bins of q, so a texture counts in full. What varies within a
//! bin is the azimuthal contrast; what rises again after it fell is the fringes of a form factor.
//!
//! σ is the read noise of a camera in photons. Masked pixels have no part in anything; behind a
//! beamstop μ is small and so is what it adds. Cost: some 30 ns a pixel for six components.
//!
//! Sources: Rao 1945 and Cramér 1946 for the bound; the matched filter of North 1963,
//! doi:10.1109/PROC.1963.2383.

use std::ops::Range;

use ndarray::Array2;
use rayon::prelude::*;
use xscatter_core::PixelFlags;

use crate::experiment::{Experiment, Exposed};
use crate::feature::Role;
use crate::instrument::StopKind;

/// Bins of q from 0 to the largest q on the image.
const BINS: usize = 1024;

/// What a pixel must see of the beam to say something about structure in q.
const OPEN: f32 = 0.9;

/// How many rows a task adds up.
const BAND: usize = 128;

/// Bins of the share that the surroundings have in a pixel.
const SHARES: usize = 200;

/// How well one component can be seen.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct ComponentVisibility {
    /// By somebody who knows all the rest.
    pub(crate) snr: f64,
    /// By somebody who knows the shapes of the others.
    pub(crate) snr_apart: f64,
    /// Of each order in the order of q.
    pub(crate) snr_orders: Vec<f64>,
    /// Of what varies with the azimuth.
    pub(crate) snr_azimuth: f64,
    /// Of what rises again with q after it fell.
    pub(crate) snr_fringes: f64,
    /// Expected counts a valid pixel.
    pub(crate) mean_counts: f64,
}

/// How well a frame and what is on it can be seen.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Visibility {
    pub(crate) components: Vec<ComponentVisibility>,
    /// Of all low-q and of all high-q diffuse components together, apart from the rest.
    pub(crate) snr_diffuse: [f64; 2],
    pub(crate) snr_sample: f64,
    pub(crate) valid_pixels: usize,
    pub(crate) mean_counts: f64,
    pub(crate) background_counts: f64,
    /// The median over the valid pixels of the surroundings' share.
    pub(crate) background_share: f64,
    pub(crate) stop: StopKind,
    pub(crate) shadow_pixels: usize,
    pub(crate) snr_shadow: f64,
    /// Valid pixels that expect more than the detector can count.
    pub(crate) saturated_pixels: usize,
}

/// The sums of one component in one bin of q.
#[derive(Debug, Clone, Copy, Default)]
struct Sums {
    /// Σ w μ_k.
    first: f64,
    /// Σ w μ_k².
    second: f64,
}

/// The images of a frame, and how their pixels count.
struct Images<'a> {
    parts: Vec<&'a [f32]>,
    total: &'a [f32],
    q_inv_nm: &'a [f32],
    transmission: &'a [f32],
    flags: Option<&'a [PixelFlags]>,
    of_sample: Vec<bool>,
    columns: usize,
    bins_per_q: f32,
    read_variance: f32,
    /// The most that the detector can count, in photons.
    limit: f32,
}

/// What the pixels of some rows add up to.
struct Tally {
    /// The lower triangle, row by row; the last row and column are those of a flat background.
    fisher: Vec<f64>,
    weight: Vec<f64>,
    pixels: Vec<f64>,
    sums: Vec<Vec<Sums>>,
    means: Vec<f64>,
    shares: Vec<usize>,
    sample_first: f64,
    sample_second: f64,
    counts: f64,
    valid_pixels: usize,
    saturated_pixels: usize,
}

impl Tally {
    fn empty(n: usize) -> Self {
        Self {
            fisher: vec![0.0; (n + 1) * (n + 2) / 2],
            weight: vec![0.0; BINS],
            pixels: vec![0.0; BINS],
            sums: vec![vec![Sums::default(); BINS]; n],
            means: vec![0.0; n],
            shares: vec![0; SHARES],
            sample_first: 0.0,
            sample_second: 0.0,
            counts: 0.0,
            valid_pixels: 0,
            saturated_pixels: 0,
        }
    }

    fn of(images: &Images, rows: Range<usize>) -> Self {
        let n = images.parts.len();
        let mut tally = Self::empty(n);
        let mut mu = vec![0.0_f32; n + 1];
        let mut row_fisher = vec![0.0_f32; tally.fisher.len()];
        for row in rows {
            row_fisher.fill(0.0);
            for pixel in row * images.columns..(row + 1) * images.columns {
                if images
                    .flags
                    .is_some_and(|flags| flags[pixel] != PixelFlags::VALID)
                {
                    continue;
                }
                tally.valid_pixels += 1;
                let all = images.total[pixel];
                if all > images.limit {
                    tally.saturated_pixels += 1;
                }
                let w = 1.0 / (all + images.read_variance);
                let bin = (images.q_inv_nm[pixel] * images.bins_per_q) as usize;
                // The edge of a shadow is no structure in q.
                let open = images.transmission[pixel] > OPEN;
                if open {
                    tally.weight[bin] += f64::from(w);
                    tally.pixels[bin] += 1.0;
                }
                let mut sample = 0.0_f32;
                for (k, image) in images.parts.iter().enumerate() {
                    let value = image[pixel];
                    mu[k] = value;
                    tally.means[k] += f64::from(value);
                    if open {
                        let bin = &mut tally.sums[k][bin];
                        bin.first += f64::from(w * value);
                        bin.second += f64::from(w * value * value);
                    }
                    if images.of_sample[k] {
                        sample += value;
                    }
                }
                mu[n] = images.transmission[pixel];
                let mut place = 0;
                for i in 0..=n {
                    let scaled = w * mu[i];
                    for &other in &mu[..=i] {
                        row_fisher[place] += scaled * other;
                        place += 1;
                    }
                }
                tally.sample_first += f64::from(sample);
                tally.sample_second += f64::from(w * sample * sample);
                tally.counts += f64::from(all);
                let share = if all > 0.0 { 1.0 - sample / all } else { 1.0 };
                tally.shares[((share * SHARES as f32) as usize).min(SHARES - 1)] += 1;
            }
            for (sum, value) in tally.fisher.iter_mut().zip(&row_fisher) {
                *sum += f64::from(*value);
            }
        }
        tally
    }

    fn plus(mut self, other: &Self) -> Self {
        let add = |ours: &mut [f64], theirs: &[f64]| {
            for (sum, value) in ours.iter_mut().zip(theirs) {
                *sum += value;
            }
        };
        add(&mut self.fisher, &other.fisher);
        add(&mut self.weight, &other.weight);
        add(&mut self.pixels, &other.pixels);
        add(&mut self.means, &other.means);
        for (ours, theirs) in self.sums.iter_mut().zip(&other.sums) {
            for (sum, value) in ours.iter_mut().zip(theirs) {
                sum.first += value.first;
                sum.second += value.second;
            }
        }
        for (sum, value) in self.shares.iter_mut().zip(&other.shares) {
            *sum += value;
        }
        self.sample_first += other.sample_first;
        self.sample_second += other.sample_second;
        self.counts += other.counts;
        self.valid_pixels += other.valid_pixels;
        self.saturated_pixels += other.saturated_pixels;
        self
    }

    /// The whole matrix.
    fn fisher(&self) -> Array2<f64> {
        let size = self.means.len() + 1;
        Array2::from_shape_fn((size, size), |(i, j)| {
            let (i, j) = (i.max(j), i.min(j));
            self.fisher[i * (i + 1) / 2 + j]
        })
    }
}

impl Visibility {
    pub(crate) fn of(experiment: &Experiment, exposed: &Exposed) -> Self {
        let known = &exposed.known;
        let n = known.parts.len();
        let instrument = &experiment.instrument;
        let q_max = known
            .q_inv_nm
            .iter()
            .copied()
            .fold(f32::MIN_POSITIVE, f32::max);
        let nuisance = instrument.nuisance();
        let roles: Vec<Role> = known
            .components
            .iter()
            .map(|c| c.features[0].role)
            .collect();
        let images = Images {
            parts: known.parts.iter().map(flat).collect(),
            total: flat(&exposed.total),
            q_inv_nm: flat(&known.q_inv_nm),
            transmission: flat(instrument.transmission()),
            flags: instrument.mask().map(xscatter_core::Mask::as_slice),
            of_sample: roles
                .iter()
                .map(|role| *role != Role::Surroundings)
                .collect(),
            columns: exposed.total.ncols(),
            bins_per_q: (BINS as f32 - 0.5) / q_max,
            read_variance: (instrument.read_noise_counts() as f32).powi(2).max(1e-9),
            limit: ((f64::from(nuisance.max_count) - nuisance.offset_counts)
                / nuisance.counts_per_photon) as f32,
        };
        let rows = exposed.total.nrows();
        // Bands of a fixed size, added up in their order: the same on any number of threads.
        let bands: Vec<Tally> = (0..rows.div_ceil(BAND))
            .into_par_iter()
            .map(|band| Tally::of(&images, band * BAND..rows.min((band + 1) * BAND)))
            .collect();
        let tally = bands.iter().fold(Tally::empty(n), Tally::plus);
        let fisher = tally.fisher();
        let valid = tally.valid_pixels.max(1) as f64;
        let mean_counts = tally.counts / valid;
        let mut result = Self {
            valid_pixels: tally.valid_pixels,
            saturated_pixels: tally.saturated_pixels,
            mean_counts,
            background_counts: (mean_counts - tally.sample_first / valid).max(0.0),
            background_share: median(&tally.shares),
            snr_sample: tally.sample_second.sqrt(),
            ..Self::default()
        };
        result.snr_diffuse = [Role::DiffuseLow, Role::DiffuseHigh].map(|role| {
            let group: Vec<usize> = (0..n).filter(|&k| roles[k] == role).collect();
            apart(&fisher, &group)
        });
        let bins = Bins {
            weight: &tally.weight,
            pixels: &tally.pixels,
            q_of_bin: f64::from(1.0 / images.bins_per_q),
        };
        result.components = (0..n)
            .map(|k| ComponentVisibility {
                snr: fisher[(k, k)].sqrt(),
                snr_apart: apart(&fisher, &[k]),
                snr_orders: bins.orders(&tally.sums[k], &known.components[k].features),
                snr_azimuth: bins.azimuth(&tally.sums[k]),
                snr_fringes: bins.fringes(&tally.sums[k]),
                mean_counts: tally.means[k] / valid,
            })
            .collect();
        result.stop = instrument.stop_kind();
        let mut missing_information = 0.0;
        for &(pixel, open) in &known.hidden {
            if images
                .flags
                .is_some_and(|flags| flags[pixel] != PixelFlags::VALID)
            {
                continue;
            }
            result.shadow_pixels += 1;
            let missing = f64::from((open - images.total[pixel]).max(0.0));
            missing_information += missing * missing / f64::from(open + images.read_variance);
        }
        result.snr_shadow = missing_information.sqrt();
        result
    }
}

fn flat(image: &Array2<f32>) -> &[f32] {
    image.as_slice().expect("made row-major")
}

/// The middle of a histogram over 0 to 1; 1 if it is empty.
fn median(counts: &[usize]) -> f64 {
    let half = counts.iter().sum::<usize>() / 2;
    let mut seen = 0;
    for (bin, count) in counts.iter().enumerate() {
        seen += count;
        if seen > half {
            return (bin as f64 + 0.5) / counts.len() as f64;
        }
    }
    1.0
}

/// The signal-to-noise ratio of the sum of a group, after the best fit of everything else.
fn apart(fisher: &Array2<f64>, group: &[usize]) -> f64 {
    let others: Vec<usize> = (0..fisher.nrows())
        .filter(|k| !group.contains(k) && fisher[(*k, *k)] > 0.0)
        .collect();
    let of_group = |row: usize| group.iter().map(|&k| fisher[(row, k)]).sum::<f64>();
    let mut left: f64 = group.iter().map(|&k| of_group(k)).sum();
    let whole = left;
    // Cholesky on the scaled matrix; a component that the earlier ones explain is passed over.
    let scale: Vec<f64> = others.iter().map(|&k| fisher[(k, k)].sqrt()).collect();
    let mut rows: Vec<(usize, Vec<f64>)> = Vec::new();
    let mut solved: Vec<f64> = Vec::new();
    for (at, &k) in others.iter().enumerate() {
        let mut row: Vec<f64> = Vec::new();
        for (earlier, coefficients) in &rows {
            let dot: f64 = coefficients.iter().zip(&row).map(|(a, b)| a * b).sum();
            let entry = fisher[(k, others[*earlier])] / (scale[at] * scale[*earlier]);
            row.push((entry - dot) / coefficients[row.len()]);
        }
        let rest = 1.0 - row.iter().map(|x| x * x).sum::<f64>();
        if rest < 1e-6 {
            continue;
        }
        let dot: f64 = row.iter().zip(&solved).map(|(a, b)| a * b).sum();
        let value = (of_group(k) / scale[at] - dot) / rest.sqrt();
        row.push(rest.sqrt());
        rows.push((at, row));
        solved.push(value);
        left -= value * value;
    }
    // What is left of two nearly equal numbers is rounding.
    if left <= 1e-5 * whole {
        0.0
    } else {
        left.sqrt()
    }
}

/// Sums over bins of q.
struct Bins<'a> {
    /// Σ w.
    weight: &'a [f64],
    pixels: &'a [f64],
    q_of_bin: f64,
}

impl Bins<'_> {
    /// The signal-to-noise ratio of each order of a component; 0 where its place is not on the image.
    fn orders(&self, sums: &[Sums], features: &[crate::feature::Feature]) -> Vec<f64> {
        let mut orders: Vec<(f64, f64)> = features
            .iter()
            .flat_map(|feature| {
                feature
                    .orders_inv_nm
                    .iter()
                    .map(|&q| (q, feature.fwhm_inv_nm))
            })
            .collect();
        orders.sort_by(|a, b| a.0.total_cmp(&b.0));
        (0..orders.len())
            .map(|order| {
                let (q, fwhm) = orders[order];
                let before = order
                    .checked_sub(1)
                    .map_or(0.0, |earlier| 0.5 * (q + orders[earlier].0));
                let after = orders
                    .get(order + 1)
                    .map_or(f64::MAX, |later| 0.5 * (q + later.0));
                self.order(
                    sums,
                    q,
                    (q - 1.5 * fwhm).max(before),
                    (q + 1.5 * fwhm).min(after),
                )
            })
            .collect()
    }

    fn bin(&self, q: f64) -> usize {
        ((q / self.q_of_bin).max(0.0) as usize).min(BINS - 1)
    }

    /// What is between two q, after the best straight line.
    fn order(&self, sums: &[Sums], at: f64, low: f64, high: f64) -> f64 {
        let (from, to) = (self.bin(low), self.bin(high));
        let middle = self.bin(at);
        let sum_of =
            |range: std::ops::RangeInclusive<usize>| self.pixels[range].iter().sum::<f64>();
        // A peak that shows only one of its flanks is not seen as a peak.
        let (left, right) = (sum_of(from..=middle), sum_of(middle..=to));
        if to < from + 2 || left.min(right) < 0.05 * left.max(right) || left.min(right) <= 0.0 {
            return 0.0;
        }
        let mut moments = [0.0_f64; 3];
        let (mut level, mut slope, mut energy) = (0.0, 0.0, 0.0);
        let window = sums[from..=to].iter().zip(&self.weight[from..=to]);
        for (bin, (sum, w)) in window.enumerate() {
            let x = (from + bin) as f64 - middle as f64;
            moments[0] += w;
            moments[1] += w * x;
            moments[2] += w * x * x;
            level += sum.first;
            slope += sum.first * x;
            energy += sum.second;
        }
        let determinant = moments[0] * moments[2] - moments[1] * moments[1];
        if determinant <= 1e-9 * moments[0] * moments[2] {
            return 0.0;
        }
        let explained = (level * level * moments[2] - 2.0 * level * slope * moments[1]
            + slope * slope * moments[0])
            / determinant;
        // What is left of two nearly equal numbers is rounding.
        let left = energy - explained;
        if left <= 1e-9 * energy {
            0.0
        } else {
            left.sqrt()
        }
    }

    fn azimuth(&self, sums: &[Sums]) -> f64 {
        let within: f64 = sums
            .iter()
            .zip(self.weight)
            .filter(|(_, w)| **w > 0.0)
            .map(|(sum, w)| (sum.second - sum.first * sum.first / w).max(0.0))
            .sum();
        within.sqrt()
    }

    fn fringes(&self, sums: &[Sums]) -> f64 {
        let mut lowest = f64::MAX;
        let mut information = 0.0;
        // Bins in fours: neighbouring pixels share no bin of their own.
        for (sums, weights) in sums.chunks(4).zip(self.weight.chunks(4)) {
            let weight: f64 = weights.iter().sum();
            if weight <= 0.0 {
                continue;
            }
            let mean = sums.iter().map(|sum| sum.first).sum::<f64>() / weight;
            lowest = lowest.min(mean);
            information += weight * (mean - lowest).powi(2);
        }
        information.sqrt()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_component_apart_is_what_the_others_do_not_explain() {
        // Unit vectors: the first at 60° to the second, the third the same as the second.
        let dots = ndarray::array![[1.0, 0.5, 0.5], [0.5, 1.0, 1.0], [0.5, 1.0, 1.0]];
        assert!((apart(&dots, &[0]) - 0.75_f64.sqrt()).abs() < 1e-12);
        assert_eq!(apart(&dots, &[1]), 0.0);
        // The second and third together hide nothing from each other.
        assert!((apart(&dots, &[1, 2]) - (4.0 - 1.0_f64).sqrt()).abs() < 1e-12);
    }

    #[test]
    fn a_straight_line_is_no_order_and_a_peak_is() {
        let weight = vec![1.0; BINS];
        let bins = Bins {
            weight: &weight,
            pixels: &weight,
            q_of_bin: 1.0,
        };
        let sums = |f: &dyn Fn(f64) -> f64| -> Vec<Sums> {
            (0..BINS)
                .map(|bin| f(bin as f64))
                .map(|value| Sums {
                    first: value,
                    second: value * value,
                })
                .collect()
        };
        let line = sums(&|q| 3.0 + 0.1 * q);
        assert!(bins.order(&line, 500.0, 470.0, 530.0) < 1e-3);
        let peak = sums(&|q| 3.0 + 0.1 * q + (-0.5 * ((q - 500.0) / 8.0_f64).powi(2)).exp());
        let seen = bins.order(&peak, 500.0, 470.0, 530.0);
        // Σ of the squared Gaussian is √π σ = 14.2; the line takes a part of it.
        assert!(seen * seen > 5.0 && seen * seen < 14.2, "{seen}");
        assert_eq!(bins.order(&peak, 1020.0, 1000.0, 1400.0), 0.0);
        assert!(bins.azimuth(&peak) < 1e-4);
    }

    #[test]
    fn fringes_are_what_rises_again() {
        let weight = vec![1.0; BINS];
        let bins = Bins {
            weight: &weight,
            pixels: &weight,
            q_of_bin: 1.0,
        };
        let of = |f: &dyn Fn(f64) -> f64| -> Vec<Sums> {
            (0..BINS)
                .map(|bin| Sums {
                    first: f(bin as f64 / 100.0),
                    second: 0.0,
                })
                .collect()
        };
        assert_eq!(bins.fringes(&of(&|q| (-q).exp())), 0.0);
        assert!(bins.fringes(&of(&|q| (-q).exp() * (3.0 * q).cos().powi(2))) > 0.5);
    }

    #[test]
    fn the_median_of_a_histogram_is_its_middle() {
        assert!((median(&[0, 0, 3, 0]) - 0.625).abs() < 1e-12);
        assert_eq!(median(&[0, 0]), 1.0);
    }
}
