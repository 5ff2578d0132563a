//! How a pixel is shared among radial bins.
//!
//! A pixel is a small quadrilateral; on a radial axis cut into equal bins it may lie in several.
//! Coordinates here are in bins: bin `b` is `[b, b + 1)`. The bins of one pixel are neighbours, so
//! its shares are a first bin and a run of weights. Their sum is 1 for a pixel within the axis and
//! less for one that hangs over an end.
//!
//! ```text
//! none          1 for the bin of the centre
//! bounding box  |[c − δ, c + δ] ∩ bin| / 2δ,  δ the largest distance of a corner from the centre c;
//!               no radius is below 0
//! full          |quadrilateral ∩ strip of the bin| / |quadrilateral|,  in the plane (radius, χ)
//! ```
//!
//! Splitting in full treats the edges of the pixel as straight in the plane (radius, χ) and takes
//! the areas of the strips exactly. It is a poor picture of the one pixel that contains the beam
//! centre, whose χ is not defined.
//!
//! Source: the splitting schemes of pyFAI, doi:10.1107/S1600576715004306; values checked against
//! pyFAI 2026.9.0.

use std::f64::consts::{PI, TAU};

/// How a pixel is shared among radial bins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum PixelSplitting {
    /// Not at all: a pixel counts where its centre is. Errors of bins are independent; profiles
    /// with bins narrower than a pixel are ragged.
    None,
    /// By its extent along the radius alone; quicker to set up, and smooths more than needed.
    BoundingBox,
    /// By the area of its image in the plane of radius and azimuth.
    #[default]
    Full,
}

impl PixelSplitting {
    /// The name that pyFAI uses: `no`, `bbox`, `full`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "no",
            Self::BoundingBox => "bbox",
            Self::Full => "full",
        }
    }
}

/// The shares of one pixel: a first bin and the weights of it and the bins that follow.
///
/// It is reused from pixel to pixel, so that sharing allocates nothing.
#[derive(Debug, Default)]
pub(crate) struct Shares {
    first: usize,
    weights: Vec<f64>,
}

impl Shares {
    pub(crate) fn first(&self) -> usize {
        self.first
    }

    pub(crate) fn weights(&self) -> &[f64] {
        &self.weights
    }

    /// The whole pixel to the bin of its centre.
    pub(crate) fn by_centre(&mut self, centre: f64, bins: usize) {
        self.weights.clear();
        if centre >= 0.0 && centre < bins as f64 {
            self.first = centre as usize;
            self.weights.push(1.0);
        }
    }

    /// By the areas that the strips of the bins cut from the quadrilateral with these corners, each
    /// a radius in bins and an azimuth in radians.
    pub(crate) fn by_area(&mut self, corners: [(f64, f64); 4], bins: usize) {
        let low = corners.iter().fold(f64::INFINITY, |low, c| low.min(c.0));
        let high = corners
            .iter()
            .fold(f64::NEG_INFINITY, |high, c| high.max(c.0));
        // All that hangs over an end of the axis is one strip before or behind it.
        let before = low.floor().max(-1.0);
        let behind = high.floor().min(bins as f64);
        self.weights.clear();
        // A spacing d is infinite on the beam.
        if !(high >= 0.0 && low < bins as f64 && high.is_finite()) {
            return;
        }
        if before == behind {
            self.first = before as usize;
            self.weights.push(1.0);
            return;
        }
        self.weights.resize((behind - before) as usize + 1, 0.0);
        let azimuth = corners[0].1;
        let corners = corners.map(|(radius, chi_rad)| (radius, around(chi_rad - azimuth)));
        for (from, to) in [(0, 1), (1, 2), (2, 3), (3, 0)] {
            add_edge(&mut self.weights, before, corners[from], corners[to]);
        }
        for weight in &mut self.weights {
            *weight = weight.abs();
        }
        let area: f64 = self.weights.iter().sum();
        if area <= 0.0 {
            // No extent in azimuth: the radius alone decides.
            self.by_interval(low, high, bins);
            return;
        }
        for weight in &mut self.weights {
            *weight /= area;
        }
        if behind >= bins as f64 {
            self.weights.pop();
        }
        if before < 0.0 {
            self.weights.remove(0);
        }
        self.first = before.max(0.0) as usize;
    }

    /// By the lengths that the bins cut from `[low, high]`.
    pub(crate) fn by_interval(&mut self, low: f64, high: f64, bins: usize) {
        self.weights.clear();
        let end = bins as f64;
        if !(high >= 0.0 && low < end && high.is_finite()) {
            return;
        }
        let first = low.max(0.0).floor();
        self.first = first as usize;
        if low.floor() == high.floor() {
            self.weights.push(1.0);
            return;
        }
        let last = high.floor().min(end - 1.0);
        let mut bin = first;
        while bin <= last {
            let overlap = high.min(bin + 1.0) - low.max(bin);
            self.weights.push(overlap / (high - low));
            bin += 1.0;
        }
    }
}

/// The same angle between −π and π.
fn around(angle_rad: f64) -> f64 {
    (angle_rad + PI).rem_euclid(TAU) - PI
}

