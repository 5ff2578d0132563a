//! Tables with labels: which columns of a file are features and which are not.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use ndarray::Array2;
use serde::{Deserialize, Serialize};
use xscatter_core::{Classes, Error, ErrorKind, FeatureTable, Result, TagState, Tags, Target};

/// Which columns of a table are not features. All others are, and hold numbers; an empty cell, `NaN` or a
/// null is a missing value.
///
/// ```
/// use xscatter::study::Roles;
///
/// # let path = std::env::temp_dir().join("xscatter-roles-example.csv");
/// std::fs::write(&path, "id,group,Rg,slope,technique\na,1,2.5,-4,SAXS\nb,2,,-1,WAXS\n")?;
/// let roles = Roles { label: Some("technique".into()), ..Roles::default() };
/// let (table, target) = roles.read(&path)?;
/// assert_eq!(table.columns().len(), 2);
/// assert_eq!(target.unwrap().names().len(), 2);
/// # std::fs::remove_file(&path)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Roles {
    /// The class of every row.
    pub label: Option<String>,
    /// Tags: `1`, `true` or `yes`; `0`, `false` or `no`; nothing where it is not known.
    pub tags: Vec<String>,
    /// Rows of one group are no independent samples; `group` if there is such a column, else every row is
    /// a group.
    pub group: Option<String>,
    /// Names the rows; `id` if there is such a column, else their numbers do.
    pub id: Option<String>,
    /// Columns that are left out.
    pub ignore: Vec<String>,
}

/// What a column is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    Feature,
    Label,
    Tag(usize),
    Group,
    Id,
    Ignored,
}

/// A cell of a table file.
enum Cell<'a> {
    Text(&'a str),
    #[cfg(feature = "parquet")]
    Number(f64),
    #[cfg(feature = "parquet")]
    Missing,
}

impl Roles {
    /// The features of a `.csv` or `.parquet` file, and the target if a label or tags are named.
    ///
    /// # Errors
    /// If the file cannot be read, a named column is missing, a feature is no number, a label is empty or
    /// a tag is neither yes nor no; the file, the row and the column are named.
    pub fn read(&self, path: &Path) -> Result<(FeatureTable, Option<Target>)> {
        self.read_file(path, true)
            .map_err(|error| error.in_file(path))
    }

