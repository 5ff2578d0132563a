//! Frames with the class and the group that somebody gave them.
//!
//! Labels come from one of three places: a table ([`labels`]), the names of the folders,
//! or a file beside each detector file. Whichever it is, the group (sample, scan) is set on every frame,
//! so that a split keeps together what belongs together.
//!
//! | from | class | group |
//! |---|---|---|
//! | table | column `class` | column `group` |
//! | folders | the first folder below the root | the path to the file below the root, without the frame number |
//! | sidecars | key `class` of `NAME.json` | key `group`, else `scan`, else `sample` |

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::Value;
use xscatter_core::{Classes, Error, ErrorKind, Frame, FrameSource, Result};

use crate::labels::{self, Label};
use crate::series::{Series, Skipped, open_series};

/// Bytes of a sidecar file beyond which it is not read.
const MAX_SIDECAR: u64 = 1 << 20;

/// The labelled frames of a series; a source of frames with their groups set.
#[derive(Debug)]
pub struct LabelledSeries {
    /// The table, the root or the first path.
    origin: PathBuf,
    series: Series,
    /// For each labelled frame its place in the series and its label.
    rows: Vec<(usize, Label)>,
    missing: usize,
}

impl LabelledSeries {
    /// Opens the files that a table of labels names; of a folder, those of its `labels.csv`.
    ///
    /// Files that cannot be opened are [skipped](Self::skipped), and labels without a frame are
    /// [counted](Self::missing): the rest is there.
    ///
    /// # Errors
    /// If the table cannot be read, or no labelled frame can be opened.
    pub fn from_table(table: impl AsRef<Path>) -> Result<Self> {
        let table = match table.as_ref() {
            folder if folder.is_dir() => &folder.join(labels::FILE_NAME),
            table => table,
        };
        let folder = table.parent().unwrap_or(Path::new(""));
        let labels = labels::read(table)?;
        let mut paths: Vec<PathBuf> = labels
            .iter()
            .map(|label| folder.join(&label.path))
            .collect();
        paths.sort_unstable();
        paths.dedup();
        let series = open_series(&paths);
        let mut places: BTreeMap<&Path, (usize, usize)> = BTreeMap::new();
        let mut start = 0;
        for file in series.files() {
            places.insert(file.path(), (start, file.len()));
            start += file.len();
        }
        let total = labels.len();
        let rows: Vec<(usize, Label)> = labels
            .into_iter()
            .filter_map(|label| {
                let &(first, len) = places.get(folder.join(&label.path).as_path())?;
                (label.frame < len).then(|| (first + label.frame, label))
            })
            .collect();
        if rows.is_empty() {
            return Err(Error::new(
                ErrorKind::DegenerateData,
                format!("expected frames for {total} labels, found none that can be opened"),
            )
            .in_file(table));
        }
        Ok(Self {
            origin: table.to_path_buf(),
            missing: total - rows.len(),
            series,
            rows,
        })
    }

    /// Opens a folder whose folders are the classes: `root/GISAXS/scan_7/frame_0001.cbf` is GISAXS, of
    /// the group `GISAXS/scan_7/frame`.
    ///
    /// Files that lie in the root itself have no class and are counted as [missing](Self::missing).
    ///
    /// # Errors
    /// If no frame below a folder of a class can be opened.
    pub fn from_folders(root: impl AsRef<Path>) -> Result<Self> {
        let root = root.as_ref();
        Self::of_files(root, open_series(&[root]), |path| {
            let below = path.strip_prefix(root).ok()?;
            let parent = below.parent()?;
            let class = parent.components().next()?.as_os_str();
            let stem = below.file_stem()?.to_string_lossy();
            Some(Ok(Label {
                path: slashed(below),
                class: class.to_string_lossy().into_owned(),
                group: slashed(&parent.join(scan_name(&stem))),
                ..Default::default()
            }))
        })
    }

