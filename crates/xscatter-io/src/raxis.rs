//! Rigaku R-AXIS image plates: a header of fixed fields, then 16-bit pixels whose highest bit multiplies.
//!
//! A pixel without its highest bit is a count; with it, the other 15 bits are multiplied by the
//! photomultiplier ratio of the header (8 for an R-AXIS II, 32 for an R-AXIS IV), rounded down. The image is
//! therefore read as `u32`. The highest code is the ceiling of the scanner: the count cut-off is the code
//! before it, 32766 times the ratio. The header fills one record, whose length it states; where that
//! cannot be, the image is taken to end with the file. Numbers are in either byte order: the one in which
//! both sides of the image are below 65536.
//!
//! Units in the file: Å, mm, minutes, pixels. A cylindrical plate or a swung one has no geometry here.
//! Source: the field list of Rigaku's ReadRAXISImage as fabio 2026.6.0 and dxtbx 3.28 give it; the rule of
//! the highest bit as in fabio and d*TREK.

use std::sync::Arc;

use xscatter_core::{Error, ErrorKind, Result};

use crate::blob::Blob;
use crate::config::ReadConfig;
use crate::fields::Fields;
use crate::header::{self, Header};
use crate::metadata::{Metadata, Stated, centre, positive};
use crate::open::{About, Opened, ReadFrame};
use crate::pixels::{ByteOrder, Dtype, Pixels};

/// Bytes of the fields that are read.
const HEADER: u64 = 1024;
const COLUMNS: usize = 768;
const ROWS: usize = 772;
const RECORD_LENGTH: usize = 784;
const RATIO: usize = 800;
/// The largest code of the low 15 bits.
const LARGEST: u16 = 0x7fff;

pub(crate) fn sniff(head: &[u8]) -> bool {
    head.starts_with(b"R-AXIS") || head.starts_with(b"RAXIS")
}

struct Raxis {
    blob: Blob,
    shape: (usize, usize),
    order: ByteOrder,
    offset: u64,
    ratio: f64,
    header: Arc<Header>,
    metadata: Arc<Metadata>,
}

pub(crate) fn open(blob: &Blob, config: &ReadConfig) -> Result<Opened> {
    let bytes = blob.open()?;
    let head = bytes.read_at(0, HEADER)?;
    let orders = [ByteOrder::Big, ByteOrder::Little];
    let found = orders.into_iter().find_map(|order| {
        let fields = Fields::new(&head, order);
        let side = |at| fields.u32(at).filter(|side| (1..=0xffff).contains(side));
        Some((fields, side(ROWS)?, side(COLUMNS)?))
    });
    let Some((fields, rows, columns)) = found else {
        return Err(Error::new(
            ErrorKind::Malformed,
            "expected the sides of an image (1 to 65535 pixels) in either byte order, found none",
        )
        .at(format!("byte {COLUMNS}")));
    };
    let shape = config.limits.check_shape(rows.into(), columns.into())?;
    let data = (shape.0 * shape.1 * 2) as u64;
    let Some(before) = bytes
        .len()
        .checked_sub(data)
        .filter(|&before| before >= HEADER)
    else {
        return Err(Error::new(
            ErrorKind::Truncated,
            format!(
                "expected {data} bytes of pixels behind a header of at least {HEADER}, found {} in all",
                bytes.len()
            ),
        ));
    };
    let record = u64::from(fields.u32(RECORD_LENGTH).unwrap_or(0));
    let offset = if (HEADER..=before).contains(&record) {
        record
    } else {
        before
    };
    let header = header_of(&fields);
    let reader = Raxis {
        blob: blob.clone(),
        shape,
        order: fields.order,
        offset,
        ratio: fields.f32(RATIO).map_or(0.0, f64::from),
        metadata: Arc::new(stated(&fields)),
        header: Arc::new(header),
    };
    Ok(Opened {
        shape,
        dtype: Dtype::U32,
        frames: 1,
        linked: Vec::new(),
        reader: Box::new(reader),
    })
}

