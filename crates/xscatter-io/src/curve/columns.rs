//! Rows of numbers under a header of any kind.

use xscatter_core::{Error, ErrorKind, Result};

use super::numbers::{self, Dialect};
use super::{Curve, check_points, titles};
use crate::header::{self, Header};
use crate::limits::Limits;

/// Columns beyond which rows are an image or a table.
const MAX_COLUMNS: usize = 16;
/// Length of a header value beyond which repeated lines are no longer added to it.
const MAX_JOINED: usize = 4096;
/// Lines above the rows among which the titles are looked for.
const TITLE_LINES: usize = 8;

/// The key of header lines that are no pair of key and value.
const COMMENT: &str = "comment";

pub(super) fn read(text: &str, limits: &Limits) -> Result<Curve> {
    let mut reader = Reader::default();
    for (index, line) in text.lines().enumerate() {
        reader
            .line(line, index + 1, limits)
            .map_err(|error| error.at(format_args!("line {}", index + 1)))?;
    }
    reader.finish()
}

/// What has been read of a file so far.
#[derive(Debug, Default)]
struct Reader<'a> {
    header: Header,
    header_bytes: usize,
    /// The last lines of the header, without comment marks.
    above: Vec<&'a str>,
    dialect: Option<Dialect>,
    columns: Vec<Vec<f64>>,
    /// The first row, to say where the block starts.
    first_line: usize,
    /// The last line of text after the first row.
    text_line: Option<usize>,
    /// Whether a row has a decimal point.
    has_point: bool,
    /// Whether a row was read that rules out commas between thousands.
    certain: bool,
}

impl<'a> Reader<'a> {
    fn line(&mut self, line: &'a str, number: usize, limits: &Limits) -> Result<()> {
        let line = line.trim_end_matches('\u{1a}');
        let trimmed = line.trim();
        if trimmed.is_empty() {
            return Ok(());
        }
        let comment = comment(trimmed);
        let Some(dialect) = self.dialect else {
            if comment.is_none()
                && let Some(dialect) = numbers::dialect(trimmed)
            {
                return self.start(dialect, trimmed, number);
            }
            return self.text(comment.unwrap_or(trimmed), limits);
        };
        if let Some(comment) = comment {
            if dialect.row(comment).is_some() {
                return Ok(());
            }
            self.text_line = Some(number);
            return self.text(comment, limits);
        }
        match self.row(dialect, trimmed) {
            Some(row) if row.len() == self.columns.len() => {
                if let Some(text) = self.text_line {
                    return Err(malformed(format!(
                        "expected one block of rows, found another one after the text of line {text}"
                    )));
                }
                check_points(self.columns[0].len() as u64 + 1, limits)?;
                self.push(row);
                self.has_point |= trimmed.contains('.');
                let dialect = self.dialect.unwrap_or(dialect);
                self.certain |= dialect.is_certain(trimmed);
                Ok(())
            }
            // In the text after the rows, such as JSON, lines may start with numbers.
            _ if self.text_line.is_none() && numbers::looks_numeric(trimmed) => {
                let found = dialect.cells(trimmed).count();
                Err(malformed(match dialect.wrong_cell(trimmed) {
                    Some(cell) => {
                        format!("expected a number, found `{}`", header::value(cell))
                    }
                    None => format!(
                        "expected {} numbers as in line {}, found {found}",
                        self.columns.len(),
                        self.first_line
                    ),
                }))
            }
            _ => {
                self.text_line = Some(number);
                self.text(trimmed, limits)
            }
        }
    }

    fn start(&mut self, dialect: Dialect, line: &str, number: usize) -> Result<()> {
        let row = dialect.row(line).unwrap_or_default();
        if row.len() > MAX_COLUMNS {
            return Err(Error::new(
                ErrorKind::Unsupported,
                format!(
                    "expected the 2 to {MAX_COLUMNS} columns of a curve, found {}: an image or a table",
                    row.len()
                ),
            ));
        }
        self.dialect = Some(dialect);
        self.first_line = number;
        self.columns = vec![Vec::new(); row.len()];
        self.certain = dialect.is_certain(line);
        self.has_point = line.contains('.');
        self.push(row);
        Ok(())
    }

    /// The numbers of a line. The first comma between digits below rows of whole numbers says that
    /// the file has decimal commas.
    fn row(&mut self, dialect: Dialect, line: &str) -> Option<Vec<f64>> {
        let row = dialect.row(line);
        if row.is_some() || self.has_point {
            return row;
        }
        let comma = dialect.with_decimal_comma()?;
        let row = comma
            .row(line)
            .filter(|row| row.len() == self.columns.len())?;
        self.dialect = Some(comma);
        self.certain = false;
        Some(row)
    }

    fn push(&mut self, row: Vec<f64>) {
        for (column, value) in self.columns.iter_mut().zip(row) {
            column.push(value);
        }
    }

