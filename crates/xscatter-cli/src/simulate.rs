//! `xscatter simulate`: presets as detector files with labels, contact sheets, and the archive that
//! `xscatter sort` and the example of the project learn from.

mod gallery;

use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Instant;

use xscatter::archive::{self, ArchiveConfig, Part};
use xscatter::dataset::{self, DatasetConfig};
use xscatter::io::Format;
use xscatter::sim::{Preset, SimulationConfig, TagSet};
use xscatter::{Error, ErrorKind, Result, StopToken};

use crate::Outcome;
use crate::output::{self, Bar};

/// What is drawn from where no seed is given.
const SEED: u64 = 2026;

/// How many frames a contact sheet shows where no count is given.
const ON_A_SHEET: usize = 32;

#[derive(Debug, clap::Args)]
#[command(group(
    clap::ArgGroup::new("goal").args(["out", "gallery", "list"]).required(true).multiple(true)
))]
pub(crate) struct Args {
    /// What to simulate, by name; `--list` shows the names.
    #[arg(long, value_name = "NAME", conflicts_with = "config")]
    #[arg(required_unless_present_any = ["config", "list"])]
    preset: Option<Choice>,
    /// What to simulate, as a JSON file: `simulation.json` of a data set, edited, or `archive.json`.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// How many frames; the first frames stay the same. On a contact sheet alone: how many are shown.
    #[arg(long, value_name = "N")]
    count: Option<usize>,
    /// The seed of everything that is drawn (2026 if not given here or in the configuration).
    #[arg(long)]
    seed: Option<u64>,
    /// The folder to write into; a run that was stopped goes on where it was.
    #[arg(short, long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// The format of the detector files.
    #[arg(long, value_enum)]
    format: Option<FileFormat>,
    /// The tags that `labels.csv` has a column of.
    #[arg(long, value_name = "SET", default_value = TagSet::Mission17.name())]
    tags: TagSet,
    /// Draw frames of many experiments on one picture, with what is true of each below it.
    #[arg(long, value_name = "PNG")]
    gallery: Option<PathBuf>,
    /// Real detector files to draw on the same picture.
    #[arg(long, value_name = "PATH", num_args = 1.., requires = "gallery")]
    beside: Vec<PathBuf>,
    /// The presets, a line each.
    #[arg(long)]
    list: bool,
    /// One JSON object a line on standard output when done.
    #[arg(long)]
    json: bool,
}

/// A preset, or the archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Choice {
    Archive,
    Preset(Preset),
}

const ARCHIVE: (&str, &str) = (
    "archive",
    "four techniques in three parts with disjoint experiments, as their detectors' own files",
);

impl FromStr for Choice {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        if name == ARCHIVE.0 {
            return Ok(Self::Archive);
        }
        name.parse()
            .map(Self::Preset)
            .map_err(|error| format!("{error}, or {}", ARCHIVE.0))
    }
}

/// The format of the files of a data set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum FileFormat {
    /// NeXus HDF5, the frames of an experiment in one file, bitshuffle and LZ4.
    H5,
    /// CBF, a file a frame.
    Cbf,
    /// EDF, a file a frame.
    Edf,
    /// TIFF, a file a frame.
    Tiff,
}

impl From<FileFormat> for Format {
    fn from(format: FileFormat) -> Self {
        match format {
            FileFormat::H5 => Self::Nexus,
            FileFormat::Cbf => Self::Cbf,
            FileFormat::Edf => Self::Edf,
            FileFormat::Tiff => Self::Tiff,
        }
    }
}

/// What was asked for.
#[derive(Debug)]
enum Work {
    Archive(Box<ArchiveConfig>),
    Frames(Box<SimulationConfig>),
}