    /// The features alone: columns of labels, tags and groups and those left out may be there or not.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn read_features(&self, path: &Path) -> Result<FeatureTable> {
        let (table, _) = self
            .read_file(path, false)
            .map_err(|error| error.in_file(path))?;
        Ok(table)
    }

    fn read_file(&self, path: &Path, with_target: bool) -> Result<(FeatureTable, Option<Target>)> {
        let ending = path.extension().and_then(|ending| ending.to_str());
        match ending.map(str::to_ascii_lowercase).as_deref() {
            Some("csv") => self.read_csv(path, with_target),
            #[cfg(feature = "parquet")]
            Some("parquet") => self.read_parquet(path, with_target),
            other => Err(Error::new(
                ErrorKind::Unsupported,
                format!(
                    "expected a table whose name ends with .csv{}, got {:?}",
                    if cfg!(feature = "parquet") {
                        " or .parquet"
                    } else {
                        ""
                    },
                    other.unwrap_or_default()
                ),
            )),
        }
    }

    fn read_csv(&self, path: &Path, with_target: bool) -> Result<(FeatureTable, Option<Target>)> {
        let failed = |error: csv::Error| {
            let kind = if error.is_io_error() {
                ErrorKind::Io
            } else {
                ErrorKind::Malformed
            };
            Error::new(kind, error.to_string()).with_source(error)
        };
        let mut reader = csv::Reader::from_path(path).map_err(failed)?;
        let names: Vec<String> = reader
            .headers()
            .map_err(failed)?
            .iter()
            .map(Into::into)
            .collect();
        let mut rows = Reading::new(self, &names, with_target)?;
        let mut record = csv::StringRecord::new();
        while reader.read_record(&mut record).map_err(failed)? {
            for (column, cell) in record.iter().enumerate() {
                rows.push(column, Cell::Text(cell))?;
            }
            rows.end_row();
        }
        rows.finish()
    }

    #[cfg(feature = "parquet")]
    fn read_parquet(
        &self,
        path: &Path,
        with_target: bool,
    ) -> Result<(FeatureTable, Option<Target>)> {
        use parquet::file::reader::{FileReader, SerializedFileReader};
        use parquet::record::Field;

        let failed = |error: parquet::errors::ParquetError| {
            Error::new(ErrorKind::Malformed, error.to_string()).with_source(error)
        };
        let reader = SerializedFileReader::new(std::fs::File::open(path)?).map_err(failed)?;
        let schema = reader.metadata().file_metadata().schema();
        let names: Vec<String> = schema
            .get_fields()
            .iter()
            .map(|field| field.name().to_owned())
            .collect();
        let mut rows = Reading::new(self, &names, with_target)?;
        for row in reader.get_row_iter(None).map_err(failed)? {
            let row = row.map_err(failed)?;
            for (column, (_, field)) in row.get_column_iter().enumerate() {
                let text;
                let cell = match field {
                    Field::Null => Cell::Missing,
                    Field::Float(value) => Cell::Number(f64::from(*value)),
                    Field::Double(value) => Cell::Number(*value),
                    Field::Byte(value) => Cell::Number(f64::from(*value)),
                    Field::Short(value) => Cell::Number(f64::from(*value)),
                    Field::Int(value) => Cell::Number(f64::from(*value)),
                    Field::Long(value) => Cell::Number(*value as f64),
                    Field::UByte(value) => Cell::Number(f64::from(*value)),
                    Field::UShort(value) => Cell::Number(f64::from(*value)),
                    Field::UInt(value) => Cell::Number(f64::from(*value)),
                    Field::ULong(value) => Cell::Number(*value as f64),
                    Field::Bool(value) => Cell::Number(f64::from(u8::from(*value))),
                    Field::Str(value) => Cell::Text(value),
                    other => {
                        text = other.to_string();
                        Cell::Text(&text)
                    }
                };
                rows.push(column, cell)?;
            }
            rows.end_row();
        }
        rows.finish()
    }

    fn role_of(&self, name: &str) -> Role {
        let is = |role: &Option<String>, otherwise: &str| match role {
            Some(role) => role == name,
            None => otherwise == name,
        };
        if self.label.as_deref() == Some(name) {
            Role::Label
        } else if let Some(place) = self.tags.iter().position(|tag| tag == name) {
            Role::Tag(place)
        } else if is(&self.group, "group") {
            Role::Group
        } else if is(&self.id, "id") {
            Role::Id
        } else if self.ignore.iter().any(|ignored| ignored == name) {
            Role::Ignored
        } else {
            Role::Feature
        }
    }
}

/// A table as it is read.
struct Reading<'a> {
    names: &'a [String],
    roles: Vec<Role>,
    tags: &'a [String],
    values: Vec<f32>,
    ids: Vec<Arc<str>>,
    groups: Vec<Arc<str>>,
    labels: Vec<Arc<str>>,
    states: Vec<TagState>,
    n_rows: usize,
    with_target: bool,
    /// Each text once.
    texts: HashMap<String, Arc<str>>,
}

impl<'a> Reading<'a> {
    fn new(roles: &'a Roles, names: &'a [String], with_target: bool) -> Result<Self> {
        // To predict, features will do.
        let labels = roles.label.iter().chain(&roles.tags).chain(&roles.group);
        let needed = labels.chain(&roles.ignore).filter(|_| with_target);
        for name in needed.chain(&roles.id) {
            if !names.contains(name) {
                let shown: Vec<&str> = names.iter().take(12).map(String::as_str).collect();
                return Err(Error::new(
                    ErrorKind::InvalidArgument,
                    format!(
                        "expected a column named {name:?}, found {} columns: {}{}",
                        names.len(),
                        shown.join(", "),
                        if names.len() > shown.len() {
                            ", …"
                        } else {
                            ""
                        }
                    ),
                ));
            }
        }
        Ok(Self {
            roles: names.iter().map(|name| roles.role_of(name)).collect(),
            names,
            tags: &roles.tags,
            values: vec![],
            ids: vec![],
            groups: vec![],
            labels: vec![],
            states: vec![],
            n_rows: 0,
            with_target,
            texts: HashMap::new(),
        })
    }

