//! One experiment, ready to expose frames: the instrument, the sample with its tables, the brightness.
//!
//! Tables are made once an experiment and shared by its frames; the last few experiments are kept, and
//! what is no longer kept is made again from its seed, so nothing depends on it.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use ndarray::Array2;
use xscatter_core::seed::derive_named;
use xscatter_core::{Frame, FrameInfo, PixelFlags, Result};

use crate::draw::{self, chance};
use crate::feature::Feature;
use crate::instrument::Instrument;
use crate::instrument::Readout;
use crate::scene::{Sample, SampleVariation, draw_pose};
use crate::simulation::{Component, Place, SimulationConfig};

/// No pixel of the direct beam sees more than an attenuator would let through.
const MOST_PHOTONS: f32 = 1e9;

/// How many experiments are kept.
const KEPT: usize = 8;

/// What the frames of an experiment share.
#[derive(Debug)]
pub(crate) struct Experiment {
    pub(crate) instrument: Instrument,
    sample: Sample,
    /// The component that each part of the sample belongs to.
    component_of: Vec<usize>,
    components: Vec<Ingredient>,
    usual_photons: f64,
    exposure_s: f64,
    maps: Maps,
}

/// What of a pixel is the same for all frames.
#[derive(Debug)]
struct Maps {
    q_inv_nm: Array2<f32>,
    /// What reaches a pixel past all obstacles.
    shade: Array2<f32>,
    /// What reaches a pixel past the beamstop, where that is less than all.
    stopped: Vec<(usize, f32)>,
}

impl Maps {
    fn of(instrument: &Instrument) -> Self {
        let shape = instrument.readout.shape;
        let k = instrument.k_inv_nm as f32;
        let at = |index: usize| (index / shape.1, index % shape.1);
        Self {
            q_inv_nm: Array2::from_shape_fn(shape, |(row, column)| {
                k * instrument.rays.to(row, column).q_over_k()
            }),
            shade: Array2::from_shape_fn(shape, |(row, column)| {
                instrument.transmitted(row, column)
            }),
            stopped: (0..shape.0 * shape.1)
                .map(|index| (index, instrument.past_stop(at(index).0, at(index).1)))
                .filter(|(_, passed)| *passed < 1.0)
                .collect(),
        }
    }
}

/// A component of the sample: the parts of one name that were drawn together.
#[derive(Debug, Clone)]
pub(crate) struct Ingredient {
    pub(crate) name: &'static str,
    /// Of each of its parts.
    pub(crate) features: Vec<Feature>,
}

impl Ingredient {
    /// As one frame shows it.
    fn varied(&self, variation: SampleVariation) -> Self {
        let mut varied = self.clone();
        for feature in &mut varied.features {
            variation.apply(feature);
        }
        varied
    }
}

/// A frame before it is counted.
#[derive(Debug)]
pub(crate) struct Exposed {
    /// The expected photons of every pixel.
    pub(crate) total: Array2<f32>,
    /// Those of each component, if asked for.
    pub(crate) parts: Vec<Array2<f32>>,
    pub(crate) components: Vec<Ingredient>,
    pub(crate) values: Vec<(&'static str, f64)>,
    pub(crate) exposure_s: f64,
    /// Pixels in the shadow of the beamstop: which, what they would expect without it, and what share
    /// of that passes. Made with the components.
    hidden: Vec<(usize, f32, f32)>,
}

impl Exposed {
    /// How many valid pixels are in the shadow of the beamstop, and the signal-to-noise ratio of what
    /// is missing there.
    pub(crate) fn shadow(&self, flags: Option<&[PixelFlags]>, variance: f32) -> (usize, f64) {
        let mut pixels = 0;
        let mut information = 0.0;
        for &(pixel, open, passed) in &self.hidden {
            if flags.is_some_and(|flags| flags[pixel] != PixelFlags::VALID) {
                continue;
            }
            pixels += usize::from(passed < 0.5);
            let missing = f64::from(open * (1.0 - passed));
            information += missing * missing / f64::from(open + variance);
        }
        (pixels, information.sqrt())
    }