/// Adds the signed area between an edge and the line of azimuth 0, strip by strip.
///
/// `areas[0]` is the strip of `before`; the first and the last strip are open to their sides.
fn add_edge(areas: &mut [f64], before: f64, from: (f64, f64), to: (f64, f64)) {
    let (sign, left, right) = if from.0 <= to.0 {
        (1.0, from, to)
    } else {
        (-1.0, to, from)
    };
    let width = right.0 - left.0;
    if width <= 0.0 {
        return;
    }
    let slope = (right.1 - left.1) / width;
    let last = areas.len() - 1;
    let strip = |radius: f64| ((radius.floor() - before).max(0.0) as usize).min(last);
    let (first_strip, last_strip) = (strip(left.0), strip(right.0));
    let mut start = left;
    for (index, area) in areas
        .iter_mut()
        .enumerate()
        .take(last_strip + 1)
        .skip(first_strip)
    {
        let stop = if index == last_strip {
            right
        } else {
            let radius = before + index as f64 + 1.0;
            (radius, left.1 + slope * (radius - left.0))
        };
        *area += sign * 0.5 * (start.1 + stop.1) * (stop.0 - start.0);
        start = stop;
    }
}

#[cfg(test)]
mod tests {
    use approx::assert_abs_diff_eq;
    use proptest::prelude::*;

    use super::*;

    const BINS: usize = 10;

    fn shares(fill: impl FnOnce(&mut Shares)) -> (usize, Vec<f64>) {
        let mut shares = Shares::default();
        fill(&mut shares);
        (shares.first, shares.weights)
    }

    #[test]
    fn a_rectangle_is_shared_by_its_width() {
        let rectangle = [(2.5, 0.0), (4.5, 0.0), (4.5, 0.1), (2.5, 0.1)];
        let (first, weights) = shares(|s| s.by_area(rectangle, BINS));
        assert_eq!(first, 2);
        for (found, expected) in weights.iter().zip([0.25, 0.5, 0.25]) {
            assert_abs_diff_eq!(*found, expected, epsilon = 1e-12);
        }
        let boxed = shares(|s| s.by_interval(2.5, 4.5, BINS));
        assert_eq!((boxed.0, boxed.1), (2, vec![0.25, 0.5, 0.25]));
    }

    #[test]
    fn a_diamond_has_most_of_its_area_in_the_middle() {
        let diamond = [(2.5, 0.0), (4.0, 0.1), (5.5, 0.0), (4.0, -0.1)];
        let (first, weights) = shares(|s| s.by_area(diamond, BINS));
        assert_eq!(first, 2);
        let corner = 0.5 * (0.5f64 / 1.5).powi(2);
        for (found, expected) in weights
            .iter()
            .zip([corner, 0.5 - corner, 0.5 - corner, corner])
        {
            assert_abs_diff_eq!(*found, expected, epsilon = 1e-12);
        }
    }

    #[test]
    fn the_cut_of_the_azimuth_does_not_matter() {
        let turned = |by: f64| {
            [(2.5, 0.0), (4.0, 0.1), (5.5, 0.0), (4.0, -0.1)]
                .map(|(radius, chi_rad)| (radius, around(chi_rad + by)))
        };
        let plain = shares(|s| s.by_area(turned(0.0), BINS));
        let across = shares(|s| s.by_area(turned(PI), BINS));
        for (a, b) in plain.1.iter().zip(&across.1) {
            assert_abs_diff_eq!(a, b, epsilon = 1e-12);
        }
    }

    #[test]
    fn what_hangs_over_an_end_is_lost() {
        let wide = [(-1.0, 0.0), (11.0, 0.0), (11.0, 1.0), (-1.0, 1.0)];
        let (first, weights) = shares(|s| s.by_area(wide, BINS));
        assert_eq!((first, weights.len()), (0, BINS));
        assert_abs_diff_eq!(weights.iter().sum::<f64>(), 10.0 / 12.0, epsilon = 1e-12);
        assert!(
            shares(|s| s.by_area(wide.map(|c| (c.0 + 20.0, c.1)), BINS))
                .1
                .is_empty()
        );
        assert!(shares(|s| s.by_interval(-1.5, -0.5, BINS)).1.is_empty());
        assert!(shares(|s| s.by_centre(10.0, BINS)).1.is_empty());
        assert_eq!(shares(|s| s.by_centre(9.999, BINS)), (9, vec![1.0]));
    }

    #[test]
    fn a_pixel_without_extent_in_azimuth_is_shared_by_its_radius() {
        let flat = [(2.5, 0.3), (3.5, 0.3), (3.5, 0.3), (2.5, 0.3)];
        let (first, weights) = shares(|s| s.by_area(flat, BINS));
        assert_eq!((first, weights), (2, vec![0.5, 0.5]));
    }

    proptest! {
        #[test]
        fn the_shares_of_a_pixel_within_the_axis_sum_to_one(
            radii in proptest::array::uniform4(0.0..9.9f64),
            azimuths in proptest::array::uniform4(-3.2..3.2f64),
        ) {
            let mut corners = [(0.0, 0.0); 4];
            for (corner, values) in corners.iter_mut().zip(radii.into_iter().zip(azimuths)) {
                *corner = values;
            }
            let (first, weights) = shares(|s| s.by_area(corners, BINS));
            prop_assert!(first + weights.len() <= BINS);
            prop_assert!(weights.iter().all(|&weight| weight >= 0.0));
            prop_assert!((weights.iter().sum::<f64>() - 1.0).abs() < 1e-9);
            let (low, high) = (radii[0].min(radii[1]), radii[0].max(radii[1]));
            let boxed = shares(|s| s.by_interval(low, high, BINS));
            prop_assert!((boxed.1.iter().sum::<f64>() - 1.0).abs() < 1e-9);
        }
    }
}