    fn text(&mut self, cell: &Cell<'_>) -> Arc<str> {
        let text = match cell {
            Cell::Text(text) => (*text).to_owned(),
            #[cfg(feature = "parquet")]
            Cell::Number(number) => number.to_string(),
            #[cfg(feature = "parquet")]
            Cell::Missing => String::new(),
        };
        let shared = self
            .texts
            .entry(text)
            .or_insert_with_key(|text| text.as_str().into());
        shared.clone()
    }

    fn push(&mut self, column: usize, cell: Cell<'_>) -> Result<()> {
        match self.roles[column] {
            Role::Ignored => (),
            Role::Label | Role::Tag(_) if !self.with_target => (),
            Role::Feature => {
                let value = match cell {
                    Cell::Text(text) => number(text).ok_or_else(|| {
                        self.error(
                            column,
                            format!(
                                "expected a number, got {text:?}; a column that is no feature is to be \
                                 named as a label, tag, group or id, or ignored"
                            ),
                        )
                    })?,
                    #[cfg(feature = "parquet")]
                    Cell::Number(number) => number as f32,
                    #[cfg(feature = "parquet")]
                    Cell::Missing => f32::NAN,
                };
                self.values.push(value);
            }
            Role::Id => {
                let id = self.text(&cell);
                self.ids.push(id);
            }
            Role::Group => {
                let group = self.text(&cell);
                self.groups.push(group);
            }
            Role::Label => {
                let label = self.text(&cell);
                if label.is_empty() {
                    return Err(self.error(column, "expected a label, got nothing".into()));
                }
                self.labels.push(label);
            }
            Role::Tag(_) => {
                let text = self.text(&cell);
                let state = match text.to_ascii_lowercase().as_str() {
                    "1" | "true" | "yes" => TagState::Positive,
                    "0" | "false" | "no" => TagState::Negative,
                    "" => TagState::Unknown,
                    _ => {
                        return Err(self.error(
                            column,
                            format!("expected 1, true, yes, 0, false, no or nothing, got {text:?}"),
                        ));
                    }
                };
                self.states.push(state);
            }
        }
        Ok(())
    }

    fn end_row(&mut self) {
        self.n_rows += 1;
    }

    fn error(&self, column: usize, message: String) -> Error {
        Error::new(ErrorKind::Malformed, message).at(format!(
            "row {}, column {}",
            self.n_rows + 1,
            self.names[column]
        ))
    }

    fn finish(self) -> Result<(FeatureTable, Option<Target>)> {
        if self.n_rows == 0 {
            return Err(Error::new(
                ErrorKind::DegenerateData,
                "expected rows, found none",
            ));
        }
        let columns: Vec<Arc<str>> = self
            .names
            .iter()
            .zip(&self.roles)
            .filter(|(_, role)| **role == Role::Feature)
            .map(|(name, _)| name.as_str().into())
            .collect();
        if columns.is_empty() {
            return Err(Error::new(
                ErrorKind::DegenerateData,
                "expected features, found none",
            ));
        }
        let values = Array2::from_shape_vec((self.n_rows, columns.len()), self.values)
            .map_err(|error| Error::new(ErrorKind::ShapeMismatch, error.to_string()))?;
        let ids = if self.ids.is_empty() {
            (1..=self.n_rows)
                .map(|row| format!("row {row}").into())
                .collect()
        } else {
            self.ids
        };
        let groups = if self.groups.is_empty() {
            // Rows may share an id and still be rows of their own.
            (1..=self.n_rows)
                .map(|row| format!("row {row}").into())
                .collect()
        } else {
            self.groups
        };
        let target = if !self.with_target {
            None
        } else if !self.tags.is_empty() {
            // The columns lie in the order of the file.
            let order: Vec<usize> = self
                .roles
                .iter()
                .filter_map(|role| match role {
                    Role::Tag(place) => Some(*place),
                    _ => None,
                })
                .collect();
            let states = Array2::from_shape_fn((self.n_rows, order.len()), |(row, tag)| {
                let column = order.iter().position(|&place| place == tag);
                self.states[row * order.len() + column.unwrap_or(tag)]
            });
            let names = self.tags.iter().map(|name| name.as_str().into()).collect();
            Some(Target::Tags(Tags::new(names, states)?))
        } else if self.labels.is_empty() {
            None
        } else {
            let labels: Vec<&str> = self.labels.iter().map(|label| &**label).collect();
            Some(Target::Classes(Classes::from_names(&labels)))
        };
        let table = FeatureTable::new(values, columns, ids, groups)?;
        Ok((table, target))
    }
}

