//! Particles on or in a stack of layers, for whole detectors at once.
//!
//! Use it where the cross-section of many directions is wanted; everything that depends on the exit angle
//! alone (waves, phases, vertical parts of the form factors) is worked out once a row. A direction then
//! costs some 30 to 60 ns a particle for cylinders, boxes and spheres, some 0.5 µs for sliced shapes.
//!
//! Polydispersity is a list of islands with weights. Below the horizon the cross-section is 0: what the
//! substrate lets through is not modelled.

use std::f64::consts::PI;

use ndarray::Array2;
use num_complex::Complex64;
use rayon::prelude::*;

use super::island::{Channel, Terms};
use super::lateral::check_coverage;
use super::{
    GrazingError, Island, Lateral, Layer, Material, Stack, StackConfig, Wave, grazing_angle,
    not_negative, positive,
};

/// Where the particles are.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub enum Place {
    /// In vacuum, on the uppermost surface.
    #[default]
    OnTop,
    /// In a layer.
    InLayer {
        /// Its index, from the top.
        layer: usize,
        /// How far the base is below the layer's upper interface.
        depth_nm: f64,
    },
}

/// A sample at grazing incidence.
#[derive(Debug, Clone, PartialEq)]
pub struct DwbaConfig {
    /// Of the beam.
    pub wavelength_nm: f64,
    /// Between the beam and the surface.
    pub incident_angle_rad: f64,
    /// From top to bottom; none for a bare substrate.
    pub layers: Vec<Layer>,
    /// What lies below.
    pub substrate: Material,
    /// Standard deviation of the height of the substrate's surface.
    pub substrate_roughness_nm: f64,
    /// What the particles are made of.
    pub particle: Material,
    /// The shapes and sizes, with weights that need not add up to 1.
    pub islands: Vec<(Island, f64)>,
    /// How many there are.
    pub density_inv_nm2: f64,
    /// Where they are.
    pub place: Place,
    /// How they are arranged.
    pub lateral: Lateral,
}

impl Default for DwbaConfig {
    /// Cylinders on silicon.
    fn default() -> Self {
        Self {
            wavelength_nm: 0.1,
            incident_angle_rad: 0.4_f64.to_radians(),
            layers: Vec::new(),
            substrate: Material::SILICON_AT_0_1_NM,
            substrate_roughness_nm: 0.0,
            particle: Material {
                delta: 6e-4,
                beta: 2e-8,
            },
            islands: vec![(
                Island::Cylinder {
                    radius_nm: 5.0,
                    height_nm: 5.0,
                },
                1.0,
            )],
            density_inv_nm2: 1e-3,
            place: Place::OnTop,
            lateral: Lateral::Random,
        }
    }
}

/// A sample whose cross-section can be asked for.
///
/// ```
/// use xscatter_sim::grazing::{Dwba, DwbaConfig};
///
/// let sample = Dwba::new(DwbaConfig::default())?;
/// let map = sample.cross_section(&[0.001, 0.003, 0.01], &[-0.01, 0.0, 0.01]);
/// // The Yoneda band, brightest near the critical angle of 0.0035.
/// assert!(map[(1, 1)] > map[(0, 1)] && map[(1, 1)] > map[(2, 1)]);
/// # Ok::<(), xscatter_sim::grazing::GrazingError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Dwba {
    config: DwbaConfig,
    stack: Stack,
    /// Index of the medium that the particles are in.
    medium: usize,
    base_nm: f64,
    incident: Wave,
    /// ρ |k² (n_p² − n_0²)/4π|² in nm⁻⁶.
    factor: f64,
}

