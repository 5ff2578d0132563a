//! `xscatter view`: pictures of frames, and of the curves of files that hold no frame.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rayon::prelude::*;
use xscatter::core::ndarray::{Array2, Zip};
use xscatter::io::{Curve, Metadata, Number, Stats};
use xscatter::progress::Progress;
use xscatter::{Error, ErrorKind, FrameInfo, Mask, PixelFlags, Result};

use crate::Outcome;
use crate::facts::Facts;
use crate::inputs::{Input, Inputs, Other};
use crate::names;
use crate::output::{self, Bar};
use crate::picture::canvas::Canvas;
use crate::picture::cells::Pooling;
use crate::picture::colour::Map;
use crate::picture::image::{self, Style, Subject};
use crate::picture::plot::{Labels, draw_curve};
use crate::picture::scale::{Limits, Scale};
use crate::picture::ticks::number;

#[derive(Debug, clap::Args)]
#[allow(
    clippy::struct_excessive_bools,
    reason = "each is a switch of the command line"
)]
pub(crate) struct Args {
    /// Detector files and folders of them, and files of curves.
    #[arg(required = true)]
    paths: Vec<PathBuf>,
    /// The picture; a folder (that exists, or with / at its end); or a pattern with {name} and {frame}.
    /// Without it: NAME.png in the current folder.
    #[arg(short, long, value_name = "PNG")]
    output: Option<String>,
    /// Which frame of each file, from 0.
    #[arg(long, value_name = "N", default_value_t = 0)]
    frame: usize,
    /// A picture of every frame, numbered as `NAME_00003.png`.
    #[arg(long, conflicts_with_all = ["frame", "sum", "max"])]
    all: bool,
    /// The sum of all frames of each file; a pixel that is masked in one of them is masked.
    #[arg(long, conflicts_with_all = ["frame", "max"])]
    sum: bool,
    /// The maximum of all frames of each file; a pixel that is masked in all of them is masked.
    #[arg(long, conflicts_with = "frame")]
    max: bool,
    /// How counts are spread over the colours.
    #[arg(long, value_enum, default_value_t = Scale::Log)]
    scale: Scale,
    /// The counts at both ends of the colours.
    #[arg(
        long,
        num_args = 2,
        value_names = ["MIN", "MAX"],
        allow_negative_numbers = true,
        conflicts_with = "percentiles"
    )]
    range: Option<Vec<f64>>,
    /// The same as percentiles of the valid counts (above 0, unless the scale is linear).
    #[arg(long, num_args = 2, value_names = ["LOW", "HIGH"], default_values_t = [0.1, 99.9])]
    percentiles: Vec<f64>,
    /// The colours.
    #[arg(long, value_enum, default_value_t = Map::Inferno)]
    map: Map,
    /// The longer side of the drawn frame has at most so many picture pixels.
    #[arg(long, value_name = "PIXELS", default_value_t = 1700, value_parser = at_least_one)]
    max_size: usize,
    /// What a picture pixel shows of the several pixels of a frame that was reduced.
    #[arg(long, value_enum, default_value_t = Pooling::Max)]
    pooling: Pooling,
    /// The frame alone, a picture pixel a pixel: no title, axes, colour bar, legend; not reduced.
    #[arg(long)]
    no_annotations: bool,
    /// Replace pictures under names that were not given in full.
    #[arg(long)]
    overwrite: bool,
}

fn at_least_one(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) => Err("expected at least 1".into()),
        Ok(size) => Ok(size),
        Err(error) => Err(format!("{error}")),
    }
}

/// What of a file a picture shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Frame(usize),
    Sum,
    Max,
}

/// What one picture shows.
#[derive(Debug, Clone, Copy)]
enum Piece<'a> {
    Image(Input<'a>, Part),
    Curve(&'a Path, &'a Curve),
    Mask(&'a Path, &'a Mask),
}

impl<'a> Piece<'a> {
    fn path(self) -> &'a Path {
        match self {
            Self::Image(file, _) => file.path(),
            Self::Curve(path, _) | Self::Mask(path, _) => path,
        }
    }
}

