//! `xscatter convert`: detector files into another format; where no input holds a frame, curves and masks.
//!
//! What a format can hold is kept: counts, masked pixels, geometry, exposure, header. Every output is
//! written under a temporary name and renamed when it is whole, so an output that exists is complete and
//! a run that was stopped goes on where it was. A file that fails is reported and the others go on.
//!
//! Frames are float32 on their way, which is exact for integers up to 2²⁴ and for some beyond. An
//! integer count that would change is an error, unless `--allow-rounding` asks for it; float64 values
//! are rounded (by 6e-8 of their size at most) with a warning.

mod kind;
mod others;

use std::ops::Range;
use std::path::{Path, PathBuf};

use clap::ValueEnum as _;
use rayon::prelude::*;
use serde_json::{Value, json};
use xscatter::io::write::write;
use xscatter::io::{Compression, Format, WriteDtype, WriteOptions};
use xscatter::progress::Progress;
use xscatter::{Error, ErrorKind, Frame, Result};

use self::kind::Kind;
use crate::Outcome;
use crate::inputs::{Input, Inputs};
use crate::names;
use crate::output::{self, Bar};

#[derive(Debug, clap::Args)]
#[allow(
    clippy::struct_excessive_bools,
    reason = "each is a switch of the command line"
)]
pub(crate) struct Args {
    /// Detector files and folders of them.
    #[arg(required = true)]
    paths: Vec<PathBuf>,
    /// The file, or the folder for several (it exists, ends with / or has no known extension).
    #[arg(short, long, value_name = "OUT")]
    output: PathBuf,
    /// The format; without it, that of the extension of OUT.
    #[arg(long, value_enum)]
    to: Option<To>,
    /// The type of the stored counts; without it, the smallest kin of the input's type that is exact.
    #[arg(long, value_enum)]
    dtype: Option<Stored>,
    /// The compression inside NeXus files.
    #[arg(long, value_enum)]
    compression: Option<Packed>,
    /// All inputs into the one file OUT, frame after frame.
    #[arg(long)]
    stack: bool,
    /// Some frames of each file alone: N, or START:STOP with STOP left out, counted from 0.
    #[arg(long, value_name = "START:STOP", value_parser = slice)]
    frames: Option<(usize, usize)>,
    /// Round integer counts that float32 cannot hold exactly, with a warning, instead of failing.
    #[arg(long)]
    allow_rounding: bool,
    /// Replace outputs that exist instead of skipping them.
    #[arg(long)]
    overwrite: bool,
    /// One JSON object an output on standard output.
    #[arg(long)]
    json: bool,
}

/// The formats that can be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum To {
    Edf,
    Cbf,
    Tiff,
    Npy,
    Nexus,
}

impl To {
    fn format(self) -> Format {
        match self {
            Self::Edf => Format::Edf,
            Self::Cbf => Format::Cbf,
            Self::Tiff => Format::Tiff,
            Self::Npy => Format::Npy,
            Self::Nexus => Format::Nexus,
        }
    }

    fn of_extension(path: &Path) -> Option<Self> {
        let extension = path.extension()?.to_string_lossy().to_lowercase();
        Some(match &*extension {
            "edf" => Self::Edf,
            "cbf" => Self::Cbf,
            "tif" | "tiff" => Self::Tiff,
            "npy" => Self::Npy,
            "h5" | "hdf5" | "hdf" | "nxs" | "nx" => Self::Nexus,
            _ => return None,
        })
    }

    /// Whether a file holds several frames.
    fn holds_several(self) -> bool {
        !matches!(self, Self::Cbf | Self::Tiff)
    }
}

/// The types that can be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Stored {
    I32,
    U16,
    U32,
    F32,
}

impl Stored {
    fn dtype(self) -> WriteDtype {
        match self {
            Self::I32 => WriteDtype::I32,
            Self::U16 => WriteDtype::U16,
            Self::U32 => WriteDtype::U32,
            Self::F32 => WriteDtype::F32,
        }
    }

