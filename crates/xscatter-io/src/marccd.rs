//! MarCCD and Rayonix detectors: a TIFF with a second header, of 3072 bytes, at byte 1024.
//!
//! The pixels start at byte 4096, in one piece. A TIFF is taken for one of these if the number of columns, of
//! rows and of bytes a pixel in the second header are those of the TIFF, which is how dxtbx tells them, and
//! if its tags put plain pixels at byte 4096; any other is read as a [TIFF](crate::Format::Tiff). Both
//! headers and the pixels have one byte order.
//!
//! Units in the file: distance µm, beam 1/1000 pixel (x along axis 1, y along axis 0), pixel nm, wavelength
//! fm, times ms, angles 1/1000°. `saturated_value` marks a saturated pixel: the largest valid count is one
//! less. A detector that is turned or swung has no geometry here. The offset of the detector (`mean_bias`)
//! is left in the pixels.
//!
//! Source: the `frame_header` of Mar as in fabio 2026.6.0 (with 9 values of pixel noise) and dxtbx 3.28.

use std::sync::Arc;

use xscatter_core::{Error, ErrorKind, Result};

use crate::blob::Blob;
use crate::config::ReadConfig;
use crate::fields::Fields;
use crate::header::{self, Header};
use crate::metadata::{Metadata, Stated, centre, positive};
use crate::open::{About, Opened, ReadFrame};
use crate::pixels::{ByteOrder, Dtype, Pixels};

/// Where the second header is.
const START: usize = 1024;
/// Where the pixels are.
const DATA: u64 = 4096;

pub(crate) fn sniff(head: &[u8]) -> bool {
    let Some(fields) = fields_of(head) else {
        return false;
    };
    let frame = fields.from(START);
    let [columns, rows, depth] = [80, 84, 88].map(|at| frame.u32(at).filter(|&size| size > 0));
    let bits = depth.map(|depth| depth.saturating_mul(8));
    columns.is_some()
        && [tag(&fields, 256), tag(&fields, 257), tag(&fields, 258)] == [columns, rows, bits]
        && tag(&fields, 259).is_none_or(|compression| compression == 1)
        && tag(&fields, 273) == Some(DATA as u32)
}

fn fields_of(head: &[u8]) -> Option<Fields<'_>> {
    match head.get(..4)? {
        b"II*\0" => Some(Fields::new(head, ByteOrder::Little)),
        b"MM\0*" => Some(Fields::new(head, ByteOrder::Big)),
        _ => None,
    }
}

/// The one value of a tag of the first directory, as far as that lies within `fields`.
fn tag(fields: &Fields<'_>, wanted: u16) -> Option<u32> {
    const SHORT: u16 = 3;
    let directory = fields.u32(4)? as usize;
    let count = usize::from(fields.u16(directory)?);
    let mut entries = (0..count).map(|entry| fields.from(directory + 2 + 12 * entry));
    let entry = entries.find(|entry| entry.u16(0) == Some(wanted))?;
    match entry.u16(2)? {
        _ if entry.u32(4) != Some(1) => None,
        SHORT => entry.u16(8).map(u32::from),
        _ => entry.u32(8),
    }
}

struct MarCcd {
    blob: Blob,
    shape: (usize, usize),
    dtype: Dtype,
    order: ByteOrder,
    header: Arc<Header>,
    metadata: Arc<Metadata>,
}