pub(crate) fn run(args: &Args) -> Result<Outcome> {
    let style = style(args)?;
    let inputs = Inputs::some(&args.paths)?;
    let files = match args.output.as_deref().filter(|output| is_folder(output)) {
        Some(folder) => inputs.files_outside(Path::new(folder))?,
        None => inputs.files().collect(),
    };
    let others = inputs.others();
    let paths: Vec<&Path> = files
        .iter()
        .map(|file| file.path())
        .chain(others.iter().map(|other| other.path))
        .collect();
    let targets = Targets::new(args, &inputs, &paths)?;
    let mut jobs = Vec::new();
    let (of_images, of_others) = targets.of_files.split_at(files.len());
    for (file, target) in files.iter().zip(of_images) {
        let parts = match args {
            Args { sum: true, .. } => vec![Part::Sum],
            Args { max: true, .. } => vec![Part::Max],
            Args { all: true, .. } => (0..file.n_frames()).map(Part::Frame).collect(),
            _ => vec![Part::Frame(args.frame)],
        };
        for &part in &parts {
            let target = match part {
                Part::Frame(index) => of_frame(target, index, parts.len() > 1),
                Part::Sum | Part::Max => of_frame(target, 0, false),
            };
            jobs.push((Piece::Image(*file, part), target));
        }
    }
    for (other, target) in others.iter().zip(of_others) {
        match &other.content {
            Other::Curves(curves) => {
                for (index, curve) in curves.iter().enumerate() {
                    let target = of_frame(target, index, curves.len() > 1);
                    jobs.push((Piece::Curve(other.path, curve), target));
                }
            }
            Other::Mask(mask) => {
                let target = of_frame(target, 0, false);
                jobs.push((Piece::Mask(other.path, mask), target));
            }
        }
    }
    names::check_distinct(jobs.iter().map(|(_, target)| target.as_path()))?;
    let mut bar = Bar::new();
    bar.show(Progress::Stage {
        name: "drawing".into(),
        total: jobs.len(),
    });
    let mut outcome = Outcome::Complete;
    for batch in jobs.chunks(rayon::current_num_threads().max(1) * 2) {
        // Drawn in parallel, told in order.
        let results: Vec<Result<()>> = batch
            .par_iter()
            .map(|(piece, target)| {
                targets.check_free(target, args.overwrite)?;
                let picture = match *piece {
                    Piece::Image(file, part) => picture(file, part, &style, args.no_annotations),
                    Piece::Curve(path, curve) => curve_picture(path, curve),
                    Piece::Mask(path, mask) => mask_picture(path, mask, &style),
                };
                output::write_whole(target, &picture?)
            })
            .collect();
        bar.aside(|| {
            for ((piece, target), result) in batch.iter().zip(results) {
                match result {
                    Ok(()) => output::line(target.display()),
                    Err(error) => {
                        output::report(&error.in_file(piece.path()));
                        outcome = Outcome::Partial;
                    }
                }
            }
        });
        bar.show(Progress::Advance(batch.len()));
    }
    bar.clear();
    if inputs.report_skipped_but(&others) == Outcome::Partial {
        outcome = Outcome::Partial;
    }
    Ok(outcome)
}

fn style(args: &Args) -> Result<Style> {
    let (option, pair) = match &args.range {
        Some(range) => ("--range", range),
        None => ("--percentiles", &args.percentiles),
    };
    let &[low, high] = pair.as_slice() else {
        return Err(invalid("expected two numbers").at(option));
    };
    // `!(a < b)` also catches what is not a number.
    let ordered = low < high;
    if !ordered {
        return Err(invalid(format!("expected MIN below MAX, got {low} and {high}")).at(option));
    }
    let limits = if args.range.is_some() {
        if args.scale == Scale::Log && high <= 0.0 {
            let message = format!("expected MAX above 0 for a logarithmic scale, got {high}");
            return Err(invalid(message).at(option));
        }
        Limits::Counts(low, high)
    } else {
        if low < 0.0 || high > 100.0 {
            return Err(invalid(format!("expected 0 to 100, got {low} and {high}")).at(option));
        }
        Limits::Percentiles(low, high)
    };
    Ok(Style {
        scale: args.scale,
        limits,
        map: args.map,
        pooling: args.pooling,
        max_size: args.max_size,
    })
}

fn invalid(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidArgument, message)
}

fn is_folder(output: &str) -> bool {
    output.ends_with(['/', '\\']) || Path::new(output).is_dir()
}

/// Where the pictures go.
#[derive(Debug)]
struct Targets {
    /// For each file the name of its picture, with `{frame}` in it if it is a pattern.
    of_files: Vec<PathBuf>,
    /// The one picture was named in full: it is replaced if it exists.
    named: bool,
}

impl Targets {
    fn new(args: &Args, inputs: &Inputs, files: &[&Path]) -> Result<Self> {
        let relative: Vec<_> = files
            .iter()
            .map(|path| (*path, inputs.relative(path)))
            .collect();
        let in_folder = |folder: &Path| {
            let targets = names::targets(&relative, "png");
            targets.iter().map(|target| folder.join(target)).collect()
        };
        let derived = |of_files| Self {
            of_files,
            named: false,
        };
        let Some(output) = &args.output else {
            return Ok(derived(in_folder(Path::new(""))));
        };
        if is_folder(output) {
            return Ok(derived(in_folder(Path::new(output))));
        }
        let is_png = Path::new(output)
            .extension()
            .is_some_and(|extension| extension.eq_ignore_ascii_case("png"));
        if !is_png {
            let message = format!(
                "expected a name that ends with .png or a folder that exists, got {output}"
            );
            return Err(invalid(message).at("--output"));
        }
        if output.contains("{name}") {
            let named = |path: &&Path| PathBuf::from(output.replace("{name}", &names::stem(path)));
            return Ok(derived(files.iter().map(named).collect()));
        }
        if files.len() > 1 {
            let message = format!(
                "expected a folder or a name with {{name}} in it for {} files, got {output}",
                files.len()
            );
            return Err(invalid(message).at("--output"));
        }
        Ok(Self {
            of_files: vec![PathBuf::from(output); files.len()],
            named: !args.all,
        })
    }

