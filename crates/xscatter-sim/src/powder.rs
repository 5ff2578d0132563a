//! Powder rings: where they are, how strong and how wide.
//!
//! ```text
//! I(q)  = Σ m |F|² V(q − q_hkl)/q²,  V: pseudo-Voigt of unit area
//! FWHM² = (2πK/L)² + (ε q)² + (q² w²/D)² + (k cos θ)² (U tan² θ + V tan θ + W)
//! ```
//!
//! L: crystallite size with K = 0.9, ε: microstrain, w²/D: disorder of the second kind, by which
//! each order of a stack is wider than the last; U, V, W: what the instrument adds, with
//! q = 2k sin θ. The 1/q² is the Lorentz factor of a pixel of an area detector: it already contains
//! the spread of a ring over its circumference. Polarisation is applied with the solid angle, never
//! here as well. Thermal motion is in F.
//!
//! A table of all rings costs the entries within 30 widths of each ring.
//!
//! Source: Warren, X-ray Diffraction, 1969; Williamson and Hall 1953,
//! doi:10.1016/0001-6160(53)90006-6; Caglioti, Paoletti and Ricci 1958,
//! doi:10.1016/0369-643X(58)90029-X; Hosemann's paracrystal as in
//! [`paracrystal`](crate::structure_factor::paracrystal).

use std::f64::consts::{LN_2, TAU};

use crate::crystal::{CrystalError, Reflection};
use crate::curve::Curve;
use crate::lattice::{gaussian, pseudo_voigt};

/// Reflections whose q differ by less than this share are one ring.
const SAME_RING: f64 = 1e-9;

/// Beyond so many widths a profile is left out; 1 % of a Lorentzian is.
const PROFILE_REACH: f64 = 30.0;

/// One ring of a powder.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ring {
    /// Where it is.
    pub q_inv_nm: f64,
    /// How many reciprocal lattice vectors end on it.
    pub multiplicity: u32,
    /// The sum of their |F|².
    pub strength: f64,
}

impl Ring {
    /// The rings of a list of reflections in the order of q; those of equal q are one.
    pub fn of(reflections: &[Reflection]) -> Vec<Self> {
        let mut rings: Vec<Self> = Vec::new();
        for reflection in reflections {
            let (q, squared) = (reflection.q_inv_nm, 2.0 * reflection.squared);
            match rings.last_mut() {
                Some(last) if q - last.q_inv_nm < SAME_RING * q => {
                    last.multiplicity += 2;
                    last.strength += squared;
                }
                _ => rings.push(Self {
                    q_inv_nm: q,
                    multiplicity: 2,
                    strength: squared,
                }),
            }
        }
        rings
    }

    /// The same ring, brighter by a factor.
    #[must_use]
    pub fn times(self, factor: f64) -> Self {
        Self {
            strength: factor * self.strength,
            ..self
        }
    }

    /// Its intensity at `q_inv_nm`.
    pub fn intensity(&self, q_inv_nm: f64, width: &Width) -> f64 {
        let centre = self.q_inv_nm;
        self.strength / (centre * centre) * width.profile(q_inv_nm - centre, centre)
    }
}

/// What the instrument adds to the width of a ring in 2θ: FWHM² = U tan² θ + V tan θ + W.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Caglioti {
    /// U; (2 ΔE/E)² for a band of energies.
    pub u_rad2: f64,
    /// V.
    pub v_rad2: f64,
    /// W; the beam and a pixel as seen from the sample.
    pub w_rad2: f64,
}

impl Caglioti {
    /// The full width at half maximum in 2θ at half that angle.
    pub fn fwhm_rad(&self, theta_rad: f64) -> f64 {
        let tangent = theta_rad.tan();
        (self.u_rad2 * tangent * tangent + self.v_rad2 * tangent + self.w_rad2)
            .max(0.0)
            .sqrt()
    }
}