pub(crate) fn open(blob: &Blob, config: &ReadConfig) -> Result<Opened> {
    let bytes = blob.open()?;
    let head = bytes.read_at(0, DATA)?;
    let file = fields_of(&head)
        .ok_or_else(|| Error::new(ErrorKind::Malformed, "expected a TIFF").at("byte 0"))?;
    let fields = file.from(START);
    let size = |at: usize| u64::from(fields.u32(at).unwrap_or(0));
    let shape = config.limits.check_shape(size(84), size(80))?;
    let dtype = match (size(88), tag(&file, 339)) {
        (1, _) => Dtype::U8,
        (2, Some(2)) => Dtype::I16,
        (2, _) => Dtype::U16,
        (4, Some(2)) => Dtype::I32,
        (4, Some(3)) => Dtype::F32,
        (4, _) => Dtype::U32,
        (depth, _) => {
            return Err(Error::new(
                ErrorKind::Unsupported,
                format!("expected 1, 2 or 4 bytes a pixel (depth), found {depth}"),
            )
            .at(format!("byte {}", START + 88)));
        }
    };
    let expected = (shape.0 * shape.1 * dtype.bytes()) as u64;
    let there = bytes.len() - DATA;
    if there < expected {
        return Err(Error::new(
            ErrorKind::Truncated,
            format!("expected {expected} bytes of pixels, found {there}"),
        )
        .at(format!("byte {DATA}")));
    }
    let reader = MarCcd {
        blob: blob.clone(),
        shape,
        dtype,
        order: fields.order,
        header: Arc::new(header_of(&fields)),
        metadata: Arc::new(stated(&fields)),
    };
    Ok(Opened {
        shape,
        dtype,
        frames: 1,
        linked: Vec::new(),
        reader: Box::new(reader),
    })
}

fn header_of(fields: &Fields<'_>) -> Header {
    const NUMBERS: [(usize, &str); 34] = [
        (20, "header_major_version"),
        (24, "header_minor_version"),
        (80, "nfast"),
        (84, "nslow"),
        (88, "depth"),
        (100, "data_type"),
        (104, "saturated_value"),
        (112, "nimages"),
        (116, "origin"),
        (120, "orientation"),
        (124, "view_direction"),
        (152, "background_applied"),
        (156, "bias_applied"),
        (160, "flatfield_applied"),
        (164, "distortion_applied"),
        (640, "xtal_to_detector"),
        (644, "beam_x"),
        (648, "beam_y"),
        (652, "integration_time"),
        (656, "exposure_time"),
        (660, "readout_time"),
        (668, "start_twotheta"),
        (672, "start_omega"),
        (684, "start_phi"),
        (696, "start_xtal_to_detector"),
        (704, "end_omega"),
        (716, "end_phi"),
        (740, "detector_rotx"),
        (744, "detector_roty"),
        (748, "detector_rotz"),
        (772, "pixelsize_x"),
        (776, "pixelsize_y"),
        (780, "mean_bias"),
        (908, "source_wavelength"),
    ];
    const TEXTS: [(usize, usize, &str); 9] = [
        (4, 16, "header_name"),
        (1024, 128, "file_title"),
        (1152, 128, "file_path"),
        (1280, 64, "file_name"),
        (1344, 32, "acquire_timestamp"),
        (1376, 32, "header_timestamp"),
        (1408, 32, "save_timestamp"),
        (1440, 512, "file_comments"),
        (2048, 512, "dataset_comments"),
    ];
    let numbers = NUMBERS
        .iter()
        .filter_map(|&(at, name)| Some((name.to_owned(), fields.i32(at)?.to_string())));
    let texts = TEXTS
        .iter()
        .filter_map(|&(at, len, name)| Some((name.to_owned(), fields.text(at, len)?)));
    numbers.chain(texts).collect()
}

fn stated(fields: &Fields<'_>) -> Metadata {
    let number = |at: usize| fields.i32(at).map(f64::from);
    let scaled = |at: usize, unit: f64, key: &str| {
        positive(number(at).map(|value| header::scaled(value, unit)), key)
    };
    let beam = number(648).zip(number(644));
    let turned = [
        (668, "start_twotheta"),
        (740, "detector_rotx"),
        (744, "detector_roty"),
        (748, "detector_rotz"),
    ];
    Metadata {
        wavelength_m: scaled(908, 1e-15, "source_wavelength"),
        distance_m: scaled(640, 1e-6, "xtal_to_detector")
            .or_else(|| scaled(696, 1e-6, "start_xtal_to_detector")),
        pixel1_m: scaled(776, 1e-9, "pixelsize_y"),
        pixel2_m: scaled(772, 1e-9, "pixelsize_x"),
        beam_centre_px: beam.and_then(|(y, x)| centre(y / 1000.0, x / 1000.0, "beam_x, beam_y")),
        exposure_s: scaled(656, 1e-3, "exposure_time")
            .or_else(|| scaled(652, 1e-3, "integration_time")),
        count_cutoff: positive(
            fields.u32(104).map(|value| f64::from(value) - 1.0),
            "saturated_value",
        ),
        tilted: turned.into_iter().find_map(|(at, key)| {
            let angle = number(at).filter(|&angle| angle != 0.0)?;
            Some(Stated::new((angle / 1000.0).to_radians(), key))
        }),
        ..Default::default()
    }
}