    /// A picture whose name was not given in full is never replaced unasked.
    fn check_free(&self, target: &Path, overwrite: bool) -> Result<()> {
        if self.named || overwrite || !target.exists() {
            return Ok(());
        }
        let message = "this picture exists already: give another name with -o, or --overwrite";
        Err(Error::new(ErrorKind::InvalidArgument, message).in_file(target))
    }
}

/// The picture of one frame.
fn of_frame(target: &Path, frame: usize, several: bool) -> PathBuf {
    let text = target.to_string_lossy();
    if text.contains("{frame}") {
        PathBuf::from(text.replace("{frame}", &format!("{frame:05}")))
    } else if several {
        names::numbered(target, frame)
    } else {
        target.to_path_buf()
    }
}

/// A curve as a picture, with what its file calls its axes.
fn curve_picture(path: &Path, curve: &Curve) -> Result<Vec<u8>> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let title = curve.info.title.as_deref().unwrap_or_default();
    let x = match &curve.info.x_label {
        Some(label) => label.clone(),
        None => curve.x_unit().title().to_owned(),
    };
    let y = match &curve.info.intensity_unit {
        Some(unit) => format!("intensity ({unit})"),
        None => "intensity".to_owned(),
    };
    let title = format!("{name}   {title}").trim_end().to_owned();
    let labels = Labels { title, x, y };
    let canvas = draw_curve(curve.x(), curve.intensity(), curve.sigma(), &labels);
    canvas.to_png(&[
        ("Title", labels.title),
        ("Source", path.display().to_string()),
        (
            "Software",
            concat!("xscatter ", env!("CARGO_PKG_VERSION")).into(),
        ),
    ])
}

/// A mask alone: no counts, and the masked pixels in their colour.
fn mask_picture(path: &Path, mask: &Mask, style: &Style) -> Result<Vec<u8>> {
    let counts = Array2::<f32>::zeros(mask.shape());
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let (rows, columns) = mask.shape();
    let subject = Subject {
        counts: counts.view(),
        mask: Some(mask),
        centre: None,
        title: format!("{name}   a mask"),
        facts: vec![
            format!("{rows}x{columns}"),
            format!("masked {}", mask.invalid_count()),
        ],
    };
    image::annotated(&subject, style).to_png(&[
        ("Title", subject.title.clone()),
        ("Source", path.display().to_string()),
        (
            "Software",
            concat!("xscatter ", env!("CARGO_PKG_VERSION")).into(),
        ),
    ])
}

/// A frame, or what was made of several, ready to be drawn.
struct Shown {
    counts: Array2<f32>,
    mask: Option<Arc<Mask>>,
    info: FrameInfo,
    metadata: Arc<Metadata>,
    /// Smallest, largest and sum of the valid counts.
    stats: Option<Stats>,
    /// Which frame or frames.
    what: String,
}

fn picture(file: Input<'_>, part: Part, style: &Style, bare: bool) -> Result<Vec<u8>> {
    let shown = match part {
        Part::Frame(index) => one(file, index)?,
        Part::Sum | Part::Max => combined(file, part)?,
    };
    let facts = Facts::new(&shown.info, &shown.metadata, shown.counts.dim());
    let name = file.path().file_name().unwrap_or_default();
    let subject = Subject {
        counts: shown.counts.view(),
        mask: shown.mask.as_deref(),
        centre: facts.centre,
        title: format!("{}   {}", name.to_string_lossy(), shown.what),
        facts: lines(file, &shown, &facts),
    };
    let canvas: Canvas = if bare {
        let whole = Style {
            max_size: usize::MAX,
            ..style.clone()
        };
        image::bare(&subject, &whole)
    } else {
        image::annotated(&subject, style)
    };
    canvas.to_png(&[
        ("Title", subject.title.clone()),
        ("Source", file.path().display().to_string()),
        ("Description", subject.facts.join(", ")),
        (
            "Software",
            concat!("xscatter ", env!("CARGO_PKG_VERSION")).into(),
        ),
    ])
}