impl Dwba {
    /// A sample with this configuration.
    ///
    /// # Errors
    /// [`GrazingError`], which names the parameter, if the incident angle is not between 0 and a right
    /// angle, a size is negative, particles cover more than discs can, or a layer does not exist.
    pub fn new(config: DwbaConfig) -> Result<Self, GrazingError> {
        grazing_angle(config.incident_angle_rad)?;
        let stack = Stack::new(&StackConfig {
            wavelength_nm: config.wavelength_nm,
            layers: config.layers.clone(),
            substrate: config.substrate,
            substrate_roughness_nm: config.substrate_roughness_nm,
        })?;
        config.particle.check()?;
        config.lateral.check()?;
        positive("density_inv_nm2", config.density_inv_nm2)?;
        let mut total = 0.0;
        let mut covered = 0.0;
        for (island, weight) in &config.islands {
            island.check()?;
            not_negative("the weight of an island", *weight)?;
            total += weight;
            covered += weight * island.footprint_nm2();
        }
        if total <= 0.0 {
            return Err(GrazingError::NoIslands);
        }
        let (medium, base_nm) = match config.place {
            Place::OnTop => {
                check_coverage(config.density_inv_nm2 * covered / total)?;
                (0, 0.0)
            }
            Place::InLayer { layer, depth_nm } => {
                if layer >= stack.layers() {
                    return Err(GrazingError::NoSuchLayer {
                        found: layer,
                        layers: stack.layers(),
                    });
                }
                not_negative("depth_nm", depth_nm)?;
                let thickness = stack.thickness_nm(layer + 1);
                if depth_nm > thickness {
                    return Err(GrazingError::TooLarge {
                        name: "depth_nm",
                        found: depth_nm,
                        limit: thickness,
                    });
                }
                (layer + 1, -depth_nm)
            }
        };
        let k = stack.k_inv_nm();
        let contrast = config.particle.beyond_vacuum() - stack.beyond_vacuum(medium);
        Ok(Self {
            incident: stack.waves(config.incident_angle_rad.sin())[medium],
            factor: config.density_inv_nm2 * (k * k * contrast / (4.0 * PI)).norm_sqr(),
            stack,
            medium,
            base_nm,
            config,
        })
    }

    /// The configuration.
    pub fn config(&self) -> &DwbaConfig {
        &self.config
    }

    /// dσ/dΩ per area of the surface, a number per steradian, for every exit angle (rows) and azimuth
    /// (columns); rows in parallel.
    ///
    /// # Panics
    /// Never: there is a value for every row and column.
    pub fn cross_section(&self, exits_rad: &[f64], azimuths_rad: &[f64]) -> Array2<f64> {
        let turns: Vec<(f64, f64)> = azimuths_rad.iter().map(|phi| phi.sin_cos()).collect();
        let mut values = vec![0.0; exits_rad.len() * turns.len()];
        if !turns.is_empty() {
            values
                .par_chunks_mut(turns.len())
                .zip(exits_rad)
                .for_each(|(row, &exit)| self.fill_row(exit, &turns, row));
        }
        Array2::from_shape_vec((exits_rad.len(), turns.len()), values)
            .expect("there is a value for every row and column")
    }

    /// dσ/dΩ per area of the surface in one direction.
    pub fn cross_section_at(&self, exit_rad: f64, azimuth_rad: f64) -> f64 {
        let mut value = [0.0];
        self.fill_row(exit_rad, &[azimuth_rad.sin_cos()], &mut value);
        value[0]
    }

    fn fill_row(&self, exit_rad: f64, turns: &[(f64, f64)], row: &mut [f64]) {
        let (sine_f, cosine_f) = exit_rad.sin_cos();
        if sine_f < 0.0 {
            row.fill(0.0);
            return;
        }
        let k = self.stack.k_inv_nm();
        let cosine_i = self.config.incident_angle_rad.cos();
        let reach = 2.0 * k;
        let widest = turns
            .iter()
            .map(|&(sine, cosine)| (k * (cosine_f * cosine - cosine_i)).hypot(k * cosine_f * sine))
            .fold(0.0, f64::max)
            .min(reach);
        let exit = self.stack.waves(sine_f)[self.medium];
        let channels = channels(&self.incident, &exit, self.base_nm);
        let total: f64 = self.config.islands.iter().map(|(_, weight)| weight).sum();
        let islands: Vec<(&Island, f64, Terms)> = self
            .config
            .islands
            .iter()
            .map(|(island, weight)| (island, weight / total, island.terms(&channels, widest)))
            .collect();
        for (value, &(sine, cosine)) in row.iter_mut().zip(turns) {
            let qx = k * (cosine_f * cosine - cosine_i);
            let qy = k * cosine_f * sine;
            let (mut square, mut mean) = (0.0, Complex64::ZERO);
            for (island, weight, terms) in &islands {
                let amplitude = terms.at(island, qx, qy);
                square += weight * amplitude.norm_sqr();
                mean += weight * amplitude;
            }
            let order = match self.config.lateral {
                Lateral::Random => 0.0,
                lateral => mean.norm_sqr() * (lateral.at(qx, qy) - 1.0),
            };
            *value = self.factor * (square + order);
        }
    }
}