    /// The name in numpy.
    fn name(self) -> &'static str {
        match self {
            Self::I32 => "int32",
            Self::U16 => "uint16",
            Self::U32 => "uint32",
            Self::F32 => "float32",
        }
    }
}

/// How the chunks of an HDF5 file are compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Packed {
    None,
    Gzip,
    BitshuffleLz4,
}

/// `5`, `2:7`, `2:`, `:7`: the first frame and the one behind the last.
fn slice(text: &str) -> Result<(usize, usize), String> {
    let number = |text: &str, absent: usize| {
        if text.is_empty() {
            return Ok(absent);
        }
        text.parse()
            .map_err(|_| format!("expected N or START:STOP, got {text}"))
    };
    let (start, stop) = if let Some((start, stop)) = text.split_once(':') {
        (number(start, 0)?, number(stop, usize::MAX)?)
    } else {
        let frame: usize = number(text, usize::MAX)?;
        (frame, frame.saturating_add(1))
    };
    if start < stop {
        Ok((start, stop))
    } else {
        Err(format!("expected a START below STOP, got {text}"))
    }
}

/// Frames that are held in memory for one output; a file with more has to be converted in parts.
const MAX_BYTES: usize = 4 << 30;

/// One file to write.
struct Job<'a> {
    sources: Vec<(Input<'a>, Range<usize>)>,
    target: PathBuf,
}

/// What became of it.
#[derive(Debug)]
enum Status {
    Written {
        dtype: Stored,
        warnings: Vec<String>,
    },
    /// It was there already.
    Skipped,
    Failed(Error),
}

pub(crate) fn run(args: &Args) -> Result<Outcome> {
    let inputs = Inputs::some(&args.paths)?;
    if inputs.files().len() == 0 {
        let others = inputs.others();
        if !others.is_empty() {
            return others::convert(args, &inputs, &others);
        }
    }
    let Some(to) = args.to.or_else(|| To::of_extension(&args.output)) else {
        let message = format!(
            "expected --to, or an OUT that ends with .edf, .cbf, .tif, .npy or .h5, got {}",
            args.output.display()
        );
        return Err(invalid(message).at("--output"));
    };
    if args.compression.is_some() && to != To::Nexus {
        return Err(invalid("only NeXus files have a choice of compression").at("--compression"));
    }
    let jobs = jobs(args, to, &inputs)?;
    if to == To::Npy {
        output::note("npy holds counts alone: header, geometry and exposure are left out");
    }
    let mut bar = Bar::new();
    bar.show(Progress::Stage {
        name: "converting".into(),
        total: jobs.iter().map(Job::n_frames).sum(),
    });
    let (mut written, mut skipped, mut failed) = (0, 0, 0);
    for batch in jobs.chunks(rayon::current_num_threads().max(1) * 2) {
        // Converted in parallel, told in order.
        let results: Vec<Status> = batch
            .par_iter()
            .map(|job| convert(job, args, to, &bar))
            .collect();
        bar.aside(|| {
            for (job, status) in batch.iter().zip(results) {
                match &status {
                    Status::Written { warnings, .. } => {
                        written += 1;
                        for warning in warnings {
                            output::note(format_args!("{}: {warning}", job.target.display()));
                        }
                    }
                    Status::Skipped => skipped += 1,
                    Status::Failed(error) => {
                        failed += 1;
                        output::report(error);
                    }
                }
                if args.json {
                    output::line(as_json(job, to, &status));
                }
            }
        });
    }
    bar.clear();
    let skipped_inputs = inputs.report_skipped();
    if !args.json {
        let mut parts = vec![format!("{written} written")];
        if skipped > 0 {
            parts.push(format!(
                "{skipped} there already (--overwrite replaces them)"
            ));
        }
        if failed > 0 {
            parts.push(format!("{failed} failed"));
        }
        output::line(parts.join(", "));
    }
    if failed > 0 {
        return Ok(Outcome::Partial);
    }
    Ok(skipped_inputs)
}

