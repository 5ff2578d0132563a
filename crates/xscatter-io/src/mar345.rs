//! mar345 image plates and mar555 flat panels: a header of numbers and text, then one packed image.
//!
//! | bytes | content |
//! |---|---|
//! | 0–63 | sixteen 32-bit integers in either byte order; the first is 1234 |
//! | 64–4095 | text: a line `mar research`, lines of keys and values, `END OF HEADER` |
//! | then | the table of high pixels: pairs of an index from 1 and a value, eight pairs a record |
//! | then | the line `CCP4 packed image, X: 2300, Y: 2300` (or `… image V2, X: …`), then the packed pixels |
//!
//! The packed pixels have 16 bits; those above 65535 stand in the table, so that the image is `u32`. The
//! wavelength and the distance are taken from the text alone, because programs differ on which of the
//! integers is which (marresearch's own reader and CBFlib). `CENTER` is the centre of the scanned image,
//! not the beam: no beam centre is taken from it. Only packed images are read, not spirals.
//!
//! Memory: the file and the image. Before memory is set aside for the image its size is compared with
//! the fewest bytes that could hold it (a byte holds at most 171 pixels in the first version of the
//! packing, 32768 in the second) and then with the blocks that are there.
//!
//! Source: fabio 2026.6.0, CBFlib `img.c`, `mar345_header.c` of marresearch.

use std::sync::Arc;

use xscatter_core::{Error, ErrorKind, Result};

use crate::blob::{Blob, Bytes};
use crate::config::ReadConfig;
use crate::fields::Fields;
use crate::header::{self, Header};
use crate::metadata::{Metadata, Stated, positive};
use crate::open::{About, Opened, ReadFrame};
use crate::pixels::{ByteOrder, Dtype, Pixels};

mod ccp4_pack;

use ccp4_pack::Version;

/// Bytes of the numbers and the text.
const HEADER: u64 = 4096;
/// Bytes of eight high pixels.
const RECORD: u64 = 64;
const MAGIC: u32 = 1234;

pub(crate) fn sniff(head: &[u8]) -> bool {
    byte_order(head).is_some()
        && head
            .get(64..256)
            .is_some_and(|text| find(text, b"mar research").is_some())
}

fn byte_order(head: &[u8]) -> Option<ByteOrder> {
    let little = Fields::new(head, ByteOrder::Little);
    match little.u32(0)? {
        MAGIC => Some(ByteOrder::Little),
        number if number.swap_bytes() == MAGIC => Some(ByteOrder::Big),
        _ => None,
    }
}

struct Mar345 {
    blob: Blob,
    shape: (usize, usize),
    order: ByteOrder,
    version: Version,
    /// How many high pixels the table holds, and where it is.
    high: u64,
    table_offset: u64,
    packed_offset: u64,
    header: Arc<Header>,
    metadata: Arc<Metadata>,
    warnings: Vec<String>,
}

pub(crate) fn open(blob: &Blob, config: &ReadConfig) -> Result<Opened> {
    let bytes = blob.open()?;
    let head = bytes.head(HEADER)?;
    let order = byte_order(&head).ok_or_else(|| malformed("expected the number 1234", 0))?;
    let fields = Fields::new(&head, order);
    let number = |index: usize, name: &str| {
        let number = fields.i32(4 * index).unwrap_or(0);
        u64::try_from(number)
            .map_err(|_| malformed(format!("expected {name}, found {number}"), 4 * index as u64))
    };
    if number(3, "the code of a layout")? == 2 {
        return Err(Error::new(
            ErrorKind::Unsupported,
            "expected a packed image (layout 1), found a spiral (layout 2)",
        )
        .at("byte 12"));
    }
    let high = number(2, "a number of high pixels")?;
    let line = identifier(&bytes, high)?;
    let shape = config.limits.check_shape(line.rows, line.columns)?;
    if shape.1 < 2 {
        return Err(malformed(
            "expected at least two columns, found one",
            line.start,
        ));
    }
    let there = bytes.len() - line.end;
    let least = line.version.least_bytes((shape.0 * shape.1) as u64);
    if there < least {
        return Err(Error::new(
            ErrorKind::Truncated,
            format!(
                "expected at least {least} bytes for {}x{} packed pixels, found {there}",
                shape.0, shape.1
            ),
        )
        .at(format!("byte {}", line.end)));
    }
    let mut warnings = Vec::new();
    let stated = (
        number(1, "a number of columns")?,
        number(5, "a number of pixels")?,
    );
    if stated.0 != line.columns || stated.1 != line.columns * line.rows {
        warnings.push(format!(
            "the header states {} columns and {} pixels, the image has {}x{}",
            stated.0, stated.1, line.rows, line.columns
        ));
    }
    let header = parse(&head);
    let reader = Mar345 {
        blob: blob.clone(),
        shape,
        order,
        version: line.version,
        high,
        table_offset: line.start - RECORD * high.div_ceil(8),
        packed_offset: line.end,
        metadata: Arc::new(stated_by(&header, &fields)),
        header: Arc::new(header),
        warnings,
    };
    Ok(Opened {
        shape,
        dtype: Dtype::U32,
        frames: 1,
        linked: Vec::new(),
        reader: Box::new(reader),
    })
}

