//! Times oriented form factors, for `tools/bench/sim_form_peers.py` to compare with sasmodels.
//!
//! Every line on standard input is a job, every line on standard output its answer as JSON; the
//! threads are those of rayon:
//!
//! - `times N PARTICLE`: milliseconds of N times evaluating 1024 × 1024 points of q;
//! - `values STEP PARTICLE`: every STEPth of the intensities;
//! - `curves N PARTICLE`: milliseconds of N times evaluating 200 points of |q| in random orientation.

#![allow(clippy::print_stdout, reason = "a program talks")]

use std::error::Error;
use std::hint::black_box;
use std::io::BufRead as _;
use std::time::Instant;

use xscatter_sim::form_factor::{
    Ensemble, EnsembleConfig, Oriented, OrientedConfig, Shape, Spread,
};

type Answer<T> = Result<T, Box<dyn Error>>;

const SIDE: usize = 1024;
/// The largest component of q, in 1/nm.
const REACH: f64 = 2.0;

fn main() -> Answer<()> {
    let q = |index: usize| REACH * (2.0 * index as f64 / (SIDE - 1) as f64 - 1.0);
    let qx: Vec<f64> = (0..SIDE * SIDE).map(|i| q(i % SIDE)).collect();
    let qy: Vec<f64> = (0..SIDE * SIDE).map(|i| q(i / SIDE)).collect();
    let mut out = vec![0.0; SIDE * SIDE];
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        let mut words = line.split_whitespace();
        let mut word = || {
            words
                .next()
                .ok_or("expected a job, a number and a particle")
        };
        let (kind, number) = (word()?, word()?.parse::<usize>()?);
        let config = particle(word()?)?;
        let particles = Oriented::new(config.clone())?;
        let answer = match kind {
            "times" => (0..number)
                .map(|_| {
                    let start = Instant::now();
                    particles.intensity_into(&qx, &qy, &mut out)?;
                    Ok(start.elapsed().as_secs_f64() * 1e3)
                })
                .collect::<Answer<Vec<f64>>>()?,
            "values" => {
                particles.intensity_into(&qx, &qy, &mut out)?;
                out.iter().step_by(number).copied().collect()
            }
            "curves" => {
                let ensemble = Ensemble::new(EnsembleConfig {
                    shape: config.shape,
                    spreads: config.spreads,
                })?;
                let q: Vec<f64> = (1..=200).map(|i| 0.02 * f64::from(i)).collect();
                (0..number)
                    .map(|_| {
                        let start = Instant::now();
                        black_box(ensemble.intensities(black_box(&q)));
                        start.elapsed().as_secs_f64() * 1e3
                    })
                    .collect()
            }
            _ => return Err("expected times, values or curves".into()),
        };
        println!("{answer:?}");
    }
    Ok(())
}

fn particle(name: &str) -> Answer<OrientedConfig> {
    let (name, variation) = name.split_once('+').unwrap_or((name, ""));
    let shape = match name {
        "sphere" => Shape::Sphere { radius_nm: 20.0 },
        "ellipsoid" => Shape::Ellipsoid {
            polar_nm: 6.0,
            equatorial_nm: 20.0,
        },
        "cylinder" => Shape::Cylinder {
            radius_nm: 6.0,
            length_nm: 40.0,
        },
        "box" => Shape::Prism {
            a_nm: 10.0,
            b_nm: 15.0,
            c_nm: 30.0,
        },
        _ => return Err(format!("no particle {name}").into()),
    };
    let points = |spread: Spread, points| Spread { points, ..spread };
    let first = shape.lengths()[0].0;
    let spreads = match variation {
        "" => vec![],
        "sizes" => vec![points(Spread::gaussian(first, 0.1), 15)],
        "axes" => vec![
            points(Spread::gaussian("theta_rad", 0.1), 7),
            points(Spread::gaussian("phi_rad", 0.1), 7),
        ],
        _ => return Err(format!("no variation {variation}").into()),
    };
    Ok(OrientedConfig {
        shape,
        theta_rad: 60_f64.to_radians(),
        phi_rad: 30_f64.to_radians(),
        psi_rad: if name == "box" {
            20_f64.to_radians()
        } else {
            0.0
        },
        spreads,
        ..OrientedConfig::default()
    })
}