/// What makes rings wide.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct WidthConfig {
    /// Of the crystallites.
    pub size_nm: f64,
    /// Relative variation of the lattice spacing.
    pub strain: f64,
    /// Variance of the distance between neighbours over that distance; 0 for a crystal.
    pub disorder_nm: f64,
    /// Of the instrument.
    pub instrument: Caglioti,
    /// The wavenumber of the beam, for the angles.
    pub k_inv_nm: f64,
    /// Share of the Lorentzian, 0 to 1.
    pub lorentzian_share: f64,
}

impl Default for WidthConfig {
    /// Crystallites of 100 nm in a beam of 0.1 nm, seen by a perfect instrument.
    fn default() -> Self {
        Self {
            size_nm: 100.0,
            strain: 0.0,
            disorder_nm: 0.0,
            instrument: Caglioti::default(),
            k_inv_nm: TAU / 0.1,
            lorentzian_share: 0.5,
        }
    }
}

/// A width that can be, at any q.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Width {
    config: WidthConfig,
}

impl Width {
    /// A width made of these parts.
    ///
    /// # Errors
    /// [`CrystalError::Width`] if a part is negative or not finite, the share of the Lorentzian is
    /// not in 0 to 1, or U, V and W give a negative square at some angle.
    pub fn new(config: WidthConfig) -> Result<Self, CrystalError> {
        let finite = |value: f64| value.is_finite() && value >= 0.0;
        let Caglioti {
            u_rad2,
            v_rad2,
            w_rad2,
        } = config.instrument;
        for (name, valid, value) in [
            (
                "size_nm",
                finite(config.size_nm) && config.size_nm > 0.0,
                config.size_nm,
            ),
            ("strain", finite(config.strain), config.strain),
            (
                "disorder_nm",
                finite(config.disorder_nm),
                config.disorder_nm,
            ),
            ("u_rad2", finite(u_rad2), u_rad2),
            ("w_rad2", finite(w_rad2), w_rad2),
            // The parabola in tan θ has no root on the positive side.
            ("v_rad2", v_rad2 >= -2.0 * (u_rad2 * w_rad2).sqrt(), v_rad2),
            (
                "k_inv_nm",
                finite(config.k_inv_nm) && config.k_inv_nm > 0.0,
                config.k_inv_nm,
            ),
            (
                "lorentzian_share",
                (0.0..=1.0).contains(&config.lorentzian_share),
                config.lorentzian_share,
            ),
        ] {
            if !valid {
                return Err(CrystalError::Width(name, value));
            }
        }
        Ok(Self { config })
    }

    /// What it is made of.
    pub const fn config(&self) -> &WidthConfig {
        &self.config
    }

    /// Full width at half maximum at `q_inv_nm`.
    ///
    /// ```
    /// use xscatter_sim::powder::{Width, WidthConfig};
    ///
    /// let width = Width::new(WidthConfig { size_nm: 10.0, ..Default::default() })?;
    /// assert!((width.fwhm_inv_nm(20.0) - 0.5654866776).abs() < 1e-9);
    /// # Ok::<(), xscatter_sim::crystal::CrystalError>(())
    /// ```
    pub fn fwhm_inv_nm(&self, q_inv_nm: f64) -> f64 {
        let config = &self.config;
        let size = TAU * 0.9 / config.size_nm;
        let strain = config.strain * q_inv_nm;
        let disorder = config.disorder_nm * q_inv_nm * q_inv_nm;
        let sine = (0.5 * q_inv_nm / config.k_inv_nm).clamp(0.0, 1.0);
        let theta = sine.asin();
        let instrument = config.k_inv_nm * theta.cos() * config.instrument.fwhm_rad(theta);
        (size * size + strain * strain + disorder * disorder + instrument * instrument).sqrt()
    }

    /// The standard deviation of the angle over which the size of a crystallite spreads a reflection at
    /// `q_inv_nm`: as wide across as it is along q.
    pub fn angular_sigma_rad(&self, q_inv_nm: f64) -> f64 {
        TAU * 0.9 / self.config.size_nm / (8.0 * LN_2).sqrt() / q_inv_nm
    }

