//! Times the distorted-wave Born approximation over a whole detector; `tools/bench/sim_dwba_peers.py` runs
//! it against BornAgain.
//!
//! `dwba_times BINS READS THREADS` prints one JSON object: the seconds of every evaluation by scene.
#![allow(clippy::print_stdout, reason = "a program may print")]

use std::collections::BTreeMap;
use std::error::Error;
use std::hint::black_box;
use std::time::Instant;

use xscatter_sim::grazing::{Dwba, DwbaConfig, Island, Lateral, Layer, Material, Place};

/// The scenes of the same names in `tools/golden/sim_dwba_bornagain.py`.
fn scenes() -> Vec<(&'static str, DwbaConfig)> {
    let with = |incident_deg: f64, island: Island| DwbaConfig {
        incident_angle_rad: incident_deg.to_radians(),
        islands: vec![(island, 1.0)],
        density_inv_nm2: 0.002,
        ..DwbaConfig::default()
    };
    let cylinder = |radius_nm, height_nm| Island::Cylinder {
        radius_nm,
        height_nm,
    };
    let sphere = Island::Sphere { radius_nm: 5.0 };
    let block = Island::Block {
        x_nm: 8.0,
        y_nm: 6.0,
        z_nm: 5.0,
    };
    let dome = Island::Dome {
        radius_nm: 6.0,
        height_nm: 4.5,
    };
    let cone = Island::Cone {
        base_radius_nm: 6.0,
        top_radius_nm: 2.0,
        height_nm: 7.0,
    };
    let pyramid = Island::Pyramid {
        base_edge_nm: 10.0,
        top_edge_nm: 3.0,
        height_nm: 6.0,
    };
    let film = |thickness_nm| {
        vec![Layer {
            material: Material {
                delta: 3e-6,
                beta: 5e-9,
            },
            thickness_nm,
            roughness_nm: 0.0,
        }]
    };
    vec![
        ("cylinder at", with(0.2, cylinder(5.0, 5.0))),
        ("sphere", with(0.2, sphere)),
        ("block", with(0.4, block)),
        ("dome", with(0.2, dome)),
        ("cone", with(0.1, cone)),
        ("pyramid", with(0.4, pyramid)),
        (
            "paracrystal",
            DwbaConfig {
                islands: vec![(cylinder(4.0, 6.0), 1.0), (cylinder(5.5, 7.5), 2.0)],
                lateral: Lateral::RadialParacrystal {
                    distance_nm: 18.0,
                    spread_nm: 4.0,
                    coherence_nm: 1000.0,
                },
                ..with(0.4, sphere)
            },
        ),
        (
            "on a film",
            DwbaConfig {
                layers: film(30.0),
                ..with(0.15, sphere)
            },
        ),
        (
            "sphere in a film",
            DwbaConfig {
                layers: film(30.0),
                place: Place::InLayer {
                    layer: 0,
                    depth_nm: 22.0,
                },
                ..with(0.17, sphere)
            },
        ),
    ]
}

fn main() -> Result<(), Box<dyn Error>> {
    let numbers = std::env::args()
        .skip(1)
        .map(|text| text.parse())
        .collect::<Result<Vec<usize>, _>>()?;
    let &[bins, reads, threads] = numbers.as_slice() else {
        return Err("expected BINS, READS and THREADS".into());
    };
    let place = |low: f64, high: f64, bin: usize| {
        let share = (bin as f64 + 0.5) / bins as f64;
        (low + (high - low) * share).to_radians().atan()
    };
    let azimuths: Vec<f64> = (0..bins).map(|bin| place(-0.5, 2.0, bin)).collect();
    let exits: Vec<f64> = (0..bins).map(|bin| place(0.0, 1.2, bin)).collect();
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .build()?;
    let mut seconds = BTreeMap::new();
    for (name, config) in scenes() {
        let times: Vec<f64> = (0..reads)
            .map(|_| {
                let start = Instant::now();
                // The stack's waves are part of the work, as they are of BornAgain's.
                let map = pool.install(|| {
                    Dwba::new(config.clone()).map(|sample| sample.cross_section(&exits, &azimuths))
                });
                black_box(map)?;
                Ok(start.elapsed().as_secs_f64())
            })
            .collect::<Result<_, xscatter_sim::grazing::GrazingError>>()?;
        seconds.insert(name, times);
    }
    println!("{}", serde_json::to_string(&seconds)?);
    Ok(())
}
