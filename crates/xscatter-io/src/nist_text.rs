//! NIST 2D text (`.dat`): a table of Qx, Qy and I(Qx, Qy), one line a pixel, as SasView reads it.
//!
//! Known by its line of titles, `Data columns (are) Qx - Qy - I(Qx,Qy)` and what follows; the rows begin with the
//! first line of numbers behind it. Row 0 of the image is the lowest Qy, column 0 the lowest Qx, and where Qx and Qy
//! are 0 is the beam centre.
//!
//! Two kinds of table are read. On a regular grid points may be missing, as Mantid leaves out the bins without
//! data: they are gaps. The reduction of NIST gives each pixel a q of its own, on no grid: then a row ends where Qx
//! falls, and all rows must be whole. What is not a number is bad; errors, resolutions and the columns of the beam
//! stop and of the mask, whose polarity is not stated, are not read. Units are not stated either.
//!
//! Cost: the text is parsed when the file is opened, for its shape, and for each reading; 24 bytes a line meanwhile.
//!
//! Source: Mantid (`SaveNISTDAT.cpp`), NCNR SANS reduction for Igor Pro, SasView (`red2d_reader.py`).

use std::sync::Arc;

use ndarray::Array2;
use xscatter_core::{Error, ErrorKind, Mask, PixelFlags, Result};

use crate::blob::Blob;
use crate::config::ReadConfig;
use crate::header::{self, Header};
use crate::limits::Limits;
use crate::metadata::{self, Metadata};
use crate::open::{About, Opened, ReadFrame};
use crate::pixels::{Dtype, Pixels};

const TITLES: &str = "Qx - Qy - I(Qx,Qy)";
/// Places of a grid for each point: with fewer points it is no image.
const SPARSEST: usize = 4;
/// How far from its place on a regular grid a point may lie, in steps: the text has six digits.
const JITTER: f64 = 0.1;
/// Coordinates that differ by less, as a part of the whole axis, are one.
const SAME: f64 = 1e-9;

pub(crate) fn sniff(head: &[u8]) -> bool {
    head.split(|&byte| byte == b'\n')
        .any(|line| titles(line).is_some())
}

/// The titles of the columns, if this is the line that states them.
fn titles(line: &[u8]) -> Option<&str> {
    let line = std::str::from_utf8(line).ok()?;
    let line = line.trim_start_matches(['#', ' ']);
    let list = line.strip_prefix("Data columns")?;
    Some(&list[list.find(TITLES)?..])
}

struct NistText {
    blob: Blob,
    limits: Limits,
    shape: (usize, usize),
    header: Arc<Header>,
    metadata: Arc<Metadata>,
    gaps: Option<Arc<Mask>>,
}

pub(crate) fn open(blob: &Blob, config: &ReadConfig) -> Result<Opened> {
    let table = Table::read(blob, &config.limits)?;
    let (image, metadata) = table.image(&config.limits)?;
    Ok(Opened {
        shape: image.dim(),
        dtype: Dtype::F64,
        frames: 1,
        linked: Vec::new(),
        reader: Box::new(NistText {
            blob: blob.clone(),
            limits: config.limits,
            shape: image.dim(),
            header: Arc::new(table.header),
            metadata: Arc::new(metadata),
            gaps: gaps(&image).map(Arc::new),
        }),
    })
}

impl ReadFrame for NistText {
    fn about(&self, _: usize) -> Result<About> {
        Ok(About {
            header: Arc::clone(&self.header),
            metadata: Arc::clone(&self.metadata),
            mask: self.gaps.clone(),
            ..Default::default()
        })
    }

    fn pixels(&self, _: usize, pixels: &mut Pixels) -> Result<Option<String>> {
        let table = Table::read(&self.blob, &self.limits)?;
        let (image, _) = table.image(&self.limits)?;
        if image.dim() != self.shape {
            let (expected, found) = (self.shape, image.dim());
            return Err(Error::new(
                ErrorKind::ShapeMismatch,
                format!("expected the shape {expected:?} as at opening, found {found:?}"),
            ));
        }
        *pixels = Pixels::F64(image.mapv(|value| value.unwrap_or(f64::NAN)));
        Ok(None)
    }
}

