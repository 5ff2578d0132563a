//! Every picture of the crate, of scores of a made-up model:
//! `cargo run -p xscatter-metrics --features plot --example pictures -- FOLDER [CLASSES]`.

use std::path::PathBuf;

use ndarray::Array2;
use xscatter_core::seed::derive;
use xscatter_core::{Classes, Target};
use xscatter_metrics::plot::{
    confusion_matrix_svg, det_svg, precision_recall_svg, reliability_svg, roc_svg,
};
use xscatter_metrics::{
    Binning, ConfusionMatrix, PrecisionRecallCurve, ReliabilityCurve, RocCurve,
};

const SAMPLES: usize = 600;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let folder = PathBuf::from(arguments.next().unwrap_or_else(|| "out/pictures".into()));
    let classes = arguments.next().map_or(Ok(4), |count| count.parse())?;
    std::fs::create_dir_all(&folder)?;
    let (truth, scores) = made_up(classes)?;

    let roc = RocCurve::of_all(&truth, scores.view())?;
    let roc = roc.into_iter().collect::<Result<Vec<_>, _>>()?;
    let precision = PrecisionRecallCurve::of_all(&truth, scores.view())?;
    let precision = precision.into_iter().collect::<Result<Vec<_>, _>>()?;
    let reliability = (0..classes)
        .map(|class| ReliabilityCurve::new(&truth, scores.view(), class, 10, Binning::Uniform))
        .collect::<Result<Vec<_>, _>>()?;
    let confusion = ConfusionMatrix::from_scores(&truth, scores.view())?;
    for (name, svg) in [
        ("roc", roc_svg(&roc, "Receiver operating characteristic")?),
        ("det", det_svg(&roc, "Detection error trade-off")?),
        (
            "precision_recall",
            precision_recall_svg(&precision, "Precision and recall")?,
        ),
        ("reliability", reliability_svg(&reliability, "Reliability")?),
        ("confusion", confusion_matrix_svg(&confusion, "Hold-out")?),
    ] {
        std::fs::write(folder.join(name).with_extension("svg"), svg)?;
    }
    Ok(())
}

/// Classes of uneven size, the later ones harder.
fn made_up(classes: usize) -> Result<(Target, Array2<f32>), xscatter_core::Error> {
    let uniform = |stream: usize| derive(7, stream as u64) as f64 / u64::MAX as f64;
    let known = ["GISAXS", "GIWAXS", "SAXS", "WAXS"];
    let names = (0..classes).map(|class| match known.get(class) {
        Some(name) => (*name).into(),
        None => format!("class {class}").into(),
    });
    let labels: Vec<u32> = (0..SAMPLES)
        .map(|row| (uniform(row).powf(1.3) * classes as f64) as u32)
        .collect();
    let mut scores = Array2::from_shape_fn((SAMPLES, classes), |(row, class)| {
        let noise = uniform(SAMPLES + row * classes + class);
        let is_own = labels[row] as usize == class;
        let strength = 4.0 - 2.5 * class as f64 / classes as f64;
        (4.0 * noise + if is_own { strength } else { 0.0 }).exp() as f32
    });
    for mut row in scores.rows_mut() {
        let sum = row.sum();
        row /= sum;
    }
    Ok((
        Target::Classes(Classes::new(names.collect(), labels)?),
        scores,
    ))
}