/// A number, or `NaN` for what stands for nothing.
fn number(text: &str) -> Option<f32> {
    let text = text.trim();
    if text.is_empty() || text.eq_ignore_ascii_case("na") || text.eq_ignore_ascii_case("null") {
        return Some(f32::NAN);
    }
    text.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use TagState::{Negative, Positive, Unknown};

    fn read(roles: &Roles, text: &str) -> Result<(FeatureTable, Option<Target>)> {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("t.csv");
        std::fs::write(&path, text).expect("a file");
        roles.read(&path)
    }

    fn labelled() -> Roles {
        Roles {
            label: Some("kind".into()),
            ..Roles::default()
        }
    }

    #[test]
    fn features_are_what_has_no_other_role() {
        let roles = Roles {
            ignore: vec!["note".into()],
            ..labelled()
        };
        let text = "a,id,kind,note,b,group\n1,x,S,hm,,g\n-2e3,y,W,\"so, so\",nan,h\n";
        let (table, target) = read(&roles, text).unwrap();
        assert_eq!(table.columns(), ["a".into(), "b".into()]);
        assert_eq!(table.values()[[1, 0]], -2000.0);
        assert!(table.values().column(1).iter().all(|value| value.is_nan()));
        assert_eq!((&*table.ids()[1], &*table.groups()[0]), ("y", "g"));
        assert_eq!(target.unwrap().classes().unwrap().labels(), [0, 1]);
    }

    #[test]
    fn tags_keep_the_order_asked_for_and_may_be_unknown() {
        let roles = Roles {
            tags: vec!["ring".into(), "halo".into()],
            ..Roles::default()
        };
        let (table, target) = read(&roles, "halo,x,ring\nyes,1,0\n,2,true\n").unwrap();
        assert_eq!(&*table.ids()[1], "row 2");
        let Some(Target::Tags(tags)) = target else {
            panic!("expected tags")
        };
        assert_eq!(
            tags.states(),
            ndarray::array![[Negative, Positive], [Positive, Unknown]]
        );
    }

    #[test]
    fn what_is_wrong_is_named() {
        let message = |roles: &Roles, text| read(roles, text).unwrap_err().to_string();
        let missing = message(&labelled(), "a,b\n1,2\n");
        assert!(
            missing.contains("\"kind\", found 2 columns: a, b"),
            "{missing}"
        );
        let text = message(&labelled(), "a,kind\n1,S\nx,W\n");
        assert!(
            text.contains("row 2, column a") && text.contains("\"x\""),
            "{text}"
        );
        let empty = message(&labelled(), "a,kind\n1,\n");
        assert!(empty.contains("expected a label"), "{empty}");
        assert!(message(&labelled(), "a,kind\n").contains("found none"));
        assert!(message(&labelled(), "kind\nS\n").contains("expected features"));
        let ragged = message(&labelled(), "a,kind\n1,S,3\n");
        assert!(ragged.contains("record"), "{ragged}");
        let tags = Roles {
            tags: vec!["ring".into()],
            ..Roles::default()
        };
        assert!(message(&tags, "x,ring\n1,perhaps\n").contains("\"perhaps\""));
        let error = labelled().read(Path::new("table.xlsx")).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported);
    }

    #[test]
    fn labels_are_not_needed_to_predict() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t.csv");
        for text in ["a,kind\n1,\n", "a\n1\n", "kind,a\n?,1\n"] {
            std::fs::write(&path, text).unwrap();
            let table = labelled().read_features(&path).unwrap();
            assert_eq!(table.columns().len(), 1, "{text}");
        }
    }
}
