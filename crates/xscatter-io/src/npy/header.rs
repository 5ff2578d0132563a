//! The header of a numpy array: a Python dictionary of three entries.
//!
//! Source: the format description in `numpy.lib.format`, versions 1.0 to 3.0.

use xscatter_core::{Error, ErrorKind, Result};

use crate::blob::Bytes;
use crate::header::value;
use crate::limits::Limits;
use crate::pixels::{ByteOrder, Dtype};

#[derive(Debug, PartialEq)]
pub(super) struct Header {
    pub(super) dtype: Dtype,
    pub(super) order: ByteOrder,
    pub(super) fortran: bool,
    pub(super) shape: Vec<u64>,
    pub(super) data_offset: u64,
}

pub(super) fn read(bytes: &Bytes, limits: &Limits) -> Result<Header> {
    let prefix = bytes.read_at(0, 10)?;
    let (text_offset, length) = match prefix[6] {
        1 => (10, u64::from(u16::from_le_bytes([prefix[8], prefix[9]]))),
        2 | 3 => {
            let wide = bytes.read_at(8, 4)?;
            let length = u32::from_le_bytes([wide[0], wide[1], wide[2], wide[3]]);
            (12, u64::from(length))
        }
        version => {
            return Err(Error::new(
                ErrorKind::Unsupported,
                format!("expected npy of version 1, 2 or 3, found {version}"),
            )
            .at("byte 6"));
        }
    };
    if length > limits.max_header_bytes as u64 {
        return Err(Error::new(
            ErrorKind::LimitExceeded,
            format!("the header claims {length} bytes"),
        ));
    }
    let text = bytes.read_at(text_offset, length)?;
    let text = String::from_utf8_lossy(&text);
    let at = |error: Error| error.at("header");
    let (dtype, order) = dtype(entry(&text, "descr").map_err(at)?).map_err(at)?;
    let fortran = entry(&text, "fortran_order").map_err(at)?;
    Ok(Header {
        dtype,
        order,
        fortran: match fortran {
            "True" => true,
            "False" => false,
            other => return Err(at(malformed("True or False", other))),
        },
        shape: shape(entry(&text, "shape").map_err(at)?).map_err(at)?,
        data_offset: text_offset + length,
    })
}

/// The value of one entry: what stands behind its colon, to the comma at the same depth of brackets.
fn entry<'a>(text: &'a str, key: &str) -> Result<&'a str> {
    let after = [format!("'{key}':"), format!("\"{key}\":")]
        .iter()
        .find_map(|quoted| Some(text.split_once(quoted)?.1))
        .ok_or_else(|| malformed(&format!("the entry '{key}'"), text))?;
    let mut depth = 0_usize;
    let end = after.find(|c| {
        match c {
            '(' | '[' => depth += 1,
            ')' | ']' => depth = depth.saturating_sub(1),
            ',' | '}' if depth == 0 => return true,
            _ => {}
        }
        false
    });
    Ok(after[..end.unwrap_or(after.len())].trim())
}

fn dtype(text: &str) -> Result<(Dtype, ByteOrder)> {
    let unsupported = || {
        Error::new(
            ErrorKind::Unsupported,
            format!("expected numbers, found the type {}", value(text)),
        )
    };
    let descr = text
        .strip_prefix(['\'', '"'])
        .and_then(|text| text.strip_suffix(['\'', '"']))
        .ok_or_else(unsupported)?;
    let (order, kind) = match descr.as_bytes().first() {
        Some(b'>') => (ByteOrder::Big, &descr[1..]),
        Some(b'<' | b'|') => (ByteOrder::Little, &descr[1..]),
        Some(b'=') => (ByteOrder::NATIVE, &descr[1..]),
        _ => (ByteOrder::NATIVE, descr),
    };
    let dtype = match kind {
        "b1" | "?" => Dtype::Bool,
        "u1" => Dtype::U8,
        "u2" => Dtype::U16,
        "u4" => Dtype::U32,
        "u8" => Dtype::U64,
        "i1" => Dtype::I8,
        "i2" => Dtype::I16,
        "i4" => Dtype::I32,
        "i8" => Dtype::I64,
        "f4" => Dtype::F32,
        "f8" => Dtype::F64,
        _ => return Err(unsupported()),
    };
    Ok((dtype, order))
}

fn shape(text: &str) -> Result<Vec<u64>> {
    let expected = || malformed("a shape such as (4, 5)", text);
    let inside = text
        .strip_prefix('(')
        .and_then(|text| text.strip_suffix(')'))
        .ok_or_else(expected)?;
    inside
        .split(',')
        .map(str::trim)
        .filter(|part| !part.is_empty())
        .map(|part| part.trim_end_matches('L').parse().map_err(|_| expected()))
        .collect()
}

fn malformed(expected: &str, found: &str) -> Error {
    let found = value(found);
    Error::new(
        ErrorKind::Malformed,
        format!("expected {expected}, found `{found}`"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_may_stand_in_any_order() {
        let text = "{\"shape\": (3, 4,), 'fortran_order': False, 'descr': '>u2'}";
        assert_eq!(entry(text, "shape").unwrap(), "(3, 4,)");
        assert_eq!(entry(text, "descr").unwrap(), "'>u2'");
        assert_eq!(entry(text, "fortran_order").unwrap(), "False");
        assert_eq!(shape("(3, 4,)").unwrap(), [3, 4]);
        assert!(shape("()").unwrap().is_empty());
        assert_eq!(dtype("'>u2'").unwrap(), (Dtype::U16, ByteOrder::Big));
    }

    #[test]
    fn records_and_rubbish_are_refused() {
        let error = dtype("[('x', '<f4'), ('y', '<i2')]").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        assert!(dtype("'<c8'").is_err());
        assert!(shape("(99999999999999999999, 1)").is_err());
        assert!(shape("[1, 2]").is_err());
        assert!(entry("{'shape': (1, 2)}", "descr").is_err());
    }
}