/// The line before the packed pixels.
struct Identifier {
    version: Version,
    columns: u64,
    rows: u64,
    /// Where the table of high pixels ends.
    start: u64,
    /// Where the packed pixels begin.
    end: u64,
}

/// Finds the line behind as many records of high pixels as the header states.
fn identifier(bytes: &Bytes, high: u64) -> Result<Identifier> {
    const KEYS: [(&[u8], Version); 2] = [
        (b"\nCCP4 packed image, X: ", Version::One),
        (b"\nCCP4 packed image V2, X: ", Version::Two),
    ];
    let table = RECORD * high.div_ceil(8);
    bytes.check(HEADER, table)?;
    let from = HEADER + table;
    let region = bytes.read_up_to(from, 2 * HEADER)?;
    let found = KEYS.iter().find_map(|(key, version)| {
        find(&region, key).map(|at| (at, &region[at + key.len()..], *version))
    });
    let Some((at, after, version)) = found else {
        return Err(malformed(
            format!("expected the line `CCP4 packed image` behind {high} high pixels, found none"),
            from,
        ));
    };
    let start = from + at as u64;
    // `2300, Y: 2300` and a line feed.
    let line_len = after.iter().take(32).position(|&byte| byte == b'\n');
    let line = &after[..line_len.unwrap_or(0)];
    let text = String::from_utf8_lossy(line);
    let sizes = text
        .split_once(", Y:")
        .and_then(|(x, y)| Some((x.trim().parse().ok()?, y.trim().parse().ok()?)));
    // Four digits each, as the programs of the format write them.
    let Some((columns, rows)) = sizes.filter(|&(x, y): &(u64, u64)| x <= 9999 && y <= 9999) else {
        return Err(malformed(
            format!(
                "expected the size of the image (`2300, Y: 2300`), found `{}`",
                header::value(&text)
            ),
            start,
        ));
    };
    Ok(Identifier {
        version,
        columns,
        rows,
        start,
        end: from + (region.len() - after.len() + line.len() + 1) as u64,
    })
}

/// The lines of the text; a key with several values (`PIXEL LENGTH 150 HEIGHT 150`) becomes several.
fn parse(head: &[u8]) -> Header {
    const PAIRS: [&str; 9] = [
        "PIXEL",
        "OFFSET",
        "PHI",
        "OMEGA",
        "COUNTS",
        "CENTER",
        "INTENSITY",
        "HISTOGRAM",
        "COLLIMATOR",
    ];
    let text = head.get(64..).unwrap_or_default();
    let text = String::from_utf8_lossy(text);
    let mut found = Header::new();
    for line in text.lines() {
        let line = line.trim_matches(|c: char| c.is_whitespace() || c == '\0');
        if line == "END OF HEADER" {
            break;
        }
        let Some((key, value)) = line.split_once(char::is_whitespace) else {
            continue;
        };
        if key.is_empty() || !key.chars().all(|c| c.is_ascii_uppercase()) {
            continue;
        }
        if !PAIRS.contains(&key) {
            found.insert(key.to_owned(), header::value(value));
            continue;
        }
        let words: Vec<&str> = value.split_whitespace().collect();
        for pair in words.chunks_exact(2) {
            found.insert(format!("{key}_{}", pair[0]), header::value(pair[1]));
        }
    }
    found
}

fn stated_by(header: &Header, fields: &Fields<'_>) -> Metadata {
    let number = |key: &str| header.get(key).and_then(|value| header::number(value));
    let length = |key: &str, unit_m: f64| {
        positive(number(key).map(|value| header::scaled(value, unit_m)), key)
    };
    // The integers say the same in micrometres.
    let pixel = |key: &str, index: usize| {
        let stored = fields.i32(4 * index).map(f64::from);
        length(key, 1e-6).or_else(|| {
            positive(
                stored.map(|value| header::scaled(value, 1e-6)),
                &format!("byte {}", 4 * index),
            )
        })
    };
    let two_theta = number("TWOTHETA").filter(|&angle| angle != 0.0);
    Metadata {
        wavelength_m: length("WAVELENGTH", 1e-10),
        distance_m: length("DISTANCE", 1e-3),
        pixel1_m: pixel("PIXEL_HEIGHT", 7),
        pixel2_m: pixel("PIXEL_LENGTH", 6),
        exposure_s: positive(number("TIME"), "TIME"),
        tilted: two_theta.map(|angle| Stated::new(angle.to_radians(), "TWOTHETA")),
        ..Default::default()
    }
}