    /// Opens files, folders and patterns, and for each file the JSON text beside it: `frame.cbf.json` or
    /// `frame.json` with the keys `class`, `group` (or `scan`, or `sample`) and `detector`.
    ///
    /// Files without one are counted as [missing](Self::missing).
    ///
    /// # Errors
    /// If a sidecar cannot be read or has no class, or if no file has one.
    pub fn from_sidecars<P: AsRef<Path>>(paths: &[P]) -> Result<Self> {
        let origin = paths.first().map_or(Path::new(""), AsRef::as_ref);
        Self::of_files(origin, open_series(paths), |path| {
            let mut longer = path.as_os_str().to_owned();
            longer.push(".json");
            let candidates = [PathBuf::from(longer), path.with_extension("json")];
            let sidecar = candidates.iter().find(|candidate| candidate.is_file())?;
            Some(read_sidecar(sidecar, path).map_err(|error| error.in_file(sidecar)))
        })
    }

    fn of_files(
        origin: &Path,
        series: Series,
        label: impl Fn(&Path) -> Option<Result<Label>>,
    ) -> Result<Self> {
        let mut rows = Vec::new();
        let (mut start, mut missing) = (0, 0);
        for file in series.files() {
            match label(file.path()).transpose()? {
                None => missing += file.len(),
                Some(label) => rows.extend((0..file.len()).map(|frame| {
                    let label = label.clone();
                    (start + frame, Label { frame, ..label })
                })),
            }
            start += file.len();
        }
        if rows.is_empty() {
            return Err(Error::new(
                ErrorKind::DegenerateData,
                format!("expected frames with labels, found {missing} without one"),
            )
            .in_file(origin));
        }
        Ok(Self {
            origin: origin.to_path_buf(),
            series,
            rows,
            missing,
        })
    }

    /// The table, or the folder with the labelled files.
    pub fn origin(&self) -> &Path {
        &self.origin
    }

    /// The files that could not be opened, each with its error.
    pub fn skipped(&self) -> &[Skipped] {
        self.series.skipped()
    }

    /// How many labels have no frame that can be opened, or how many frames have no label.
    pub fn missing(&self) -> usize {
        self.missing
    }

    /// The class of every frame.
    pub fn classes(&self) -> Classes {
        let names: Vec<&str> = self
            .rows
            .iter()
            .map(|(_, label)| label.class.as_str())
            .collect();
        Classes::from_names(&names)
    }

    /// The label of one frame.
    ///
    /// # Panics
    /// If the index is beyond the end.
    pub fn label(&self, index: usize) -> &Label {
        &self.rows[index].1
    }
}

impl FrameSource for LabelledSeries {
    fn len(&self) -> usize {
        self.rows.len()
    }

    fn read(&self, index: usize) -> Result<Frame> {
        self.check_index(index)?;
        let (place, label) = &self.rows[index];
        let mut frame = self.series.read(*place)?;
        frame.info.group = Some(Arc::from(label.group.as_str()));
        Ok(frame)
    }
}

/// The name of a file without the number of its frame: `film_7` for `film_7_00012`.
pub fn scan_name(stem: &str) -> &str {
    let without_number = stem.trim_end_matches(|c: char| c.is_ascii_digit());
    let name = without_number.trim_end_matches(['_', '-', '.', ' ']);
    if without_number.len() == stem.len() || name.is_empty() {
        stem
    } else {
        name
    }
}

fn slashed(path: &Path) -> String {
    let parts: Vec<_> = path
        .components()
        .map(|part| part.as_os_str().to_string_lossy())
        .collect();
    parts.join("/")
}

