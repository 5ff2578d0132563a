//! `xscatter features`: a row of features a frame, as a table for a study.

use std::path::PathBuf;
use std::sync::Arc;

use serde_json::json;
use xscatter::describe::{self, Described, FeatureSet};
use xscatter::features::FeatureConfig;
use xscatter::geometry::Poni;
use xscatter::progress::Progress;
use xscatter::representations::{self, Header};
use xscatter::table_file::{TableFile, begin_csv, write_csv};
use xscatter::{
    Error, ErrorKind, FeatureTable, Frame, FrameSource, FrameTransform, Geometry, Result,
    StopToken, io, transform_fn,
};

use crate::Outcome;
use crate::output::{self, Bar};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Detector files and folders of them.
    #[arg(required_unless_present = "list")]
    paths: Vec<PathBuf>,
    /// Which features: `all`, groups (texture, shape, local, physics) and names, separated by commas.
    #[arg(long, value_name = "NAMES", conflicts_with_all = ["config", "representation"])]
    set: Option<String>,
    /// Which features with which settings: a JSON array like `[{"glcm": {"levels": 64}}]`.
    #[arg(long, value_name = "JSON", conflicts_with = "representation")]
    config: Option<PathBuf>,
    /// A representation of the sorting job: histogram, glcm, radial-profile, layout, azimuthal or image
    /// (from the image alone), calibrated-shape or calibrated (with the geometry of the file's header).
    /// This is `image` unless features are chosen.
    #[arg(long, value_name = "NAME")]
    representation: Option<String>,
    /// Write the table to a file whose name ends with .csv or .parquet, instead of CSV on standard output.
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Keep rows in this folder and use those that are there: a run that was stopped goes on where it was.
    #[arg(long, value_name = "FOLDER")]
    cache: Option<PathBuf>,
    /// The geometry of all files as a PONI file; without it, that of each file's header.
    #[arg(long, value_name = "FILE")]
    poni: Option<PathBuf>,
    /// Describe frames as they are stored: do not remove zingers, do not estimate the beam centre where no
    /// header states it.
    #[arg(long)]
    as_stored: bool,
    /// Show which features there are and how many columns each has with its default settings.
    #[arg(long)]
    list: bool,
    /// One JSON object a frame instead of CSV; with --list, one a feature with its settings.
    #[arg(long, conflicts_with = "output")]
    json: bool,
}

pub(crate) fn run(args: &Args) -> Result<Outcome> {
    if args.list {
        list(args.json)?;
        return Ok(Outcome::Complete);
    }
    let chosen = Chosen::of(args)?;
    let extractors = chosen.set.build(args.cache.as_deref())?;
    let geometry = match &args.poni {
        Some(path) => Some(Arc::new(Poni::read(path)?.geometry)),
        None => None,
    };
    let spinner = output::spinner("looking for detector files");
    let series = io::open_series(&args.paths);
    spinner.finish_and_clear();
    let mut outcome = output::report_skipped(series.skipped(), &args.paths);
    if series.is_empty() {
        return Err(Error::new(
            ErrorKind::DegenerateData,
            "expected detector files, found none",
        ));
    }
    let frames = (&series).with(prepare(chosen.header, geometry, args.as_stored));
    let mut sink = Sink::open(args, &describe::columns(&extractors))?;
    let mut bar = Bar::with_rate();
    bar.show(Progress::Stage {
        name: "describing".into(),
        total: frames.len(),
    });
    let described = describe::describe(
        &frames,
        &extractors,
        &mut |step| bar.show(step),
        &StopToken::new(),
        &mut |table| sink.write(table),
    )?;
    bar.finish();
    sink.finish()?;
    if report(&described, frames.len()) == Outcome::Partial {
        outcome = Outcome::Partial;
    }
    Ok(outcome)
}

/// Which features, and what a representation may know of the header; features chosen otherwise may
/// know all of it.
struct Chosen {
    set: FeatureSet,
    header: Option<Header>,
}

