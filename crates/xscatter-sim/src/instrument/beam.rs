//! The direct beam on the detector: attenuated or not, past or through the beamstop.

use ndarray::Array2;
use xscatter_core::PixelPosition;

use super::ranges::{DirectBeamRanges, log_or_off, stream};
use crate::draw::{chance, log_uniform};

/// A Gaussian spot at the beam centre.
#[derive(Debug, Clone, Copy)]
pub(super) struct DirectBeam {
    /// Standard deviations along rows and columns of the image, in pixels.
    sigma_px: (f64, f64),
    /// Peak over the brightness of the frame, before the stop.
    pub(super) peak: f64,
}

impl DirectBeam {
    pub(super) fn draw(ranges: &DirectBeamRanges, sigma_px: f64, seed: u64) -> Option<Self> {
        let rng = &mut stream(seed, "direct beam");
        let there = chance(rng, ranges.share);
        let peak = log_or_off(ranges.peak, rng);
        // Synchrotron beams are wider than high.
        let aspect = log_uniform(rng, 0.5, 1.0);
        there.then_some(Self {
            sigma_px: (sigma_px * aspect, sigma_px),
            peak,
        })
    }

    /// The photons of the peak in a frame of this brightness, at most `most` in the whole spot.
    pub(super) fn peak_photons(&self, brightness: f32, most: Option<f64>) -> f64 {
        let area = std::f64::consts::TAU * self.sigma_px.0 * self.sigma_px.1;
        (f64::from(brightness) * self.peak).min(most.map_or(f64::MAX, |most| most / area))
    }

    /// Adds the spot.
    pub(super) fn add(self, image: &mut Array2<f32>, centre: PixelPosition, peak_photons: f64) {
        let (rows, columns) = image.dim();
        let near = |centre: f64, sigma: f64, pixels: usize| {
            let first = (centre - 7.0 * sigma - 1.0).max(0.0) as usize;
            let end = (centre + 7.0 * sigma + 1.0).clamp(0.0, pixels as f64) as usize;
            first.min(end)..end
        };
        let profile = |index: usize, centre: f64, sigma: f64| {
            let distance = (index as f64 + 0.5 - centre) / sigma;
            (-0.5 * distance * distance).exp()
        };
        for row in near(centre.row, self.sigma_px.0, rows) {
            let down = peak_photons * profile(row, centre.row, self.sigma_px.0);
            for column in near(centre.column, self.sigma_px.1, columns) {
                let right = profile(column, centre.column, self.sigma_px.1);
                image[(row, column)] += (down * right) as f32;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Interval;

    fn beam() -> DirectBeam {
        let ranges = DirectBeamRanges {
            share: 1.0,
            peak: Interval::new(50.0, 50.0),
        };
        DirectBeam::draw(&ranges, 2.0, 3).unwrap()
    }

    #[test]
    fn the_spot_is_where_the_beam_is() {
        let mut image = Array2::zeros((40, 60));
        let centre = PixelPosition {
            row: 10.5,
            column: 30.5,
        };
        let beam = beam();
        beam.add(&mut image, centre, beam.peak_photons(2.0, None));
        assert!((image[(10, 30)] - 100.0_f32).abs() < 1e-3);
        assert!(image[(10, 33)] > image[(13, 30)] * 0.99 && image[(10, 55)] == 0.0);
    }

    #[test]
    fn the_light_of_the_spot_can_be_limited() {
        let mut image = Array2::zeros((60, 60));
        let (row, column) = (30.0, 30.0);
        let beam = beam();
        let peak = beam.peak_photons(1e6, Some(700.0));
        beam.add(&mut image, PixelPosition { row, column }, peak);
        assert!((image.sum() / 700.0 - 1.0).abs() < 0.02, "{}", image.sum());
    }

    #[test]
    fn a_beam_off_the_image_adds_nothing() {
        for (row, column) in [(-40.0, 5.0), (5.0, 200.0), (500.0, 5.0)] {
            let mut image = Array2::zeros((40, 60));
            beam().add(&mut image, PixelPosition { row, column }, 50.0);
            assert_eq!(image.sum(), 0.0);
        }
    }
}
