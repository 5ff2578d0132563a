//! A leaderboard as a Parquet file: a row an entry, best first; a score that is not defined is a null.

use std::path::Path;
use std::sync::Arc;

use parquet::basic::{Compression, LogicalType, Repetition, Type as PhysicalType};
use parquet::data_type::{ByteArray, ByteArrayType, DoubleType, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::Type;
use xscatter_automl::{Entry, Leaderboard, Status, Summary};
use xscatter_core::{Error, ErrorKind, Result};

/// A column with its values.
enum Column {
    Text(Vec<String>),
    Whole(Vec<i64>),
    Real(Vec<Option<f64>>),
}

/// Writes all entries; the file gets its name when it is whole.
pub(super) fn write(path: &Path, board: &Leaderboard) -> Result<()> {
    let mut part = path.as_os_str().to_owned();
    part.push(".part");
    std::fs::File::create(&part)
        .map_err(Error::from)
        .and_then(|file| write_columns(file, columns(board)))
        .and_then(|()| Ok(std::fs::rename(&part, path)?))
        .map_err(|error| error.in_file(path))
}

fn columns(board: &Leaderboard) -> Vec<(String, Column)> {
    let entries = &board.entries;
    let text = |of: &dyn Fn(&Entry) -> String| Column::Text(entries.iter().map(of).collect());
    let real = |of: &dyn Fn(&Entry) -> Option<f64>| Column::Real(entries.iter().map(of).collect());
    let mut columns = vec![
        (
            "rank".to_owned(),
            Column::Whole((1..=entries.len() as i64).collect()),
        ),
        (
            "representation".to_owned(),
            text(&|one| one.representation.to_string()),
        ),
        (
            "n_columns".to_owned(),
            Column::Whole(entries.iter().map(|one| one.n_columns as i64).collect()),
        ),
        ("family".to_owned(), text(&|one| one.family.to_string())),
        ("params".to_owned(), text(&|one| one.params.to_string())),
        (
            "status".to_owned(),
            text(&|one| match &one.status {
                Status::Scored => "scored".to_owned(),
                Status::Stopped(reason) => format!("stopped: {reason}"),
                Status::Failed(reason) => format!("failed: {reason}"),
            }),
        ),
    ];
    for (place, metric) in board.metrics.iter().enumerate() {
        let name = &metric.name;
        columns.push((format!("{name}_mean"), real(&|one| one.mean(place))));
        let std = |one: &Entry| match one.scores.get(place) {
            Some(Summary::Value { std, .. }) => *std,
            _ => None,
        };
        columns.push((format!("{name}_std"), real(&std)));
    }
    let times = |one: &Entry| one.times;
    columns.push((
        "fit_s".to_owned(),
        real(&|one| times(one).map(|times| times.fit_s)),
    ));
    let predict = |one: &Entry| times(one).map(|times| times.predict_ms_per_1k);
    columns.push(("predict_ms_per_1k".to_owned(), real(&predict)));
    columns
}

fn failed(error: ParquetError) -> Error {
    Error::new(ErrorKind::Io, error.to_string()).with_source(error)
}

fn write_columns(file: std::fs::File, columns: Vec<(String, Column)>) -> Result<()> {
    let fields = columns.iter().map(|(name, column)| {
        let (physical, repetition, logical) = match column {
            Column::Text(_) => (
                PhysicalType::BYTE_ARRAY,
                Repetition::REQUIRED,
                Some(LogicalType::String),
            ),
            Column::Whole(_) => (PhysicalType::INT64, Repetition::REQUIRED, None),
            Column::Real(_) => (PhysicalType::DOUBLE, Repetition::OPTIONAL, None),
        };
        Type::primitive_type_builder(name, physical)
            .with_repetition(repetition)
            .with_logical_type(logical)
            .build()
            .map(Arc::new)
    });
    let fields = fields.collect::<Result<Vec<_>, _>>().map_err(failed)?;
    let schema = Type::group_type_builder("leaderboard")
        .with_fields(fields)
        .build()
        .map_err(failed)?;
    let properties = WriterProperties::builder()
        .set_compression(Compression::SNAPPY)
        .build();
    let mut writer =
        SerializedFileWriter::new(file, Arc::new(schema), Arc::new(properties)).map_err(failed)?;
    let mut group = writer.next_row_group().map_err(failed)?;
    for (_, values) in columns {
        let Some(mut column) = group.next_column().map_err(failed)? else {
            break;
        };
        match values {
            Column::Text(values) => {
                let values: Vec<ByteArray> = values
                    .iter()
                    .map(|text| ByteArray::from(text.as_str()))
                    .collect();
                let typed = column.typed::<ByteArrayType>();
                typed.write_batch(&values, None, None).map_err(failed)?;
            }
            Column::Whole(values) => {
                let typed = column.typed::<Int64Type>();
                typed.write_batch(&values, None, None).map_err(failed)?;
            }
            Column::Real(values) => {
                let levels: Vec<i16> = values.iter().map(|v| i16::from(v.is_some())).collect();
                let present: Vec<f64> = values.into_iter().flatten().collect();
                let typed = column.typed::<DoubleType>();
                typed
                    .write_batch(&present, Some(&levels), None)
                    .map_err(failed)?;
            }
        }
        column.close().map_err(failed)?;
    }
    group.close().map_err(failed)?;
    writer.close().map_err(failed)?;
    Ok(())
}
