//! From stored bytes and tables to the counts.

use xscatter_core::{Error, ErrorKind, Result};

use super::keys::{Layout, Tables};

/// Format 86: unsigned pixels of one to four bytes; those that did not fit are in a text table.
pub(super) fn format_86(layout: &Layout, bytes: &[u8], counts: &mut [u32]) -> Result<()> {
    let pixels = counts.len();
    let (stored, table) = split(bytes, pixels * layout.pixel_bytes)?;
    match layout.pixel_bytes {
        1 => copy(counts, stored.iter().map(|&byte| u32::from(byte))),
        2 => copy(counts, words(stored).map(u32::from)),
        _ => copy(counts, long_words(stored).map(|value| value as u32)),
    }
    let Tables::Text { entries } = layout.tables else {
        return Ok(());
    };
    let (table, _) = split(table, entries * 16)?;
    for (index, entry) in table.chunks_exact(16).enumerate() {
        let number =
            |bytes: &[u8]| -> Option<u64> { std::str::from_utf8(bytes).ok()?.trim().parse().ok() };
        let value = number(&entry[..9]).and_then(|value| u32::try_from(value).ok());
        let pixel = number(&entry[9..])
            .and_then(|position| counts.get_mut(usize::try_from(position).ok()?));
        match (value, pixel) {
            (Some(value), Some(pixel)) => *pixel = value,
            _ => {
                return Err(Error::new(
                    ErrorKind::Malformed,
                    format!(
                        "expected a value and a position below {pixels}, found `{}`",
                        String::from_utf8_lossy(entry).escape_default()
                    ),
                )
                .at(format!("overflow {index}")));
            }
        }
    }
    Ok(())
}

/// Format 100: unsigned pixels less a baseline. 255 stands for an entry of the two-byte table (of
/// one-byte pixels), 65535 for one of the four-byte table, 0 for one of the underflow table.
pub(super) fn format_100(layout: &Layout, bytes: &[u8], counts: &mut [i32]) -> Result<()> {
    let (stored, rest) = split(bytes, counts.len() * layout.pixel_bytes)?;
    match layout.pixel_bytes {
        1 => copy(counts, stored.iter().map(|&byte| i32::from(byte))),
        2 => copy(counts, words(stored).map(i32::from)),
        _ => copy(counts, long_words(stored)),
    }
    let Tables::Binary {
        underflows,
        underflow_bytes,
        overflows_2,
        overflows_4,
        baseline,
    } = layout.tables
    else {
        return Ok(());
    };
    let (under, rest) = padded(rest, underflows * underflow_bytes)?;
    let (over_2, rest) = padded(rest, overflows_2 * 2)?;
    let (over_4, _) = padded(rest, overflows_4 * 4)?;
    if layout.pixel_bytes == 1 && overflows_2 > 0 {
        replace(
            counts,
            255,
            words(over_2).map(i32::from),
            "two-byte overflows",
        )?;
    }
    if layout.pixel_bytes < 4 && overflows_4 > 0 {
        replace(counts, 65535, long_words(over_4), "four-byte overflows")?;
    }
    if underflows == 0 {
        for count in counts {
            *count = count.wrapping_add(baseline);
        }
        return Ok(());
    }
    let mut values = UnderflowValues {
        bytes: under,
        size: underflow_bytes,
    };
    for count in counts {
        if *count == 0 {
            *count = values
                .next()
                .ok_or_else(|| fewer("underflows", underflows))?;
        } else {
            *count = count.wrapping_add(baseline);
        }
    }
    if values.next().is_some() {
        return Err(more("underflows", underflows));
    }
    Ok(())
}

fn copy<T>(counts: &mut [T], values: impl Iterator<Item = T>) {
    for (count, value) in counts.iter_mut().zip(values) {
        *count = value;
    }
}

/// Puts the entries of a table, in their order, where the pixels hold `marker`.
fn replace(
    counts: &mut [i32],
    marker: i32,
    mut values: impl ExactSizeIterator<Item = i32>,
    table: &str,
) -> Result<()> {
    let entries = values.len();
    for count in counts {
        if *count == marker {
            *count = values.next().ok_or_else(|| fewer(table, entries))?;
        }
    }
    match values.next() {
        None => Ok(()),
        Some(_) => Err(more(table, entries)),
    }
}

fn fewer(table: &str, entries: usize) -> Error {
    Error::new(
        ErrorKind::Malformed,
        format!("expected one entry for each marked pixel, found only {entries}"),
    )
    .at(format!("table of {table}"))
}

fn more(table: &str, entries: usize) -> Error {
    Error::new(
        ErrorKind::Malformed,
        format!("expected a marked pixel for each of {entries} entries, found fewer"),
    )
    .at(format!("table of {table}"))
}

