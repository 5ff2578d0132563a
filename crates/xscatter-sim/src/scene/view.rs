//! What a sample model needs to know of the instrument: where in q its features can be seen.

use crate::curve::Curve;
use crate::instrument::Instrument;

/// Entries of a radial table.
const ENTRIES: usize = 4096;

/// The q range of an instrument is read off so many rays in each direction.
const GRID: usize = 40;

/// What the sample models need to know of the instrument.
#[derive(Debug, Clone, Copy)]
pub(crate) struct View {
    pub(crate) k_inv_nm: f64,
    /// The smallest q on the image past the beamstop.
    pub(crate) q_low_inv_nm: f64,
    /// The q below which 90 % of the pixels are.
    pub(crate) q_high_inv_nm: f64,
    /// The largest q on the image.
    pub(crate) q_max_inv_nm: f64,
    /// The q of one pixel near the beam.
    pub(crate) q_pixel_inv_nm: f64,
    /// The angle of one pixel near the beam.
    pub(crate) pixel_rad: f64,
    pub(crate) beam_sigma_px: f64,
    pub(crate) beam_on_image: bool,
    pub(crate) incident_angle_rad: f64,
    pub(crate) blank: bool,
}

impl View {
    pub(crate) fn new(instrument: &Instrument) -> Self {
        let (rows, columns) = instrument.readout.shape;
        let mut q: Vec<f64> = (0..GRID * GRID)
            .map(|cell| {
                let place = |part: usize, pixels: usize| part * (pixels - 1) / (GRID - 1);
                let ray = instrument
                    .rays
                    .to(place(cell / GRID, rows), place(cell % GRID, columns));
                instrument.k_inv_nm * f64::from(ray.q_over_k())
            })
            .collect();
        q.sort_by(f64::total_cmp);
        let pixel_rad = instrument.readout.pixel_m.0 / instrument.geometry.distance_m;
        let q_pixel = instrument.k_inv_nm * pixel_rad;
        let stop = (1.2 * instrument.stop_px).max(3.0) * q_pixel;
        Self {
            k_inv_nm: instrument.k_inv_nm,
            q_low_inv_nm: q[0].max(stop),
            q_high_inv_nm: q[GRID * GRID * 9 / 10].max(1.5 * stop),
            q_max_inv_nm: q[GRID * GRID - 1].max(2.0 * stop),
            q_pixel_inv_nm: q_pixel,
            pixel_rad,
            beam_sigma_px: instrument.beam_sigma_px,
            beam_on_image: instrument.beam_on_image(),
            incident_angle_rad: instrument.geometry.incident_angle_rad.unwrap_or(0.0),
            blank: false,
        }
    }

    /// Tabulates a radial function over the whole image, 1 at its largest visible value.
    pub(crate) fn radial(&self, f: impl Fn(f64) -> f64) -> Curve {
        let curve = Curve::sample(0.0, self.q_max_inv_nm * 1.05, ENTRIES, f);
        let largest = curve
            .max_between(self.q_low_inv_nm, self.q_high_inv_nm)
            .max(1e-12);
        curve.scaled(1.0 / f64::from(largest))
    }
}
