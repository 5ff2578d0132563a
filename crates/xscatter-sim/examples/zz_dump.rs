use std::io::Write;
use xscatter_core::FrameSource;
use xscatter_sim::{FourTechniques, FourTechniquesConfig};
fn main() {
    let out = std::env::args().nth(1).unwrap();
    let which: usize = std::env::args().nth(2).unwrap().parse().unwrap();
    let count: usize = std::env::args().nth(3).unwrap().parse().unwrap();
    let seed: u64 = std::env::args().nth(4).unwrap().parse().unwrap();
    let source = FourTechniques::new(FourTechniquesConfig {
        experiments_per_technique: count,
        frames_per_experiment: 1,
        seed,
        detectors: vec![
            "Eiger2 500k".into(),
            "Pilatus 300k".into(),
            "Pilatus 1M".into(),
        ],
        ..Default::default()
    })
    .unwrap();
    let mut file = std::fs::File::create(out).unwrap();
    for i in 0..count {
        let index = 4 * i + which;
        let t = std::time::Instant::now();
        let frame = source.read(index).unwrap();
        let ms = t.elapsed().as_secs_f64() * 1e3;
        let (r, c) = frame.shape();
        println!(
            "{i} {r}x{c} {ms:.1} ms {:?}",
            source.truth(index).components
        );
        file.write_all(&(r as u32).to_le_bytes()).unwrap();
        file.write_all(&(c as u32).to_le_bytes()).unwrap();
        for v in frame.as_slice() {
            file.write_all(&v.to_le_bytes()).unwrap();
        }
    }
}
