//! Virtual datasets: boxes of elements that stand in other datasets, mostly of other files.
//!
//! A file that is not there is an error that names it, never fill values in silence; elements that no
//! source covers get the fill value. The shape is the one that is stored, also where a source has grown
//! since. Sources are kept open, a few at a time.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use crate::boxes;
use crate::cursor::Cursor;
use crate::dataset::Dataset;
use crate::error::{Error, Result};
use crate::global_heap::Collection;
use crate::object_header::verify;
use crate::read::Scratch;
use crate::selection::{Axis, MOST_RUNS, Selection};

const WHAT: &str = "mappings of a virtual dataset";
/// Virtual datasets that draw on virtual datasets.
const DEEPEST: usize = 8;

/// A part of a virtual dataset and the dataset it stands in.
#[derive(Debug, Clone)]
pub struct Mapping {
    file: String,
    path: String,
    source: Selection,
    target: Selection,
    /// A source in the same file.
    same: OnceLock<Dataset>,
}

impl Mapping {
    /// The file that the elements are in, as it is named; `None` for the file of the dataset itself.
    /// `%b` in it stands for the number of a block.
    pub fn file(&self) -> Option<&Path> {
        (self.file != "." && !self.file.is_empty()).then(|| Path::new(&self.file))
    }

    /// The path of the dataset in that file.
    pub fn path(&self) -> &str {
        &self.path
    }

    fn has_numbers(&self) -> bool {
        self.file.contains("%b") || self.path.contains("%b")
    }
}

/// A box of the virtual dataset and the box of a source that it stands in.
struct Piece {
    source: Dataset,
    /// Where it begins in the box that is read.
    target: Vec<u64>,
    count: Vec<u64>,
    source_start: Vec<u64>,
    source_count: Vec<u64>,
}

pub(crate) fn mappings(dataset: &Dataset, heap: u64, object: u32) -> Result<Vec<Mapping>> {
    const SHARED_FILE: u8 = 1;
    const SHARED_PATH: u8 = 2;
    const SAME_FILE: u8 = 4;
    let file = dataset.file();
    if heap == u64::MAX {
        return Ok(Vec::new());
    }
    let collection = Collection::read(file, heap)?;
    let bytes = collection.object(object)?;
    verify(WHAT, heap, bytes)?;
    let mut cursor = file.cursor(WHAT, heap, &bytes[..bytes.len() - 4]);
    let version = cursor.version(0..=1)?;
    let count = cursor.length()?;
    let mut mappings: Vec<Mapping> = Vec::new();
    let mut names = file.allowance();
    let earlier = |cursor: &mut Cursor<'_>, mappings: &[Mapping], path: bool| {
        let index = cursor.length()?;
        usize::try_from(index)
            .ok()
            .and_then(|index| mappings.get(index))
            .map(|mapping| {
                if path {
                    mapping.path.clone()
                } else {
                    mapping.file.clone()
                }
            })
            .ok_or_else(|| cursor.malformed("a mapping before this one", index))
    };
    for _ in 0..count {
        let flags = if version == 1 { cursor.u8()? } else { 0 };
        let source_file = if flags & SAME_FILE != 0 {
            ".".to_owned()
        } else if flags & SHARED_FILE != 0 {
            earlier(&mut cursor, &mappings, false)?
        } else {
            cursor.text()?
        };
        let path = if flags & SHARED_PATH != 0 {
            earlier(&mut cursor, &mappings, true)?
        } else {
            cursor.text()?
        };
        let source = Selection::parse(&mut cursor)?;
        let target = Selection::parse(&mut cursor)?;
        if target
            .rank()
            .is_some_and(|rank| rank != dataset.shape().len())
        {
            return Err(cursor.malformed("a selection of as many axes", "another number"));
        }
        let taken = (source_file.len() + path.len()) as u64;
        names = names
            .checked_sub(taken)
            .ok_or_else(|| cursor.malformed("names that the file can hold", "more"))?;
        mappings.push(Mapping {
            file: source_file,
            path,
            source,
            target,
            same: OnceLock::new(),
        });
    }
    Ok(mappings)
}

/// A name with the number of its block; `%%` is a percent sign.
fn with_number(name: &str, number: u64) -> String {
    let parts: Vec<String> = name
        .split("%%")
        .map(|part| part.replace("%b", &number.to_string()))
        .collect();
    parts.join("%")
}

