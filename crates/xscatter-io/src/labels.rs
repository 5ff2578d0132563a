//! Labels of frames in a table beside them: `labels.csv`.
//!
//! Columns: `path` (relative to the table), `frame` (from 0), `class`, `group` (frames of one group
//! are not independent of each other), `detector`. The columns may stand in any order; others are
//! ignored; `frame` may be missing (0), as may `group` and `detector` (empty).

use std::fs::File;
use std::io::Read;
use std::path::Path;

use xscatter_core::{Error, ErrorKind, Result};

use crate::write::atomically;

/// The usual name of the table.
pub const FILE_NAME: &str = "labels.csv";

const COLUMNS: [&str; 5] = ["path", "frame", "class", "group", "detector"];

/// What is known about one frame.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Label {
    /// The file of the frame, relative to the table, with `/` between folders.
    pub path: String,
    /// Which frame of that file, from 0.
    pub frame: usize,
    /// The class: `GIWAXS`.
    pub class: String,
    /// The sample, experiment or scan.
    pub group: String,
    /// The detector or its model.
    pub detector: String,
}

/// Reads a table of labels.
///
/// # Errors
/// If there is no such file, a needed column is missing, or a row has another number of fields or
/// a frame that is no number.
pub fn read(path: impl AsRef<Path>) -> Result<Vec<Label>> {
    let path = path.as_ref();
    File::open(path)
        .map_err(Error::from)
        .and_then(read_rows)
        .map_err(|error| error.in_file(path))
}

/// Reads a table of labels that is in memory already; `name` stands in errors.
///
/// # Errors
/// As [`read`].
pub fn read_bytes(name: impl AsRef<Path>, bytes: &[u8]) -> Result<Vec<Label>> {
    read_rows(bytes).map_err(|error| error.in_file(name.as_ref()))
}

fn read_rows(table: impl Read) -> Result<Vec<Label>> {
    let mut reader = csv::ReaderBuilder::new()
        .trim(csv::Trim::All)
        .from_reader(table);
    let columns = reader.headers().map_err(foreign)?.clone();
    let place = |name: &str| {
        columns
            .iter()
            .position(|column| column.trim_start_matches('\u{feff}') == name)
    };
    let required = |name: &str| {
        place(name).ok_or_else(|| {
            let found = columns.iter().collect::<Vec<_>>().join(", ");
            Error::new(
                ErrorKind::Malformed,
                format!("expected a column `{name}`, found {found}"),
            )
            .at("line 1")
        })
    };
    let (path_at, class_at) = (required("path")?, required("class")?);
    let (frame_at, group_at, detector_at) = (place("frame"), place("group"), place("detector"));
    reader
        .records()
        .map(|row| {
            let row = row.map_err(foreign)?;
            let text = |at: Option<usize>| at.and_then(|at| row.get(at)).unwrap_or("");
            let frame = match text(frame_at) {
                "" => 0,
                frame => frame.parse().map_err(|_| {
                    let line = row.position().map_or(0, csv::Position::line);
                    Error::new(
                        ErrorKind::Malformed,
                        format!("expected a frame number, found `{frame}`"),
                    )
                    .at(format!("line {line}"))
                })?,
            };
            Ok(Label {
                path: text(Some(path_at)).to_owned(),
                frame,
                class: text(Some(class_at)).to_owned(),
                group: text(group_at).to_owned(),
                detector: text(detector_at).to_owned(),
            })
        })
        .collect()
}

/// Writes a table of labels, in the order given; an existing one is replaced as a whole.
///
/// # Errors
/// If the file cannot be written.
pub fn write(path: impl AsRef<Path>, labels: &[Label]) -> Result<()> {
    let path = path.as_ref();
    atomically(path, |temporary| {
        let mut writer = csv::Writer::from_writer(File::create(temporary)?);
        writer.write_record(COLUMNS).map_err(foreign)?;
        for label in labels {
            let frame = label.frame.to_string();
            let fields = [
                label.path.as_str(),
                &frame,
                &label.class,
                &label.group,
                &label.detector,
            ];
            writer.write_record(fields).map_err(foreign)?;
        }
        Ok(writer.flush()?)
    })
}

fn foreign(error: csv::Error) -> Error {
    let place = error.position().map(csv::Position::line);
    let error = Error::new(
        ErrorKind::Malformed,
        format!("expected a table of comma-separated values: {error}"),
    )
    .with_source(error);
    match place {
        Some(line) => error.at(format!("line {line}")),
        None => error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_round_trip_with_commas_and_quotes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE_NAME);
        let labels = vec![
            Label {
                path: "a/b, c.cbf".into(),
                frame: 3,
                class: "GI\"SAXS".into(),
                group: "sample 1".into(),
                detector: "Pilatus 1M".into(),
            },
            Label {
                path: "d.edf".into(),
                class: "WAXS".into(),
                ..Default::default()
            },
        ];
        write(&path, &labels).unwrap();
        assert_eq!(read(&path).unwrap(), labels);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn columns_may_stand_in_any_order() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.csv");
        std::fs::write(&path, "class,note,path\nSAXS,x,a.tif\n").unwrap();
        let labels = read(&path).unwrap();
        assert_eq!((labels[0].path.as_str(), labels[0].frame), ("a.tif", 0));
    }

    #[test]
    fn bad_tables_name_line_and_column() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.csv");
        std::fs::write(&path, "path,klass\na,b\n").unwrap();
        let error = read(&path).unwrap_err();
        assert_eq!(
            error.message(),
            "expected a column `class`, found path, klass"
        );
        std::fs::write(&path, "path,frame,class\na,one,b\n").unwrap();
        assert_eq!(read(&path).unwrap_err().place(), Some("line 2"));
        std::fs::write(&path, "path,frame,class\na,1\n").unwrap();
        assert_eq!(read(&path).unwrap_err().kind(), ErrorKind::Malformed);
    }
}