impl Chosen {
    fn of(args: &Args) -> Result<Self> {
        let kept = |set| Self { set, header: None };
        if let Some(names) = &args.set {
            let set = names.parse::<FeatureSet>();
            return set.map(kept).map_err(|error| error.at("--set"));
        }
        if let Some(path) = &args.config {
            let text = std::fs::read_to_string(path);
            let text = text.map_err(|error| Error::from(error).in_file(path))?;
            let set = serde_json::from_str(&text).map_err(|error| {
                Error::new(ErrorKind::Malformed, error.to_string())
                    .in_file(path)
                    .with_source(error)
            })?;
            return Ok(kept(set));
        }
        let name = args.representation.as_deref().unwrap_or("image");
        let recipe =
            representations::by_name(name).map_err(|error| error.at("--representation"))?;
        let set = recipe
            .features()
            .map_err(|error| error.at("--representation"))?;
        Ok(Self {
            set,
            header: Some(recipe.header),
        })
    }
}

/// What is done to every frame before it is described.
fn prepare(
    header: Option<Header>,
    geometry: Option<Arc<Geometry>>,
    as_stored: bool,
) -> Vec<Box<dyn FrameTransform>> {
    let mut steps: Vec<Box<dyn FrameTransform>> = Vec::new();
    if let Some(geometry) = geometry {
        steps.push(Box::new(transform_fn(move |mut frame: Frame| {
            frame.info.geometry = Some(geometry.clone());
            Ok(frame)
        })));
    }
    if !as_stored {
        steps.push(Box::new(representations::cleaning()));
        steps.push(match header {
            Some(header) => Box::new(representations::view(header)),
            None => Box::new(representations::centred()),
        });
    }
    steps
}

/// Where rows go.
enum Sink {
    File(TableFile),
    Csv(Box<csv::Writer<std::io::Stdout>>),
    Json,
}

impl Sink {
    fn open(args: &Args, columns: &[Arc<str>]) -> Result<Self> {
        Ok(match &args.output {
            Some(path) => Self::File(TableFile::create(path, columns)?),
            None if args.json => Self::Json,
            None => Self::Csv(Box::new(quiet(begin_csv(std::io::stdout(), columns))?)),
        })
    }

    fn write(&mut self, table: &FeatureTable) -> Result<()> {
        match self {
            Self::File(file) => file.write(table),
            Self::Csv(writer) => {
                quiet(write_csv(writer, table))?;
                quiet(writer.flush().map_err(Error::from))
            }
            Self::Json => {
                print_json(table);
                Ok(())
            }
        }
    }

    fn finish(self) -> Result<()> {
        match self {
            Self::File(file) => file.finish(),
            Self::Csv(_) | Self::Json => Ok(()),
        }
    }
}

/// A reader of standard output that has left (`| head`) ends the program in silence.
fn quiet<T>(written: Result<T>) -> Result<T> {
    if written.is_err() {
        std::process::exit(0);
    }
    written
}

fn print_json(table: &FeatureTable) {
    for (row, id) in table.ids().iter().enumerate() {
        let values = table.values();
        let features: serde_json::Map<String, serde_json::Value> = table
            .columns()
            .iter()
            .zip(values.row(row))
            // What is missing is null.
            .map(|(name, &value)| (name.to_string(), value.into()))
            .collect();
        let group = &*table.groups()[row];
        output::line(json!({ "id": &**id, "group": group, "features": features }));
    }
}

/// Says on standard error which frames are not in the table, and which of its cells are empty.
fn report(described: &Described, frames: usize) -> Outcome {
    for (_, error) in &described.skipped {
        output::report(error);
    }
    for missing in &described.missing {
        output::note(format_args!(
            "{}: missing for {} of {frames} frames; the first: {}",
            missing.extractor, missing.frames, missing.reason
        ));
    }
    if described.skipped.is_empty() {
        Outcome::Complete
    } else {
        Outcome::Partial
    }
}

/// The catalogue, group by group.
fn list(as_json: bool) -> Result<()> {
    let mut configs = FeatureConfig::all();
    configs.sort_by_key(|config| (config.group(), config.name()));
    let mut total = 0;
    let mut group = None;
    for config in &configs {
        let columns = config.build()?.columns().len();
        total += columns;
        if as_json {
            output::line(json!({
                "name": config.name(),
                "group": config.group().name(),
                "columns": columns,
                "summary": config.summary(),
                "config": config,
            }));
            continue;
        }
        if group.replace(config.group()) != Some(config.group()) {
            output::line(config.group().name());
        }
        output::line(format_args!(
            "  {:<20} {columns:>5}  {}",
            config.name(),
            config.summary()
        ));
    }
    if !as_json {
        output::line(format_args!("{total} columns in all"));
    }
    Ok(())
}