    /// A line of the header or of the text after the rows.
    fn text(&mut self, line: &'a str, limits: &Limits) -> Result<()> {
        self.header_bytes += line.len();
        if self.header_bytes > limits.max_header_bytes {
            return Err(Error::new(
                ErrorKind::LimitExceeded,
                format!(
                    "expected at most {} bytes of text around the rows",
                    limits.max_header_bytes
                ),
            ));
        }
        if self.dialect.is_none() {
            if self.above.len() == TITLE_LINES {
                self.above.remove(0);
            }
            self.above.push(line);
        }
        note(&mut self.header, line);
        Ok(())
    }

    fn finish(self) -> Result<Curve> {
        let Some(dialect) = self.dialect else {
            return Err(Error::new(
                ErrorKind::Unsupported,
                "expected rows of two or more numbers, found none",
            ));
        };
        let place = format!("line {}", self.first_line);
        let (rows, count) = (self.columns[0].len(), self.columns.len());
        if rows < 2 {
            return Err(Error::new(
                ErrorKind::Unsupported,
                "expected the rows of a curve, found a single one",
            )
            .at(place));
        }
        if !self.certain {
            return Err(Error::new(
                ErrorKind::Unsupported,
                "expected numbers, found commas that may stand before decimals or between thousands",
            )
            .at(place));
        }
        let titles = self
            .above
            .iter()
            .rev()
            .find_map(|line| titles::of_line(line, dialect, count));
        if titles.is_none()
            && self
                .above
                .iter()
                .any(|line| titles::is_two_dimensional(line))
        {
            return Err(Error::new(
                ErrorKind::Unsupported,
                "expected a curve, found a list of qx and qy: a 2D data set",
            )
            .at(place));
        }
        let last = self.above.last();
        if titles.is_none()
            && count > 3
            && last.is_some_and(|line| titles::is_table(line, dialect, count))
        {
            return Err(Error::new(
                ErrorKind::Unsupported,
                format!(
                    "expected a first column such as q or 2theta, found the table `{}`",
                    header::value(last.unwrap_or(&""))
                ),
            )
            .at(place));
        }
        let mut curve = titles::curve(self.columns, titles.as_deref())
            .map_err(|error| Error::from(error).at(place))?;
        let header = self.header;
        if last.is_some_and(|line| line.starts_with("{str(dim1_unit)")) {
            let warning = "the program wrote no unit into the line of the titles";
            curve.info.warnings.push(warning.to_owned());
        }
        let stated = |key: &str| header::find(&header, key).map(str::to_owned);
        curve.info.title = stated("title");
        curve.info.sample = stated("sample");
        curve.info.run = stated("run");
        let unit = stated("intensity unit");
        curve.info.intensity_unit = curve.info.intensity_unit.or(unit);
        curve.info.wavelength_m = wavelength_m(&header);
        curve.info.header = header;
        Ok(curve)
    }
}

/// A wavelength with its unit; without one only in the JSON of a PONI, which is in metres.
fn wavelength_m(header: &Header) -> Option<f64> {
    let value = header::find(header, "wavelength")?;
    let default = match header::find(header, "poni_version") {
        Some(_) => 1.0,
        None => f64::NAN,
    };
    header::length(value, default).filter(|metres| metres.is_finite() && *metres > 0.0)
}

/// The text of a comment line.
fn comment(line: &str) -> Option<&str> {
    let rest = line
        .strip_prefix("//")
        .or_else(|| line.strip_prefix(['#', '%', '!', ';', '\'']))?;
    Some(
        rest.trim_start_matches(['#', '%', '!', ';', '-', '='])
            .trim(),
    )
}

/// Adds a line of text to the header: `key: value`, `key = value`, or a comment.
pub(super) fn note(header: &mut Header, line: &str) {
    let line = line.trim();
    if line.is_empty() {
        return;
    }
    let quotes: &[char] = &['"', ',', ' ', '\t'];
    let pair = line.find([':', '=']).map(|at| {
        let (key, value) = line.split_at(at);
        (key.trim_matches(quotes), value[1..].trim_matches(quotes))
    });
    match pair {
        Some((_, "{" | "[")) => {}
        Some((key, value)) if !key.is_empty() && key.len() <= 128 => insert(header, key, value),
        _ if line.chars().any(char::is_alphanumeric) => insert(header, COMMENT, line),
        _ => {}
    }
}

/// Adds a value to those of its key.
fn insert(header: &mut Header, key: &str, value: &str) {
    let value = header::value(value);
    match header.get_mut(key) {
        Some(old) if *old == value || old.len() > MAX_JOINED => {}
        Some(old) => {
            old.push_str("; ");
            old.push_str(&value);
        }
        None => {
            header.insert(header::value(key), value);
        }
    }
}

fn malformed(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::Malformed, message)
}

#[cfg(test)]
mod tests {
    use super::super::{AbscissaUnit, read_text};
    use super::*;

