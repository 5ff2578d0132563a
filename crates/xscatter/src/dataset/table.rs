//! Tables that grow by lines under another name, and files that appear whole.

use std::fs::{self, File, OpenOptions};
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};

use xscatter_core::{Error, Result};

/// A text file with a row a line. Until [`finish`](Self::finish) its name ends with `.part`.
#[derive(Debug)]
pub(super) struct Table {
    path: PathBuf,
    growing: PathBuf,
    /// The line above the rows.
    header: Option<Vec<u8>>,
}

impl Table {
    pub(super) fn new(path: PathBuf, header: Option<Vec<u8>>) -> Self {
        let mut growing = path.clone().into_os_string();
        growing.push(".part");
        Self {
            path,
            growing: growing.into(),
            header,
        }
    }

    /// How many whole rows there are, finished or not.
    pub(super) fn rows(&self) -> Result<usize> {
        let path = if self.path.is_file() {
            &self.path
        } else {
            &self.growing
        };
        if !path.is_file() {
            return Ok(0);
        }
        let (lines, _) = scan(path, usize::MAX)?;
        Ok(lines.saturating_sub(self.header_lines()))
    }

    /// Removes what stands behind so many rows; a table without rows is begun anew.
    pub(super) fn cut(&self, rows: usize) -> Result<()> {
        let failed = |error: std::io::Error| Error::from(error).in_file(&self.growing);
        if self.path.is_file() {
            if self.rows()? == rows {
                return Ok(());
            }
            fs::rename(&self.path, &self.growing).map_err(failed)?;
        }
        if rows == 0 {
            let header = self.header.as_deref().unwrap_or_default();
            return fs::write(&self.growing, header).map_err(failed);
        }
        let (_, bytes) = scan(&self.growing, rows + self.header_lines())?;
        let file = OpenOptions::new().write(true).open(&self.growing);
        file.and_then(|file| file.set_len(bytes)).map_err(failed)
    }

    pub(super) fn append(&self, lines: &[u8]) -> Result<()> {
        OpenOptions::new()
            .append(true)
            .open(&self.growing)
            .and_then(|mut file| file.write_all(lines))
            .map_err(|error| Error::from(error).in_file(&self.growing))
    }

    /// Gives the table its name.
    pub(super) fn finish(&self) -> Result<()> {
        if !self.growing.is_file() {
            return Ok(());
        }
        fs::rename(&self.growing, &self.path)
            .map_err(|error| Error::from(error).in_file(&self.path))
    }

    fn header_lines(&self) -> usize {
        usize::from(self.header.is_some())
    }
}

/// Whole lines of a file, at most so many, and their bytes.
fn scan(path: &Path, most: usize) -> Result<(usize, u64)> {
    let failed = |error: std::io::Error| Error::from(error).in_file(path);
    let mut reader = BufReader::with_capacity(1 << 16, File::open(path).map_err(failed)?);
    let (mut lines, mut whole, mut seen) = (0, 0, 0);
    loop {
        let buffer = reader.fill_buf().map_err(failed)?;
        if buffer.is_empty() {
            return Ok((lines, whole));
        }
        for (place, _) in buffer
            .iter()
            .enumerate()
            .filter(|(_, byte)| **byte == b'\n')
        {
            if lines == most {
                return Ok((lines, whole));
            }
            lines += 1;
            whole = seen + place as u64 + 1;
        }
        let length = buffer.len();
        seen += length as u64;
        reader.consume(length);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_goes_on_behind_its_last_whole_row() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t.csv");
        let table = Table::new(path.clone(), Some(b"head\n".to_vec()));
        assert_eq!(table.rows().unwrap(), 0);
        table.cut(0).unwrap();
        table.append(b"a\nb\nc").unwrap();
        assert_eq!(table.rows().unwrap(), 2);
        table.cut(1).unwrap();
        table.append(b"B\n").unwrap();
        assert!(!path.exists());
        table.finish().unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "head\na\nB\n");
        // A finished table that is too short is opened again.
        table.cut(2).unwrap();
        assert!(path.exists());
        table.cut(1).unwrap();
        assert!(!path.exists());
        table.finish().unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "head\na\n");
    }
}
