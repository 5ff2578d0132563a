//! `xscatter integrate`: I(q) of every frame, one pyFAI-like `.dat` file each.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use indicatif::ProgressBar;
use xscatter::geometry::{Poni, RadialUnit};
use xscatter::reduce::{
    AzimuthalIntegrator, ErrorModel, IntegrateConfig, PixelSplitting, Profile, write_dat,
};
use xscatter::{Error, ErrorKind, Frame, FrameSource as _, Geometry, Mask, Result, io};

use crate::Outcome;
use crate::inputs::Inputs;
use crate::output;
use crate::picture::plot::{Labels, draw_curve};

#[derive(Debug, clap::Args)]
#[allow(
    clippy::struct_excessive_bools,
    reason = "each is a switch of the command line"
)]
pub(crate) struct Args {
    /// Detector files and folders of them.
    #[arg(required = true)]
    paths: Vec<PathBuf>,
    /// The geometry as a PONI file; without it, that of each file's header.
    #[arg(long, value_name = "FILE")]
    poni: Option<PathBuf>,
    /// An image of the detector's shape in which everything but 0 is masked.
    #[arg(long, value_name = "FILE")]
    mask: Option<PathBuf>,
    /// The number of radial bins.
    #[arg(long, default_value_t = 1000)]
    bins: usize,
    /// The radial unit, by pyFAI's names: q_nm^-1, q_A^-1, 2th_deg, 2th_rad, …
    #[arg(long, default_value = "q_nm^-1")]
    unit: String,
    /// How a pixel is shared among bins: no, bbox or full.
    #[arg(long, default_value = "bbox")]
    split: String,
    /// The polarisation factor (1: horizontal); without it no correction.
    #[arg(long, allow_negative_numbers = true)]
    polarisation: Option<f64>,
    /// Leave the solid angle of the pixels alone.
    #[arg(long)]
    no_solid_angle: bool,
    /// Standard errors from counting statistics.
    #[arg(long)]
    poisson: bool,
    /// Where the `.dat` files go.
    #[arg(long, value_name = "FOLDER", default_value = "out/integrated")]
    out: PathBuf,
    /// A PNG picture of each profile beside its `.dat` file.
    #[arg(long, conflicts_with = "json")]
    plot: bool,
    /// One JSON object a frame on standard output, with the profile in it, instead of files.
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &Args) -> Result<Outcome> {
    let config = config(args)?;
    let geometry = match &args.poni {
        Some(path) => Some(Arc::new(Poni::read(path)?.geometry)),
        None => None,
    };
    let mask = args.mask.as_deref().map(read_mask).transpose()?;
    let inputs = Inputs::some(&args.paths)?;
    let mut outcome = Outcome::Complete;
    let bar = ProgressBar::new(inputs.n_frames() as u64);
    let mut engine: Option<Engine> = None;
    for (index, (file, number)) in inputs.frames().enumerate() {
        let path = file.path();
        let frame = file
            .open()
            .and_then(|file| file.read(number))
            .and_then(|frame| masked(frame, mask.as_ref()));
        let result = frame.and_then(|frame| {
            let engine = Engine::for_frame(&mut engine, &frame, geometry.as_ref(), &config)?;
            let profile = engine.integrator.integrate(&frame)?;
            if args.json {
                output::line(as_json(path, number, &profile));
                return Ok(());
            }
            let target = save(&args.out, index, path, number, engine, &profile)?;
            if args.plot {
                plot(&target.with_extension("png"), path, number, &profile)?;
            }
            Ok(())
        });
        if let Err(error) = result {
            bar.suspend(|| output::report(&error.in_file(path)));
            outcome = Outcome::Partial;
        }
        bar.inc(1);
    }
    bar.finish_and_clear();
    if inputs.report_skipped() == Outcome::Partial {
        outcome = Outcome::Partial;
    }
    if !args.json && inputs.n_frames() > 0 {
        output::line(format_args!("profiles in {}", args.out.display()));
    }
    Ok(outcome)
}

fn config(args: &Args) -> Result<IntegrateConfig> {
    let invalid = |option: &str, expected: String, found: &str| {
        let message = format!("expected {expected}, got {found}");
        Error::new(ErrorKind::InvalidArgument, message).at(option)
    };
    let unit = RadialUnit::from_name(&args.unit).ok_or_else(|| {
        let known: Vec<&str> = RadialUnit::ALL.iter().map(|unit| unit.name()).collect();
        invalid("--unit", format!("one of {}", known.join(", ")), &args.unit)
    })?;
    let splitting = match args.split.as_str() {
        "no" => PixelSplitting::None,
        "bbox" => PixelSplitting::BoundingBox,
        "full" => PixelSplitting::Full,
        other => return Err(invalid("--split", "no, bbox or full".into(), other)),
    };
    Ok(IntegrateConfig {
        bins: args.bins,
        unit,
        splitting,
        solid_angle: !args.no_solid_angle,
        polarisation: args.polarisation,
        error_model: if args.poisson {
            ErrorModel::Poisson
        } else {
            ErrorModel::None
        },
        ..IntegrateConfig::default()
    })
}