/// The places without a point; `None` if there are none.
fn gaps(image: &Array2<Option<f64>>) -> Option<Mask> {
    let flags = image.mapv(|value| match value {
        Some(_) => PixelFlags::VALID,
        None => PixelFlags::GAP,
    });
    image.iter().any(Option::is_none).then(|| Mask::new(flags))
}

struct Point {
    qx: f64,
    qy: f64,
    intensity: f64,
}

/// The points in the order of the file, and the lines above them.
struct Table {
    header: Header,
    points: Vec<Point>,
}

impl Table {
    fn read(blob: &Blob, limits: &Limits) -> Result<Self> {
        let bytes = blob.open()?;
        Self::parse(&bytes.read_at(0, bytes.len())?, limits)
    }

    fn parse(text: &[u8], limits: &Limits) -> Result<Self> {
        let mut header = Header::new();
        let mut comments = String::new();
        let mut points = Vec::new();
        let mut first = (0, 0);
        let mut row = Vec::new();
        for (line, number) in text.split(|&byte| byte == b'\n').zip(1..) {
            let line = line.trim_ascii();
            if line.is_empty() {
                continue;
            }
            let is_titled = header.contains_key("columns");
            let found = numbers(line, &mut row);
            if points.is_empty() && (!is_titled || !matches!(found, Ok(3..))) {
                if let Some(titles) = titles(line) {
                    header.insert("columns".to_owned(), header::value(titles));
                } else if comments.len() < limits.max_header_bytes {
                    let space = if comments.is_empty() { "" } else { "; " };
                    comments += space;
                    comments += &header::value(&String::from_utf8_lossy(line));
                }
                continue;
            }
            let at =
                |message| Error::new(ErrorKind::Malformed, message).at(format!("line {number}"));
            let count = found.map_err(|cell| at(format!("expected a number, found `{cell}`")))?;
            if points.is_empty() {
                first = (number, count);
            } else if count != first.1 {
                let (line, expected) = first;
                return Err(at(format!(
                    "expected {expected} numbers as in line {line}, found {count}"
                )));
            }
            let [qx, qy, intensity] = row[..3] else {
                return Err(at(format!("expected 3 numbers or more, found {count}")));
            };
            if !qx.is_finite() || !qy.is_finite() {
                return Err(at(format!(
                    "expected finite Qx and Qy, found {qx} and {qy}"
                )));
            }
            if points.len() == limits.max_pixels {
                let message = format!("expected at most {} pixels", limits.max_pixels);
                return Err(Error::new(ErrorKind::LimitExceeded, message));
            }
            points.push(Point { qx, qy, intensity });
        }
        if points.is_empty() {
            let message = "expected lines of numbers behind the titles of the columns, found none";
            return Err(Error::new(ErrorKind::Truncated, message));
        }
        if !comments.is_empty() {
            header.insert("comment".to_owned(), header::value(&comments));
        }
        Ok(Self { header, points })
    }

    /// The intensities as an image, with nothing where there is no point.
    fn image(&self, limits: &Limits) -> Result<(Array2<Option<f64>>, Metadata)> {
        let points = &self.points;
        let axes = Axis::new(points.iter().map(|point| point.qy).collect())
            .zip(Axis::new(points.iter().map(|point| point.qx).collect()))
            .filter(|(y, x)| y.count.saturating_mul(x.count) / SPARSEST <= points.len());
        let Some((y, x)) = axes else {
            return Ok((self.rows(limits)?, Metadata::default()));
        };
        let shape = limits.check_shape(y.count as u64, x.count as u64)?;
        let mut image = Array2::from_elem(shape, None);
        for Point { qx, qy, intensity } in points {
            let place = &mut image[(y.place(*qy), x.place(*qx))];
            if place.is_some() {
                return Err(Error::new(
                    ErrorKind::Malformed,
                    "expected one line a pixel, found two",
                )
                .at(format!("Qx {qx}, Qy {qy}")));
            }
            *place = Some(*intensity);
        }
        let centre = y.zero().zip(x.zero());
        let metadata = Metadata {
            beam_centre_px: centre
                .and_then(|(row, column)| metadata::centre(row, column, "Qx, Qy")),
            ..Default::default()
        };
        Ok((image, metadata))
    }

