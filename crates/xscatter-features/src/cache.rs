//! Feature rows kept on disk, so that a study that is run again computes nothing twice.
//!
//! A [`Cached`] extractor looks a frame up by its content before it computes a row. Use it where frames
//! are described more than once: an archive that grows, a study that is resumed, a search over
//! representations. Do not use it for extractors that read the header of a file (those of this crate do
//! not): what is hashed of a frame is its valid counts, its mask, its geometry, its beam centre and its
//! exposure.
//!
//! A row belongs to a frame's content, an *identity* (the settings of the extractor as text, such as the
//! JSON of a [`FeatureConfig`](crate::FeatureConfig)), the names of the columns and [`REVISION`], which
//! is raised when the numbers of an extractor of this crate change. Files are named after a hash of all
//! but the content; one that belongs to something else is an error, never a wrong row.
//!
//! *Form*: a line of JSON that says what the rows are, then records of equal size: a 128-bit hash of the
//! content (XXH3), the row as little-endian `f32`, a CRC-32. A record that was cut short by a kill, or is
//! damaged, is ignored and computed again. Programs that write one file at a time wait for each other.
//!
//! *Cost*: hashing a megapixel takes about a millisecond; 24 bytes of memory a row, the rows stay on disk.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{BufRead as _, BufReader, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use ndarray::{Array2, ArrayViewMut1, ArrayViewMut2, Axis};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use twox_hash::{XxHash3_64, XxHash3_128};
use xscatter_core::{Error, ErrorKind, FeatureExtractor, Frame, Result};

/// Raised when the numbers of an extractor of this crate change, so that cached rows are not used
/// beyond that.
pub const REVISION: u32 = 1;

/// An extractor whose rows are kept in a file; see the [module](self).
///
/// ```
/// use ndarray::array;
/// use xscatter_core::{FeatureExtractor, Frame};
/// use xscatter_features::{Cached, FeatureConfig};
///
/// # let folder = tempfile::tempdir()?;
/// # let folder = folder.path();
/// let config: FeatureConfig = serde_json::from_str(r#"{"histogram": {"bins": 64}}"#)?;
/// let cached = Cached::open(config.build()?, &serde_json::to_string(&config)?, folder)?;
/// let frames = [Frame::new(array![[1.0, 4.0]])];
/// assert_eq!(cached.extract(&frames)?.values(), cached.extract(&frames)?.values());
/// assert_eq!(cached.len(), 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Cached<E> {
    extractor: E,
    store: Mutex<Store>,
}

/// What the rows of a file are.
#[derive(Debug, Serialize, Deserialize, PartialEq)]
struct Header {
    format: String,
    revision: u32,
    identity: String,
    columns: Vec<Arc<str>>,
}

const FORMAT: &str = "xscatter feature rows 1";

impl<E: FeatureExtractor> Cached<E> {
    /// The extractor with its rows in a file of this folder, which is made if it is not there.
    ///
    /// # Errors
    /// If the folder or the file cannot be used, or the file holds something else.
    pub fn open(extractor: E, identity: &str, folder: &Path) -> Result<Self> {
        let header = Header {
            format: FORMAT.to_owned(),
            revision: REVISION,
            identity: identity.to_owned(),
            columns: extractor.columns().to_vec(),
        };
        let line = serde_json::to_string(&header).map_err(|error| {
            Error::new(ErrorKind::InvalidArgument, error.to_string()).with_source(error)
        })?;
        let hash = XxHash3_64::oneshot(line.as_bytes());
        let name = format!("{}-{hash:016x}.rows", file_name(extractor.name()));
        let path = folder.join(name);
        let in_file = |error: std::io::Error| Error::from(error).in_file(&path);
        std::fs::create_dir_all(folder).map_err(in_file)?;
        let store = Store::open(&path, &header, &line)?;
        Ok(Self {
            extractor,
            store: Mutex::new(store),
        })
    }
}

impl<E> Cached<E> {
    /// How many rows are known.
    ///
    /// # Panics
    /// If another thread panicked while it wrote.
    pub fn len(&self) -> usize {
        self.store.lock().expect("no writer panics").places.len()
    }

    /// Whether no row is known.
    ///
    /// # Panics
    /// If another thread panicked while it wrote.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl<E: FeatureExtractor> FeatureExtractor for Cached<E> {
    fn name(&self) -> &str {
        self.extractor.name()
    }

    fn columns(&self) -> &[Arc<str>] {
        self.extractor.columns()
    }

