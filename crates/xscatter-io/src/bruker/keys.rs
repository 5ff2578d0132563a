//! The header of a Bruker frame: 80 characters a line, `KEY    :value`, in blocks of 512 bytes.

use xscatter_core::{Error, ErrorKind, Result};

use crate::header::{self, Header};
use crate::limits::Limits;

/// Bytes of one line.
const LINE: usize = 80;
/// Bytes of one block; `HDRBLKS` counts them.
const BLOCK: u64 = 512;
/// What every header has at least: five blocks, which is the least common multiple with the lines.
pub(super) const FIRST: u64 = 5 * BLOCK;

/// What of the header is needed to find and to restore the pixels.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Layout {
    pub(super) shape: (usize, usize),
    /// Bytes of one stored pixel: 1, 2 or 4.
    pub(super) pixel_bytes: usize,
    /// Where the pixels start.
    pub(super) data_offset: u64,
    pub(super) tables: Tables,
    /// Scale and offset, if they change anything.
    pub(super) linear: Option<(f64, f64)>,
}

/// The tables behind the pixels, in the order in which they stand there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tables {
    /// Format 86: so many entries of nine characters of value and seven of position.
    Text { entries: usize },
    /// Format 100.
    Binary {
        /// Values at or below the baseline, and the bytes of each.
        underflows: usize,
        underflow_bytes: usize,
        /// Values from 255, two bytes each.
        overflows_2: usize,
        /// Values from 65535, four bytes each.
        overflows_4: usize,
        /// What was subtracted from the others.
        baseline: i32,
    },
}

/// How many blocks the header has, from its first five.
pub(super) fn header_bytes(first: &[u8], limits: &Limits) -> Result<u64> {
    let header = parse(first);
    let blocks: u64 = match header.get("HDRBLKS") {
        Some(text) => integer(text, "HDRBLKS")?,
        None => 5,
    };
    let bytes = blocks.saturating_mul(BLOCK).max(FIRST);
    if bytes > limits.max_header_bytes as u64 {
        return Err(Error::new(
            ErrorKind::LimitExceeded,
            format!(
                "expected at most {} bytes of header, found {blocks} blocks of {BLOCK}",
                limits.max_header_bytes
            ),
        )
        .at("key HDRBLKS"));
    }
    Ok(bytes)
}

/// The keys and values; those of a key that stands on several lines are joined by a blank.
pub(super) fn parse(bytes: &[u8]) -> Header {
    let mut header = Header::new();
    for line in bytes.chunks(LINE) {
        // Ctrl-Z ends the text for a terminal; fill characters follow.
        if line.first() == Some(&0x1a) {
            break;
        }
        let line = String::from_utf8_lossy(line);
        let Some((key, value)) = line.split_once(':') else {
            continue;
        };
        let key = key.trim();
        let is_key = (1..=7).contains(&key.len())
            && key
                .chars()
                .all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || "&_".contains(c));
        if !is_key {
            continue;
        }
        let value = header::value(value);
        header
            .entry(key.to_owned())
            .and_modify(|text| {
                if !value.is_empty() {
                    text.push(' ');
                    text.push_str(&value);
                }
            })
            .or_insert(value);
    }
    header
}

