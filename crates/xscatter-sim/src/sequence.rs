//! How a series of frames goes: one experiment is one process, with its events at known times.
//!
//! | kind | what happens | course |
//! |---|---|---|
//! | order-disorder | a broad halo becomes the rings of a lattice, or the other way round | logistic |
//! | crystallisation | rings grow out of a halo | Avrami: 1 − exp(−(k (t − t₀))ⁿ) |
//! | drying | spacings shrink and order appears while the solvent leaves | exponential |
//!
//! A fifth of the series, unless configured otherwise, has no event at all. Beam dips are no events of
//! the sample: for a few frames the whole image is darker. Both are in the truth ([`Event`]), and a
//! detector of events must tell them apart. Times are in frames: the first one is at 0.
//!
//! Source of the kinetics: Avrami 1939, doi:10.1063/1.1750380.

use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use crate::draw::{Interval, chance, normal, uniform, whole};
use crate::simulation::SimError;

/// A kind of process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SequenceKind {
    /// Between a disordered and an ordered phase, either way.
    OrderDisorder,
    /// Crystals grow out of an amorphous phase.
    Crystallisation,
    /// A film or a droplet dries.
    Drying,
}

impl SequenceKind {
    /// All kinds.
    pub const ALL: [Self; 3] = [Self::OrderDisorder, Self::Crystallisation, Self::Drying];

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::OrderDisorder => "order-disorder",
            Self::Crystallisation => "crystallisation",
            Self::Drying => "drying",
        }
    }
}

/// Series of frames in which something happens, or not.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SequenceScene {
    /// The kinds of processes, each once; experiments take turns.
    pub kinds: Vec<SequenceKind>,
    /// Share of the series in which nothing happens to the sample.
    pub quiet_share: f64,
    /// When an event begins, as a share of the series.
    pub onset: Interval,
    /// How long it takes, as a share of the series.
    pub duration: Interval,
    /// Avrami's exponent.
    pub avrami_exponent: Interval,
    /// By which factor drying shrinks a spacing in the end.
    pub shrinkage: Interval,
    /// Share of the series with dips of the beam.
    pub dip_share: f64,
    /// Relative standard deviation of the beam from frame to frame.
    pub beam_noise: f64,
}

impl Default for SequenceScene {
    fn default() -> Self {
        Self {
            kinds: SequenceKind::ALL.to_vec(),
            quiet_share: 0.2,
            onset: Interval::new(0.15, 0.7),
            duration: Interval::new(0.03, 0.4),
            avrami_exponent: Interval::new(1.0, 4.0),
            shrinkage: Interval::new(0.6, 0.95),
            dip_share: 0.4,
            beam_noise: 0.01,
        }
    }
}

impl SequenceScene {
    pub(crate) fn check(&self) -> Result<(), SimError> {
        let mut distinct: Vec<&str> = self.kinds.iter().map(|kind| kind.name()).collect();
        distinct.sort_unstable();
        distinct.dedup();
        if distinct.is_empty() || distinct.len() != self.kinds.len() {
            return Err(SimError::parameter(
                "scene.kinds",
                "at least one kind, each once",
                format!("{:?}", self.kinds),
            ));
        }
        for (name, interval, low, high) in [
            ("quiet_share", exactly(self.quiet_share), 0.0, 1.0),
            ("dip_share", exactly(self.dip_share), 0.0, 1.0),
            ("beam_noise", exactly(self.beam_noise), 0.0, 1.0),
            ("onset", self.onset, 0.0, 1.0),
            ("duration", self.duration, 1e-6, 1.0),
            ("avrami_exponent", self.avrami_exponent, 0.5, 6.0),
            ("shrinkage", self.shrinkage, 0.1, 1.0),
        ] {
            interval.check(&format!("scene.{name}"), low, high)?;
        }
        Ok(())
    }
}

fn exactly(value: f64) -> Interval {
    Interval::new(value, value)
}

/// Something that happens in a series; times in frames of the experiment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// What happens: `ordering`, `disordering`, `crystallisation`, `drying` or `beam dip`.
    pub name: String,
    /// When it begins.
    pub start_frame: f64,
    /// When it is over: 95 % of the way.
    pub end_frame: f64,
    /// Whether it happens to the sample; a beam dip does not.
    pub of_sample: bool,
}

/// The course of one series.
#[derive(Debug, Clone)]
pub(crate) struct Course {
    kind: SequenceKind,
    /// Whether time runs from order to disorder.
    backwards: bool,
    progress: Progress,
    shrinkage: f64,
    dips: Vec<(f64, f64, f64)>,
    beam_noise: f64,
    pub(crate) events: Vec<Event>,
}

#[derive(Debug, Clone, Copy)]
enum Progress {
    /// Nothing happens.
    Never,
    Logistic {
        middle: f64,
        width: f64,
    },
    Avrami {
        start: f64,
        time: f64,
        exponent: f64,
    },
    Exponential {
        start: f64,
        time: f64,
    },
}

impl Progress {
    fn at(self, time: f64) -> f64 {
        match self {
            Self::Never => 0.0,
            Self::Logistic { middle, width } => 1.0 / (1.0 + (-(time - middle) / width).exp()),
            Self::Avrami {
                start,
                time: scale,
                exponent,
            } => 1.0 - (-((time - start).max(0.0) / scale).powf(exponent)).exp(),
            Self::Exponential { start, time: scale } => {
                1.0 - (-(time - start).max(0.0) / scale).exp()
            }
        }
    }
}