fn invalid(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidArgument, message)
}

/// Which outputs there will be, in the order of the inputs.
fn jobs<'a>(args: &Args, to: To, inputs: &'a Inputs) -> Result<Vec<Job<'a>>> {
    let out = &args.output;
    let text = out.to_string_lossy();
    let is_folder = text.ends_with(['/', '\\']) || out.is_dir() || To::of_extension(out).is_none();
    let files = if is_folder {
        inputs.files_outside(out)?
    } else {
        inputs.files().collect()
    };
    let of = |file: Input<'a>| {
        let range = match args.frames {
            Some((start, stop)) => start.min(file.n_frames())..stop.min(file.n_frames()),
            None => 0..file.n_frames(),
        };
        (file, range)
    };
    if args.stack {
        if is_folder || !to.holds_several() {
            let message = format!(
                "expected the name of one EDF, npy or NeXus file for a stack, got {}",
                out.display()
            );
            return Err(invalid(message).at("--output"));
        }
        if !inputs.all_opened() {
            inputs.report_skipped();
            return Err(invalid(
                "a stack is written only if all of its inputs can be read",
            ));
        }
        return Ok(vec![Job {
            sources: files.into_iter().map(of).collect(),
            target: out.clone(),
        }]);
    }
    if !is_folder && files.len() > 1 {
        let message = format!(
            "expected a folder for {} inputs (or --stack), got {}",
            files.len(),
            out.display()
        );
        return Err(invalid(message).at("--output"));
    }
    let targets: Vec<PathBuf> = if is_folder {
        let paths: Vec<_> = files
            .iter()
            .map(|file| (file.path(), inputs.relative(file.path())))
            .collect();
        let names = names::targets(&paths, to.format().extension());
        names.iter().map(|name| out.join(name)).collect()
    } else {
        vec![out.clone(); files.len()]
    };
    let mut jobs = Vec::new();
    for (file, target) in files.into_iter().zip(targets) {
        let (_, range) = of(file);
        // An empty range is an error of its file.
        if to.holds_several() || file.n_frames() == 1 || range.is_empty() {
            let sources = vec![(file, range)];
            jobs.push(Job { sources, target });
        } else {
            jobs.extend(range.map(|frame| Job {
                sources: vec![(file, frame..frame + 1)],
                target: names::numbered(&target, frame),
            }));
        }
    }
    names::check_distinct(jobs.iter().map(|job| job.target.as_path()))?;
    Ok(jobs)
}

impl Job<'_> {
    fn n_frames(&self) -> usize {
        self.sources.iter().map(|(_, range)| range.len()).sum()
    }

    /// The file that errors are about: the input, if there is one alone.
    fn named(&self) -> &Path {
        match self.sources.as_slice() {
            [(file, _)] => file.path(),
            _ => &self.target,
        }
    }
}

fn convert(job: &Job<'_>, args: &Args, to: To, bar: &Bar) -> Status {
    if job.target.exists() && !args.overwrite {
        bar.advance(job.n_frames());
        return Status::Skipped;
    }
    match try_convert(job, args, to, bar) {
        Ok((dtype, warnings)) => Status::Written { dtype, warnings },
        Err(error) => Status::Failed(error.in_file(job.named())),
    }
}