impl ReadFrame for Mar345 {
    fn about(&self, _: usize) -> Result<About> {
        Ok(About {
            header: Arc::clone(&self.header),
            metadata: Arc::clone(&self.metadata),
            warnings: self.warnings.clone(),
            ..Default::default()
        })
    }

    fn pixels(&self, _: usize, pixels: &mut Pixels) -> Result<Option<String>> {
        let bytes = self.blob.open()?;
        let table = bytes.read_at(self.table_offset, self.high * 8)?;
        let rest = bytes.len().saturating_sub(self.packed_offset);
        let packed = bytes.read_at(self.packed_offset, rest)?;
        let at = |error: Error| error.at(format!("byte {}", self.packed_offset));
        ccp4_pack::check(&packed, self.version, self.shape.0 * self.shape.1).map_err(at)?;
        pixels.fill(Dtype::U32, ByteOrder::NATIVE, self.shape, |out| {
            let out: &mut [u32] = bytemuck::cast_slice_mut(out);
            ccp4_pack::unpack(&packed, self.version, self.shape.1, out).map_err(at)?;
            self.replace_high(&table, out)
        })?;
        Ok(None)
    }
}

impl Mar345 {
    /// Puts the high pixels in their places; an index of 0 is an unused pair.
    fn replace_high(&self, table: &[u8], out: &mut [u32]) -> Result<()> {
        let total = out.len();
        for (number, pair) in table.chunks_exact(8).enumerate() {
            let fields = Fields::new(pair, self.order);
            let (index, value) = (fields.u32(0).unwrap_or(0), fields.u32(4).unwrap_or(0));
            if index == 0 {
                continue;
            }
            *out.get_mut(index as usize - 1).ok_or_else(|| {
                malformed(
                    format!("expected the index of one of {total} pixels, found {index}"),
                    self.table_offset + 8 * number as u64,
                )
            })? = value;
        }
        Ok(())
    }
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack
        .windows(needle.len())
        .position(|window| window == needle)
}

fn malformed(message: impl Into<String>, byte: u64) -> Error {
    Error::new(ErrorKind::Malformed, message).at(format!("byte {byte}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(text: &str) -> Vec<u8> {
        let mut head = vec![0; 4096];
        head[..4].copy_from_slice(&1234_u32.to_le_bytes());
        head[24..28].copy_from_slice(&100_u32.to_le_bytes());
        head[28..32].copy_from_slice(&120_u32.to_le_bytes());
        head[64..64 + text.len()].copy_from_slice(text.as_bytes());
        head
    }

    const TEXT: &str = "mar research\nPROGRAM        mar345 4.2\nPHI            START 0.5  END 1.5  OSC 1\n\
        WAVELENGTH     1.0\nDISTANCE       0.0\nTIME           20.00\nTWOTHETA       3.0\nEND OF HEADER\nX 1";

    #[test]
    fn text_and_numbers() {
        let head = head(TEXT);
        assert!(sniff(&head));
        let header = parse(&head);
        assert_eq!(header["PROGRAM"], "mar345 4.2");
        assert_eq!((&*header["PHI_START"], &*header["PHI_OSC"]), ("0.5", "1"));
        assert!(!header.contains_key("X"));
        let metadata = stated_by(&header, &Fields::new(&head, ByteOrder::Little));
        assert_eq!(
            metadata.wavelength_m,
            Some(Stated::new(1e-10, "WAVELENGTH"))
        );
        assert_eq!(
            metadata.distance_m, None,
            "a distance of 0 is a placeholder"
        );
        assert_eq!(metadata.pixel2_m, Some(Stated::new(100e-6, "byte 24")));
        assert_eq!(metadata.pixel1_m, Some(Stated::new(120e-6, "byte 28")));
        assert!(metadata.tilted.is_some());
        assert_eq!(metadata.geometry(), None);
    }

    #[test]
    fn the_number_alone_is_no_mar345() {
        assert!(!sniff(&head("something else")));
        assert!(!sniff(b"\xd2\x04\0\0mar research"));
        assert!(!sniff(b"\xd2\x04"));
        let mut big = head(TEXT);
        big[..4].copy_from_slice(&1234_u32.to_be_bytes());
        assert!(sniff(&big));
    }
}