pub(crate) fn run(args: &Args) -> Result<Outcome> {
    if args.list {
        list(args.json);
        return Ok(Outcome::Complete);
    }
    let mut outcome = Outcome::Complete;
    match work(args)? {
        Work::Archive(config) => {
            let [count, gallery, format] = [
                (args.count.is_some(), "--count"),
                (args.gallery.is_some(), "--gallery"),
                (args.format.is_some(), "--format"),
            ];
            let seed = (args.seed.is_some() && args.config.is_some(), "--seed");
            for (given, option) in [count, gallery, format, seed] {
                if given {
                    let message = "the archive has frames, formats and seeds of its own";
                    return Err(invalid(message).at(option));
                }
            }
            if let Some(folder) = &args.out {
                write_archive(&config, folder, args.json)?;
            }
        }
        Work::Frames(mut config) => {
            if let Some(seed) = args.seed {
                config.seed = seed;
            }
            if let (Some(count), Some(_)) = (args.count, &args.out) {
                config.frames = count;
            }
            if let Some(picture) = &args.gallery {
                let count = args.count.unwrap_or(ON_A_SHEET);
                let count = match args.out {
                    Some(_) => count.min(ON_A_SHEET),
                    None => count,
                };
                let (title, tags) = (title(args, &config), args.tags);
                let least = config.frames.max(args.count.unwrap_or(0));
                let whole = (*config).clone().with_frames(least);
                let (frames, drawn) =
                    gallery::draw(whole, count, tags, &title, &args.beside, picture)?;
                outcome = drawn;
                tell(
                    args.json,
                    &picture.display().to_string(),
                    || serde_json::json!({ "gallery": picture, "frames": frames }),
                );
            }
            if let Some(folder) = &args.out {
                let config = DatasetConfig {
                    simulation: *config,
                    format: args.format.unwrap_or(FileFormat::H5).into(),
                    tags: args.tags,
                };
                write_dataset(&config, folder, args.json)?;
            }
        }
    }
    Ok(outcome)
}

fn list(json: bool) {
    let presets = Preset::ALL
        .into_iter()
        .map(|preset| (preset.name(), preset.description()));
    for (name, description) in presets.chain([ARCHIVE]) {
        tell(
            json,
            &format!("{name:<22}{description}"),
            || serde_json::json!({ "preset": name, "description": description }),
        );
    }
}

fn tell(json: bool, text: &str, object: impl FnOnce() -> serde_json::Value) {
    if json {
        output::line(object());
    } else {
        output::line(text);
    }
}

fn invalid(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidArgument, message)
}

fn work(args: &Args) -> Result<Work> {
    let seed = args.seed.unwrap_or(SEED);
    Ok(match (&args.config, args.preset) {
        (Some(path), _) if is_archive(path) => Work::Archive(ArchiveConfig::read(path)?.into()),
        (Some(path), _) => Work::Frames(dataset::read_simulation(path)?.into()),
        (None, Some(Choice::Preset(preset))) => Work::Frames(preset.config(seed).into()),
        (None, Some(Choice::Archive) | None) => Work::Archive(ArchiveConfig::small(seed).into()),
    })
}

/// Whether a configuration has the parts of an archive; errors are for whoever reads it in earnest.
fn is_archive(path: &Path) -> bool {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    serde_json::from_str::<serde_json::Value>(&text)
        .is_ok_and(|value| value.get(Part::Holdout.folder()).is_some())
}

fn title(args: &Args, config: &SimulationConfig) -> String {
    let what = match (&args.config, args.preset) {
        (Some(path), _) => path.display().to_string(),
        (None, Some(Choice::Preset(preset))) => preset.name().to_owned(),
        (None, _) => ARCHIVE.0.to_owned(),
    };
    format!("{what}, seed {}", config.seed)
}

fn write_dataset(config: &DatasetConfig, folder: &Path, json: bool) -> Result<()> {
    let start = Instant::now();
    let mut bar = Bar::with_rate();
    let summary = dataset::simulate(
        config,
        folder,
        &mut |step| bar.show(step),
        &StopToken::new(),
    )?;
    bar.finish();
    let seconds = start.elapsed().as_secs_f64();
    let (frames, kept) = (summary.frames, summary.kept_frames);
    let text = format!(
        "{frames} frames of {} experiments in {} files in {}: {} made in {seconds:.1} s, {kept} kept",
        summary.experiments,
        summary.files,
        folder.display(),
        frames - kept,
    );
    tell(json, &text, || {
        serde_json::json!({
            "folder": folder,
            "format": config.format.extension(),
            "frames": frames,
            "experiments": summary.experiments,
            "files": summary.files,
            "kept_frames": kept,
            "seconds": seconds,
        })
    });
    Ok(())
}

fn write_archive(config: &ArchiveConfig, folder: &Path, json: bool) -> Result<()> {
    let mut bar = Bar::with_rate();
    archive::simulate(
        config,
        folder,
        &mut |step| bar.show(step),
        &StopToken::new(),
    )?;
    bar.finish();
    for part in Part::ALL {
        let frames = config.n_frames(part);
        let folder = folder.join(part.folder());
        let text = format!("{frames:>6} frames in {}", folder.display());
        tell(
            json,
            &text,
            || serde_json::json!({ "part": part.folder(), "frames": frames, "folder": folder }),
        );
    }
    Ok(())
}