    fn extract_into(&self, frames: &[Frame], mut out: ArrayViewMut2<'_, f32>) -> Result<()> {
        self.check_out(frames, &out)?;
        let keys: Vec<u128> = frames.par_iter().map(content_hash).collect();
        let mut unknown = Vec::new();
        {
            let mut store = self.store.lock().expect("no writer panics");
            for (index, (key, row)) in keys.iter().zip(out.rows_mut()).enumerate() {
                if !store.read(*key, row)? {
                    unknown.push(index);
                }
            }
        }
        if unknown.is_empty() {
            return Ok(());
        }
        let asked: Vec<Frame> = unknown.iter().map(|&index| frames[index].clone()).collect();
        let mut rows = Array2::from_elem((asked.len(), self.columns().len()), f32::NAN);
        self.extractor.extract_into(&asked, rows.view_mut())?;
        let keys: Vec<u128> = unknown.iter().map(|&index| keys[index]).collect();
        self.store
            .lock()
            .expect("no writer panics")
            .append(&keys, &rows)?;
        for (row, &index) in rows.rows().into_iter().zip(&unknown) {
            out.index_axis_mut(Axis(0), index).assign(&row);
        }
        Ok(())
    }
}

/// Names may hold what file names may not.
fn file_name(name: &str) -> String {
    let sound = |c: char| c.is_ascii_alphanumeric() || "-._".contains(c);
    name.chars()
        .map(|c| if sound(c) { c } else { '_' })
        .take(64)
        .collect()
}

/// What an extractor may read of a frame, as a number. What masked pixels hold does not matter.
fn content_hash(frame: &Frame) -> u128 {
    let info = &frame.info;
    let words = format!(
        "{:?} {:?} {:?} {:?}",
        frame.shape(),
        info.geometry,
        info.beam_centre_px,
        info.exposure_s
    );
    let mut hasher = XxHash3_128::new();
    hasher.write(words.as_bytes());
    let mut bytes = Vec::with_capacity(BLOCK * 5);
    let flags = frame.mask().map(|mask| mask.as_slice());
    for (block, counts) in frame.as_slice().chunks(BLOCK).enumerate() {
        bytes.clear();
        match flags {
            None => bytes.extend(counts.iter().flat_map(|count| count.to_le_bytes())),
            Some(flags) => {
                let flags = &flags[block * BLOCK..][..counts.len()];
                for (count, flags) in counts.iter().zip(flags) {
                    let valid = flags.is_valid();
                    let count = if valid { *count } else { 0.0 };
                    bytes.extend(count.to_le_bytes());
                    bytes.push(u8::from(valid));
                }
            }
        }
        hasher.write(&bytes);
    }
    hasher.finish_128()
}

/// Pixels that are hashed at once.
const BLOCK: usize = 4096;

/// A file of rows.
#[derive(Debug)]
struct Store {
    path: PathBuf,
    file: File,
    /// Where the first record begins.
    start: u64,
    columns: usize,
    /// Where the record of each content begins.
    places: BTreeMap<u128, u64>,
}