    pub(crate) fn into_components(self) -> Vec<Component> {
        self.components
            .into_iter()
            .zip(self.parts)
            .map(|(ingredient, expected)| Component {
                name: ingredient.name.to_owned(),
                expected,
            })
            .collect()
    }
}

impl Experiment {
    pub(crate) fn draw(
        config: &SimulationConfig,
        place: &Place,
        readout: Readout,
    ) -> Result<Self, xscatter_geometry::GeometryError> {
        let ranges = &config.ranges;
        let technique = config.scene.technique(place.branch);
        let pose = draw_pose(
            technique,
            ranges,
            &readout,
            derive_named(place.seed, "pose"),
        );
        let instrument = Instrument::draw(readout, pose, derive_named(place.seed, "instrument"))?;
        let mut rng = draw::generator(derive_named(place.seed, "blank"));
        let blank = chance(&mut rng, ranges.blank_share);
        let sample = config.scene.sample(
            place.branch,
            &instrument,
            blank,
            derive_named(place.seed, "sample"),
        );
        let mut rng = draw::generator(derive_named(place.seed, "brightness"));
        let usual_photons = ranges.bright_photons.log_uniform(&mut rng);
        let exposure_s = ranges.exposure_s.log_uniform(&mut rng);

        let mut keys: Vec<(usize, &'static str)> = Vec::new();
        let mut components: Vec<Ingredient> = Vec::new();
        let mut component_of = Vec::new();
        for (draw, name, feature) in sample.parts() {
            let key = (draw, name);
            let at = keys
                .iter()
                .position(|known| *known == key)
                .unwrap_or_else(|| {
                    keys.push(key);
                    components.push(Ingredient {
                        name,
                        features: Vec::new(),
                    });
                    keys.len() - 1
                });
            components[at].features.push(feature);
            component_of.push(at);
        }
        Ok(Self {
            maps: Maps::of(&instrument),
            instrument,
            sample,
            component_of,
            components,
            usual_photons,
            exposure_s,
        })
    }

    pub(crate) fn q_inv_nm(&self) -> &Array2<f32> {
        &self.maps.q_inv_nm
    }

    pub(crate) fn shade(&self) -> &Array2<f32> {
        &self.maps.shade
    }

    /// The expected photons of a frame; those of each component as well if asked for.
    pub(crate) fn expose(&self, place: &Place, by_component: bool) -> Exposed {
        let mut rng = place.variation();
        // A series keeps its exposure; beam and sample thickness do not stay the same.
        let brighter = draw::log_uniform(&mut rng, 0.3, 3.0);
        let (sample, variation) = self.sample.varied(&mut rng);
        let (mut total, mut parts) = self.intensities(&sample, variation, by_component);
        let mut hidden = if by_component {
            self.hidden(&sample, variation)
        } else {
            Vec::new()
        };
        let brightness = self.instrument.brightness(&total);
        if brightness > 0.0 {
            let photons = (self.usual_photons * brighter) as f32 / brightness;
            for image in parts.iter_mut().chain([&mut total]) {
                image.mapv_inplace(|value| (value * photons).min(MOST_PHOTONS));
            }
            for (_, open, _) in &mut hidden {
                *open = (*open * photons).min(MOST_PHOTONS);
            }
        }
        Exposed {
            total,
            parts,
            components: self
                .components
                .iter()
                .map(|ingredient| ingredient.varied(variation))
                .collect(),
            values: sample.values_of(variation),
            exposure_s: self.exposure_s,
            hidden,
        }
    }

    /// What the pixels behind the beamstop would see without it.
    fn hidden(&self, sample: &Sample, variation: SampleVariation) -> Vec<(usize, f32, f32)> {
        let instrument = &self.instrument;
        let columns = instrument.readout.shape.1;
        let mut values = vec![0.0; self.component_of.len()];
        self.maps
            .stopped
            .iter()
            .map(|&(index, passed)| {
                let (row, column) = (index / columns, index % columns);
                let ray = instrument.rays.to(row, column);
                sample.each_at(ray, instrument.k_inv_nm as f32, variation, &mut values);
                let others = if passed > 0.0 {
                    self.maps.shade[(row, column)] / passed
                } else {
                    1.0
                };
                (
                    index,
                    others * ray.seen() * values.iter().sum::<f32>(),
                    passed,
                )
            })
            .collect()
    }

    /// The intensity of every pixel in arbitrary units, in all and of each component.
    fn intensities(
        &self,
        sample: &Sample,
        variation: SampleVariation,
        by_component: bool,
    ) -> (Array2<f32>, Vec<Array2<f32>>) {
        let instrument = &self.instrument;
        let shape = instrument.readout.shape;
        let mut total = Array2::zeros(shape);
        let kept = if by_component {
            self.components.len()
        } else {
            0
        };
        let mut parts = vec![Array2::zeros(shape); kept];
        let mut values = vec![0.0; self.component_of.len()];
        let mut sums = vec![0.0; self.components.len()];
        for row in 0..shape.0 {
            for column in 0..shape.1 {
                let shade = self.maps.shade[(row, column)];
                if shade <= 0.0 {
                    continue;
                }
                let ray = instrument.rays.to(row, column);
                sample.each_at(ray, instrument.k_inv_nm as f32, variation, &mut values);
                sums.fill(0.0);
                for (value, &component) in values.iter().zip(&self.component_of) {
                    sums[component] += value;
                }
                let factor = shade * ray.seen();
                total[(row, column)] = factor * sums.iter().sum::<f32>();
                for (part, sum) in parts.iter_mut().zip(&sums) {
                    part[(row, column)] = factor * sum;
                }
            }
        }
        (total, parts)
    }

    /// Counts what was exposed.
    pub(crate) fn detect(&self, place: &Place, group: &str, exposed: Exposed) -> Result<Frame> {
        let mut rng = place.stream("counts");
        let (counts, mask) = self
            .instrument
            .detect(exposed.total, exposed.exposure_s, &mut rng);
        let info = self.info(place.index, group, exposed.exposure_s);
        let frame = Frame::new(counts).with_info(info);
        Ok(match mask {
            Some(mask) => frame.with_mask(mask)?,
            None => frame,
        })
    }

    /// What a file of this frame would say.
    fn info(&self, index: usize, group: &str, exposure_s: f64) -> FrameInfo {
        let instrument = &self.instrument;
        let geometry = &instrument.geometry;
        let header = BTreeMap::from(
            [
                ("Detector", instrument.readout.detector.name.to_owned()),
                ("Exposure_time", format!("{exposure_s} s")),
                ("Wavelength", format!("{} A", geometry.wavelength_m * 1e10)),
                ("Detector_distance", format!("{} m", geometry.distance_m)),
                (
                    "Beam_xy",
                    format!(
                        "({:.2}, {:.2}) pixels",
                        instrument.centre.column, instrument.centre.row
                    ),
                ),
                (
                    "Pixel_size",
                    format!("{} m x {} m", geometry.pixel1_m, geometry.pixel2_m),
                ),
            ]
            .map(|(key, value)| (key.to_owned(), value)),
        );
        FrameInfo {
            path: None,
            index,
            group: Some(group.into()),
            exposure_s: Some(exposure_s),
            geometry: Some(Arc::clone(geometry)),
            beam_centre_px: Some(instrument.centre),
            header: Arc::new(header),
            warnings: Vec::new(),
        }
    }
}

/// The experiments that were used last, by branch and number.
#[derive(Debug, Default)]
pub(crate) struct Recent(Mutex<VecDeque<(Key, Arc<Experiment>)>>);

type Key = (usize, usize);

impl Recent {
    /// The experiment with this key, made if it is not at hand.
    ///
    /// Two threads may make the same one at once: neither waits for the other.
    pub(crate) fn get(
        &self,
        key: Key,
        make: impl FnOnce() -> Result<Experiment>,
    ) -> Result<Arc<Experiment>> {
        let lock = || self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, found)) = lock().iter().find(|(known, _)| *known == key) {
            return Ok(Arc::clone(found));
        }
        let made = Arc::new(make()?);
        let mut kept = lock();
        if kept.iter().all(|(known, _)| *known != key) {
            if kept.len() == KEPT {
                kept.pop_front();
            }
            kept.push_back((key, Arc::clone(&made)));
        }
        Ok(made)
    }
}