/// The four terms of particles at the height `base_nm`, two in each channel.
pub(crate) fn channels(incident: &Wave, exit: &Wave, base_nm: f64) -> [Channel; 2] {
    let channel = |qz_inv_nm: Complex64, plus: Complex64, minus: Complex64| {
        let turn = (-Complex64::i() * qz_inv_nm * base_nm).exp();
        Channel {
            qz_inv_nm,
            plus: plus * turn,
            minus: minus / turn,
        }
    };
    let (ki, kf) = (incident.kz_inv_nm, exit.kz_inv_nm);
    [
        channel(kf + ki, incident.down * exit.down, incident.up * exit.up),
        channel(kf - ki, incident.up * exit.down, incident.down * exit.up),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;

    #[test]
    fn one_direction_is_one_of_many() {
        let sample = Dwba::new(DwbaConfig {
            islands: vec![
                (Island::Sphere { radius_nm: 4.0 }, 1.0),
                (
                    Island::Cone {
                        base_radius_nm: 5.0,
                        top_radius_nm: 2.0,
                        height_nm: 4.0,
                    },
                    2.0,
                ),
            ],
            lateral: Lateral::HardDisks {
                radius_nm: 6.0,
                coverage: 0.3,
            },
            ..DwbaConfig::default()
        })
        .unwrap();
        let exits = [-0.001, 0.002, 0.01];
        let azimuths = [-0.02, 0.0, 0.013];
        let map = sample.cross_section(&exits, &azimuths);
        for (i, &exit) in exits.iter().enumerate() {
            for (j, &azimuth) in azimuths.iter().enumerate() {
                assert_relative_eq!(
                    map[(i, j)],
                    sample.cross_section_at(exit, azimuth),
                    max_relative = 1e-9
                );
            }
        }
        assert_eq!(map[(0, 1)], 0.0);
    }

    #[test]
    fn the_map_is_the_same_on_one_and_two_threads() {
        let sample = Dwba::new(DwbaConfig::default()).unwrap();
        let exits: Vec<f64> = (0..40).map(|i| 5e-4 * f64::from(i)).collect();
        let azimuths: Vec<f64> = (0..30).map(|i| 1e-3 * f64::from(i)).collect();
        let maps = [1, 2].map(|threads| {
            let pool = rayon::ThreadPoolBuilder::new()
                .num_threads(threads)
                .build()
                .unwrap();
            pool.install(|| sample.cross_section(&exits, &azimuths))
        });
        assert_eq!(maps[0], maps[1]);
    }

    /// Exchange of source and detector: what goes in at α_i and out at α_f is the same reversed.
    #[test]
    fn beam_and_detector_can_change_places() {
        let film = vec![Layer {
            material: Material {
                delta: 3e-6,
                beta: 5e-9,
            },
            thickness_nm: 30.0,
            roughness_nm: 0.5,
        }];
        let at = |incident: f64, exit: f64, place| {
            Dwba::new(DwbaConfig {
                incident_angle_rad: incident,
                layers: film.clone(),
                place,
                islands: vec![(Island::Sphere { radius_nm: 4.0 }, 1.0)],
                ..DwbaConfig::default()
            })
            .unwrap()
            .cross_section_at(exit, 0.01)
        };
        for place in [
            Place::OnTop,
            Place::InLayer {
                layer: 0,
                depth_nm: 20.0,
            },
        ] {
            assert_relative_eq!(
                at(0.003, 0.009, place),
                at(0.009, 0.003, place),
                max_relative = 1e-9
            );
        }
    }

    #[test]
    fn impossible_samples_are_named() {
        let message = |config: DwbaConfig| Dwba::new(config).unwrap_err().to_string();
        assert_eq!(
            message(DwbaConfig {
                incident_angle_rad: 1.7,
                ..DwbaConfig::default()
            }),
            "expected incident_angle_rad between 0 and a right angle, got 1.7"
        );
        assert_eq!(
            message(DwbaConfig {
                islands: Vec::new(),
                ..DwbaConfig::default()
            }),
            "expected at least one island with a weight above zero"
        );
        assert!(
            message(DwbaConfig {
                density_inv_nm2: 0.1,
                ..DwbaConfig::default()
            })
            .starts_with("expected a coverage below close packing, 0.9069, got 7.85")
        );
        assert_eq!(
            message(DwbaConfig {
                place: Place::InLayer {
                    layer: 0,
                    depth_nm: 1.0
                },
                ..DwbaConfig::default()
            }),
            "expected the index of one of 0 layers, got 0"
        );
    }
}