fn read_sidecar(sidecar: &Path, path: &Path) -> Result<Label> {
    let malformed = |message: String| Error::new(ErrorKind::Malformed, message);
    let bytes = std::fs::metadata(sidecar)?.len();
    if bytes > MAX_SIDECAR {
        let message = format!("expected a sidecar of at most {MAX_SIDECAR} bytes, found {bytes}");
        return Err(Error::new(ErrorKind::LimitExceeded, message));
    }
    let value: Value = serde_json::from_str(&std::fs::read_to_string(sidecar)?)
        .map_err(|error| malformed(format!("expected a JSON text: {error}")))?;
    let text = |key: &str| match value.get(key)? {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    };
    let class = text("class")
        .ok_or_else(|| malformed("expected a class, found none".to_owned()).at("key class"))?;
    Ok(Label {
        path: slashed(path),
        frame: 0,
        class,
        group: ["group", "scan", "sample"]
            .into_iter()
            .find_map(text)
            .unwrap_or_else(|| slashed(path)),
        detector: text("detector").unwrap_or_default(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::write::{WriteOptions, write};
    use crate::{Format, labels};
    use ndarray::Array2;

    fn archive() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (name, frames) in [
            ("SAXS/a_1.cbf", 1),
            ("SAXS/a_2.cbf", 1),
            ("WAXS/scan/b_1.edf", 2),
            ("loose.cbf", 1),
        ] {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            let stack = vec![Frame::new(Array2::from_elem((4, 5), 1.0)); frames];
            let format = if frames == 1 {
                Format::Cbf
            } else {
                Format::Edf
            };
            write(path, format, &stack, &WriteOptions::default()).unwrap();
        }
        folder
    }

    fn rows(labelled: &LabelledSeries) -> Vec<(String, String, usize)> {
        (0..labelled.len())
            .map(|index| {
                let label = labelled.label(index);
                let group = labelled.read(index).unwrap().info.group.unwrap();
                assert_eq!(*group, *label.group);
                (label.class.clone(), label.group.clone(), label.frame)
            })
            .collect()
    }

    fn row(class: &str, group: &str, frame: usize) -> (String, String, usize) {
        (class.to_owned(), group.to_owned(), frame)
    }

    #[test]
    fn folders_are_classes_and_scans_are_groups() {
        let folder = archive();
        let labelled = LabelledSeries::from_folders(folder.path()).unwrap();
        let expected = [
            row("SAXS", "SAXS/a", 0),
            row("SAXS", "SAXS/a", 0),
            row("WAXS", "WAXS/scan/b", 0),
            row("WAXS", "WAXS/scan/b", 1),
        ];
        assert_eq!(rows(&labelled), expected);
        assert_eq!(labelled.missing(), 1);
        let classes = labelled.classes();
        let names: Vec<&str> = classes.names().iter().map(AsRef::as_ref).collect();
        assert_eq!(names, ["SAXS", "WAXS"]);
    }

    #[test]
    fn sidecars_name_class_and_group() {
        let folder = archive();
        let root = folder.path();
        std::fs::write(
            root.join("SAXS/a_1.json"),
            r#"{"class": "SAXS", "sample": 7}"#,
        )
        .unwrap();
        let sidecar = root.join("WAXS/scan/b_1.edf.json");
        std::fs::write(
            &sidecar,
            r#"{"class": "powder", "scan": "s", "group": "g"}"#,
        )
        .unwrap();
        let labelled = LabelledSeries::from_sidecars(&[root]).unwrap();
        let expected = [
            row("SAXS", "7", 0),
            row("powder", "g", 0),
            row("powder", "g", 1),
        ];
        assert_eq!(rows(&labelled), expected);
        assert_eq!(labelled.missing(), 2);
        std::fs::write(&sidecar, "{}").unwrap();
        let error = LabelledSeries::from_sidecars(&[root]).unwrap_err();
        assert_eq!(
            (error.file(), error.place()),
            (Some(&*sidecar), Some("key class"))
        );
    }

    #[test]
    fn a_table_names_files_and_frames() {
        let folder = archive();
        let label = |path: &str, frame| Label {
            path: path.to_owned(),
            frame,
            class: "x".to_owned(),
            group: "y".to_owned(),
            ..Default::default()
        };
        let table = folder.path().join(labels::FILE_NAME);
        let some = [
            label("WAXS/scan/b_1.edf", 1),
            label("loose.cbf", 0),
            label("gone.cbf", 0),
        ];
        labels::write(&table, &some).unwrap();
        let labelled = LabelledSeries::from_table(&table).unwrap();
        assert_eq!(rows(&labelled), [row("x", "y", 1), row("x", "y", 0)]);
        assert_eq!((labelled.missing(), labelled.skipped().len()), (1, 1));
        labels::write(&table, &some[2..]).unwrap();
        let error = LabelledSeries::from_table(&table).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::DegenerateData);
    }

    #[test]
    fn numbers_of_frames_are_left_out_of_names() {
        assert_eq!(scan_name("film_7_00012"), "film_7");
        assert_eq!(scan_name("film"), "film");
        assert_eq!(scan_name("00012"), "00012");
    }
}