impl ReadFrame for MarCcd {
    fn about(&self, _: usize) -> Result<About> {
        Ok(About {
            header: Arc::clone(&self.header),
            metadata: Arc::clone(&self.metadata),
            ..Default::default()
        })
    }

    fn pixels(&self, _: usize, pixels: &mut Pixels) -> Result<Option<String>> {
        let bytes = self.blob.open()?;
        let len = self.shape.0 * self.shape.1 * self.dtype.bytes();
        bytes.check(DATA, len as u64)?;
        pixels.fill(self.dtype, self.order, self.shape, |out| {
            bytes.read_into(DATA, out)
        })?;
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first 4096 bytes of a file of 3 columns, 2 rows and 16 bits.
    fn head(order: ByteOrder) -> Vec<u8> {
        let mut head = vec![0; 4096];
        let mut put = |at: usize, value: u32, width: usize| {
            let (little, big) = (value.to_le_bytes(), value.to_be_bytes());
            let bytes = match order {
                ByteOrder::Little => &little[..width],
                ByteOrder::Big => &big[4 - width..],
            };
            head[at..at + width].copy_from_slice(bytes);
        };
        put(4, 8, 4);
        put(8, 4, 2);
        for (entry, (tag, value)) in [(256, 3), (257, 2), (258, 16), (273, 4096)]
            .into_iter()
            .enumerate()
        {
            put(10 + 12 * entry, tag, 2);
            put(12 + 12 * entry, 3, 2);
            put(14 + 12 * entry, 1, 4);
            put(18 + 12 * entry, value, 2);
        }
        for (at, value) in [
            (80, 3),
            (84, 2),
            (88, 2),
            (644, 1500),
            (740, 0),
            (776, 80_000),
        ] {
            put(1024 + at, value, 4);
        }
        let magic = match order {
            ByteOrder::Little => b"II*\0",
            ByteOrder::Big => b"MM\0*",
        };
        head[..4].copy_from_slice(magic);
        head
    }

    #[test]
    fn the_two_headers_must_agree() {
        for order in [ByteOrder::Little, ByteOrder::Big] {
            let mut head = head(order);
            assert!(sniff(&head));
            assert!(!sniff(&head[..1100]));
            head[1024 + 80] ^= 1;
            assert!(!sniff(&head));
        }
        assert!(!sniff(b"II*\0\xff\xff\xff\xff"));
        // A TIFF whose second kilobyte is empty is none of these.
        let mut plain = head(ByteOrder::Little);
        plain[1024..].fill(0);
        assert!(!sniff(&plain));
    }

    #[test]
    fn what_is_zero_is_absent() {
        let head = head(ByteOrder::Big);
        let fields = Fields::new(&head[1024..], ByteOrder::Big);
        let metadata = stated(&fields);
        assert_eq!(metadata.distance_m, None);
        assert_eq!(metadata.count_cutoff, None);
        assert_eq!(metadata.tilted, None);
        assert_eq!(metadata.pixel1_m, Some(Stated::new(80e-6, "pixelsize_y")));
        let beam = metadata.beam_centre_px.as_ref().unwrap().value;
        assert_eq!((beam.row, beam.column), (0.0, 1.5));
        assert_eq!(header_of(&fields)["nfast"], "3");
    }
}
