//! MarCCD and Rayonix detectors: a TIFF with a second header, of 3072 bytes, at byte 1024.
//!
//! The pixels (at byte 4096, 16 bits) are those of the [TIFF](crate::Format::Tiff); this reader adds what
//! the second header says. A TIFF is taken for one of these if the number of columns, of rows and of bytes
//! a pixel in that header are those of the TIFF, which is how dxtbx tells them. The header has the byte
//! order of the TIFF.
//!
//! Units in the file: distance µm, beam 1/1000 pixel (x along axis 1, y along axis 0), pixel nm, wavelength
//! fm, times ms, angles 1/1000°. `saturated_value` marks a saturated pixel: the largest valid count is one
//! less. A detector that is turned or swung has no geometry here. The offset of the detector (`mean_bias`)
//! is left in the pixels.
//!
//! Source: the `frame_header` of Mar as in fabio 2026.6.0 (with 9 values of pixel noise) and dxtbx 3.28.

use std::sync::Arc;

use xscatter_core::Result;

use crate::blob::Blob;
use crate::config::ReadConfig;
use crate::fields::Fields;
use crate::header::{self, Header};
use crate::metadata::{Metadata, Stated, centre, positive};
use crate::open::{About, Opened, ReadFrame};
use crate::pixels::{ByteOrder, Pixels};
use crate::tiff;

/// Where the second header is, and how long.
const START: usize = 1024;
const LEN: u64 = 3072;

pub(crate) fn sniff(head: &[u8]) -> bool {
    let order = match head.get(..4) {
        Some(b"II*\0") => ByteOrder::Little,
        Some(b"MM\0*") => ByteOrder::Big,
        _ => return false,
    };
    let fields = Fields::new(head, order);
    let frame = fields.from(START);
    let stated = [80, 84, 88].map(|at| frame.u32(at));
    stated[0].is_some_and(|columns| columns > 0) && tiff_sizes(&fields) == stated
}

/// Columns, rows and bytes a pixel by the first directory, as far as it lies within `fields`.
fn tiff_sizes(fields: &Fields<'_>) -> [Option<u32>; 3] {
    let directory = fields.u32(4).map_or(usize::MAX, |at| at as usize);
    let count = usize::from(fields.u16(directory).unwrap_or(0));
    let tag = |wanted: u16| {
        (0..count.min(256))
            .map(|entry| fields.from(directory.saturating_add(2 + 12 * entry)))
            .find(|entry| entry.u16(0) == Some(wanted))
            .and_then(|entry| match entry.u16(2)? {
                3 => entry.u16(8).map(u32::from),
                _ => entry.u32(8),
            })
    };
    [tag(256), tag(257), tag(258).map(|bits| bits / 8)]
}

/// The image of the TIFF with what the second header says about it.
struct MarCcd {
    tiff: Box<dyn ReadFrame>,
    header: Arc<Header>,
    metadata: Arc<Metadata>,
}

pub(crate) fn open(blob: &Blob, config: &ReadConfig) -> Result<Opened> {
    let bytes = blob.open()?;
    let order = match bytes.head(1)?.first() {
        Some(b'I') => ByteOrder::Little,
        _ => ByteOrder::Big,
    };
    let frame = bytes.read_at(START as u64, LEN)?;
    let fields = Fields::new(&frame, order);
    let mut opened = tiff::open(blob, config)?;
    let mut header = (*opened.reader.about(0)?.header).clone();
    header.extend(header_of(&fields));
    opened.reader = Box::new(MarCcd {
        tiff: opened.reader,
        header: Arc::new(header),
        metadata: Arc::new(stated(&fields)),
    });
    Ok(opened)
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

    fn pixels(&self, index: usize, pixels: &mut Pixels) -> Result<Option<String>> {
        self.tiff.pixels(index, pixels)
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
        put(8, 3, 2);
        for (entry, (tag, value)) in [(256, 3), (257, 2), (258, 16)].into_iter().enumerate() {
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