impl Layout {
    /// From the keys and the size of the header.
    pub(super) fn new(header: &Header, header_bytes: u64, limits: &Limits) -> Result<Self> {
        let numbers = |key: &str| -> Result<Vec<i64>> {
            required(header, key)?
                .split_whitespace()
                .map(|token| integer(token, key))
                .collect()
        };
        let first = |key: &str| -> Result<i64> {
            let token = required(header, key)?.split_whitespace().next();
            integer(token.unwrap_or(""), key)
        };
        let is_86 = match header.get("FORMAT").map(|text| text.trim()) {
            Some("86") => true,
            Some("100") => false,
            found => {
                return Err(Error::new(
                    ErrorKind::Unsupported,
                    format!("expected 86 or 100, found {}", found.unwrap_or("nothing")),
                )
                .at("key FORMAT"));
            }
        };
        let count = |key: &str| -> Result<u64> {
            let found = first(key)?;
            u64::try_from(found).map_err(|_| negative(found, key))
        };
        let shape = limits.check_shape(count("NROWS")?, count("NCOLS")?)?;
        let sizes = numbers("NPIXELB")?;
        let pixel_bytes = byte_count(sizes.first().copied(), "NPIXELB")?;
        let tables = numbers("NOVERFL")?;
        let table = |index: usize| -> Result<usize> {
            let found = tables.get(index).copied().unwrap_or(0);
            let entries = usize::try_from(found).map_err(|_| negative(found, "NOVERFL"))?;
            let pixels = shape.0 * shape.1;
            if entries > pixels {
                return Err(Error::new(
                    ErrorKind::Malformed,
                    format!("expected at most {pixels} entries, one a pixel, found {entries}"),
                )
                .at("key NOVERFL"));
            }
            Ok(entries)
        };
        let tables = if is_86 {
            Tables::Text { entries: table(0)? }
        } else {
            // -1 says that nothing was subtracted.
            let has_baseline = tables.first() != Some(&-1);
            let baseline = if has_baseline {
                let numbers = numbers("NEXP")?;
                let found = numbers.get(2).copied().ok_or_else(|| {
                    Error::new(
                        ErrorKind::Malformed,
                        format!("expected the baseline as third number, found {numbers:?}"),
                    )
                    .at("key NEXP")
                })?;
                i32::try_from(found).map_err(|_| negative(found, "NEXP"))?
            } else {
                0
            };
            let underflows = if has_baseline { table(0)? } else { 0 };
            Tables::Binary {
                underflows,
                underflow_bytes: match underflows {
                    0 => 1,
                    _ => byte_count(sizes.get(1).copied(), "NPIXELB")?,
                },
                overflows_2: table(1)?,
                overflows_4: table(2)?,
                baseline,
            }
        };
        let linear = header
            .get("LINEAR")
            .map(|text| header::numbers(text))
            .and_then(|numbers| Some((*numbers.first()?, *numbers.get(1)?)))
            .filter(|&(scale, offset)| scale != 0.0 && (scale, offset) != (1.0, 0.0));
        Ok(Self {
            shape,
            pixel_bytes,
            data_offset: header_bytes,
            tables,
            linear,
        })
    }

    /// Bytes of the stored pixels and of the tables behind them.
    pub(super) fn data_bytes(&self) -> u64 {
        let pixels = (self.shape.0 * self.shape.1 * self.pixel_bytes) as u64;
        pixels
            + match self.tables {
                Tables::Text { entries } => entries as u64 * 16,
                Tables::Binary {
                    underflows,
                    underflow_bytes,
                    overflows_2,
                    overflows_4,
                    ..
                } => {
                    let sizes = [
                        underflows * underflow_bytes,
                        overflows_2 * 2,
                        overflows_4 * 4,
                    ];
                    // The padding of the last table need not be there.
                    match sizes.iter().rposition(|&size| size > 0) {
                        None => 0,
                        Some(last) => {
                            let padded = |size: usize| size.next_multiple_of(16) as u64;
                            sizes[..last].iter().map(|&size| padded(size)).sum::<u64>()
                                + sizes[last] as u64
                        }
                    }
                }
            }
    }
}

fn required<'a>(header: &'a Header, key: &str) -> Result<&'a str> {
    header.get(key).map(String::as_str).ok_or_else(|| {
        Error::new(ErrorKind::Malformed, "expected this key, found none").at(format!("key {key}"))
    })
}

fn integer<T: std::str::FromStr>(text: &str, key: &str) -> Result<T> {
    text.trim().parse().map_err(|_| {
        Error::new(
            ErrorKind::Malformed,
            format!("expected a whole number, found `{}`", text.trim()),
        )
        .at(format!("key {key}"))
    })
}

fn negative(found: i64, key: &str) -> Error {
    Error::new(
        ErrorKind::Malformed,
        format!("expected a number in range, found {found}"),
    )
    .at(format!("key {key}"))
}