#[derive(Clone, Copy)]
enum Kind {
    Text(usize),
    Float,
    Whole,
}

/// The fields that are kept, under the names that fabio gives them.
const FIELDS: [(usize, Kind, &str); 32] = [
    (0, Kind::Text(10), "InstrumentType"),
    (10, Kind::Text(10), "Version"),
    (20, Kind::Text(20), "Crystal Name"),
    (92, Kind::Text(80), "Memo"),
    (172, Kind::Text(12), "Date"),
    (268, Kind::Text(20), "User"),
    (288, Kind::Text(4), "Xray Target"),
    (292, Kind::Float, "Wavelength"),
    (296, Kind::Text(20), "Monochromator"),
    (320, Kind::Text(20), "Collimator"),
    (340, Kind::Text(4), "Filter"),
    (344, Kind::Float, "Crystal-to-detector Distance"),
    (348, Kind::Float, "Generator Voltage"),
    (352, Kind::Float, "Generator Current"),
    (448, Kind::Whole, "IP shape"),
    (520, Kind::Float, "Phi Datum"),
    (524, Kind::Float, "Phi Oscillation Start"),
    (528, Kind::Float, "Phi Oscillation Stop"),
    (532, Kind::Whole, "Frame Number"),
    (536, Kind::Float, "Exposure Time"),
    (540, Kind::Float, "Direct beam X position"),
    (544, Kind::Float, "Direct beam Y position"),
    (556, Kind::Float, "2Theta Angle"),
    (776, Kind::Float, "X Pixel Length"),
    (780, Kind::Float, "Y Pixel Length"),
    (784, Kind::Whole, "Record Length"),
    (796, Kind::Whole, "IP Number"),
    (800, Kind::Float, "Photomultiplier Ratio"),
    (812, Kind::Text(10), "Host Type/Endian"),
    (822, Kind::Text(10), "IP Type"),
    (832, Kind::Whole, "Horizontal Scan"),
    (836, Kind::Whole, "Vertical Scan"),
];

fn header_of(fields: &Fields<'_>) -> Header {
    FIELDS
        .iter()
        .filter_map(|&(at, kind, name)| {
            let value = match kind {
                Kind::Text(len) => fields.text(at, len)?,
                Kind::Float => fields.f32(at)?.to_string(),
                Kind::Whole => fields.i32(at)?.to_string(),
            };
            Some((name.to_owned(), value))
        })
        .collect()
}

fn stated(fields: &Fields<'_>) -> Metadata {
    let float = |at: usize| fields.f32(at).map(f64::from);
    let scaled = |at: usize, unit: f64, key: &str| {
        positive(float(at).map(|value| header::scaled(value, unit)), key)
    };
    let beam = float(544).zip(float(540));
    let swung = float(556)
        .filter(|&angle| angle.is_finite() && angle != 0.0)
        .map(|angle| Stated::new(angle.to_radians(), "2Theta Angle"));
    let curved = fields
        .i32(448)
        .filter(|&shape| shape != 0)
        .map(|shape| Stated::new(shape.into(), "IP shape"));
    Metadata {
        wavelength_m: scaled(292, 1e-10, "Wavelength"),
        distance_m: scaled(344, 1e-3, "Crystal-to-detector Distance"),
        pixel1_m: scaled(780, 1e-3, "Y Pixel Length"),
        pixel2_m: scaled(776, 1e-3, "X Pixel Length"),
        beam_centre_px: beam.and_then(|(row, column)| {
            centre(
                row,
                column,
                "Direct beam X position, Direct beam Y position",
            )
        }),
        exposure_s: positive(float(536).map(|minutes| 60.0 * minutes), "Exposure Time"),
        count_cutoff: positive(
            float(RATIO).map(|ratio| (f64::from(LARGEST - 1) * ratio).floor()),
            "Photomultiplier Ratio",
        ),
        tilted: swung.or(curved),
        ..Default::default()
    }
}

