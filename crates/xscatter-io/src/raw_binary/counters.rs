//! Counters beside headerless images: a CSV with one row a frame, a habit of beamlines.
//!
//! The first row that is no comment (`#`) names the columns. A row belongs to a frame
//! - by a column with the name of the file (`file`, `filename`, `image`, `path`), where there is one;
//! - in a table of this file alone, by its place, if there are as many rows as frames;
//! - in a table of a series (`scan.csv` beside `scan_0007.raw`), by a column with the number of the
//!   file (`frame`, `index`, `number`, `point`), else by its place, counted from the first number of
//!   the series (0 or 1, whichever file is there).

use std::path::Path;

use xscatter_core::{Error, ErrorKind, Result};

use super::{candidates, series_of};
use crate::blob::Blob;
use crate::header::{self, Header};
use crate::limits::Limits;

const OF_FILES: [&str; 6] = ["file", "filename", "file_name", "image", "path", "name"];
const OF_NUMBERS: [&str; 6] = [
    "frame",
    "frame_number",
    "index",
    "number",
    "point",
    "image_number",
];

/// The rows that belong to the frames of one file.
pub(super) struct Counters {
    columns: Vec<String>,
    /// One row a frame, or one row for all.
    rows: Vec<Vec<String>>,
}

impl Counters {
    /// Adds the counters of a frame; keys that the header has already stay.
    pub(super) fn add_to(&self, index: usize, header: &mut Header) {
        let row = self.rows.get(index).or(self.rows.first());
        for (column, value) in self.columns.iter().zip(row.into_iter().flatten()) {
            if !column.is_empty() && !value.is_empty() {
                header
                    .entry(column.clone())
                    .or_insert_with(|| value.clone());
            }
        }
    }
}

/// The counters of a file of so many frames; `None` if there is no table beside it.
///
/// # Errors
/// If there is a table of which no row can be told to belong to this file.
pub(super) fn beside(blob: &Blob, frames: usize, limits: &Limits) -> Result<Option<Counters>> {
    let path = blob.path();
    let Some(table_path) = candidates(path, &["csv"])
        .into_iter()
        .find(|table| blob.has_beside(table))
    else {
        return Ok(None);
    };
    let table = blob
        .beside(&table_path)
        .and_then(|table| Table::read(&table, limits))
        .map_err(|error| error.in_file(&table_path))?;
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let series = series_of(&stem);
    let is_of_series = table_path
        .file_stem()
        .is_some_and(|table| series.is_some_and(|(series, _)| table.to_string_lossy() == series));
    let number = series.filter(|_| is_of_series).map(|(_, number)| number);
    let first = || {
        let zeros = stem.len() - stem.trim_end_matches(|c: char| c.is_ascii_digit()).len();
        let name = format!("{}{:0zeros$}", &stem[..stem.len() - zeros], 0);
        let mut file = path.with_file_name(name);
        if let Some(extension) = path.extension() {
            file.as_mut_os_string().push(".");
            file.as_mut_os_string().push(extension);
        }
        u64::from(!blob.has_beside(&file))
    };
    table
        .rows_of(path, frames, number, first)
        .map(Some)
        .map_err(|error| error.in_file(&table_path))
}