fn byte_count(found: Option<i64>, key: &str) -> Result<usize> {
    match found {
        Some(1) => Ok(1),
        Some(2) => Ok(2),
        Some(4) => Ok(4),
        _ => Err(Error::new(
            ErrorKind::Malformed,
            format!(
                "expected 1, 2 or 4 bytes, found {}",
                found.map_or("none".to_owned(), |found| found.to_string())
            ),
        )
        .at(format!("key {key}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(lines: &[&str]) -> Vec<u8> {
        let mut bytes: Vec<u8> = lines
            .iter()
            .flat_map(|line| format!("{line:<80}").into_bytes())
            .collect();
        bytes.extend(b"\x1a\x04");
        bytes.resize(FIRST as usize, b'.');
        bytes
    }

    fn layout(lines: &[&str]) -> Result<Layout> {
        let bytes = text(lines);
        Layout::new(&parse(&bytes), FIRST, &Limits::default())
    }

    #[test]
    fn keys_on_several_lines_are_joined_and_fill_is_left_out() {
        let header = parse(&text(&[
            "FORMAT :100",
            "TITLE  :one",
            "TITLE  :",
            "TITLE  :two: three",
            "CFR: HDR: IMG:",
            "no key here",
        ]));
        assert_eq!(header["TITLE"], "one two: three");
        assert_eq!(header["CFR"], "HDR: IMG:");
        assert_eq!(header.len(), 3);
    }

    #[test]
    fn format_86_has_one_number_of_overflows() {
        let found = layout(&[
            "FORMAT :        86",
            "NROWS  :5",
            "NCOLS  :4",
            "NPIXELB:1",
            "NOVERFL:3",
            "LINEAR :1.000000       0.000000",
        ])
        .unwrap();
        assert_eq!(found.tables, Tables::Text { entries: 3 });
        assert_eq!(found.linear, None);
        assert_eq!(found.data_bytes(), 20 + 48);
    }

    #[test]
    fn format_100_has_three_numbers_and_a_baseline() {
        let lines = [
            "FORMAT :100",
            "NROWS  :512            1",
            "NCOLS  :256            1",
            "NPIXELB:1              2",
            "NOVERFL:3              5            1",
            "NEXP   :1             0             64            0             2",
        ];
        let found = layout(&lines).unwrap();
        assert_eq!(found.shape, (512, 256));
        let Tables::Binary { baseline, .. } = found.tables else {
            panic!("binary tables");
        };
        assert_eq!(baseline, 64);
        assert_eq!(found.data_bytes(), 512 * 256 + 16 + 16 + 4);
        let plain = layout(&[lines[0], lines[1], lines[2], lines[3], "NOVERFL:-1 0 0"]).unwrap();
        assert_eq!(plain.data_bytes(), 512 * 256);
    }

    #[test]
    fn hostile_numbers_are_refused_with_their_key() {
        let good = [
            "FORMAT :100",
            "NROWS  :5",
            "NCOLS  :4",
            "NPIXELB:1 1",
            "NOVERFL:-1 0 0",
        ];
        for (index, line, kind) in [
            (0, "FORMAT :17", ErrorKind::Unsupported),
            (1, "NROWS  :-5", ErrorKind::Malformed),
            (1, "NROWS  :5000000000", ErrorKind::LimitExceeded),
            (3, "NPIXELB:3 1", ErrorKind::Malformed),
            (4, "NOVERFL:-1 21 0", ErrorKind::Malformed),
            (4, "NOVERFL:-1 0 -7", ErrorKind::Malformed),
            (4, "NOVERFL:1 0 0", ErrorKind::Malformed),
        ] {
            let mut lines = good;
            lines[index] = line;
            assert_eq!(layout(&lines).unwrap_err().kind(), kind, "{line}");
        }
        let blocks = text(&["HDRBLKS:4000000000"]);
        let error = header_bytes(&blocks, &Limits::default()).unwrap_err();
        assert_eq!(error.place(), Some("key HDRBLKS"));
    }
}
