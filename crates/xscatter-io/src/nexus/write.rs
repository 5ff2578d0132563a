//! Writing HDF5: an NXsas tree with the names of the DECTRIS file writer.

use std::path::Path;

use rust_hdf5::format::messages::filter::FilterPipeline;
use rust_hdf5::{DatatypeMessage, H5Dataset, H5File, H5Group, H5Type, Hdf5Error, VarLenUnicode};
use xscatter_codecs::bitshuffle;
use xscatter_core::{Error, ErrorKind, Frame, PixelFlags, Result};

use super::facts::PONI_GROUP;
use super::mask;
use crate::header;
use crate::poni;
use crate::write::{Compression, WriteDtype, WriteOptions, pixel_bytes};

const DEFLATE_LEVEL: u32 = 4;

/// An error of the writing container as one of ours.
fn foreign(error: Hdf5Error) -> Error {
    let kind = match &error {
        Hdf5Error::Io(_) => ErrorKind::Io,
        _ => ErrorKind::Other,
    };
    Error::new(kind, format!("HDF5 cannot be written: {error}")).with_source(error)
}

/// Writes the frames as one dataset, a chunk each; what is said about them is that of the first.
pub(crate) fn write(path: &Path, frames: &[Frame], options: WriteOptions) -> Result<()> {
    check_common(frames)?;
    let file = H5File::create(path).map_err(foreign)?;
    let entry = group(&file.root_group(), "entry", "NXentry")?;
    text(&entry, "definition", "NXsas")?;
    let instrument = group(&entry, "instrument", "NXinstrument")?;
    let detector = group(&instrument, "detector", "NXdetector")?;
    let data = group(&entry, "data", "NXdata")?;
    data.set_attr_string("signal", "data").map_err(foreign)?;
    facts(&frames[0], &entry, &instrument, &detector)?;
    pixel_mask(frames, &detector)?;
    match options.dtype {
        WriteDtype::I32 => images::<i32>(&data, frames, options)?,
        WriteDtype::U16 => images::<u16>(&data, frames, options)?,
        WriteDtype::U32 => images::<u32>(&data, frames, options)?,
        WriteDtype::F32 => images::<f32>(&data, frames, options)?,
    }
    file.close().map_err(foreign)
}

/// One file states one geometry and one exposure.
fn check_common(frames: &[Frame]) -> Result<()> {
    let first = &frames[0].info;
    let differs = frames.iter().position(|frame| {
        frame.info.geometry != first.geometry
            || frame.info.exposure_s != first.exposure_s
            || frame.info.beam_centre_px != first.beam_centre_px
    });
    match differs {
        None => Ok(()),
        Some(index) => Err(Error::new(
            ErrorKind::InvalidArgument,
            "expected the geometry and exposure of frame 0, which one HDF5 file shares, got others",
        )
        .at(format!("frame {index}"))),
    }
}

fn images<T: H5Type>(data: &H5Group, frames: &[Frame], options: WriteOptions) -> Result<()> {
    let (rows, columns) = frames[0].shape();
    let width = T::element_size();
    let builder = data
        .new_dataset::<T>()
        .shape([frames.len(), rows, columns])
        .chunk(&[1, rows, columns]);
    let dataset = match options.compression {
        Compression::None => builder,
        Compression::Gzip => builder.deflate(DEFLATE_LEVEL),
        Compression::BitshuffleLz4 => {
            builder.filter_pipeline(FilterPipeline::bshuf_lz4(width as u32))
        }
    }
    .create("data")
    .map_err(foreign)?;
    for (index, frame) in frames.iter().enumerate() {
        let pixels = pixel_bytes(frame, options.dtype)
            .map_err(|error| error.at(format!("frame {index}")))?;
        match options.compression {
            Compression::BitshuffleLz4 => {
                let mut chunk = Vec::new();
                bitshuffle::encode(&pixels, width, bitshuffle::Compression::Lz4, &mut chunk);
                dataset.write_chunk_raw_at(&[index, 0, 0], &chunk, 0)
            }
            Compression::None | Compression::Gzip => {
                dataset.write_chunk_at(&[index, 0, 0], &pixels)
            }
        }
        .map_err(foreign)?;
    }
    Ok(())
}

