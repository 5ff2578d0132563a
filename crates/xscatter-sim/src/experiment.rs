//! One experiment, ready to expose frames: the instrument, the sample with its tables, the brightness.
//!
//! Tables are made once an experiment and shared by its frames; the last few experiments are kept, and
//! what is no longer kept is made again from its seed, so nothing depends on it.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use ndarray::Array2;
use rayon::prelude::*;
use xscatter_core::seed::derive_named;
use xscatter_core::{Frame, FrameInfo, Result};
use xscatter_geometry::GeometryError;

use crate::draw::{self, chance};
use crate::feature::{Feature, Role};
use crate::instrument::{Instrument, InstrumentRanges, Readout};
use crate::scene::{Row, Sample, SampleVariation, SceneConfig, View, disturb, draw_pose};
use crate::sequence::{Course, Event};
use crate::simulation::{Component, Place, SimulationConfig};

/// How many pixels the instruments of the kept experiments have in all; the last one is always kept.
const KEPT_PIXELS: usize = 8_000_000;

/// How many experiments are kept at most.
const KEPT: usize = 16;

/// How many rows a task evaluates.
const BAND: usize = 16;

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
    /// Whether the sample is a standard, which neither expands nor turns.
    rigid: bool,
    /// How a series goes, and the photons of its unit of intensity.
    series: Option<(Course, f32)>,
    /// Pixels in the shadow of the beamstop.
    shadow: Vec<usize>,
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
    /// The expected photons of every pixel, after everything that is linear.
    pub(crate) total: Array2<f32>,
    pub(crate) exposure_s: f64,
    /// What a truth needs to know, if it was asked for.
    pub(crate) known: Known,
}

/// What a truth needs to know of a frame.
#[derive(Debug, Default)]
pub(crate) struct Known {
    /// The expected photons of each component.
    pub(crate) parts: Vec<Array2<f32>>,
    pub(crate) components: Vec<Ingredient>,
    pub(crate) values: Vec<(&'static str, f64)>,
    /// Of every pixel.
    pub(crate) q_inv_nm: Array2<f32>,
    /// Pixels in the shadow of the beamstop, and what they would expect without.
    pub(crate) hidden: Vec<(usize, f32)>,
}

impl Exposed {
    pub(crate) fn into_components(self) -> Vec<Component> {
        self.known
            .components
            .into_iter()
            .zip(self.known.parts)
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
    ) -> Result<Self, GeometryError> {
        let ranges = &config.ranges;
        let technique = config.scene.technique(place.branch);
        let named = |concern: &str| derive_named(place.seed, concern);
        let mut pose = draw_pose(technique, ranges, &readout, named("pose"));
        let mut view = None;
        if let Some(nuisance) = &config.disturbance {
            // The sample is that of an ideal instrument, whatever the one that looks at it.
            let ideal = InstrumentRanges::ideal();
            let undisturbed = Instrument::draw(readout.clone(), pose, &ideal, named("instrument"))?;
            view = Some(View::new(&undisturbed));
            pose = disturb(&pose, nuisance, readout.shape, named("disturbance"));
        }
        let instrument = Instrument::draw(readout, pose, &config.instrument, named("instrument"))?;
        let mut view = view.unwrap_or_else(|| View::new(&instrument));
        view.blank = chance(&mut draw::generator(named("blank")), ranges.blank_share);
        let (mut sample, course) = config.scene.sample(
            place.branch,
            &view,
            config.frames_per_experiment,
            named("sample"),
        );
        if let Some(nuisance) = &config.disturbance {
            let mut rng = draw::generator(named("disturbing streaks"));
            if chance(&mut rng, nuisance.streak_share) {
                sample.add_streaks(&view, &mut rng);
            }
        }
        let mut rng = draw::generator(named("brightness"));
        let usual_photons = ranges.bright_photons.log_uniform(&mut rng);
        let exposure_s = ranges.exposure_s.log_uniform(&mut rng);
        let (components, component_of) = ingredients(&sample);
        let mut experiment = Self {
            shadow: instrument.stop_pixels(),
            instrument,
            sample,
            component_of,
            components,
            usual_photons,
            exposure_s,
            rigid: matches!(config.scene, SceneConfig::Calibrants(_)),
            series: None,
        };
        experiment.series = course.map(|course| {
            // Both phases together: the brightness of a frame is that of what is there.
            let all = experiment.intensities(&experiment.sample, Sample::unvaried(), false);
            let instrument = &experiment.instrument;
            (course, instrument.photons_per_unit(&all.0, usual_photons))
        });
        Ok(experiment)
    }

