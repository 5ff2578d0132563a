//! Feature tables as files, written row by row while they are made.
//!
//! The ending of the name chooses the form: `.csv`, or `.parquet` with the feature `parquet` of this
//! crate. Both have the columns `id`, `group` and the features. A missing value is an empty cell, or a
//! null. The file gets its name when it is finished; until then it lies beside it with `.part` at the end.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use xscatter_core::{Error, ErrorKind, FeatureTable, Result};

/// A table that is being written.
///
/// ```
/// use xscatter::core::ndarray::array;
/// use xscatter::table_file::TableFile;
/// use xscatter::FeatureTable;
///
/// # let folder = std::env::temp_dir().join("xscatter-table-file-example");
/// # std::fs::create_dir_all(&folder)?;
/// let table = FeatureTable::new(
///     array![[1.0, f32::NAN]],
///     vec!["a".into(), "b".into()],
///     vec!["frame 0".into()],
///     vec!["run 1".into()],
/// )?;
/// let path = folder.join("table.csv");
/// let mut file = TableFile::create(&path, table.columns())?;
/// file.write(&table)?;
/// file.finish()?;
/// assert_eq!(std::fs::read_to_string(&path)?, "id,group,a,b\nframe 0,run 1,1,\n");
/// # std::fs::remove_dir_all(&folder)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct TableFile {
    path: PathBuf,
    part: PathBuf,
    form: Form,
}

#[derive(Debug)]
enum Form {
    Csv(Box<csv::Writer<BufWriter<File>>>),
    #[cfg(feature = "parquet")]
    Parquet(Box<as_parquet::Rows>),
}

impl TableFile {
    /// Begins a table with these features.
    ///
    /// # Errors
    /// If the ending of the name is not known, or the file cannot be made.
    pub fn create(path: &Path, columns: &[Arc<str>]) -> Result<Self> {
        let in_file = |error: std::io::Error| Error::from(error).in_file(path);
        let ending = path.extension().and_then(|ending| ending.to_str());
        let ending = ending.map(str::to_ascii_lowercase).unwrap_or_default();
        let with_parquet = cfg!(feature = "parquet");
        if !(ending == "csv" || with_parquet && ending == "parquet") {
            let forms = if with_parquet {
                ".csv or .parquet"
            } else {
                ".csv"
            };
            let message = format!("expected a name that ends with {forms}, got {ending:?}");
            return Err(Error::new(ErrorKind::InvalidArgument, message).in_file(path));
        }
        if let Some(folder) = path
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty())
        {
            std::fs::create_dir_all(folder).map_err(in_file)?;
        }
        let mut part = path.as_os_str().to_owned();
        part.push(".part");
        let part = PathBuf::from(part);
        let file = BufWriter::new(File::create(&part).map_err(in_file)?);
        let form = match ending.as_str() {
            #[cfg(feature = "parquet")]
            "parquet" => Form::Parquet(Box::new(
                as_parquet::Rows::begin(file, columns).map_err(|error| error.in_file(path))?,
            )),
            _ => Form::Csv(Box::new(
                begin_csv(file, columns).map_err(|error| error.in_file(path))?,
            )),
        };
        Ok(Self {
            path: path.to_owned(),
            part,
            form,
        })
    }

    /// Adds the rows of a table.
    ///
    /// # Errors
    /// If the columns are not those that the file was begun with, or it cannot be written.
    pub fn write(&mut self, table: &FeatureTable) -> Result<()> {
        let written = match &mut self.form {
            Form::Csv(writer) => write_csv(writer, table),
            #[cfg(feature = "parquet")]
            Form::Parquet(rows) => rows.push(table),
        };
        written.map_err(|error| error.in_file(&self.path))
    }

    /// Ends the file and gives it its name.
    ///
    /// # Errors
    /// If it cannot be written or renamed.
    pub fn finish(self) -> Result<()> {
        let path = self.path;
        let ended = match self.form {
            Form::Csv(writer) => writer
                .into_inner()
                .map_err(|error| Error::new(ErrorKind::Io, error.to_string()))
                .and_then(|mut file| Ok(file.flush()?)),
            #[cfg(feature = "parquet")]
            Form::Parquet(rows) => rows.end(),
        };
        ended
            .and_then(|()| Ok(std::fs::rename(&self.part, &path)?))
            .map_err(|error| error.in_file(&path))
    }
}