    /// Points on no grid: a row ends where Qx falls, and each point lies above that of the row before.
    fn rows(&self, limits: &Limits) -> Result<Array2<Option<f64>>> {
        let points = &self.points;
        let is_new = |at: usize| points[at].qx <= points[at - 1].qx;
        let columns = (1..points.len())
            .find(|&at| is_new(at))
            .unwrap_or(points.len());
        let wrong = (1..points.len()).find(|&at| {
            let is_above = at < columns || points[at].qy > points[at - columns].qy;
            (at % columns == 0) != is_new(at) || !is_above
        });
        let is_whole = columns < points.len() && points.len().is_multiple_of(columns);
        if let Some(at) = wrong.or((!is_whole).then_some(points.len() - 1)) {
            return Err(Error::new(
                ErrorKind::Malformed,
                format!(
                    "expected a regular grid of Qx and Qy, or rows of {columns} points in which Qx rises, one above \
                     the other"
                ),
            )
            .at(format!("point {}", at + 1)));
        }
        let shape = limits.check_shape((points.len() / columns) as u64, columns as u64)?;
        let values = points.iter().map(|point| Some(point.intensity)).collect();
        Array2::from_shape_vec(shape, values)
            .map_err(|error| Error::new(ErrorKind::Malformed, error.to_string()))
    }
}

/// Reads the numbers of a line into `row`: how many there are, or the first cell that is none.
fn numbers(line: &[u8], row: &mut Vec<f64>) -> std::result::Result<usize, String> {
    row.clear();
    for cell in line
        .split(u8::is_ascii_whitespace)
        .filter(|cell| !cell.is_empty())
    {
        let number = std::str::from_utf8(cell)
            .ok()
            .and_then(|cell| cell.parse().ok());
        row.push(number.ok_or_else(|| {
            let shown = &cell[..cell.len().min(20)];
            header::value(&String::from_utf8_lossy(shown))
        })?);
    }
    Ok(row.len())
}

/// Places at equal distances.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Axis {
    first: f64,
    step: f64,
    count: usize,
}

impl Axis {
    /// The axis on which all values lie, with at most as many places as there are values; `None` if there is none.
    fn new(mut values: Vec<f64>) -> Option<Self> {
        let points = values.len();
        values.sort_unstable_by(f64::total_cmp);
        let (first, last) = (*values.first()?, *values.last()?);
        // Of more digits than six the last ones may differ from row to row.
        values.dedup_by(|next, kept| *next - *kept <= SAME * (last - first));
        if values.len() == 1 {
            return Some(Self {
                first,
                step: 1.0,
                count: 1,
            });
        }
        let smallest = values
            .windows(2)
            .map(|pair| pair[1] - pair[0])
            .fold(f64::INFINITY, f64::min);
        let steps = ((last - first) / smallest).round();
        if !(steps.is_finite() && steps < points as f64) {
            return None;
        }
        // All of the length, for the smallest distance is that of two rounded numbers.
        let step = (last - first) / steps;
        let axis = Self {
            first,
            step,
            count: steps as usize + 1,
        };
        let is_near = |value: &f64| {
            let offset = (value - first) / step;
            (offset - offset.round()).abs() <= JITTER
        };
        values.iter().all(is_near).then_some(axis)
    }

    fn place(&self, value: f64) -> usize {
        (((value - self.first) / self.step).round() as usize).min(self.count - 1)
    }

