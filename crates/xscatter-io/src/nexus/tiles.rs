//! Modules of a LAMBDA detector, each in a file of its own, joined to one frame.
//!
//! The files `NAME_m01.nxs`, `NAME_m02.nxs` and so on lie side by side; each states where its module is
//! (`detector/translation/distance`: column, row and depth, in pixels). Opening the first of them gives
//! the whole frame, the others are listed as its linked files; what lies between the modules is a gap.
//! Where the modules do not fit each other, or a position is not stated in pixels, the first file is read
//! alone, with a warning. The pixels of a gap are 0 and masked. A master file, whose virtual dataset joins the modules, needs none of this.
//!
//! Source: a file of the LAMBDA 9M at PETRA III P03; the order of the axes as three programs have it
//! (Dioptas, pygid, the pipelines of P03).

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use ndarray::Array2;
use xscatter_core::{Mask, PixelFlags, Result};
use xscatter_hdf5::Scratch;

use super::tree::{self, Array, Tree};
use super::{Home, Part, container, find, foreign, pixel_mask, plane};
use crate::blob::Blob;
use crate::config::ReadConfig;
use crate::header;
use crate::open::{About, ReadFrame};
use crate::pixels::{ByteOrder, Dtype, Pixels};

/// Numbers of modules that are looked for.
const MOST_MODULES: usize = 64;

/// A frame of several modules.
pub(super) struct Tiles {
    about: About,
    modules: Vec<Module>,
    pub(super) shape: (usize, usize),
    pub(super) frames: usize,
    pub(super) files: Vec<PathBuf>,
    dtype: Dtype,
    order: ByteOrder,
    /// Memory for one module, of as many threads as read at once.
    scratches: Mutex<Vec<(Scratch, Vec<u8>)>>,
}

struct Module {
    blob: Blob,
    part: Part,
    shape: (usize, usize),
    row: usize,
    column: usize,
    mask: Option<Mask>,
}

/// What one file says of its module.
struct Found {
    blob: Blob,
    array: Array,
    dtype: (Dtype, ByteOrder),
    shape: (usize, usize),
    frames: usize,
    place: (i64, i64),
    mask: Option<Mask>,
}

/// The other modules of the frame whose first module a file holds; none for any other file.
pub(super) fn others(path: &Path, listing: &Tree) -> Vec<PathBuf> {
    let is_lambda = listing.scalars.iter().any(|(path, scalar)| {
        tree::last(path) == "description" && scalar.text.to_lowercase().contains("lambda")
    });
    let parts = path.file_name().and_then(|name| name.to_str());
    let (true, Some((front, digits, end))) = (is_lambda, parts.and_then(split)) else {
        return Vec::new();
    };
    let Ok(own) = digits.parse::<usize>() else {
        return Vec::new();
    };
    let file = |number: usize| {
        let name = format!("{front}{number:0width$}{end}", width = digits.len());
        path.with_file_name(name)
    };
    let there: Vec<usize> = (0..=MOST_MODULES)
        .filter(|&number| number != own && file(number).is_file())
        .collect();
    if there.iter().any(|&number| number < own) {
        return Vec::new();
    }
    there.into_iter().map(file).collect()
}

/// The name of a module's file in front of its number, the number, and behind it.
fn split(name: &str) -> Option<(&str, &str, &str)> {
    let at = name.rfind("_m")? + 2;
    let rest = &name[at..];
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    let end = &rest[digits..];
    let fits = (1..=3).contains(&digits) && (end == ".nxs" || end.starts_with("_part"));
    fits.then(|| (&name[..at], &rest[..digits], end))
}

/// Joins a module with the others; `Err` with the reason where they do not fit.
pub(super) fn join(
    blob: &Blob,
    others: &[PathBuf],
    config: &ReadConfig,
    about: About,
) -> Result<Tiles, String> {
    let named = |path: &Path, error: &dyn std::fmt::Display| {
        let name = path.file_name().unwrap_or_default();
        format!("{}: {error}", name.to_string_lossy())
    };
    let mut found = vec![module(blob, config).map_err(|error| named(blob.path(), &error))?];
    for path in others {
        let other = Blob::new(path, &config.limits)
            .map_err(|error| error.to_string())
            .and_then(|blob| module(&blob, config));
        found.push(other.map_err(|error| named(path, &error))?);
    }
    let first = &found[0];
    let (dtype, order) = first.dtype;
    if let Some(other) = found.iter().find(|module| module.dtype != first.dtype) {
        return Err(format!("expected {dtype}, found {}", other.dtype.0));
    }
    let low = |axis: fn(&Found) -> i64| found.iter().map(axis).min().unwrap_or(0);
    let (top, left) = (low(|module| module.place.0), low(|module| module.place.1));
    let mut modules = Vec::new();
    let mut shape = (0, 0);
    let mut covered = 0;
    let frames = found.iter().map(|module| module.frames).min().unwrap_or(0);
    let mut warnings = about.warnings.clone();
    if found.iter().any(|module| module.frames != frames) {
        warnings.push(format!("all modules have {frames} frames, some have more"));
    }
    for module in found {
        let (row, column) = (module.place.0 - top, module.place.1 - left);
        let (row, column) = (row as usize, column as usize);
        shape.0 = shape.0.max(row + module.shape.0);
        shape.1 = shape.1.max(column + module.shape.1);
        covered += module.shape.0 * module.shape.1;
        let file = container::open(&module.blob).map_err(|error| error.to_string())?;
        let kept = (frames > 1).then_some(&file);
        modules.push(Module {
            part: Part::new(module.array, kept, true).map_err(|error| error.to_string())?,
            blob: module.blob,
            shape: module.shape,
            row,
            column,
            mask: module.mask,
        });
    }
    // A frame of mostly nothing: positions that are no positions.
    let sound = shape
        .0
        .checked_mul(shape.1)
        .is_some_and(|all| all / 4 <= covered);
    if !sound
        || config
            .limits
            .check_shape(shape.0 as u64, shape.1 as u64)
            .is_err()
    {
        return Err(format!(
            "expected modules side by side, found them within {shape:?}"
        ));
    }
    let mut flags = Array2::from_elem(shape, None);
    for module in &modules {
        for row in 0..module.shape.0 {
            for column in 0..module.shape.1 {
                let flag = &mut flags[(module.row + row, module.column + column)];
                if flag.is_some() {
                    return Err("expected modules that do not overlap".to_owned());
                }
                let own = module.mask.as_ref().map(Mask::as_slice);
                let at = row * module.shape.1 + column;
                *flag = Some(own.map_or(PixelFlags::VALID, |flags| flags[at]));
            }
        }
    }
    let flags = flags.mapv(|flag| flag.unwrap_or(PixelFlags::GAP));
    let flagged = flags.iter().any(|&flag| flag != PixelFlags::VALID);
    Ok(Tiles {
        about: About {
            mask: flagged.then(|| Arc::new(Mask::new(flags))),
            warnings,
            ..about
        },
        modules,
        shape,
        frames,
        files: others.to_vec(),
        dtype,
        order,
        scratches: Mutex::default(),
    })
}

