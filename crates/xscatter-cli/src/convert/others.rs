//! Converting files that hold no frame: curves to pyFAI's `.dat` or to NXcanSAS, masks to images in which
//! what is not 0 is masked.

use std::path::Path;

use serde_json::json;
use xscatter::core::ndarray::Array2;
use xscatter::io::write::write;
use xscatter::io::{Curve, Format, WriteDtype, WriteOptions, curve};
use xscatter::{Error, ErrorKind, Frame, Mask, Result};

use super::{Args, To, invalid};
use crate::Outcome;
use crate::inputs::{Inputs, Other, OtherFile};
use crate::output;

/// Converts them one by one; an error is reported and the others go on.
pub(super) fn convert(args: &Args, inputs: &Inputs, others: &[OtherFile<'_>]) -> Result<Outcome> {
    let out = &args.output;
    let is_folder = out.to_string_lossy().ends_with('/') || out.is_dir();
    if !is_folder && others.len() > 1 {
        let message = format!(
            "expected a folder for {} inputs, got {}",
            others.len(),
            out.display()
        );
        return Err(invalid(message).at("--output"));
    }
    let mut outcome = inputs.report_skipped_but(others);
    for other in others {
        let target = if is_folder {
            let name = inputs.relative(other.path);
            out.join(name)
                .with_extension(extension(args, &other.content))
        } else {
            out.clone()
        };
        let result = if target.exists() && !args.overwrite {
            Ok(false)
        } else {
            convert_one(args, other, &target).map(|()| true)
        };
        match result {
            Ok(written) if args.json => output::line(json!({
                "input": other.path.display().to_string(),
                "output": target.display().to_string(),
                "status": if written { "written" } else { "skipped" },
            })),
            Ok(true) => output::line(target.display()),
            Ok(false) => output::note(format_args!(
                "{} is there already (--overwrite replaces it)",
                target.display()
            )),
            Err(error) => {
                output::report(&error.in_file(other.path));
                outcome = Outcome::Partial;
            }
        }
    }
    Ok(outcome)
}

/// What the name of an output in a folder ends with.
fn extension(args: &Args, content: &Other) -> &'static str {
    match (content, args.to) {
        (Other::Curves(_), Some(To::Nexus)) => "h5",
        (Other::Curves(_), _) => "dat",
        (Other::Mask(_), to) => to.map_or(Format::Edf, To::format).extension(),
    }
}

fn convert_one(args: &Args, other: &OtherFile<'_>, target: &Path) -> Result<()> {
    if let Some(folder) = target.parent().filter(|folder| *folder != Path::new("")) {
        std::fs::create_dir_all(folder)?;
    }
    match &other.content {
        Other::Curves(curves) => convert_curves(curves, target),
        Other::Mask(mask) => convert_mask(mask, args, target),
    }
}

fn convert_curves(curves: &[Curve], target: &Path) -> Result<()> {
    let extension = target.extension().unwrap_or_default().to_string_lossy();
    match (&*extension.to_lowercase(), curves) {
        ("dat", [curve]) => curve::write_dat(target, curve),
        ("dat", several) => Err(Error::new(
            ErrorKind::Unsupported,
            format!(
                "expected one curve for a .dat, found {}: NXcanSAS (.h5) holds several",
                several.len()
            ),
        )),
        ("h5" | "hdf5" | "hdf" | "nxs", curves) => curve::write_nxcansas(target, curves),
        (other, _) => Err(invalid(format!(
            "expected .dat or .h5 for a curve, got `.{other}`"
        ))),
    }
}

fn convert_mask(mask: &Mask, args: &Args, target: &Path) -> Result<()> {
    let Some(to) = args.to.or_else(|| To::of_extension(target)) else {
        return Err(invalid(
            "expected .edf, .cbf, .tif, .npy or .h5 for a mask, or --to",
        ));
    };
    let (rows, columns) = mask.shape();
    let marks = Array2::from_shape_fn((rows, columns), |(row, column)| {
        f32::from(u8::from(!mask.is_valid(row, column)))
    });
    let options = WriteOptions {
        dtype: match to {
            To::Cbf => WriteDtype::I32,
            _ => WriteDtype::U16,
        },
        ..WriteOptions::default()
    };
    write(target, to.format(), &[Frame::new(marks)], &options)
}