    /// Where the axis is 0, with the centre of the first pixel at 0.5.
    fn zero(&self) -> Option<f64> {
        (self.count > 1).then(|| 0.5 - self.first / self.step)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use xscatter_core::FrameSource;

    const HEAD: &str = "Data columns are Qx - Qy - I(Qx,Qy) - err(I)\nASCII data created today\n\n";

    fn table(rows: &str) -> Result<Table> {
        Table::parse(format!("{HEAD}{rows}").as_bytes(), &Limits::default())
    }

    fn image(rows: &str) -> Result<Array2<Option<f64>>> {
        table(rows)?
            .image(&Limits::default())
            .map(|(image, _)| image)
    }

    #[test]
    fn the_line_of_titles_makes_the_format() {
        assert!(sniff(
            b"FILE: a\n1 2 3\n# Data columns Qx - Qy - I(Qx,Qy)\r\n"
        ));
        assert!(!sniff(b"print 'Data columns Qx - Qy - I(Qx,Qy)'\n"));
        assert!(!sniff(b"Data columns q - I(q)\n"));
    }

    #[test]
    fn points_find_their_place_and_what_is_left_out_is_a_gap() {
        let rows = "-0.1 0 1 9\r\n0.3 0 2 9\r\n0.1 0.2 nan 9\r\n-0.1 0.4 4 9\r\n";
        let (image, metadata) = table(rows).unwrap().image(&Limits::default()).unwrap();
        assert_eq!(image.dim(), (3, 3));
        let (one, two, four) = (Some(1.0), Some(2.0), Some(4.0));
        assert_eq!(
            [image[(0, 0)], image[(0, 2)], image[(2, 0)]],
            [one, two, four]
        );
        assert!(image[(1, 1)].unwrap().is_nan());
        assert_eq!(gaps(&image).unwrap().invalid_count(), 5);
        let text = format!("{HEAD}{rows}").into_bytes();
        let file = crate::open_bytes("a.dat", text, &ReadConfig::default()).unwrap();
        let mask = file.read(0).unwrap().mask().unwrap().clone();
        assert_eq!(mask.invalid_count(), 6, "NaN is bad");
        assert!(mask.as_slice()[1].contains(PixelFlags::GAP));
        let centre = metadata.beam_centre_px.unwrap().value;
        approx::assert_relative_eq!(centre.row, 0.5, epsilon = 1e-12);
        approx::assert_relative_eq!(centre.column, 1.0, epsilon = 1e-12);
        assert_eq!(
            table(rows).unwrap().header["comment"],
            "ASCII data created today"
        );
    }

    #[test]
    fn rows_of_a_flat_detector_are_told_by_qx() {
        let rows = "-0.1001 -0.1 1 0\n0.0501 -0.101 2 0\n0.2 -0.102 3 0\n-0.1 0.2 4 0\n0.05 0.2001 5 0\n0.201 0.21 6 0\n";
        let found = image(rows).unwrap();
        assert_eq!(found.dim(), (2, 3));
        assert_eq!(found[(1, 0)], Some(4.0));
        let cut = rows.rsplit_once("0.201").unwrap().0;
        assert_eq!(image(cut).unwrap_err().place(), Some("point 5"));
        let above = rows.replace("0.2001", "-0.2");
        assert_eq!(image(&above).unwrap_err().place(), Some("point 5"));
        let diagonal = "0 0 1\n1 1 1\n2 2 1\n3 3 1\n4 4 1\n5 5 1\n";
        assert!(image(diagonal).is_err());
    }

    #[test]
    fn broken_tables_name_their_line() {
        for (rows, place, says) in [
            (
                "0 0 1 1\n1 0 1\n",
                "line 5",
                "4 numbers as in line 4, found 3",
            ),
            ("0 0 1 1\n1 0 x 1\n", "line 5", "found `x`"),
            ("0 0 1 1\nnan 0 1 1\n", "line 5", "found NaN and 0"),
            ("0 0 1 1\n1 0 1 1\n0 0 3 1\n", "Qx 0, Qy 0", "found two"),
        ] {
            let error = image(rows).unwrap_err();
            assert_eq!(error.place(), Some(place), "{error}");
            assert!(error.message().contains(says), "{error}");
        }
        assert_eq!(image("").unwrap_err().kind(), ErrorKind::Truncated);
        let few = Limits {
            max_pixels: 1,
            ..Limits::default()
        };
        let text = format!("{HEAD}0 0 1 1\n1 0 1 1\n");
        let error = Table::parse(text.as_bytes(), &few).err().unwrap();
        assert_eq!(error.kind(), ErrorKind::LimitExceeded);
    }
}