    /// The profile of unit area of a ring at `centre_inv_nm`, `off_inv_nm` away from it.
    pub fn profile(&self, off_inv_nm: f64, centre_inv_nm: f64) -> f64 {
        pseudo_voigt(
            off_inv_nm,
            self.fwhm_inv_nm(centre_inv_nm),
            self.config.lorentzian_share,
        )
    }

    /// The sum of rings as a table of `count` entries from 0 to `q_end_inv_nm`.
    pub(crate) fn table(&self, rings: &[Ring], q_end_inv_nm: f64, count: usize) -> Curve {
        let step = q_end_inv_nm / (count - 1) as f64;
        let share = self.config.lorentzian_share;
        let mut sums = vec![0.0; count];
        for ring in rings {
            let fwhm = self.fwhm_inv_nm(ring.q_inv_nm);
            let scale = ring.strength / (ring.q_inv_nm * ring.q_inv_nm);
            let entries = |reach: f64| {
                let from = ((ring.q_inv_nm - reach) / step).ceil().max(0.0) as usize;
                let to = ((ring.q_inv_nm + reach) / step + 1.0).max(0.0) as usize;
                from..to.min(count).max(from.min(count))
            };
            let off = |index: usize| index as f64 * step - ring.q_inv_nm;
            // Two loops: the tails of a Lorentzian are long and cheap.
            let (bell, tail) = ((1.0 - share) * scale, share * scale * fwhm / TAU);
            for index in entries(PROFILE_REACH * fwhm) {
                let x = off(index);
                sums[index.min(count - 1)] += tail / (x * x + 0.25 * fwhm * fwhm);
            }
            for index in entries(3.0 * fwhm) {
                sums[index.min(count - 1)] += bell * gaussian(off(index), fwhm);
            }
        }
        let mut next = sums.into_iter();
        Curve::sample(0.0, q_end_inv_nm, count, |_| next.next().unwrap_or(0.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crystal::{CellConfig, Substance, UnitCell};
    use crate::structure_factor::paracrystal;
    use approx::assert_relative_eq;

    fn width(config: WidthConfig) -> Width {
        Width::new(config).unwrap()
    }

    /// G-SCH-1: K = 0.9, a crystallite of 565.4866776 Å has 0.01 1/Å.
    #[test]
    fn g_sch_1_small_crystallites_make_wide_rings() {
        let width = width(WidthConfig {
            size_nm: 56.548_667_764_616_28,
            ..Default::default()
        });
        assert_relative_eq!(width.fwhm_inv_nm(10.0), 0.1, max_relative = 1e-13);
        // As wide across: 0.1/nm seen from 10/nm away.
        assert_relative_eq!(
            width.angular_sigma_rad(10.0) * 2.354_820_045,
            0.01,
            max_relative = 1e-9
        );
    }

    /// G-LP-1: the 1/q² of the rings is the Lorentz factor of a powder, written per 2θ.
    #[test]
    fn g_lp_1_the_lorentz_factor() {
        let wavelength = 1.0;
        for degrees in [5.0_f64, 15.0, 30.0] {
            let theta = degrees.to_radians();
            let q = 2.0 * TAU / wavelength * theta.sin();
            let per_angle = wavelength / (TAU * theta.cos()) / (q * q);
            let lorentz = 1.0 / (theta.sin().powi(2) * theta.cos());
            assert_relative_eq!(per_angle / lorentz, 0.001_007_86, max_relative = 1e-5);
        }
    }

    #[test]
    fn the_instrument_is_wide_in_angle() {
        let instrument = Caglioti {
            u_rad2: 4e-6,
            v_rad2: -1e-6,
            w_rad2: 1e-6,
        };
        let width = width(WidthConfig {
            size_nm: 1e12,
            instrument,
            ..Default::default()
        });
        let (k, theta) = (TAU / 0.1, 0.3_f64);
        let q = 2.0 * k * theta.sin();
        // dq = k cos θ d2θ
        let ahead = 2.0 * k * (theta + 0.5 * instrument.fwhm_rad(theta)).sin();
        assert_relative_eq!(width.fwhm_inv_nm(q), ahead - q, max_relative = 1e-3);
    }

    /// The peaks of a paracrystal, at its half maxima.
    #[test]
    fn disorder_widens_each_order_more() {
        let (distance, spread) = (6.0, 0.25);
        let width = width(WidthConfig {
            size_nm: 1e12,
            disorder_nm: spread * spread / distance,
            ..Default::default()
        });
        for order in 1..=4 {
            let q = TAU * f64::from(order) / distance;
            let s = |q: f64| paracrystal(q, distance, spread, 1e12);
            let half = (1..20_000)
                .map(|step| f64::from(step) * 1e-5)
                .find(|off| s(q + off) < 0.5 * s(q))
                .unwrap();
            assert_relative_eq!(width.fwhm_inv_nm(q), 2.0 * half, max_relative = 0.06);
        }
    }

    #[test]
    fn impossible_widths_are_refused_by_name() {
        let with = |edit: fn(&mut WidthConfig)| {
            let mut config = WidthConfig::default();
            edit(&mut config);
            Width::new(config).unwrap_err()
        };
        assert_eq!(
            with(|c| c.size_nm = 0.0),
            CrystalError::Width("size_nm", 0.0)
        );
        assert_eq!(
            with(|c| c.strain = -0.1),
            CrystalError::Width("strain", -0.1)
        );
        assert_eq!(
            with(|c| c.lorentzian_share = 1.5),
            CrystalError::Width("lorentzian_share", 1.5)
        );
        assert_eq!(
            with(|c| c.instrument.w_rad2 = -1e-6),
            CrystalError::Width("w_rad2", -1e-6)
        );
        assert_eq!(
            with(|c| c.instrument.v_rad2 = -1e-6),
            CrystalError::Width("v_rad2", -1e-6)
        );
        assert!(matches!(
            with(|c| c.disorder_nm = f64::NAN),
            CrystalError::Width("disorder_nm", _)
        ));
    }

    #[test]
    fn a_table_is_the_sum_of_its_rings() {
        let rings = Substance::Gold.crystal().rings(70.0).unwrap();
        let width = width(WidthConfig {
            size_nm: 8.0,
            strain: 3e-3,
            ..Default::default()
        });
        let table = width.table(&rings, 70.0, 7001);
        for q in [26.68, 27.0, 43.55, 51.0, 65.0] {
            let sum: f64 = rings.iter().map(|ring| ring.intensity(q, &width)).sum();
            assert_relative_eq!(f64::from(table.at(q as f32)), sum, max_relative = 0.02);
        }
    }

    #[test]
    fn a_ring_beyond_the_table_is_left_out() {
        let ring = Ring {
            q_inv_nm: 50.0,
            multiplicity: 2,
            strength: 1.0,
        };
        let table = width(WidthConfig::default()).table(&[ring], 10.0, 101);
        assert_eq!(table.max(), 0.0);
    }

    #[test]
    fn a_lower_symmetry_splits_the_rings_of_a_cube() {
        let rings = |config| {
            let atoms = Substance::Iron.crystal().atoms().to_vec();
            let cell = UnitCell::new(config).unwrap();
            crate::crystal::Crystal::new(cell, atoms)
                .unwrap()
                .rings(60.0)
                .unwrap()
        };
        let cube = rings(CellConfig::cubic(0.4));
        let split = rings(CellConfig::orthorhombic(0.4, 0.42, 0.45));
        assert!(split.len() > 2 * cube.len());
        assert_eq!(cube[0].multiplicity, 12);
        assert_eq!(split[0].multiplicity, 4);
    }
}