    fn curve(text: &str) -> Curve {
        read_text(text, &Limits::default())
            .unwrap_or_else(|error| panic!("{error} in {text}"))
            .remove(0)
    }

    fn refused(text: &str) -> Error {
        read_text(text, &Limits::default()).expect_err(text)
    }

    #[test]
    fn header_rows_and_footer() {
        let text = "# Sample: water\n! Wavelength = 0.1 nm\n# AutoRg: Rg = 3\n# AutoRg: I0 = 2\n\
                    free text\n#  q_nm^-1   I   sigma\n1 2 3\n\n#1.5 2 3\n2 4 6\n\ncreator: DATSUB\n\
                    \"list\": [\n 1.0,\n 2.0\n]\n";
        let curve = curve(text);
        assert_eq!(curve.x(), [1.0, 2.0]);
        assert_eq!(curve.x_unit(), AbscissaUnit::QInvNm);
        assert_eq!(curve.sigma(), Some(&[3.0, 6.0][..]));
        assert_eq!(curve.info.sample.as_deref(), Some("water"));
        assert_eq!(curve.info.wavelength_m, Some(1e-10));
        assert_eq!(curve.info.header["AutoRg"], "Rg = 3; I0 = 2");
        assert_eq!(curve.info.header["creator"], "DATSUB");
        assert!(curve.info.header["comment"].contains("free text"));
    }

    #[test]
    fn a_unit_that_is_not_stated_stays_unknown() {
        for text in ["1 2\n2 3\n", "# q I\n1 2\n2 3\n", "x,y\n1,2\n2,3\n"] {
            let curve = curve(text);
            assert_eq!(curve.x_unit(), AbscissaUnit::Unknown, "{text}");
            assert_eq!(curve.intensity(), [2.0, 3.0]);
        }
        // A wavelength without a unit is no wavelength.
        let curve = curve("# wavelength: 1.54\n# 2th_deg I\n1 2\n2 3\n");
        assert_eq!(curve.info.wavelength_m, None);
    }

    #[test]
    fn decimal_commas_may_begin_below_whole_numbers() {
        let curve = curve("0 1\n0,5 2\n1 3,25\n");
        assert_eq!(curve.x(), [0.0, 0.5, 1.0]);
        assert_eq!(curve.intensity(), [1.0, 2.0, 3.25]);
        assert!(
            refused("0 1\n1,500 2,250\n")
                .message()
                .contains("thousands")
        );
        let error = refused("0.5 1\n1,5 2,2\n");
        assert_eq!(error.message(), "expected a number, found `1,5`");
    }

    #[test]
    fn what_pyfai_leaves_out_is_a_warning() {
        let text = "# x: 1\n#{str(dim1_unit):14s}  {'I':14s}  {'sigma':14s}\n1 2 3\n2 3 4\n";
        let curve = curve(text);
        assert_eq!(curve.x_unit(), AbscissaUnit::Unknown);
        assert!(curve.sigma().is_some());
        assert!(curve.info.warnings[0].contains("no unit"));
    }

    #[test]
    fn errors_name_the_line() {
        let error = refused("1 2\n2 3\n3\n4 5\n");
        assert_eq!(
            error.to_string(),
            "at line 3: expected 2 numbers as in line 1, found 1"
        );
        let error = refused("1 2\n2 3.x5\n");
        assert_eq!(
            error.to_string(),
            "at line 2: expected a number, found `3.x5`"
        );
        let error = refused("1 2\n2 3\n# second\n1 2\n2 3\n");
        assert_eq!(
            error.to_string(),
            "at line 4: expected one block of rows, found another one after the text of line 3"
        );
        let error = refused("nan 2\n2 3\n");
        assert_eq!(error.kind(), ErrorKind::Malformed);
        assert!(refused("a b\nc d\n").message().contains("found none"));
        assert!(refused("1 2\n").message().contains("a single one"));
        assert!(
            refused("1,234 5\n2,345 6\n")
                .message()
                .contains("thousands")
        );
        assert!(
            refused("Qx - Qy - I\n1 2 3\n2 3 4\n")
                .message()
                .contains("qx and qy")
        );
        assert!(
            refused("a,b,c,d\n1,2,3,4\n2,3,4,5\n")
                .message()
                .contains("table")
        );
        let wide = format!("{}\n", "1 ".repeat(20)).repeat(3);
        assert!(refused(&wide).message().contains("found 20"));
    }

    #[test]
    fn limits_hold() {
        let limits = Limits {
            max_pixels: 3,
            max_header_bytes: 16,
            ..Default::default()
        };
        let kind = |text: &str| read(text, &limits).unwrap_err();
        assert_eq!(kind(&"1 2\n".repeat(4)).kind(), ErrorKind::LimitExceeded);
        let error = kind(&format!("# {}\n1 2\n2 3\n", "a".repeat(20)));
        assert_eq!(error.kind(), ErrorKind::LimitExceeded);
        assert_eq!(error.place(), Some("line 1"));
    }
}
