//! `xscatter sort`: which technique is each frame?

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::json;
use xscatter::archive::{self, ArchiveConfig, Part};
use xscatter::compare::Comparison;
use xscatter::deep::device;
use xscatter::geometry::Poni;
use xscatter::io::LabelledSeries;
use xscatter::sort::{self, SortedFiles, Sorter};
use xscatter::training::{self, TrainingConfig};
use xscatter::{Error, ErrorKind, Result, StopToken};

use crate::Outcome;
use crate::output::{self, Bar};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Detector files and folders of them; none: only train.
    paths: Vec<PathBuf>,
    /// A model written by an earlier run; without it one is trained first.
    #[arg(long, value_name = "FOLDER")]
    model: Option<PathBuf>,
    /// Where archive, leaderboard, picture, model and sorted rows go.
    #[arg(long, value_name = "FOLDER", default_value = "out/sort")]
    out: PathBuf,
    /// The seed of everything that is drawn.
    #[arg(long, default_value_t = 2026)]
    seed: u64,
    /// What to train on, as `archive.json` in an archive; without it the small archive of the example.
    #[arg(long, value_name = "JSON")]
    config: Option<PathBuf>,
    /// The geometry of all files as a PONI file; without it, that of each file's header.
    #[arg(long, value_name = "FILE")]
    poni: Option<PathBuf>,
    /// A CSV with the columns `file` (or `path`) and `technique` (or `class`): compare with it.
    #[arg(long, value_name = "CSV")]
    truth: Option<PathBuf>,
    /// One JSON object a frame on standard output.
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &Args) -> Result<Outcome> {
    let (device, stop) = (device::cpu(), StopToken::new());
    let mut bar = Bar::new();
    let sorter = match &args.model {
        Some(folder) => Sorter::load(folder, &device)?,
        None => train(args, &device, &mut bar, &stop)?,
    };
    if args.paths.is_empty() {
        return match args.model {
            None => Ok(Outcome::Complete),
            Some(_) => Err(Error::new(
                ErrorKind::InvalidArgument,
                "expected files or folders to sort with this model, got none",
            )),
        };
    }
    let geometry = match &args.poni {
        Some(path) => Some(Arc::new(Poni::read(path)?.geometry)),
        None => None,
    };
    let mut listen = |step| bar.show(step);
    let sorted = sort::sort_paths(&sorter, &args.paths, geometry.as_ref(), &mut listen, &stop)?;
    bar.finish();
    sorted.save(&args.out)?;
    if args.json {
        print_json(&sorted, &sorter);
    } else {
        output::line(&sorted);
    }
    if let Some(truth) = &args.truth {
        let comparison = Comparison::new(&sorted, truth, sorter.classes())?;
        if args.json {
            eprintln!("{comparison}");
        } else {
            output::line(comparison);
        }
    }
    for (path, reason) in &sorted.skipped {
        eprintln!("error: skipped {}: {reason}", path.display());
    }
    Ok(if sorted.skipped.is_empty() {
        Outcome::Complete
    } else {
        Outcome::Partial
    })
}

fn train(
    args: &Args,
    device: &xscatter::deep::Device,
    bar: &mut Bar,
    stop: &StopToken,
) -> Result<Sorter> {
    let folder = args.out.join("archive");
    let config = match &args.config {
        Some(path) => ArchiveConfig::read(path)?,
        None => ArchiveConfig::small(args.seed),
    };
    archive::simulate(&config, &folder, &mut |step| bar.show(step), stop)?;
    let open = |part: Part| LabelledSeries::from_table(folder.join(part.folder()));
    let (network, rows, holdout) = (
        open(Part::Network)?,
        open(Part::Train)?,
        open(Part::Holdout)?,
    );
    let config = TrainingConfig {
        seed: args.seed,
        ..TrainingConfig::default()
    };
    let trained = training::train(
        &config,
        &network,
        &rows,
        &holdout,
        device,
        &mut |step| bar.show(step),
        stop,
    )?;
    bar.finish();
    trained.save(&args.out)?;
    if !args.json {
        output::line(trained.summary());
        output::line(format_args!(
            "written: {}\n",
            Path::new(&args.out).display()
        ));
    }
    Ok(trained.sorter)
}

fn print_json(sorted: &SortedFiles, sorter: &Sorter) {
    for row in &sorted.rows {
        let probabilities: serde_json::Map<String, serde_json::Value> = sorter
            .classes()
            .iter()
            .zip(&row.verdict.probabilities)
            .map(|(class, &probability)| (class.to_string(), probability.into()))
            .collect();
        output::line(json!({
            "path": row.path.display().to_string(),
            "frame": row.frame,
            "technique": &*row.verdict.class,
            "probability": row.verdict.probability,
            "probabilities": probabilities,
            "header_used": row.verdict.calibrated,
        }));
    }
}