/// The head of a table as CSV.
///
/// # Errors
/// If it cannot be written.
pub fn begin_csv<W: Write>(to: W, columns: &[Arc<str>]) -> Result<csv::Writer<W>> {
    let mut writer = csv::Writer::from_writer(to);
    let names = columns.iter().map(|name| &**name);
    writer
        .write_record(["id", "group"].into_iter().chain(names))
        .map_err(failed)?;
    Ok(writer)
}

/// The rows of a table as CSV.
///
/// # Errors
/// If they cannot be written, or the table has another number of columns than the head.
pub fn write_csv<W: Write>(writer: &mut csv::Writer<W>, table: &FeatureTable) -> Result<()> {
    let labels = table.ids().iter().zip(table.groups());
    for ((id, group), row) in labels.zip(table.values().rows()) {
        let values = row.iter().map(|value| match value {
            value if value.is_nan() => String::new(),
            value => value.to_string(),
        });
        writer
            .write_record(
                [id.to_string(), group.to_string()]
                    .into_iter()
                    .chain(values),
            )
            .map_err(failed)?;
    }
    Ok(())
}

fn failed(error: csv::Error) -> Error {
    Error::new(ErrorKind::Io, error.to_string()).with_source(error)
}

#[cfg(feature = "parquet")]
mod as_parquet {
    use std::fs::File;
    use std::io::BufWriter;
    use std::sync::Arc;

    use parquet::basic::{Compression, LogicalType, Repetition, Type as PhysicalType};
    use parquet::data_type::{ByteArray, ByteArrayType, FloatType};
    use parquet::errors::ParquetError;
    use parquet::file::properties::WriterProperties;
    use parquet::file::writer::SerializedFileWriter;
    use parquet::schema::types::Type;
    use xscatter_core::{Error, ErrorKind, FeatureTable, Result};

    /// Rows that are compressed together: their columns lie one after the other.
    const GROUP: usize = 1024;

    /// Rows that wait until they fill a group, column by column.
    #[derive(Debug)]
    pub(super) struct Rows {
        writer: SerializedFileWriter<BufWriter<File>>,
        columns: Vec<Arc<str>>,
        labels: [Vec<ByteArray>; 2],
        /// Present values and, for every row, whether there is one.
        features: Vec<(Vec<f32>, Vec<i16>)>,
    }

    fn failed(error: ParquetError) -> Error {
        Error::new(ErrorKind::Io, error.to_string()).with_source(error)
    }

    impl Rows {
        pub(super) fn begin(file: BufWriter<File>, columns: &[Arc<str>]) -> Result<Self> {
            let text = |name: &str| {
                Type::primitive_type_builder(name, PhysicalType::BYTE_ARRAY)
                    .with_repetition(Repetition::REQUIRED)
                    .with_logical_type(Some(LogicalType::String))
                    .build()
            };
            let number = |name: &str| {
                Type::primitive_type_builder(name, PhysicalType::FLOAT)
                    .with_repetition(Repetition::OPTIONAL)
                    .build()
            };
            let fields = [text("id"), text("group")]
                .into_iter()
                .chain(columns.iter().map(|name| number(name)))
                .map(|field| field.map(Arc::new))
                .collect::<std::result::Result<Vec<_>, _>>();
            let schema = Type::group_type_builder("features")
                .with_fields(fields.map_err(failed)?)
                .build()
                .map_err(failed)?;
            let properties = WriterProperties::builder()
                .set_compression(Compression::SNAPPY)
                // Measured numbers hardly ever repeat.
                .set_dictionary_enabled(false)
                .build();
            let writer = SerializedFileWriter::new(file, Arc::new(schema), Arc::new(properties));
            Ok(Self {
                writer: writer.map_err(failed)?,
                columns: columns.to_vec(),
                labels: [Vec::new(), Vec::new()],
                features: vec![(Vec::new(), Vec::new()); columns.len()],
            })
        }

