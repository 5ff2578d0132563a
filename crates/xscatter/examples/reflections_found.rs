//! How often horizons and specular spots are found on simulated frames, and how often at the right place.
//!
//! ```console
//! cargo run --release -p xscatter --example reflections_found
//! ```
//!
//! 160 frames of 160 experiments of four techniques for every seed. `there` counts the frames whose image holds
//! the horizon at all; right is the right way up and within 2 % of the rows (columns, where the camera lies on
//! its side) of where the geometry has it, and for the spot of how far it must lie above it. The bands are
//! compared with the critical angle of the film or, without one, of the substrate: their exit angles are those
//! of the simulated surface where the horizon is right.

#![allow(clippy::print_stdout, reason = "an example talks to a person")]

use std::collections::BTreeMap;
use std::error::Error;
use std::f64::consts::FRAC_PI_2;

use xscatter::core::Frame;
use xscatter::features::reflection::{Normal, ReflectionConfig, reflection};
use xscatter::geometry::beam_centre_px;
use xscatter::sim::{Preset, Simulation, SimulationConfig, Truth};

const FRAMES: usize = 160;
const SEEDS: [u64; 4] = [77, 78, 79, 80];

#[derive(Default)]
struct Tally {
    frames: usize,
    there: usize,
    horizons: usize,
    right_horizons: usize,
    spots: usize,
    right_spots: usize,
    /// Exit angle over critical angle of the bands above right horizons.
    bands: Vec<f64>,
}

fn main() -> Result<(), Box<dyn Error>> {
    println!("seed  technique  frames  there  horizons  right  spots  right");
    for seed in SEEDS {
        let mut tallies: BTreeMap<String, Tally> = BTreeMap::new();
        let config = SimulationConfig {
            frames_per_experiment: 1,
            ..Preset::FourTechniques.config(seed)
        };
        let simulation = Simulation::new(config.with_frames(FRAMES))?;
        for index in 0..FRAMES {
            let (frame, truth) = simulation.read_with_truth(index)?;
            let tally = tallies.entry(format!("{:?}", truth.technique)).or_default();
            tally.add(&frame, &truth)?;
        }
        let mut bands = Vec::new();
        for (technique, tally) in tallies {
            println!(
                "{seed:>4}  {technique:<9}  {:>6}  {:>5}  {:>8}  {:>5}  {:>5}  {:>5}",
                tally.frames,
                tally.there,
                tally.horizons,
                tally.right_horizons,
                tally.spots,
                tally.right_spots
            );
            bands.extend(tally.bands);
        }
        bands.sort_unstable_by(f64::total_cmp);
        let at = |share: f64| bands[(share * (bands.len() - 1) as f64) as usize];
        let near = bands.iter().filter(|ratio| (*ratio - 1.0).abs() < 0.2);
        println!(
            "{} bands: exit angle over critical angle {:.2} (quartiles {:.2} and {:.2}), {} within a fifth",
            bands.len(),
            at(0.5),
            at(0.25),
            at(0.75),
            near.count()
        );
    }
    Ok(())
}

impl Tally {
    fn add(&mut self, frame: &Frame, truth: &Truth) -> Result<(), Box<dyn Error>> {
        let geometry = frame.info.geometry.as_ref();
        let geometry = geometry.ok_or("simulated frames have a geometry")?;
        let beam = beam_centre_px(geometry, frame.shape());
        let found = reflection(frame, beam, &ReflectionConfig::default())?;
        self.frames += 1;
        self.horizons += usize::from(found.horizon.is_ok());
        self.spots += usize::from(found.specular.is_ok());
        let (Some(angle_rad), Some(beam)) = (geometry.incident_angle_rad, beam) else {
            return Ok(());
        };
        // The surface leaves the sample this far from the direct beam, the reflected beam as far beyond.
        let height_px = geometry.distance_m * angle_rad.tan() / geometry.pixel1_m;
        let quarter = (geometry.rot3_rad / FRAC_PI_2).round().rem_euclid(4.0) as usize;
        let normal = [Normal::Down, Normal::Left, Normal::Up, Normal::Right][quarter];
        let (rows, columns) = frame.shape();
        let (length, beam_along, beam_across) = if normal.is_along_columns() {
            (columns as f64, beam.column, beam.row)
        } else {
            (rows as f64, beam.row, beam.column)
        };
        let turn = if normal.is_falling() { -1.0 } else { 1.0 };
        let expected = beam_along + turn * height_px;
        self.there += usize::from((0.01..0.99).contains(&(expected / length)));
        let near = |error: f64| error.abs() < 0.02 * length;
        let Ok(horizon) = found.horizon.clone() else {
            return Ok(());
        };
        let place = horizon.place_px.value;
        if horizon.normal != normal || !near(place - expected) {
            return Ok(());
        }
        self.right_horizons += 1;
        if let Ok(spot) = &found.specular {
            let along = if normal.is_along_columns() {
                spot.column_px.value
            } else {
                spot.row_px.value
            };
            self.right_spots += usize::from(near((along - place).abs() - height_px));
        }
        if let (Ok(band), Some(critical)) = (&found.yoneda, truth.values.get("critical_angle_rad"))
        {
            let angle = found.exit_angle_rad(frame, band.place_px, beam_across)?;
            self.bands.push(angle.value / critical);
        }
        Ok(())
    }
}
