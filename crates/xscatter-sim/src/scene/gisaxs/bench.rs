//! What a film and its surroundings have in common in both grazing techniques: the substrate, the film on
//! it, the horizon, the beams.

use std::cell::OnceCell;
use std::f64::consts::TAU;

use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use xscatter_core::seed::derive_named;

use super::film::{Beam, Film, Sheet};
use crate::curve::Curve;
use crate::diffuse;
use crate::draw::{self, chance, log_uniform, normal, uniform};
use crate::grazing::{Layer, Material, Stack, StackConfig, Surface, Wave};
use crate::pattern::{Pattern, axis};
use crate::scene::View;

/// Entries of a table against the exit angle, the half below the horizon included.
const ENTRIES: usize = 8192;

/// A substrate, a film on it or not, and how sharp they are seen.
#[derive(Debug)]
pub(in crate::scene) struct Bench {
    pub(in crate::scene) surface: Surface,
    pub(in crate::scene) reach: f64,
    coated: bool,
    pub(super) film_nm: f64,
    film: Material,
    bare_stack: Stack,
    coated_stack: Stack,
    blur: f64,
    waviness_rad: f64,
    tilt_rad: f64,
    leak: f64,
    /// What [`channels_at`](Self::channels_at) gives at the entries of a table.
    channels: OnceCell<Vec<(f64, f64)>>,
}

/// A stream of its own for what was added later: it takes nothing from the main one.
pub(super) fn fork(rng: &ChaCha8Rng, name: &str) -> ChaCha8Rng {
    draw::generator(derive_named(rng.clone().random(), name))
}

/// (1 − exp(−x))/x.
fn mean_decay(x: f64) -> f64 {
    if x.abs() < 1e-9 {
        1.0
    } else {
        -(-x).exp_m1() / x
    }
}

impl Bench {
    pub(in crate::scene) fn draw(view: &View, rng: &mut ChaCha8Rng) -> Self {
        let wavelength_nm = TAU / view.k_inv_nm;
        let heavy = chance(rng, 0.25);
        let delta = if heavy {
            log_uniform(rng, 1e-5, 3e-5)
        } else {
            log_uniform(rng, 2.5e-6, 8e-6)
        };
        let substrate = Material {
            delta: delta * (wavelength_nm / 0.1).powi(2),
            beta: delta * log_uniform(rng, 1e-3, 0.1),
        };
        let surface = Surface {
            wavelength_nm,
            incident_angle_rad: view.incident_angle_rad,
            substrate,
        };
        let stream = &mut fork(rng, "film");
        let film = Material {
            delta: substrate.delta * uniform(stream, 0.3, 0.85),
            beta: substrate.beta * uniform(stream, 0.05, 0.5),
        };
        let film_nm = log_uniform(stream, 15.0, 250.0);
        let coated = chance(stream, 0.7);
        let mut config = StackConfig {
            wavelength_nm,
            layers: Vec::new(),
            substrate,
            substrate_roughness_nm: log_uniform(stream, 0.15, 0.8),
        };
        let stack = |config: &StackConfig| {
            Stack::new(config).expect("every length is drawn from a range above zero")
        };
        let bare_stack = stack(&config);
        config.layers.push(Layer {
            material: film,
            thickness_nm: film_nm,
            roughness_nm: log_uniform(stream, 0.2, 2.0),
        });
        let stream = &mut fork(rng, "alignment");
        let waviness_rad = log_uniform(stream, 5e-6, 2e-4);
        let tilt_rad = normal(stream, 0.006);
        Self {
            surface,
            coated,
            film_nm,
            film,
            coated_stack: stack(&config),
            bare_stack,
            reach: (view.q_max_inv_nm / view.k_inv_nm).min(1.4) + view.incident_angle_rad,
            blur: (view.pixel_rad * view.beam_sigma_px.hypot(uniform(rng, 0.5, 2.0)))
                .hypot(waviness_rad),
            waviness_rad,
            tilt_rad,
            leak: log_uniform(rng, 5e-4, 0.04),
            channels: OnceCell::new(),
        }
    }

    /// With the film or without it, whatever was drawn.
    pub(super) fn coat(&mut self, coated: bool) {
        self.coated = coated;
        self.channels = OnceCell::new();
    }

    pub(super) fn stack(&self) -> &Stack {
        if self.coated {
            &self.coated_stack
        } else {
            &self.bare_stack
        }
    }

    /// What the layer's pattern is in: the film, or the substrate's surface.
    fn matter(&self) -> Material {
        if self.coated {
            self.film
        } else {
            self.surface.substrate
        }
    }

    /// A function of the sine of the exit angle above the horizon, and the leak below, blurred by the
    /// beam and the waviness of the surface.
    pub(super) fn against_exit(&self, f: impl Fn(f64) -> f64) -> Curve {
        let edge = f(self.surface.substrate.critical_angle_rad().sin().max(1e-4));
        let curve = Curve::sample(-self.reach, self.reach, ENTRIES, |sine| {
            if sine > 0.0 {
                f(sine.min(1.0))
            } else {
                edge * self.leak * (sine / 0.02).exp()
            }
        });
        curve.blurred(self.blur)
    }