        pub(super) fn push(&mut self, table: &FeatureTable) -> Result<()> {
            if table.columns() != self.columns {
                return Err(Error::new(
                    ErrorKind::ShapeMismatch,
                    format!(
                        "expected the {} columns that the file was begun with, got {}",
                        self.columns.len(),
                        table.columns().len()
                    ),
                ));
            }
            for row in 0..table.n_rows() {
                self.labels[0].push(ByteArray::from(&*table.ids()[row]));
                self.labels[1].push(ByteArray::from(&*table.groups()[row]));
                for (value, (present, levels)) in
                    table.values().row(row).iter().zip(&mut self.features)
                {
                    levels.push(i16::from(!value.is_nan()));
                    if !value.is_nan() {
                        present.push(*value);
                    }
                }
                if self.labels[0].len() == GROUP {
                    self.write_group()?;
                }
            }
            Ok(())
        }

        fn write_group(&mut self) -> Result<()> {
            let mut group = self.writer.next_row_group().map_err(failed)?;
            for labels in &mut self.labels {
                if let Some(mut column) = group.next_column().map_err(failed)? {
                    let typed = column.typed::<ByteArrayType>();
                    typed.write_batch(labels, None, None).map_err(failed)?;
                    column.close().map_err(failed)?;
                }
                labels.clear();
            }
            for (present, levels) in &mut self.features {
                if let Some(mut column) = group.next_column().map_err(failed)? {
                    let typed = column.typed::<FloatType>();
                    typed
                        .write_batch(present, Some(levels), None)
                        .map_err(failed)?;
                    column.close().map_err(failed)?;
                }
                present.clear();
                levels.clear();
            }
            group.close().map_err(failed)?;
            Ok(())
        }

        pub(super) fn end(mut self) -> Result<()> {
            if !self.labels[0].is_empty() {
                self.write_group()?;
            }
            self.writer.close().map_err(failed)?;
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::Array2;

    fn table(first: usize, rows: usize) -> FeatureTable {
        let values = Array2::from_shape_fn((rows, 3), |(row, column)| {
            if (first + row + column).is_multiple_of(5) {
                f32::NAN
            } else {
                (first + row) as f32 * 0.5 + column as f32
            }
        });
        let ids = (0..rows).map(|row| format!("frame, {}", first + row).into());
        FeatureTable::new(
            values,
            vec!["a".into(), "b".into(), "c".into()],
            ids.collect(),
            vec!["run".into(); rows],
        )
        .unwrap()
    }

    #[test]
    fn an_unfinished_file_has_no_name_yet() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/t.csv");
        let mut file = TableFile::create(&path, table(0, 1).columns()).unwrap();
        file.write(&table(0, 2)).unwrap();
        assert!(!path.exists());
        file.finish().unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        assert_eq!(text.lines().nth(1), Some("\"frame, 0\",run,,1,2"));
        assert_eq!(
            std::fs::read_dir(path.parent().unwrap()).unwrap().count(),
            1
        );
    }

    #[test]
    fn an_unknown_ending_is_refused() {
        let error = TableFile::create(Path::new("table.xlsx"), &[]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidArgument);
        assert!(error.to_string().contains(".csv"), "{error}");
    }

    #[cfg(feature = "parquet")]
    #[test]
    fn a_parquet_file_reads_back() {
        use parquet::file::reader::{FileReader as _, SerializedFileReader};
        use parquet::record::RowAccessor as _;

        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t.parquet");
        let mut file = TableFile::create(&path, table(0, 1).columns()).unwrap();
        let (first, second) = (table(0, 1000), table(1000, 1300));
        file.write(&first).unwrap();
        file.write(&second).unwrap();
        file.finish().unwrap();
        let reader = SerializedFileReader::new(File::open(&path).unwrap()).unwrap();
        assert_eq!(reader.metadata().file_metadata().num_rows(), 2300);
        let expected = first.above(&second).unwrap();
        for (row, found) in reader.get_row_iter(None).unwrap().enumerate() {
            let found = found.unwrap();
            assert_eq!(found.get_string(0).unwrap(), &*expected.ids()[row]);
            assert_eq!(found.get_string(1).unwrap(), "run");
            for (column, value) in expected.values().row(row).iter().enumerate() {
                match found.get_float(column + 2) {
                    Ok(number) => assert_eq!(number.to_bits(), value.to_bits()),
                    Err(_) => assert!(value.is_nan()),
                }
            }
        }
    }
}