    /// What happens in the series that this experiment is.
    pub(crate) fn events(&self) -> &[Event] {
        self.series
            .as_ref()
            .map_or(&[], |(course, _)| course.events.as_slice())
    }

    /// The expected photons of a frame; with those of each component if asked for.
    pub(crate) fn expose(&self, place: &Place, by_component: bool) -> Exposed {
        let instrument = &self.instrument;
        let mut rng = place.variation();
        let moment = self
            .series
            .as_ref()
            .map(|(course, _)| course.at(place.frame, &mut rng));
        // An experiment keeps its exposure; beam and sample thickness do not stay the same.
        let brighter = match &moment {
            Some(moment) => moment.beam,
            None => draw::log_uniform(&mut rng, 0.3, 3.0),
        };
        let (sample, variation) = if let Some(moment) = &moment {
            self.sample.at_moment(moment)
        } else {
            let mut movement = draw::generator(place.seed_of("movement"));
            let (sample, variation) = self.sample.varied(&mut rng, &mut movement);
            if self.rigid {
                (sample, Sample::unvaried())
            } else {
                (sample, variation)
            }
        };
        let (mut total, mut known) = self.intensities(&sample, variation, by_component);
        let bright_photons = self.usual_photons * brighter;
        let photons = match &self.series {
            Some((_, photons)) => photons * brighter as f32,
            None => instrument.photons_per_unit(&total, bright_photons),
        };
        if let Some(moment) = moment {
            known.values.push(("progress", moment.progress));
            known.values.push(("beam_intensity", moment.beam));
        }
        for image in known.parts.iter_mut().chain([&mut total]) {
            image.mapv_inplace(|value| value * photons);
        }
        instrument.add_direct_beam(&mut total, bright_photons as f32);
        if by_component {
            let mut beam = Array2::zeros(total.dim());
            instrument.add_direct_beam(&mut beam, bright_photons as f32);
            if beam.iter().any(|photons| *photons > 0.0) {
                known.parts.push(beam);
                known.components.push(Ingredient {
                    name: "direct beam",
                    features: vec![Feature::of(Role::Surroundings)],
                });
            }
            let open = total.as_slice().expect("made row-major");
            known.hidden = self
                .shadow
                .iter()
                .map(|&pixel| (pixel, open[pixel]))
                .collect();
        }
        for image in known.parts.iter_mut().chain([&mut total]) {
            instrument.linear(image);
        }
        Exposed {
            total,
            exposure_s: self.exposure_s,
            known,
        }
    }