fn one(file: Input<'_>, index: usize) -> Result<Shown> {
    let frame = file.open()?.read_raw(index)?;
    let stats = match &frame.mask {
        Some(mask) => frame.pixels.stats_of_valid(mask),
        None => frame.pixels.stats(),
    };
    Ok(Shown {
        counts: frame.pixels.to_counts(),
        mask: frame.mask,
        info: frame.info,
        metadata: frame.metadata,
        stats,
        what: match file.n_frames() {
            1 => String::new(),
            frames => format!("frame {index} of {frames}"),
        },
    })
}

/// The sum or the maximum of all frames, pixel by pixel, in the order of the frames.
fn combined(file: Input<'_>, part: Part) -> Result<Shown> {
    let shape = file.shape();
    let start = if part == Part::Sum {
        0.0
    } else {
        f64::NEG_INFINITY
    };
    let mut counts = Array2::from_elem(shape, start);
    let mut flags = Array2::from_elem(shape, PixelFlags::VALID);
    let mut valid = Array2::from_elem(shape, false);
    let mut last = None;
    let mut bar = Bar::new();
    bar.show(Progress::Stage {
        name: "reading frames".into(),
        total: file.n_frames(),
    });
    let opened = file.open()?;
    for index in 0..file.n_frames() {
        let frame = opened.read_raw(index)?;
        let found = frame.pixels.shape();
        if found != shape {
            let message = format!(
                "expected {}x{} pixels as in frame 0, found {}x{}",
                shape.0, shape.1, found.0, found.1
            );
            let error = Error::new(ErrorKind::ShapeMismatch, message);
            return Err(error.in_file(file.path()).at(format!("frame {index}")));
        }
        let values = frame.pixels.to_counts();
        let all_valid = Mask::all_valid(shape);
        let mask = frame.mask.as_deref().unwrap_or(&all_valid);
        Zip::from(&mut counts)
            .and(&mut flags)
            .and(&mut valid)
            .and(&values)
            .and(mask.flags())
            .for_each(|total, flags, valid, &value, &found| {
                if found.is_valid() {
                    *valid = true;
                    *total = match part {
                        Part::Max => total.max(f64::from(value)),
                        _ => *total + f64::from(value),
                    };
                } else {
                    *flags = flags.union(found);
                }
            });
        last = Some((frame.info, frame.metadata));
        bar.show(Progress::Advance(1));
    }
    bar.clear();
    let (info, metadata) = last.ok_or_else(|| {
        Error::new(ErrorKind::DegenerateData, "expected frames, found none").in_file(file.path())
    })?;
    if part == Part::Max {
        Zip::from(&mut flags).and(&valid).for_each(|flags, &valid| {
            if valid {
                *flags = PixelFlags::VALID;
            }
        });
    }
    let used = || {
        let pairs = counts.iter().zip(&flags);
        pairs
            .filter(|(_, flags)| flags.is_valid())
            .map(|(&count, _)| count)
    };
    let extreme = |pick: fn(f64, f64) -> f64| used().reduce(pick).map(Number::Float);
    let stats = match (extreme(f64::min), extreme(f64::max)) {
        (Some(min), Some(max)) => Some(Stats {
            min,
            max,
            sum: Number::Float(used().sum()),
        }),
        _ => None,
    };
    let name = if part == Part::Sum { "sum" } else { "maximum" };
    Ok(Shown {
        what: format!("{name} of {} frames", file.n_frames()),
        counts: counts.mapv(|count| count as f32),
        mask: Some(Arc::new(Mask::new(flags))),
        info,
        metadata,
        stats,
    })
}

/// What stands above the picture.
fn lines(file: Input<'_>, shown: &Shown, facts: &Facts) -> Vec<String> {
    let (rows, columns) = shown.counts.dim();
    let masked = shown.mask.as_ref().map_or(0, |mask| mask.invalid_count());
    let text = |value: Number| match value {
        Number::Int(value) => value.to_string(),
        Number::Float(value) => number(value),
    };
    let mut lines = vec![format!(
        "{} {rows}x{columns} {}",
        file.format(),
        file.dtype()
    )];
    if let Some(stats) = &shown.stats {
        lines.push(format!("min {}", text(stats.min)));
        lines.push(format!("max {}", text(stats.max)));
        lines.push(format!("sum {}", text(stats.sum)));
    }
    lines.push(format!("masked {masked}"));
    lines.extend(facts.sentences());
    lines.extend(shown.info.warnings.iter().map(|text| format!("! {text}")));
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::ValueEnum as _;

    #[test]
    fn options_take_the_names_that_the_pictures_state() {
        for scale in Scale::value_variants() {
            let name = scale.to_possible_value().unwrap();
            assert_eq!(name.get_name(), scale.name());
        }
        for map in Map::value_variants() {
            assert_eq!(map.to_possible_value().unwrap().get_name(), map.name());
        }
    }
}