fn facts(frame: &Frame, entry: &H5Group, instrument: &H5Group, detector: &H5Group) -> Result<()> {
    let info = &frame.info;
    if let Some(exposure_s) = info.exposure_s {
        number(detector, "count_time", exposure_s, Some("s"))?;
    }
    if let Some(geometry) = &info.geometry {
        number(detector, "x_pixel_size", geometry.pixel2_m, Some("m"))?;
        number(detector, "y_pixel_size", geometry.pixel1_m, Some("m"))?;
        if geometry.rot1_rad == 0.0 && geometry.rot2_rad == 0.0 {
            let (x, y) = (
                geometry.poni2_m / geometry.pixel2_m,
                geometry.poni1_m / geometry.pixel1_m,
            );
            number(detector, "distance", geometry.distance_m, Some("m"))?;
            number(detector, "beam_center_x", x, Some("pixel"))?;
            number(detector, "beam_center_y", y, Some("pixel"))?;
        }
        let beam = group(instrument, "beam", "NXbeam")?;
        let wavelength_angstrom = geometry.wavelength_m * 1e10;
        number(
            &beam,
            "incident_wavelength",
            wavelength_angstrom,
            Some("angstrom"),
        )?;
        let whole = group(detector, PONI_GROUP, "NXcollection")?;
        for (name, value) in poni::numbers(geometry) {
            number(&whole, name, value, None)?;
        }
    } else if let Some(centre) = info.beam_centre_px {
        number(detector, "beam_center_x", centre.column, Some("pixel"))?;
        number(detector, "beam_center_y", centre.row, Some("pixel"))?;
    }
    let brought: Vec<_> = info
        .header
        .iter()
        .filter(|(key, value)| {
            let name = !key.is_empty() && key.len() < 256 && !key.contains(['/', '.', '\0']);
            name && !value.is_empty()
        })
        .collect();
    if !brought.is_empty() {
        let collection = group(entry, "collection", "NXcollection")?;
        for (key, value) in brought {
            text(&collection, key, value)?;
        }
    }
    Ok(())
}

/// The flags that all frames share; what a single frame adds stands in its pixels.
fn pixel_mask(frames: &[Frame], detector: &H5Group) -> Result<()> {
    let (rows, columns) = frames[0].shape();
    let mut bits = vec![u32::MAX; rows * columns];
    for frame in frames {
        let flags = frame.mask().map(|mask| mask.as_slice());
        for (index, bits) in bits.iter_mut().enumerate() {
            let flags = flags.map_or(PixelFlags::VALID, |flags| flags[index]);
            *bits &= mask::to_bits(flags);
        }
    }
    if bits.iter().all(|&bits| bits == 0) {
        return Ok(());
    }
    detector
        .new_dataset::<u32>()
        .shape([rows, columns])
        .chunk(&[rows, columns])
        .deflate(DEFLATE_LEVEL)
        .create("pixel_mask")
        .and_then(|dataset| dataset.write_raw(&bits))
        .map_err(foreign)
}

fn group(parent: &H5Group, name: &str, class: &str) -> Result<H5Group> {
    let group = parent.create_group(name).map_err(foreign)?;
    group.set_attr_string("NX_class", class).map_err(foreign)?;
    Ok(group)
}

/// A scalar, which is what NeXus expects; the container would write lists of strings.
fn text(group: &H5Group, name: &str, value: &str) -> Result<()> {
    let mut bytes = header::value(value).into_bytes();
    bytes.push(0);
    group
        .new_dataset::<u8>()
        .datatype(DatatypeMessage::fixed_string_utf8(bytes.len() as u32))
        .scalar()
        .create(name)
        .and_then(|dataset| dataset.write_raw_bytes(&bytes))
        .map_err(foreign)
}

fn number(group: &H5Group, name: &str, value: f64, unit: Option<&str>) -> Result<()> {
    let write = || -> rust_hdf5::Result<()> {
        let dataset: H5Dataset = group.new_dataset::<f64>().scalar().create(name)?;
        dataset.write_raw(&[value])?;
        if let Some(unit) = unit {
            let attribute = dataset
                .new_attr::<VarLenUnicode>()
                .shape(())
                .create("units")?;
            attribute.write_scalar(&VarLenUnicode(unit.to_owned()))?;
        }
        Ok(())
    };
    write().map_err(foreign)
}