struct Table {
    columns: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Table {
    fn read(blob: &Blob, limits: &Limits) -> Result<Self> {
        let bytes = blob.open()?;
        if bytes.len() > limits.max_header_bytes as u64 {
            return Err(Error::new(
                ErrorKind::LimitExceeded,
                format!(
                    "expected a table of at most {} bytes, found {}",
                    limits.max_header_bytes,
                    bytes.len()
                ),
            ));
        }
        Self::parse(&bytes.read_at(0, bytes.len())?)
    }

    fn parse(bytes: &[u8]) -> Result<Self> {
        let text = String::from_utf8_lossy(bytes);
        let mut reader = csv::ReaderBuilder::new()
            .comment(Some(b'#'))
            .flexible(true)
            .trim(csv::Trim::All)
            .from_reader(text.as_bytes());
        let malformed = |error: csv::Error| {
            Error::new(
                ErrorKind::Malformed,
                format!("expected a CSV table: {error}"),
            )
        };
        let columns = reader.headers().map_err(malformed)?;
        let columns = columns.iter().map(header::value).collect();
        let rows = reader
            .records()
            .map(|row| Ok(row.map_err(malformed)?.iter().map(header::value).collect()))
            .collect::<Result<_>>()?;
        Ok(Self { columns, rows })
    }

    /// The place of the first column with one of these names.
    fn column(&self, names: &[&str]) -> Option<usize> {
        let is_one = |column: &String| names.iter().any(|name| column.eq_ignore_ascii_case(name));
        self.columns.iter().position(is_one)
    }

    fn rows_of(
        mut self,
        path: &Path,
        frames: usize,
        number: Option<u64>,
        first: impl Fn() -> u64,
    ) -> Result<Counters> {
        let count = self.rows.len();
        let named = self.column(&OF_FILES).map(|column| {
            let is_ours = |row: &Vec<String>| {
                row.get(column).is_some_and(|cell| {
                    let file = Path::new(cell.rsplit(['/', '\\']).next().unwrap_or(""));
                    file.file_name() == path.file_name()
                        || (file.extension().is_none() && file.file_name() == path.file_stem())
                })
            };
            (0..count)
                .filter(|&row| is_ours(&self.rows[row]))
                .collect::<Vec<_>>()
        });
        let numbered = || -> Option<usize> {
            let number = number?;
            if let Some(column) = self.column(&OF_NUMBERS) {
                let is_ours = |row: &Vec<String>| {
                    let cell = row.get(column).and_then(|cell| cell.parse::<f64>().ok());
                    cell == Some(number as f64)
                };
                return self.rows.iter().position(is_ours);
            }
            usize::try_from(number.checked_sub(first())?)
                .ok()
                .filter(|&row| row < count)
        };
        let places = match named {
            Some(places) if places.len() == 1 || places.len() == frames => places,
            Some(places) if !places.is_empty() => places,
            _ if number.is_some() => numbered().into_iter().collect(),
            _ if count == frames => (0..count).collect(),
            _ => Vec::new(),
        };
        if places.is_empty() || (places.len() > 1 && places.len() != frames) {
            return Err(Error::new(
                ErrorKind::MissingMetadata,
                format!(
                    "expected counters for {frames} frames of {}, found {} of {count} rows that are \
                     its own",
                    path.file_name().unwrap_or_default().to_string_lossy(),
                    places.len()
                ),
            ));
        }
        let rows = places
            .into_iter()
            .map(|place| std::mem::take(&mut self.rows[place]))
            .collect();
        Ok(Counters {
            columns: self.columns,
            rows,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counter(table: &str, file: &str, frames: usize, number: Option<u64>) -> Result<Vec<String>> {
        let table = Table::parse(table.as_bytes())?;
        let counters = table.rows_of(Path::new(file), frames, number, || 1)?;
        Ok((0..frames)
            .map(|index| {
                let mut header = Header::new();
                counters.add_to(index, &mut header);
                header.remove("i0").unwrap_or_default()
            })
            .collect())
    }

    #[test]
    fn rows_join_by_file_number_or_place() {
        let by_file =
            "# scan 3\nfile, exposure, i0\nb/x_1.raw, 1, 10\nb/x_2.raw, 1, 20\nx_3, 1, 30\n";
        assert_eq!(counter(by_file, "a/x_2.raw", 1, Some(2)).unwrap(), ["20"]);
        assert_eq!(
            counter(by_file, "a/x_3.raw", 2, None).unwrap(),
            ["30", "30"]
        );
        let by_number = "frame,i0\n7,70\n8,80\n";
        assert_eq!(counter(by_number, "x_8.raw", 1, Some(8)).unwrap(), ["80"]);
        let by_place = "exposure_s,i0\n1,10\n1,20\n";
        assert_eq!(counter(by_place, "x_2.raw", 1, Some(2)).unwrap(), ["20"]);
        assert_eq!(counter(by_place, "x.raw", 2, None).unwrap(), ["10", "20"]);
    }

    #[test]
    fn rows_that_belong_to_nobody_are_an_error() {
        let table = "i0\n1\n2\n";
        assert!(counter(table, "x.raw", 3, None).is_err());
        assert!(counter(table, "x_3.raw", 1, Some(3)).is_err());
        assert!(counter(table, "x_0.raw", 1, Some(0)).is_err());
        let error = counter("file,i0\ny.raw,1\n", "x.raw", 2, None).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::MissingMetadata);
        assert!(Table::parse(b"").unwrap().rows.is_empty());
    }
}
