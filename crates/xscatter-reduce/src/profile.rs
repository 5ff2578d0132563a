//! A radial profile: intensity over q, 2θ or another radial unit, with its uncertainty.
//!
//! A bin without any valid pixel has no intensity. It is kept, so that profiles of one integrator
//! stay aligned; its [`count`](Profile::count) and [`norm`](Profile::norm) are 0 and its intensity
//! and sigma are `NaN`. [`Profile::defined`] goes through the other bins only; use it wherever a
//! number is needed.

use xscatter_geometry::RadialUnit;

/// Intensity over a radial axis.
#[derive(Debug, Clone, PartialEq)]
pub struct Profile {
    /// The unit of the radial axis.
    pub unit: RadialUnit,
    /// The middle of each bin.
    pub centres: Vec<f64>,
    /// Σ c·x / Σ c·norm, counts per pixel at the point of normal incidence; `NaN` where `norm` is 0.
    pub intensity: Vec<f64>,
    /// The standard error of the intensity, √(Σ c²·σ²) / Σ c·norm; `NaN` where `norm` is 0. `None`
    /// without an error model.
    pub sigma: Option<Vec<f64>>,
    /// Σ c·norm: solid angle times polarisation, summed over the shares of the valid pixels.
    pub norm: Vec<f64>,
    /// Σ c: how many valid pixels the bin has, shares of pixels included.
    pub count: Vec<f64>,
}

impl Profile {
    /// How many bins there are, empty ones included.
    pub fn len(&self) -> usize {
        self.centres.len()
    }

    /// Whether there is no bin at all.
    pub fn is_empty(&self) -> bool {
        self.centres.is_empty()
    }

    /// Whether the bin has an intensity.
    ///
    /// # Panics
    /// If there is no such bin.
    pub fn is_defined(&self, bin: usize) -> bool {
        self.norm[bin] > 0.0
    }

    /// Centre, intensity and sigma (if there is an error model) of the bins that have an intensity.
    pub fn defined(&self) -> impl Iterator<Item = (f64, f64, Option<f64>)> + '_ {
        (0..self.len())
            .filter(|&bin| self.is_defined(bin))
            .map(|bin| {
                let sigma = self.sigma.as_ref().map(|sigma| sigma[bin]);
                (self.centres[bin], self.intensity[bin], sigma)
            })
    }
}