/// Signed values of one, two or four bytes.
struct UnderflowValues<'a> {
    bytes: &'a [u8],
    size: usize,
}

impl Iterator for UnderflowValues<'_> {
    type Item = i32;

    fn next(&mut self) -> Option<i32> {
        let (value, rest) = self.bytes.split_at_checked(self.size)?;
        self.bytes = rest;
        match *value {
            [a] => Some(i32::from(a as i8)),
            [a, b] => Some(i32::from(i16::from_le_bytes([a, b]))),
            [a, b, c, d] => Some(i32::from_le_bytes([a, b, c, d])),
            _ => None,
        }
    }
}

fn words(bytes: &[u8]) -> impl ExactSizeIterator<Item = u16> {
    bytes
        .chunks_exact(2)
        .map(|b| u16::from_le_bytes([b[0], b[1]]))
}

fn long_words(bytes: &[u8]) -> impl ExactSizeIterator<Item = i32> {
    bytes
        .chunks_exact(4)
        .map(|b| i32::from_le_bytes([b[0], b[1], b[2], b[3]]))
}

fn split(bytes: &[u8], at: usize) -> Result<(&[u8], &[u8])> {
    bytes.split_at_checked(at).ok_or_else(|| {
        Error::new(
            ErrorKind::Truncated,
            format!("expected {at} bytes, found {}", bytes.len()),
        )
    })
}

/// The bytes of a table, and what follows behind its padding to 16 bytes.
fn padded(bytes: &[u8], size: usize) -> Result<(&[u8], &[u8])> {
    let (table, _) = split(bytes, size)?;
    let end = size.next_multiple_of(16).min(bytes.len());
    Ok((table, &bytes[end..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layout(pixel_bytes: usize, tables: Tables) -> Layout {
        Layout {
            shape: (2, 3),
            pixel_bytes,
            data_offset: 0,
            tables,
            linear: None,
        }
    }

    #[test]
    fn a_text_table_replaces_what_did_not_fit() {
        let mut bytes = vec![1, 2, 255, 4, 255, 6];
        bytes.extend(b"  10000000000002000000300      4");
        let layout = layout(1, Tables::Text { entries: 2 });
        let mut counts = [0; 6];
        format_86(&layout, &bytes, &mut counts).unwrap();
        assert_eq!(counts, [1, 2, 1_000_000, 4, 300, 6]);
        let last = bytes.len() - 1;
        bytes[last] = b'6';
        let error = format_86(&layout, &bytes, &mut counts).unwrap_err();
        assert_eq!(error.place(), Some("overflow 1"));
        let error = format_86(&layout, &bytes[..30], &mut counts).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Truncated);
    }

    fn binary(underflows: usize, overflows_2: usize, overflows_4: usize) -> Tables {
        Tables::Binary {
            underflows,
            underflow_bytes: 2,
            overflows_2,
            overflows_4,
            baseline: 10,
        }
    }

    #[test]
    fn binary_tables_are_applied_in_their_order() {
        let mut bytes = vec![0, 255, 5, 255, 0, 7];
        bytes.extend((-300_i16).to_le_bytes());
        bytes.extend(9_i16.to_le_bytes());
        bytes.resize(6 + 16, 0);
        bytes.extend(65535_u16.to_le_bytes());
        bytes.extend(255_u16.to_le_bytes());
        bytes.resize(6 + 32, 0);
        bytes.extend(1_000_000_i32.to_le_bytes());
        let mut counts = [0; 6];
        format_100(&layout(1, binary(2, 2, 1)), &bytes, &mut counts).unwrap();
        assert_eq!(counts, [-300, 1_000_010, 15, 265, 9, 17]);
        for tables in [binary(1, 2, 1), binary(2, 1, 1), binary(3, 2, 1)] {
            let error = format_100(&layout(1, tables), &bytes, &mut counts).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Malformed, "{error}");
        }
        let error = format_100(&layout(1, binary(2, 2, 1)), &bytes[..40], &mut counts);
        assert_eq!(error.unwrap_err().kind(), ErrorKind::Truncated);
    }

    #[test]
    fn two_byte_pixels_have_no_two_byte_overflows() {
        let mut bytes: Vec<u8> = [255_u16, 65535, 0, 1, 2, 3]
            .iter()
            .flat_map(|word| word.to_le_bytes())
            .collect();
        bytes.extend(70_000_i32.to_le_bytes());
        let mut counts = [0; 6];
        format_100(&layout(2, binary(0, 0, 1)), &bytes, &mut counts).unwrap();
        assert_eq!(counts, [265, 70_010, 10, 11, 12, 13]);
    }
}
