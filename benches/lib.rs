//! The frames and tables that all benchmarks share: simulated, from a fixed seed.
//!
//! Run with `cargo bench -p xscatter-benches`; one layer with `--bench io`. Every benchmark uses one
//! thread unless its name says otherwise.

use xscatter::sim::{Simulation, SimulationConfig};
use xscatter::{Classes, Frame, FrameSource, Target, core::ndarray::Array2, seed};

/// One simulated SAXS frame of a PILATUS 1M (1043 × 981).
///
/// # Panics
/// If the simulator refuses its own defaults.
pub fn pilatus_1m() -> Frame {
    let config = SimulationConfig {
        frames: 4,
        frames_per_experiment: 1,
        detectors: vec!["Pilatus 1M".into()],
        seed: 1,
        ..SimulationConfig::default()
    };
    let source = Simulation::new(config).expect("a valid configuration");
    source.read(0).expect("the first frame")
}

/// Rows and columns of an EIGER2 4M.
pub const EIGER_4M: (usize, usize) = (2162, 2068);
/// Rows and columns of a PILATUS 6M.
pub const PILATUS_6M: (usize, usize) = (2527, 2463);

/// Counts of a detector in rows: Poisson of mean one, a spot of 10⁵, and `None` in gaps of 37 rows and 12 columns.
pub fn counts_with_gaps((rows, columns): (usize, usize)) -> Vec<Option<u32>> {
    /// The cumulative probabilities of the counts 0 to 5.
    const BELOW: [f64; 6] = [0.368, 0.736, 0.920, 0.981, 0.996, 0.999];
    let pixel = |index: usize| {
        let (row, column) = (index / columns, index % columns);
        if row % 552 >= 515 || column % 1040 >= 1028 {
            return None;
        }
        let uniform = seed::derive(1, index as u64) as f64 / u64::MAX as f64;
        if (1200..1230).contains(&row) && (1200..1230).contains(&column) {
            return Some(100_000 + (1000.0 * uniform) as u32);
        }
        Some(BELOW.iter().filter(|&&below| uniform > below).count() as u32)
    };
    (0..rows * columns).map(pixel).collect()
}

/// Rows of four overlapping Gaussian classes: as many rows and columns as asked.
///
/// # Panics
/// Never: labels are below the number of classes.
pub fn table(rows: usize, columns: usize) -> (Array2<f32>, Target) {
    let uniform = |index: u64| seed::derive(7, index) as f64 / u64::MAX as f64;
    let values = Array2::from_shape_fn((rows, columns), |(row, column)| {
        let class = row % 4;
        let index = (row * columns + column) as u64 * 4;
        // Sum of four uniforms: close enough to a Gaussian for a benchmark.
        let noise: f64 = (0..4).map(|draw| uniform(index + draw)).sum::<f64>() - 2.0;
        let shift = if column % 4 == class { 0.5 } else { 0.0 };
        (noise + shift) as f32
    });
    let names = ["SAXS", "WAXS", "GISAXS", "GIWAXS"]
        .map(Into::into)
        .to_vec();
    let labels = (0..rows).map(|row| (row % 4) as u32).collect();
    (
        values,
        Target::Classes(Classes::new(names, labels).expect("labels below 4")),
    )
}