fn open(dataset: &Dataset, mapping: &Mapping, number: u64) -> Result<Dataset> {
    let path = with_number(&mapping.path, number);
    let source = match mapping.file() {
        Some(file) => {
            let file = with_number(&file.to_string_lossy(), number);
            let file = PathBuf::from(file);
            dataset
                .file()
                .linked_dataset(&file, &path, dataset.path())?
        }
        None if mapping.has_numbers() => dataset.file().dataset(&path)?,
        None => {
            if let Some(source) = mapping.same.get() {
                return Ok(source.clone());
            }
            let source = dataset.file().dataset(&path)?;
            mapping.same.get_or_init(|| source).clone()
        }
    };
    if source.datatype() != dataset.datatype() {
        return Err(Error::unsupported(
            dataset.path(),
            format!("a source of {}", dataset.datatype()),
            format!("{} in {path}", source.datatype()),
        ));
    }
    Ok(source)
}

/// The pieces of a box, one after another.
fn pieces(
    dataset: &Dataset,
    start: &[u64],
    count: &[u64],
    visit: &mut dyn FnMut(Piece) -> Result<()>,
) -> Result<()> {
    for mapping in dataset.mappings()? {
        let Some(target) = mapping.target.axes(dataset.shape()) else {
            continue;
        };
        match mapping.target.endless().filter(|_| mapping.has_numbers()) {
            None => part(dataset, mapping, 0, &target, start, count, visit)?,
            Some(axis) => {
                // Each block along the axis without limit is a dataset of its own.
                let (low, high) = (start[axis], start[axis] + count[axis]);
                for number in target[axis].blocks_within(low, high) {
                    let Some(block) = target[axis].block(number) else {
                        continue;
                    };
                    let mut target = target.clone();
                    target[axis] = block;
                    part(dataset, mapping, number, &target, start, count, visit)?;
                }
            }
        }
    }
    Ok(())
}

/// The pieces of a box that one source holds.
fn part(
    dataset: &Dataset,
    mapping: &Mapping,
    number: u64,
    target: &[Axis],
    start: &[u64],
    count: &[u64],
    visit: &mut dyn FnMut(Piece) -> Result<()>,
) -> Result<()> {
    let scattered = || Error::Limit {
        place: dataset.path().to_owned(),
        most: MOST_RUNS,
        claimed: u64::MAX,
    };
    let inside: Vec<_> = target
        .iter()
        .zip(start.iter().zip(count))
        .map(|(axis, (&start, &count))| axis.places(start, start + count).ok_or_else(scattered))
        .collect::<Result<_>>()?;
    if inside.iter().any(Vec::is_empty) {
        return Ok(());
    }
    let source = open(dataset, mapping, number)?;
    let refused = || {
        Error::unsupported(
            dataset.path(),
            "parts that have the shape of their source",
            format!("another shape in {}", source.path()),
        )
    };
    if mapping
        .source
        .rank()
        .is_some_and(|rank| rank != source.shape().len())
    {
        return Err(refused());
    }
    let Some(source_axes) = mapping.source.axes(source.shape()) else {
        return Err(refused());
    };
    // Axes of one element may be left out on either side; the others correspond in order.
    let wide = |axes: &[Axis]| -> Vec<usize> {
        (0..axes.len())
            .filter(|&axis| axes[axis].len() != 1)
            .collect()
    };
    let (wide_target, wide_source) = (wide(target), wide(&source_axes));
    let endless = mapping.target.endless().is_some() || mapping.source.endless().is_some();
    let agree = wide_target.len() == wide_source.len()
        && wide_target
            .iter()
            .zip(&wide_source)
            .all(|(&t, &s)| endless || target[t].len() == source_axes[s].len());
    if !agree {
        return Err(refused());
    }
    // Along each axis of the box: where a run begins in it and in the source, and its length.
    let mut spans: Vec<Vec<(u64, u64, u64)>> = Vec::new();
    for (axis, places) in inside.iter().enumerate() {
        let partner = wide_target.iter().position(|&wide| wide == axis);
        let mut list = Vec::new();
        for run in places {
            let Some(partner) = partner else {
                list.push((run.place - start[axis], 0, run.len));
                continue;
            };
            let found = source_axes[wide_source[partner]].numbered(run.number, run.len);
            for piece in found.ok_or_else(scattered)? {
                let place = run.place - start[axis] + (piece.number - run.number);
                list.push((place, piece.place, piece.len));
            }
        }
        if list.is_empty() {
            return Ok(());
        }
        spans.push(list);
    }
    let sizes: Vec<u64> = spans.iter().map(|list| list.len() as u64).collect();
    if boxes::elements(&sizes).is_none_or(|pieces| pieces > MOST_RUNS) {
        return Err(scattered());
    }
    let mut at = vec![0; sizes.len()];
    loop {
        let chosen: Vec<_> = spans
            .iter()
            .zip(&at)
            .map(|(list, &at)| list[at as usize])
            .collect();
        let mut piece = Piece {
            source: source.clone(),
            target: chosen.iter().map(|span| span.0).collect(),
            count: chosen.iter().map(|span| span.2).collect(),
            source_start: Vec::new(),
            source_count: Vec::new(),
        };
        for (axis, places) in source_axes.iter().enumerate() {
            let span = match wide_source.iter().position(|&wide| wide == axis) {
                Some(partner) => chosen[wide_target[partner]],
                None => match places.numbered(0, 1).as_deref() {
                    Some([run, ..]) => (0, run.place, 1),
                    _ => return Err(refused()),
                },
            };
            piece.source_start.push(span.1);
            piece.source_count.push(span.2);
        }
        visit(piece)?;
        if !boxes::step(&mut at, &sizes) {
            return Ok(());
        }
    }
}