/// Reads what a file says of its module.
fn module(blob: &Blob, config: &ReadConfig) -> Result<Found, String> {
    let text = |error: xscatter_core::Error| error.to_string();
    let file = container::open(blob).map_err(text)?;
    let listing = Tree::read(&file);
    let found = find::image(&file, &listing).map_err(text)?;
    let array = found.parts[0].clone();
    let shape = super::image_shape(&array, &config.limits).map_err(text)?;
    let dataset = file
        .dataset(&array.path)
        .map_err(|error| error.to_string())?;
    let dtype = tree::dtype(dataset.datatype()).ok_or("expected numbers")?;
    // The mask of the frame takes memory for all its pixels: that these can be there.
    let (start, count) = plane(&dataset, 0, shape);
    dataset
        .check_size(&start, &count)
        .map_err(|error| error.to_string())?;
    let lead = &array.shape[..array.shape.len() - 2];
    let frames = lead
        .iter()
        .try_fold(1_usize, |n, &dim| n.checked_mul(dim))
        .and_then(|frames| config.limits.check_frames(frames as u64).ok())
        .ok_or("expected frames within the limits")?;
    let place = place(&listing).ok_or("expected the position of the module in pixels")?;
    let near = (array.path.as_str(), None);
    let mut scratch = Scratch::default();
    let mask = pixel_mask(&file, &listing, near, shape, config, &mut scratch).map_err(text)?;
    Ok(Found {
        blob: blob.clone(),
        array,
        dtype,
        shape,
        frames,
        place,
        mask,
    })
}

/// Row and column of a module.
fn place(listing: &Tree) -> Option<(i64, i64)> {
    const FARTHEST: f64 = 1e6;
    let (_, scalar) = listing
        .scalars
        .iter()
        .find(|(path, _)| path.ends_with("translation/distance"))?;
    if !matches!(scalar.unit.as_deref(), Some("pixel" | "pixels")) {
        return None;
    }
    let numbers = header::numbers(&scalar.text);
    let (&column, &row) = (numbers.first()?, numbers.get(1)?);
    let whole = |n: f64| (n.fract() == 0.0 && n.abs() < FARTHEST).then_some(n as i64);
    Some((whole(row)?, whole(column)?))
}

impl ReadFrame for Tiles {
    fn about(&self, _: usize) -> Result<About> {
        Ok(self.about.clone())
    }

    fn pixels(&self, index: usize, pixels: &mut Pixels) -> Result<Option<String>> {
        let pool = || {
            self.scratches
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
        };
        let (mut scratch, mut memory) = pool().pop().unwrap_or_default();
        let width = self.dtype.bytes();
        let result = pixels.fill(self.dtype, self.order, self.shape, |out| {
            out.fill(0);
            for module in &self.modules {
                module
                    .read(index, &mut memory, &mut scratch)
                    .map_err(|error| error.at(module.blob.path().display()))?;
                let row_bytes = module.shape.1 * width;
                for (row, line) in memory.chunks_exact(row_bytes).enumerate() {
                    let start = (module.row + row) * self.shape.1 + module.column;
                    out[start * width..][..row_bytes].copy_from_slice(line);
                }
            }
            Ok(())
        });
        pool().push((scratch, memory));
        result.map(|()| None)
    }
}

impl Module {
    /// Reads the stored bytes of one image of the module.
    fn read(&self, index: usize, memory: &mut Vec<u8>, scratch: &mut Scratch) -> Result<()> {
        let dataset = match &self.part.home {
            Home::Open(dataset) => dataset.clone(),
            _ => container::open(&self.blob)?
                .dataset(&self.part.path)
                .map_err(foreign)?,
        };
        let (start, count) = plane(&dataset, index, self.shape);
        let bytes = dataset.check_size(&start, &count).map_err(foreign)?;
        memory.resize(bytes, 0);
        dataset
            .read_into(&start, &count, memory, scratch)
            .map_err(foreign)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_modules() {
        let name = "jg_00001_m01.nxs";
        assert_eq!(split(name), Some(("jg_00001_m", "01", ".nxs")));
        let part = "a_m3_part00001.nxs";
        assert_eq!(split(part), Some(("a_m", "3", "_part00001.nxs")));
        for other in ["a_master.nxs", "a_m.nxs", "a_m01.h5", "a_m01x.nxs"] {
            assert_eq!(split(other), None, "{other}");
        }
    }
}