    /// The intensity of every pixel in arbitrary units before the instrument, in all and of each
    /// component.
    fn intensities(
        &self,
        sample: &Sample,
        variation: SampleVariation,
        by_component: bool,
    ) -> (Array2<f32>, Known) {
        let (rows, columns) = self.instrument.readout.shape;
        let n = self.components.len();
        // The total, then, if asked for, q and the components: in each band one after the other.
        let images = if by_component { n + 2 } else { 1 };
        let bands: Vec<Vec<f32>> = (0..rows.div_ceil(BAND))
            .into_par_iter()
            .map(|band| {
                let band = band * BAND..rows.min((band + 1) * BAND);
                let mut out = vec![0.0; images * band.len() * columns];
                let mut sums = vec![vec![0.0_f32; columns]; n];
                let height = band.len();
                for (line, row) in band.enumerate() {
                    let row = Row::of(&self.instrument, row);
                    for sum in &mut sums {
                        sum.fill(0.0);
                    }
                    sample.add_row(&row, variation, &self.component_of, &mut sums);
                    let place = |image: usize| (image * height + line) * columns;
                    for (image, sum) in sums.iter_mut().enumerate() {
                        for (value, seen) in sum.iter_mut().zip(&row.seen) {
                            *value *= seen;
                        }
                        for (total, value) in out[place(0)..][..columns].iter_mut().zip(&*sum) {
                            *total += value;
                        }
                        if by_component {
                            out[place(image + 2)..][..columns].copy_from_slice(sum);
                        }
                    }
                    if by_component {
                        out[place(1)..][..columns].copy_from_slice(row.q_inv_nm());
                    }
                }
                out
            })
            .collect();
        let mut pictures = (0..images).map(|image| {
            let mut pixels = Vec::with_capacity(rows * columns);
            for band in &bands {
                let size = band.len() / images;
                pixels.extend_from_slice(&band[image * size..(image + 1) * size]);
            }
            Array2::from_shape_vec((rows, columns), pixels).expect("all rows of all columns")
        });
        let total = pictures.next().expect("the total is always there");
        let mut known = Known::default();
        if let Some(q_inv_nm) = pictures.next() {
            known.q_inv_nm = q_inv_nm;
            known.parts = pictures.collect();
            known.values = sample.values_of(variation);
            known.components = self
                .components
                .iter()
                .map(|ingredient| ingredient.varied(variation))
                .collect();
        }
        (total, known)
    }

    /// Counts what was exposed.
    pub(crate) fn detect(&self, place: &Place, group: &str, exposed: Exposed) -> Result<Frame> {
        let exposure_s = exposed.exposure_s;
        let (counts, mask) =
            self.instrument
                .detect(exposed.total, exposure_s, place.seed_of("counts"));
        let info = self.info(place.index, group, exposure_s);
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
                ("Detector", instrument.readout.name.clone()),
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

/// The components of a sample, and to which of them each of its parts belongs.
fn ingredients(sample: &Sample) -> (Vec<Ingredient>, Vec<usize>) {
    let mut keys: Vec<(usize, &'static str)> = Vec::new();
    let mut components: Vec<Ingredient> = Vec::new();
    let mut component_of = Vec::new();
    for (draw, name, feature) in sample.parts() {
        let key = (draw, name);
        let known = keys.iter().position(|known| *known == key);
        let at = known.unwrap_or_else(|| {
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
    (components, component_of)
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
            kept.push_back((key, Arc::clone(&made)));
            let pixels = |experiment: &Experiment| {
                let (rows, columns) = experiment.instrument.readout.shape;
                rows * columns
            };
            let mut all: usize = kept.iter().map(|(_, experiment)| pixels(experiment)).sum();
            while kept.len() > KEPT || (all > KEPT_PIXELS && kept.len() > 1) {
                all -= kept.pop_front().map_or(0, |(_, first)| pixels(&first));
            }
        }
        Ok(made)
    }
}

#[cfg(test)]
mod tests {
    use crate::preset::Preset;
    use crate::simulation::Simulation;

    #[test]
    fn components_add_up_to_what_the_detector_is_exposed_to() {
        for preset in [
            Preset::FourTechniques,
            Preset::BnlTags17,
            Preset::TimeSeries,
        ] {
            let mut config = preset.config(4).with_frames(4);
            config.frames_per_experiment = 1;
            config.detectors = vec!["Pilatus 100k".into()];
            let simulation = Simulation::new(config).unwrap();
            for index in 0..4 {
                let exposed = simulation.expose(index).unwrap();
                let brightest = exposed.total.iter().copied().fold(0.0, f32::max);
                for (pixel, total) in exposed.total.indexed_iter() {
                    let sum: f32 = exposed.known.parts.iter().map(|part| part[pixel]).sum();
                    assert!(
                        (sum - total).abs() <= 1e-4 * total + 1e-6 * brightest,
                        "{preset} {index} {pixel:?}: {sum} and {total}"
                    );
                }
            }
        }
    }
}