impl Store {
    fn open(path: &Path, header: &Header, line: &str) -> Result<Self> {
        let in_file = |error: std::io::Error| Error::from(error).in_file(path);
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)
            .map_err(in_file)?;
        file.lock().map_err(in_file)?;
        let start = line.len() as u64 + 1;
        if file.metadata().map_err(in_file)?.len() < start {
            // Nothing yet, or a header that was cut short.
            file.set_len(0).map_err(in_file)?;
            file.write_all(format!("{line}\n").as_bytes())
                .map_err(in_file)?;
        }
        let mut store = Self {
            path: path.to_owned(),
            file,
            start,
            columns: header.columns.len(),
            places: BTreeMap::new(),
        };
        store.index(header)?;
        store.file.unlock().map_err(in_file)?;
        Ok(store)
    }

    fn record_len(&self) -> usize {
        16 + 4 * self.columns + 4
    }

    fn failed(&self, error: std::io::Error) -> Error {
        Error::from(error).in_file(&self.path)
    }

    /// Reads the header and where every sound record is.
    fn index(&mut self, expected: &Header) -> Result<()> {
        let path = self.path.clone();
        let in_file = |error: std::io::Error| Error::from(error).in_file(&path);
        self.file.seek(SeekFrom::Start(0)).map_err(in_file)?;
        let length = self.record_len();
        let mut reader = BufReader::with_capacity(1 << 16, &self.file);
        let mut line = Vec::new();
        // A file of something else may hold no end of line at all.
        (&mut reader)
            .take(self.start)
            .read_until(b'\n', &mut line)
            .map_err(in_file)?;
        if serde_json::from_slice::<Header>(&line).ok().as_ref() != Some(expected) {
            let message = format!(
                "expected the cached rows of {}, found something else; remove the file",
                expected.identity
            );
            return Err(Error::new(ErrorKind::Malformed, message).in_file(&path));
        }
        let mut record = vec![0; length];
        let mut place = self.start;
        while reader.read_exact(&mut record).is_ok() {
            if let Some(key) = sound_key(&record) {
                self.places.insert(key, place);
            }
            place += length as u64;
        }
        Ok(())
    }

    /// Fills a row if its content is known.
    fn read(&mut self, key: u128, mut row: ArrayViewMut1<'_, f32>) -> Result<bool> {
        let Some(&place) = self.places.get(&key) else {
            return Ok(false);
        };
        let mut record = vec![0; self.record_len()];
        self.file
            .seek(SeekFrom::Start(place))
            .and_then(|_| self.file.read_exact(&mut record))
            .map_err(|error| self.failed(error))?;
        if sound_key(&record) != Some(key) {
            // Somebody has changed the file since it was opened.
            self.places.remove(&key);
            return Ok(false);
        }
        let values = record[16..].as_chunks::<4>().0;
        for (target, bytes) in row.iter_mut().zip(values) {
            *target = f32::from_le_bytes(*bytes);
        }
        Ok(true)
    }

    /// Adds rows behind whatever is there by now.
    fn append(&mut self, keys: &[u128], rows: &Array2<f32>) -> Result<()> {
        let length = self.record_len();
        let mut records = Vec::with_capacity(keys.len() * length);
        for (key, row) in keys.iter().zip(rows.rows()) {
            let start = records.len();
            records.extend(key.to_le_bytes());
            records.extend(row.iter().flat_map(|value| value.to_le_bytes()));
            let sum = crc32fast::hash(&records[start..]);
            records.extend(sum.to_le_bytes());
        }
        self.file.lock().map_err(|error| self.failed(error))?;
        let written = self.write_behind(&records);
        let unlocked = self.file.unlock();
        let first = written.map_err(|error| self.failed(error))?;
        unlocked.map_err(|error| self.failed(error))?;
        for (index, key) in keys.iter().enumerate() {
            self.places.insert(*key, first + (index * length) as u64);
        }
        Ok(())
    }

    /// Where the first of the records was put.
    fn write_behind(&mut self, records: &[u8]) -> std::io::Result<u64> {
        let whole = (self.file.metadata()?.len() - self.start) / self.record_len() as u64;
        let end = self.start + whole * self.record_len() as u64;
        // A record that was cut short would shift all that follow.
        self.file.set_len(end)?;
        self.file.seek(SeekFrom::Start(end))?;
        self.file.write_all(records)?;
        Ok(end)
    }
}