fn read_mask(path: &Path) -> Result<Mask> {
    let file = io::open(path)?;
    let pixels = file.read_raw(0)?.pixels.to_counts();
    Ok(Mask::from_bad(pixels.map(|&value| value != 0.0).view()))
}

/// The frame with what the user masked added to what its file masks.
fn masked(frame: Frame, extra: Option<&Mask>) -> Result<Frame> {
    let Some(extra) = extra else { return Ok(frame) };
    let mask = match frame.mask() {
        Some(mask) => mask.union(extra)?,
        None => extra.clone(),
    };
    Ok(frame.with_mask(mask)?)
}

/// The integrator of the frames seen last: frames of one geometry and shape share it.
struct Engine {
    geometry: Arc<Geometry>,
    integrator: AzimuthalIntegrator,
}

impl Engine {
    fn for_frame<'a>(
        last: &'a mut Option<Self>,
        frame: &Frame,
        geometry: Option<&Arc<Geometry>>,
        config: &IntegrateConfig,
    ) -> Result<&'a Self> {
        let geometry = geometry.or(frame.info.geometry.as_ref()).ok_or_else(|| {
            Error::new(
                ErrorKind::MissingMetadata,
                "expected distance, wavelength, pixel size and beam centre in the header, \
                 found not all of them; give --poni",
            )
        })?;
        let fits = last.as_ref().is_some_and(|engine| {
            engine.geometry == *geometry && engine.integrator.shape() == frame.shape()
        });
        if !fits {
            let integrator = AzimuthalIntegrator::new(geometry, frame.shape(), config.clone())?;
            *last = Some(Self {
                geometry: geometry.clone(),
                integrator,
            });
        }
        Ok(last.as_ref().expect("set above"))
    }
}

fn save(
    folder: &Path,
    index: usize,
    path: &Path,
    number: usize,
    engine: &Engine,
    profile: &Profile,
) -> Result<PathBuf> {
    fs::create_dir_all(folder).map_err(|error| Error::from(error).in_file(folder))?;
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    // The running number keeps files of one name in several folders apart.
    let target = folder.join(format!("{index:05}_{stem}_{number:05}.dat"));
    let mut text = Vec::new();
    let comments = [
        format!("{} frame {number}", path.display()),
        engine.integrator.describe(),
    ];
    write_dat(&mut text, profile, &comments)?;
    output::write_whole(&target, &text)?;
    Ok(target)
}

/// Draws a profile beside its file.
fn plot(target: &Path, path: &Path, number: usize, profile: &Profile) -> Result<()> {
    let defined: Vec<_> = profile.defined().collect();
    let column = |pick: fn(&(f64, f64, Option<f64>)) -> f64| defined.iter().map(pick).collect();
    let (radial, intensity): (Vec<f64>, Vec<f64>) = (column(|bin| bin.0), column(|bin| bin.1));
    let sigma: Option<Vec<f64>> = defined.iter().map(|bin| bin.2).collect();
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let labels = Labels {
        title: format!("{name}   frame {number}"),
        x: profile.unit.name().to_owned(),
        y: "intensity".to_owned(),
    };
    let picture = draw_curve(&radial, &intensity, sigma.as_deref(), &labels);
    let texts = [
        ("Title", labels.title),
        ("Source", path.display().to_string()),
    ];
    output::write_whole(target, &picture.to_png(&texts)?)
}

fn as_json(path: &Path, number: usize, profile: &Profile) -> serde_json::Value {
    // A bin without a pixel has no intensity: null, not 0.
    let defined = |values: &[f64]| -> Vec<Option<f64>> {
        let values = values.iter().enumerate();
        values
            .map(|(bin, &value)| profile.is_defined(bin).then_some(value))
            .collect()
    };
    serde_json::json!({
        "path": path.display().to_string(),
        "frame": number,
        "unit": profile.unit.name(),
        "radial": profile.centres,
        "intensity": defined(&profile.intensity),
        "sigma": profile.sigma.as_deref().map(defined),
    })
}