    /// The same of what the channels let see, which are worked out once.
    pub(super) fn through_channels(&self, f: impl Fn(f64, (f64, f64)) -> f64) -> Curve {
        let step = 2.0 * self.reach / (ENTRIES - 1) as f64;
        let channels = self.channels.get_or_init(|| {
            let sine_i = self.surface.incident_angle_rad.sin();
            let incident = self.stack().waves(sine_i)[1];
            (0..ENTRIES)
                .map(|index| (step * index as f64 - self.reach).min(1.0))
                .map(|sine| {
                    if sine > 0.0 {
                        self.channels_at(&incident, sine)
                    } else {
                        (0.0, 0.0)
                    }
                })
                .collect()
        });
        self.against_exit(|sine| {
            let index = ((sine + self.reach) / step).round() as usize;
            f(sine, channels[index.min(ENTRIES - 1)])
        })
    }

    /// How much of what scatters in the film or at the surface is seen at this exit angle at k_f + k_i
    /// and at k_f − k_i, averaged over the depth.
    fn channels_at(&self, i: &Wave, sine_f: f64) -> (f64, f64) {
        let f = self.stack().waves(sine_f)[1];
        let (down_i, up_i) = (i.down.norm_sqr(), i.up.norm_sqr());
        let (down_f, up_f) = (f.down.norm_sqr(), f.up.norm_sqr());
        if !self.coated {
            return (down_i * down_f, 0.0);
        }
        let depth = 2.0 * self.film_nm;
        let seen = |a: f64, b: f64, decay: f64| a * b * mean_decay(depth * decay);
        let (ai, af) = (i.kz_inv_nm.im, f.kz_inv_nm.im);
        (
            seen(down_i, down_f, ai + af) + seen(up_i, up_f, -ai - af),
            seen(up_i, down_f, af - ai) + seen(down_i, up_f, ai - af),
        )
    }

    pub(in crate::scene) fn finish(
        self,
        view: &View,
        rng: &mut ChaCha8Rng,
        mut layer: Pattern,
        sheets: impl IntoIterator<Item = Sheet>,
        streak: Option<(Curve, Curve)>,
        surroundings: Pattern,
    ) -> Film {
        let direct = self.through_channels(|_, (direct, _)| direct);
        let reflected = self
            .coated
            .then(|| self.through_channels(|_, (_, reflected)| reflected));
        let yoneda_max = f64::from(direct.max()).max(1e-9);
        let blocked = log_uniform(rng, 0.01, 0.35);
        let horizon = Curve::sample(-self.reach, self.reach, ENTRIES, |sine| {
            if sine > 0.0 { 1.0 } else { blocked }
        })
        .blurred(self.blur);
        let width = view.beam_sigma_px * view.pixel_rad;
        let mut spots = Vec::new();
        if chance(rng, 0.75) {
            let reflectivity = self.stack().reflectivity(view.incident_angle_rad);
            spots.push(Beam {
                elevation: (2.0 * view.incident_angle_rad).sin() as f32,
                strength: (reflectivity * log_uniform(rng, 3.0, 3e3)) as f32,
                width: (width.hypot(2.0 * self.waviness_rad) as f32, width as f32),
            });
        }
        spots.push(Beam {
            elevation: 0.0,
            strength: log_uniform(rng, 1.0, 3e3) as f32,
            width: (width as f32, width as f32),
        });
        let critical = self.matter().critical_angle_rad();
        layer.value("critical_angle_rad", critical);
        let below = self.surface.substrate.critical_angle_rad();
        layer.value("substrate_critical_angle_rad", below);
        layer.value("sample_tilt_rad", self.tilt_rad);
        if self.coated {
            layer.value("film_thickness_nm", self.film_nm);
        }
        Film {
            k: view.k_inv_nm as f32,
            sine_i: view.incident_angle_rad.sin() as f32,
            cosine_i: view.incident_angle_rad.cos() as f32,
            tilt: axis(self.tilt_rad),
            critical: critical.sin().powi(2) as f32,
            channels: (
                direct.scaled(1.0 / yoneda_max),
                reflected.map(|curve| curve.scaled(1.0 / yoneda_max)),
            ),
            layer,
            sheets: sheets.into_iter().collect(),
            streak,
            surroundings,
            horizon,
            spots,
        }
    }
}

/// The streak at q_y = 0, with the fringes of a film.
pub(in crate::scene) fn draw_streak(
    view: &View,
    bench: &Bench,
    rng: &mut ChaCha8Rng,
) -> (Curve, Curve) {
    let width = view.q_pixel_inv_nm * log_uniform(rng, 1.5, 12.0);
    let across = Curve::sample(0.0, view.q_max_inv_nm, 4096, |q| {
        diffuse::ornstein_zernike(q, 1.0 / width).powf(1.2)
    });
    let decay = uniform(rng, 1.0, 3.5);
    let other = uniform(rng, 20.0, 200.0) / view.q_high_inv_nm;
    let fringes = chance(rng, 0.35);
    let contrast = if fringes { uniform(rng, 0.2, 0.9) } else { 0.0 };
    let thickness = if bench.coated { bench.film_nm } else { other };
    let k = view.k_inv_nm;
    let incident = view.incident_angle_rad.sin();
    // Fringes of the film have their period inside it.
    let critical = bench.matter().critical_angle_rad().sin().powi(2);
    let inside = |sine: f64| (sine * sine - critical).max(0.0).sqrt();
    let along = bench.through_channels(|sine, (direct, _)| {
        let fall = (2.0 * incident / (sine + incident)).powf(decay).min(4.0);
        let phase = k * (inside(sine) + inside(incident)) * thickness;
        direct * fall * (1.0 + contrast * phase.cos())
    });
    let largest = f64::from(along.max()).max(1e-9);
    let strength = log_uniform(rng, 0.3, 30.0);
    (across, along.scaled(strength / largest))
}
