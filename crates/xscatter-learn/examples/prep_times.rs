//! How long transformers take: `prep_times FILE ROWS COLUMNS CLASSES ROUNDS`, called by
//! `tools/compare/prep.py`.
//!
//! FILE holds rows × columns little-endian `f32` and then a `u32` label a row. Prints one line a transformer:
//! name, medians of the seconds to fit and to transform, and a number that says what came out.

use std::error::Error;
use std::io::Write;
use std::time::Instant;

use ndarray::Array2;
use xscatter_core::{Classes, Estimator, Target, TrainingSet, Transformer};
use xscatter_learn::{
    Components, Criterion, Distribution, Pca, PcaConfig, PcaSolver, PowerTransform,
    QuantileTransform, QuantileTransformConfig, Selection, StandardScaler,
};

type Outcome = Result<(), Box<dyn Error + Send + Sync>>;

/// All within the pool's only thread, so that no time goes to waking another one.
fn main() -> Outcome {
    rayon::ThreadPoolBuilder::new()
        .num_threads(1)
        .build()?
        .install(run)
}

fn run() -> Outcome {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [file, rows, columns, classes, rounds] = &arguments[..] else {
        return Err("expected FILE ROWS COLUMNS CLASSES ROUNDS".into());
    };
    let (n_rows, n_columns): (usize, usize) = (rows.parse()?, columns.parse()?);
    let (n_classes, rounds): (usize, usize) = (classes.parse()?, rounds.parse()?);
    let bytes = std::fs::read(file)?;
    let (values, labels) = bytes.split_at(4 * n_rows * n_columns);
    let words = |bytes: &[u8]| -> Vec<[u8; 4]> { bytes.as_chunks().0.to_vec() };
    let values = words(values).into_iter().map(f32::from_le_bytes).collect();
    let rows = Array2::from_shape_vec((n_rows, n_columns), values)?;
    let labels = words(labels).into_iter().map(u32::from_le_bytes).collect();
    let names = (0..n_classes)
        .map(|class| class.to_string().into())
        .collect();
    let target = Target::Classes(Classes::new(names, labels)?);
    let train = TrainingSet::new(rows.view(), &target)?;
    let bench = Bench { train, rounds };

    let pca = |count, solver| {
        Pca::new(PcaConfig {
            components: Components::Count(count),
            solver,
            ..PcaConfig::default()
        })
    };
    let variances = |fitted: &xscatter_learn::FittedPca| fitted.explained_shares().iter().sum();
    bench.run(
        "pca-exact-all",
        &pca(n_columns, PcaSolver::Exact)?,
        variances,
    )?;
    bench.run("pca-exact-5", &pca(5, PcaSolver::Exact)?, variances)?;
    bench.run(
        "pca-randomised-5",
        &pca(5, PcaSolver::Randomised)?,
        variances,
    )?;
    for (name, output) in [
        ("quantile-uniform", Distribution::Uniform),
        ("quantile-normal", Distribution::Normal),
    ] {
        let config = QuantileTransformConfig {
            output,
            ..QuantileTransformConfig::default()
        };
        let median = |fitted: &xscatter_learn::FittedQuantiles| fitted.quantiles()[0][500];
        bench.run(name, &QuantileTransform::new(config)?, median)?;
    }
    bench.run("power", &PowerTransform, |fitted| fitted.lambdas()[0])?;
    bench.run("standard", &StandardScaler, |fitted| fitted.means()[0])?;
    let score = |fitted: &xscatter_learn::FittedSelection| fitted.scores()[0].unwrap_or(0.0);
    bench.run(
        "anova",
        &Selection::new(Criterion::AnovaF { keep: 20 })?,
        score,
    )?;
    let information = Criterion::MutualInformation {
        keep: 20,
        neighbours: 3,
        seed: 0,
    };
    bench.run("information", &Selection::new(information)?, score)?;
    Ok(())
}

struct Bench<'a> {
    train: TrainingSet<'a>,
    rounds: usize,
}

impl Bench<'_> {
    fn run<E>(&self, name: &str, recipe: &E, number: impl Fn(&E::Fitted) -> f64) -> Outcome
    where
        E: Estimator,
        E::Fitted: Transformer,
    {
        let (mut fits, mut transforms) = (Vec::new(), Vec::new());
        let mut found = 0.0;
        for _ in 0..=self.rounds {
            let start = Instant::now();
            let fitted = recipe.fit(&self.train)?;
            fits.push(start.elapsed().as_secs_f64());
            let start = Instant::now();
            fitted.transform(self.train.rows())?;
            transforms.push(start.elapsed().as_secs_f64());
            found = number(&fitted);
        }
        let (fit, transform) = (median(fits), median(transforms));
        writeln!(std::io::stdout(), "{name} {fit} {transform} {found}")?;
        Ok(())
    }
}

/// Without the first, which warms up.
fn median(mut seconds: Vec<f64>) -> f64 {
    seconds.remove(0);
    seconds.sort_by(f64::total_cmp);
    seconds[seconds.len() / 2]
}
