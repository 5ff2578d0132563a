//! Turn a frame with a known pose into intensity over q.
//!
//! ```console
//! cargo run --release --example integrate_1d                              # silver behenate, drawn here
//! cargo run --release --example integrate_1d -- frame.edf                 # pose from the header
//! cargo run --release --example integrate_1d -- frame.tif detector.poni   # pose from a PONI file
//! ```
//!
//! What to take home: one integrator serves all frames of a pose, gaps take no part, and every value
//! has its counting error. The profile goes to `out/integrate_1d.dat`, in the layout
//! of pyFAI.

#![allow(clippy::print_stdout, reason = "an example talks to a person")]

use std::error::Error;
use std::fs::{self, File};

use xscatter_core::{Frame, FrameSource, Geometry, PixelPosition};
use xscatter_geometry::{Calibrant, Detector, PixelMap, Poni};
use xscatter_reduce::{AzimuthalIntegrator, IntegrateConfig, Profile, write_dat};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (frame, geometry) = match arguments.as_slice() {
        [] => silver_behenate()?,
        [file] => {
            let frame = xscatter_io::open(file)?.read(0)?;
            let geometry = frame.info.geometry.as_deref().cloned().ok_or_else(|| {
                format!("{file}: expected a pose in the header, found none; give a PONI file")
            })?;
            (frame, geometry)
        }
        [file, poni] => (
            xscatter_io::open(file)?.read(0)?,
            Poni::read(poni)?.geometry,
        ),
        _ => return Err("usage: integrate_1d [FILE [PONI]]".into()),
    };

    let config = IntegrateConfig {
        bins: 72,
        ..IntegrateConfig::default()
    };
    let integrator = AzimuthalIntegrator::new(&geometry, frame.shape(), config)?;
    let profile = integrator.integrate(&frame)?;
    print(&profile);

    fs::create_dir_all("out")?;
    let mut file = File::create("out/integrate_1d.dat")?;
    write_dat(&mut file, &profile, &[integrator.describe()])?;
    println!("written: out/integrate_1d.dat");
    Ok(())
}

/// A line a bin, with a bar as long as the intensity.
fn print(profile: &Profile) {
    let highest = profile
        .defined()
        .map(|(_, intensity, _)| intensity)
        .fold(0.0, f64::max);
    println!("{:>9} {:>12} {:>9}", profile.unit.name(), "I", "sigma");
    for (q, intensity, sigma) in profile.defined() {
        let bar = "#".repeat((50.0 * intensity.max(0.0) / highest) as usize);
        let sigma = sigma.unwrap_or(f64::NAN);
        println!("{q:>9.4} {intensity:>12.3} {sigma:>9.3} {bar}");
    }
}

/// The rings of silver behenate on a detector with module gaps, 1 m behind the sample.
fn silver_behenate() -> Result<(Frame, Geometry), Box<dyn Error>> {
    let detector = Detector::by_name("Pilatus 300k").ok_or("expected it in the catalogue")?;
    let centre = PixelPosition {
        row: 310.0,
        column: 243.5,
    };
    let geometry = Geometry::transmission(1.0, centre, detector.pixel1_m, 1e-10);
    let rings = Calibrant::AgBh.q_inv_nm(5.0);
    let counts = PixelMap::new(&geometry, detector.shape)?
        .q_inv_nm()
        .mapv(|q_inv_nm| {
            let peaks: f64 = rings
                .iter()
                .map(|ring| (-((q_inv_nm - ring) / 0.06).powi(2)).exp())
                .sum();
            (20.0 + 400.0 * peaks).round() as f32
        });
    Ok((Frame::new(counts).with_mask(detector.gap_mask())?, geometry))
}