fn check_depth(dataset: &Dataset, depth: usize) -> Result<()> {
    if depth < DEEPEST {
        return Ok(());
    }
    Err(Error::unsupported(
        dataset.path(),
        format!("at most {DEEPEST} virtual datasets that lead to each other"),
        "more",
    ))
}

pub(crate) fn most_bytes(
    dataset: &Dataset,
    start: &[u64],
    count: &[u64],
    depth: usize,
) -> Result<u64> {
    check_depth(dataset, depth)?;
    let mut sum = 0_u64;
    pieces(dataset, start, count, &mut |piece| {
        let (start, count) = (&piece.source_start, &piece.source_count);
        piece.source.bytes_of(start, count)?;
        let most = piece.source.most_bytes(start, count, depth + 1)?;
        // What its file can hold where nothing was written.
        let unwritten = piece.source.file().len().saturating_mul(16);
        sum = sum.saturating_add(most.max(unwritten));
        Ok(())
    })?;
    Ok(sum)
}

pub(crate) fn read(
    dataset: &Dataset,
    start: &[u64],
    count: &[u64],
    out: &mut [u8],
    scratch: &mut Scratch,
    depth: usize,
) -> Result<()> {
    check_depth(dataset, depth)?;
    let width = dataset.datatype().bytes();
    let mut is_filled = false;
    pieces(dataset, start, count, &mut |piece| {
        let (from, size) = (&piece.source_start, &piece.source_count);
        let bytes = piece.source.bytes_of(from, size)?;
        if piece.count == count {
            is_filled = true;
            return piece.source.read_box(from, size, out, scratch, depth + 1);
        }
        if !is_filled {
            dataset.fill(out);
            is_filled = true;
        }
        let mut memory = std::mem::take(&mut scratch.piece);
        memory.clear();
        memory.resize(bytes as usize, 0);
        let result = piece
            .source
            .read_box(from, size, &mut memory, scratch, depth + 1);
        scratch.piece = memory;
        result?;
        let zeros = vec![0; count.len()];
        boxes::runs(
            (&piece.count, &zeros),
            (count, &piece.target),
            &piece.count,
            |from, to, len| {
                let [from, to, len] = [from, to, len].map(|n| n as usize * width);
                out[to..to + len].copy_from_slice(&scratch.piece[from..from + len]);
                Ok(())
            },
        )
    })?;
    if !is_filled {
        dataset.fill(out);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_with_numbers() {
        assert_eq!(with_number("run_%b.h5", 12), "run_12.h5");
        assert_eq!(with_number("100%%b_%b", 3), "100%b_3");
        assert_eq!(with_number("plain", 3), "plain");
    }
}