/// The key of a record whose checksum is right.
fn sound_key(record: &[u8]) -> Option<u128> {
    let (content, sum) = record.split_last_chunk::<4>()?;
    let key = content.first_chunk::<16>()?;
    (crc32fast::hash(content) == u32::from_le_bytes(*sum)).then(|| u128::from_le_bytes(*key))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::FeatureConfig;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use xscatter_core::Mask;

    /// Counts how many frames are really described.
    struct Counted {
        inner: Box<dyn FeatureExtractor>,
        described: AtomicUsize,
    }

    impl FeatureExtractor for Counted {
        fn name(&self) -> &str {
            self.inner.name()
        }
        fn columns(&self) -> &[Arc<str>] {
            self.inner.columns()
        }
        fn extract_into(&self, frames: &[Frame], out: ArrayViewMut2<'_, f32>) -> Result<()> {
            self.described.fetch_add(frames.len(), Ordering::Relaxed);
            self.inner.extract_into(frames, out)
        }
    }

    fn open(folder: &Path) -> Cached<Counted> {
        let config = FeatureConfig::Histogram(crate::HistogramConfig::default());
        let counted = Counted {
            inner: config.build().unwrap(),
            described: AtomicUsize::new(0),
        };
        Cached::open(counted, "histogram of a test", folder).unwrap()
    }

    fn described(cached: &Cached<Counted>) -> usize {
        cached.extractor.described.load(Ordering::Relaxed)
    }

    fn frame(seed: usize) -> Frame {
        let counts = Array2::from_shape_fn((9, 7), |(r, c)| ((r * 31 + c * seed) % 23) as f32);
        Frame::new(counts)
    }

    fn only_file(folder: &Path) -> PathBuf {
        let mut files = std::fs::read_dir(folder).unwrap();
        let path = files.next().unwrap().unwrap().path();
        assert!(files.next().is_none());
        path
    }

    #[test]
    fn rows_survive_the_program_and_no_frame_is_described_twice() {
        let folder = tempfile::tempdir().unwrap();
        let frames: Vec<Frame> = (0..5).map(frame).collect();
        let first = open(folder.path());
        let table = first.extract(&frames[..3]).unwrap();
        assert_eq!((described(&first), first.len()), (3, 3));
        drop(first);
        let second = open(folder.path());
        let again = second.extract(&frames).unwrap();
        assert_eq!(described(&second), 2);
        for row in 0..3 {
            assert_eq!(table.values().row(row), again.values().row(row));
        }
        let fresh = second.extractor.inner.extract(&frames).unwrap();
        assert_eq!(fresh.values(), again.values());
    }

    #[test]
    fn masked_pixels_do_not_matter_and_all_else_does() {
        let mut bad = Array2::from_elem((9, 7), false);
        bad[(2, 3)] = true;
        let mask = Arc::new(Mask::from_bad(bad.view()));
        let masked = |value| {
            let mut frame = frame(5);
            frame.as_mut_slice()[2 * 7 + 3] = value;
            frame.with_mask(mask.clone()).unwrap()
        };
        assert_eq!(content_hash(&masked(1.0)), content_hash(&masked(f32::NAN)));
        assert_ne!(
            content_hash(&masked(0.0)),
            content_hash(&{
                let mut open = frame(5);
                open.as_mut_slice()[2 * 7 + 3] = 0.0;
                open
            })
        );
        let mut moved = frame(5);
        moved.info.beam_centre_px = Some(xscatter_core::PixelPosition {
            row: 1.0,
            column: 2.0,
        });
        assert_ne!(content_hash(&frame(5)), content_hash(&moved));
        let reshaped = Frame::new(
            frame(5)
                .into_parts()
                .0
                .into_shape_with_order((7, 9))
                .unwrap(),
        );
        assert_ne!(content_hash(&frame(5)), content_hash(&reshaped));
    }

    #[test]
    fn a_record_that_was_cut_short_or_damaged_is_computed_again() {
        let folder = tempfile::tempdir().unwrap();
        let frames: Vec<Frame> = (0..4).map(frame).collect();
        let expected = open(folder.path()).extract(&frames).unwrap();
        let path = only_file(folder.path());
        let mut bytes = std::fs::read(&path).unwrap();
        let length = bytes.len();
        bytes[length - 300] ^= 1;
        bytes.truncate(length - 5);
        std::fs::write(&path, &bytes).unwrap();
        let cached = open(folder.path());
        assert!(cached.len() < 4);
        assert_eq!(cached.extract(&frames).unwrap().values(), expected.values());
        drop(cached);
        let cached = open(folder.path());
        assert_eq!(cached.len(), 4);
        assert_eq!(cached.extract(&frames).unwrap().values(), expected.values());
        assert_eq!(described(&cached), 0);
    }

    #[test]
    fn two_that_write_one_file_keep_all_rows() {
        let folder = tempfile::tempdir().unwrap();
        let (one, other) = (open(folder.path()), open(folder.path()));
        one.extract(&[frame(1), frame(2)]).unwrap();
        other.extract(&[frame(2), frame(3)]).unwrap();
        one.extract(&[frame(4)]).unwrap();
        let both = open(folder.path());
        both.extract(&[frame(1), frame(2), frame(3), frame(4)])
            .unwrap();
        assert_eq!((both.len(), described(&both)), (4, 0));
    }

    #[test]
    fn a_file_of_something_else_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        drop(open(folder.path()));
        let path = only_file(folder.path());
        std::fs::write(&path, vec![b'x'; 10_000]).unwrap();
        let config = FeatureConfig::Histogram(crate::HistogramConfig::default());
        let error = Cached::open(
            config.build().unwrap(),
            "histogram of a test",
            folder.path(),
        );
        let error = error.err().unwrap();
        assert_eq!(error.kind(), ErrorKind::Malformed);
        assert!(error.to_string().contains("remove the file"), "{error}");
    }

    #[test]
    fn it_keeps_the_contract_of_an_extractor() {
        let folder = tempfile::tempdir().unwrap();
        let frames: Vec<Frame> = (0..3).map(frame).collect();
        xscatter_testkit::check_extractor(&open(folder.path()), &frames).unwrap();
    }
}