/// One frame of a course.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Moment {
    /// How far the process is, 0 to 1.
    pub(crate) progress: f64,
    /// Share of the phase at the beginning and of the one at the end.
    pub(crate) shares: [f64; 2],
    /// All spacings over those at the beginning.
    pub(crate) spacing: f64,
    /// The beam over its usual brightness.
    pub(crate) beam: f64,
}

impl Course {
    pub(crate) fn draw(
        scene: &SequenceScene,
        kind: SequenceKind,
        frames: usize,
        rng: &mut ChaCha8Rng,
    ) -> Self {
        let length = frames as f64;
        let quiet = chance(rng, scene.quiet_share);
        let start = length * scene.onset.uniform(rng);
        let lasting = length * scene.duration.log_uniform(rng);
        let exponent = scene.avrami_exponent.uniform(rng);
        let backwards = kind == SequenceKind::OrderDisorder && chance(rng, 0.5);
        let shrinkage = scene.shrinkage.uniform(rng);
        // 95 % of the way after `lasting`.
        let progress = match kind {
            _ if quiet => Progress::Never,
            SequenceKind::OrderDisorder => Progress::Logistic {
                middle: start + 0.5 * lasting,
                width: lasting / (2.0 * 19.0_f64.ln()),
            },
            SequenceKind::Crystallisation => Progress::Avrami {
                start,
                time: lasting / 20.0_f64.ln().powf(1.0 / exponent),
                exponent,
            },
            SequenceKind::Drying => Progress::Exponential {
                start,
                time: lasting / 20.0_f64.ln(),
            },
        };
        let mut events = Vec::new();
        if !quiet {
            let name = match (kind, backwards) {
                (SequenceKind::OrderDisorder, false) => "ordering",
                (SequenceKind::OrderDisorder, true) => "disordering",
                _ => kind.name(),
            };
            events.push(Event {
                name: name.to_owned(),
                start_frame: start,
                end_frame: start + lasting,
                of_sample: true,
            });
        }
        let mut dips = Vec::new();
        if chance(rng, scene.dip_share) {
            for _ in 0..whole(rng, 1, 3) {
                let from = uniform(rng, 0.0, length).floor();
                let frames = whole(rng, 1, 4) as f64;
                let depth = uniform(rng, 0.1, 0.95);
                dips.push((from, from + frames, depth));
                events.push(Event {
                    name: "beam dip".to_owned(),
                    start_frame: from,
                    end_frame: from + frames,
                    of_sample: false,
                });
            }
        }
        Self {
            kind,
            backwards,
            progress,
            shrinkage,
            dips,
            beam_noise: scene.beam_noise,
            events,
        }
    }

    /// The frame at this place; `rng` gives what the beam does by itself.
    pub(crate) fn at(&self, frame: usize, rng: &mut ChaCha8Rng) -> Moment {
        let time = frame as f64;
        let progress = self.progress.at(time);
        let order = if self.backwards {
            1.0 - progress
        } else {
            progress
        };
        let mut beam = normal(rng, self.beam_noise).exp();
        for &(from, to, depth) in &self.dips {
            if (from..to).contains(&time) {
                beam *= 1.0 - depth;
            }
        }
        let spacing = if self.kind == SequenceKind::Drying {
            1.0 - progress * (1.0 - self.shrinkage)
        } else {
            1.0
        };
        Moment {
            progress,
            shares: [1.0 - order, order],
            spacing,
            beam,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::draw::generator;

    fn course(kind: SequenceKind, seed: u64) -> Course {
        let scene = SequenceScene {
            quiet_share: 0.0,
            dip_share: 1.0,
            beam_noise: 0.0,
            ..SequenceScene::default()
        };
        Course::draw(&scene, kind, 100, &mut generator(seed))
    }

    #[test]
    fn an_event_takes_the_sample_to_95_percent() {
        for (kind, at_start) in [
            (SequenceKind::OrderDisorder, 0.05),
            (SequenceKind::Crystallisation, 0.0),
            (SequenceKind::Drying, 0.0),
        ] {
            for seed in 0..8 {
                let course = course(kind, seed);
                let event = &course.events[0];
                assert!(event.of_sample);
                assert!((course.progress.at(event.start_frame) - at_start).abs() < 1e-9);
                assert!(
                    (course.progress.at(event.end_frame) - 0.95).abs() < 1e-9,
                    "{kind:?}"
                );
            }
        }
    }

    #[test]
    fn a_dip_darkens_and_changes_nothing_else() {
        let course = course(SequenceKind::Crystallisation, 3);
        let dip = course
            .events
            .iter()
            .find(|event| !event.of_sample)
            .expect("dips are certain");
        let inside = course.at(dip.start_frame as usize, &mut generator(1));
        assert!(inside.beam < 0.95);
        assert_eq!(inside.shares[0] + inside.shares[1], 1.0);
        assert_eq!(inside.spacing, 1.0);
    }

    #[test]
    fn a_quiet_series_has_no_event_of_the_sample() {
        let scene = SequenceScene {
            quiet_share: 1.0,
            ..SequenceScene::default()
        };
        let course = Course::draw(&scene, SequenceKind::Drying, 50, &mut generator(2));
        assert!(course.events.iter().all(|event| !event.of_sample));
        assert_eq!(
            course.at(0, &mut generator(1)).progress,
            course.at(49, &mut generator(1)).progress
        );
    }

    #[test]
    fn impossible_kinetics_are_refused_by_name() {
        let scene = SequenceScene {
            shrinkage: Interval::new(-0.5, 0.9),
            ..SequenceScene::default()
        };
        let error = scene.check().unwrap_err().to_string();
        assert!(error.starts_with("scene.shrinkage: expected"), "{error}");
    }
}