impl ReadFrame for Raxis {
    fn about(&self, _: usize) -> Result<About> {
        Ok(About {
            header: Arc::clone(&self.header),
            metadata: Arc::clone(&self.metadata),
            ..Default::default()
        })
    }

    fn pixels(&self, _: usize, pixels: &mut Pixels) -> Result<Option<String>> {
        let stored = (self.shape.0 * self.shape.1 * 2) as u64;
        let stored = self.blob.open()?.read_at(self.offset, stored)?;
        pixels.fill(Dtype::U32, ByteOrder::NATIVE, self.shape, |out| {
            expand(
                &stored,
                self.order,
                self.ratio,
                bytemuck::cast_slice_mut(out),
            )
            .map_err(|error| error.at(format!("byte {RATIO} (Photomultiplier Ratio)")))
        })?;
        Ok(None)
    }
}

/// The counts of stored pixels, of which there are as many as `out` is long.
pub(crate) fn expand(stored: &[u8], order: ByteOrder, ratio: f64, out: &mut [u32]) -> Result<()> {
    let known = ratio.is_finite() && (1.0..=65_536.0).contains(&ratio);
    for (count, pair) in out.iter_mut().zip(stored.chunks_exact(2)) {
        let pair = [pair[0], pair[1]];
        let code = match order {
            ByteOrder::Little => u16::from_le_bytes(pair),
            ByteOrder::Big => u16::from_be_bytes(pair),
        };
        *count = if code <= LARGEST {
            code.into()
        } else if known {
            (f64::from(code & LARGEST) * ratio) as u32
        } else {
            return Err(Error::new(
                ErrorKind::Malformed,
                format!(
                    "expected a ratio from 1 to 65536 for a pixel with its highest bit set, found {ratio}"
                ),
            ));
        };
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_highest_bit_multiplies() {
        let codes = [5_u16, 0x7fff, 0x8000, 0x8001, 0xffff];
        let big: Vec<u8> = codes.iter().flat_map(|code| code.to_be_bytes()).collect();
        let mut counts = [0; 5];
        expand(&big, ByteOrder::Big, 8.0, &mut counts).unwrap();
        assert_eq!(counts, [5, 32_767, 0, 8, 262_136]);
        expand(&big, ByteOrder::Big, 31.5, &mut counts).unwrap();
        assert_eq!(counts, [5, 32_767, 0, 31, 1_032_160]);
        for ratio in [0.0, f64::NAN, -8.0, 1e30] {
            assert!(expand(&big, ByteOrder::Big, ratio, &mut counts).is_err());
            // Without high pixels the ratio does not matter.
            assert!(expand(&big[..4], ByteOrder::Big, ratio, &mut counts[..2]).is_ok());
        }
    }

    #[test]
    fn units_and_what_has_no_geometry() {
        let mut head = vec![0; 1024];
        for (at, value) in [
            (292, 0.7_f32),
            (344, 100.0),
            (536, 2.0),
            (544, 3.0),
            (776, 0.1),
            (780, 0.1),
            (800, 32.0),
        ] {
            head[at..at + 4].copy_from_slice(&value.to_be_bytes());
        }
        let metadata = stated(&Fields::new(&head, ByteOrder::Big));
        assert_eq!(
            metadata.exposure_s,
            Some(Stated::new(120.0, "Exposure Time"))
        );
        let cutoff = metadata.count_cutoff.as_ref().unwrap();
        assert_eq!(cutoff.value, 1_048_512.0);
        let centre = metadata.beam_centre_px.as_ref().unwrap().value;
        assert_eq!((centre.row, centre.column), (3.0, 0.0));
        assert!(metadata.geometry().is_some());
        head[451] = 1;
        let curved = stated(&Fields::new(&head, ByteOrder::Big));
        assert_eq!(curved.geometry(), None);
    }
}