fn try_convert(job: &Job<'_>, args: &Args, to: To, bar: &Bar) -> Result<(Stored, Vec<String>)> {
    if job.n_frames() == 0 {
        return Err(invalid(
            "expected frames to convert, found none in the range",
        ));
    }
    let own = |path: &Path| std::fs::canonicalize(path).ok();
    let mut sources = job.sources.iter();
    if own(&job.target)
        .is_some_and(|target| sources.any(|(file, _)| own(file.path()) == Some(target.clone())))
    {
        return Err(invalid(
            "expected an output that is no input, got the same file",
        ));
    }
    let bytes = |(file, range): &(Input<'_>, Range<usize>)| {
        // Four bytes a count, one a mask.
        range
            .len()
            .saturating_mul(file.shape().0 * file.shape().1 * 5)
    };
    let needed = job.sources.iter().map(bytes).fold(0, usize::saturating_add);
    if needed > MAX_BYTES {
        let message = format!(
            "expected at most {} GiB of frames for one output, found {} GiB: \
             convert a part at a time with --frames",
            MAX_BYTES >> 30,
            needed >> 30
        );
        return Err(Error::new(ErrorKind::LimitExceeded, message));
    }
    let places: Vec<(Input<'_>, usize)> = job
        .sources
        .iter()
        .flat_map(|(file, range)| range.clone().map(move |frame| (*file, frame)))
        .collect();
    // Read in parallel, joined in order.
    let read: Vec<Result<(Frame, Kind)>> = places
        .into_par_iter()
        .map(|(file, index)| {
            let raw = file.open()?.read_raw(index)?;
            let kind = Kind::new(&raw.pixels, raw.mask.as_deref());
            bar.advance(1);
            Ok((raw.into_frame()?, kind))
        })
        .collect();
    let mut frames = Vec::with_capacity(read.len());
    let mut kind = Kind::default();
    let mut warnings: Vec<String> = Vec::new();
    for item in read {
        let (frame, of_frame) = item?;
        for warning in &frame.info.warnings {
            if !warnings.contains(warning) {
                warnings.push(warning.clone());
            }
        }
        kind.join(&of_frame);
        frames.push(frame);
    }
    let dtype = match args.dtype {
        Some(dtype) => dtype,
        None => kind.stored(to)?,
    };
    warnings.extend(kind.losses(dtype, args.allow_rounding)?);
    let options = WriteOptions {
        dtype: dtype.dtype(),
        compression: match args.compression {
            None => Compression::default(),
            Some(Packed::None) => Compression::None,
            Some(Packed::Gzip) => Compression::Gzip,
            Some(Packed::BitshuffleLz4) => Compression::BitshuffleLz4,
        },
    };
    if let Some(folder) = job.target.parent() {
        std::fs::create_dir_all(folder).map_err(|error| Error::from(error).in_file(folder))?;
    }
    write(&job.target, to.format(), &frames, &options)?;
    Ok((dtype, warnings))
}

fn as_json(job: &Job<'_>, to: To, status: &Status) -> Value {
    let sources: Vec<Value> = job
        .sources
        .iter()
        .map(|(file, range)| {
            json!({
                "path": file.path().display().to_string(),
                "first_frame": range.start,
                "frames": range.len(),
            })
        })
        .collect();
    let format = to.to_possible_value();
    let (name, dtype, warnings, error) = match status {
        Status::Written { dtype, warnings } => {
            ("written", Some(dtype.name()), warnings.as_slice(), None)
        }
        Status::Skipped => ("skipped", None, &[][..], None),
        Status::Failed(error) => ("failed", None, &[][..], Some(error.to_string())),
    };
    json!({
        "output": job.target.display().to_string(),
        "inputs": sources,
        "frames": job.n_frames(),
        "format": format.as_ref().map(clap::builder::PossibleValue::get_name),
        "dtype": dtype,
        "status": name,
        "warnings": warnings,
        "error": error,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slices_are_those_of_numpy() {
        assert_eq!(slice("5"), Ok((5, 6)));
        assert_eq!(slice("2:7"), Ok((2, 7)));
        assert_eq!(slice(":7"), Ok((0, 7)));
        assert_eq!(slice("2:"), Ok((2, usize::MAX)));
        for bad in ["", "a", "7:2", "3:3", "-1"] {
            assert!(slice(bad).is_err(), "{bad}");
        }
    }
}
