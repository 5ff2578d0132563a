//! How often horizons and specular spots are found on simulated frames, and how often at the right place.
//!
//! ```console
//! cargo run --release -p xscatter --example reflections_found
//! ```
//!
//! 160 frames of 160 experiments of four techniques. Right is within 2 % of the rows of where the geometry has
//! the horizon, and for the spot of how far it must lie above it.

#![allow(clippy::print_stdout, reason = "an example talks to a person")]

use std::collections::BTreeMap;
use std::error::Error;

use xscatter::features::reflection::{ReflectionConfig, reflection};
use xscatter::geometry::beam_centre_px;
use xscatter::sim::{Preset, Simulation, SimulationConfig};

const FRAMES: usize = 160;
const SEED: u64 = 77;

#[derive(Default)]
struct Tally {
    frames: usize,
    horizons: usize,
    right_horizons: usize,
    spots: usize,
    right_spots: usize,
}

fn main() -> Result<(), Box<dyn Error>> {
    let config = SimulationConfig {
        frames_per_experiment: 1,
        ..Preset::FourTechniques.config(SEED)
    };
    let simulation = Simulation::new(config.with_frames(FRAMES))?;
    let mut tallies: BTreeMap<String, Tally> = BTreeMap::new();
    for index in 0..FRAMES {
        let (frame, truth) = simulation.read_with_truth(index)?;
        let geometry = frame
            .info
            .geometry
            .clone()
            .ok_or("simulated frames have a geometry")?;
        let beam = beam_centre_px(&geometry, frame.shape());
        let found = reflection(&frame, beam, &ReflectionConfig::default())?;
        let tally = tallies.entry(format!("{:?}", truth.technique)).or_default();
        tally.frames += 1;
        tally.horizons += usize::from(found.horizon.is_ok());
        tally.spots += usize::from(found.specular.is_ok());
        let (Some(angle_rad), Some(beam)) = (geometry.incident_angle_rad, beam) else {
            continue;
        };
        // The surface leaves the sample this far from the direct beam, the reflected beam as far beyond.
        let height_px = geometry.distance_m * angle_rad.tan() / geometry.pixel1_m;
        let near = |error: f64| error.abs() < 0.02 * frame.shape().0 as f64;
        let Ok(horizon) = found.horizon else { continue };
        let row = horizon.row_px.value;
        tally.right_horizons += usize::from(near((row - beam.row).abs() - height_px));
        if let Ok(spot) = found.specular {
            let above = (spot.row_px.value - row).abs();
            tally.right_spots += usize::from(near(above - height_px));
        }
    }
    println!("technique  frames  horizons  right  spots  right");
    for (technique, tally) in tallies {
        println!(
            "{technique:<9}  {:>6}  {:>8}  {:>5}  {:>5}  {:>5}",
            tally.frames, tally.horizons, tally.right_horizons, tally.spots, tally.right_spots
        );
    }
    Ok(())
}
