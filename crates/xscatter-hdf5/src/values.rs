//! Values that were read, as numbers and as texts.

use crate::cursor::{Allowance, UNDEFINED, trimmed};
use crate::datatype::{ByteOrder, Datatype};
use crate::error::{Error, Result};
use crate::file::File;
use crate::global_heap::Collection;

/// The elements of a dataset or an attribute as they are stored.
#[derive(Debug, Clone)]
pub struct Values {
    file: File,
    place: String,
    datatype: Datatype,
    shape: Vec<u64>,
    bytes: Vec<u8>,
}

impl Values {
    pub(crate) fn new(
        file: File,
        place: String,
        datatype: Datatype,
        shape: Vec<u64>,
        bytes: Vec<u8>,
    ) -> Self {
        Self {
            file,
            place,
            datatype,
            shape,
            bytes,
        }
    }

    /// What the elements are.
    pub fn datatype(&self) -> &Datatype {
        &self.datatype
    }

    /// Elements along each axis; none for a scalar.
    pub fn shape(&self) -> &[u64] {
        &self.shape
    }

    /// The elements as they stand in the file.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The numbers: exact for floats and for integers up to 2⁵³, rounded to nearest beyond.
    ///
    /// # Errors
    /// If the elements are no numbers.
    pub fn as_f64s(&self) -> Result<Vec<f64>> {
        if let Datatype::Float {
            bytes,
            order,
            ieee: true,
        } = self.datatype
        {
            let convert: fn([u8; 8]) -> f64 = match bytes {
                4 => |b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]).into(),
                8 => f64::from_le_bytes,
                _ => return Err(self.no_numbers()),
            };
            return Ok(self.words(bytes, order).map(convert).collect());
        }
        Ok(self.as_integers()?.into_iter().map(|n| n as f64).collect())
    }

    /// The integers, exact; those behind an enumeration too.
    ///
    /// # Errors
    /// If the elements are no integers.
    pub fn as_integers(&self) -> Result<Vec<i128>> {
        let integer = match &self.datatype {
            Datatype::Enum { base, .. } => base,
            other => other,
        };
        let Datatype::Integer {
            bytes: bytes @ (1 | 2 | 4 | 8),
            signed,
            order,
            whole: true,
        } = *integer
        else {
            return Err(self.no_numbers());
        };
        let shift = 64 - 8 * bytes as u32;
        let convert = |word: [u8; 8]| {
            let number = u64::from_le_bytes(word);
            if signed {
                i128::from((number << shift) as i64 >> shift)
            } else {
                i128::from(number)
            }
        };
        Ok(self.words(bytes, order).map(convert).collect())
    }

    /// The texts, without the NULs or blanks that fill their place; bytes that are no UTF-8 are
    /// replaced.
    ///
    /// # Errors
    /// If the elements are no texts, or their heap is broken.
    pub fn as_strings(&self) -> Result<Vec<String>> {
        match &self.datatype {
            Datatype::String { bytes, blanks } => {
                let texts = self.bytes.chunks_exact(*bytes).map(trimmed);
                Ok(if *blanks {
                    texts
                        .map(|text| text.trim_end_matches(' ').to_owned())
                        .collect()
                } else {
                    texts.collect()
                })
            }
            Datatype::VarLen { is_text: true, .. } => self.heap_strings(),
            _ => Err(Error::unsupported(&self.place, "text", &self.datatype)),
        }
    }

    fn no_numbers(&self) -> Error {
        Error::unsupported(&self.place, "numbers", &self.datatype)
    }

    /// The elements, little-endian and filled up with zeros.
    fn words(&self, width: usize, order: ByteOrder) -> impl Iterator<Item = [u8; 8]> {
        self.bytes.chunks_exact(width).map(move |element| {
            let mut word = [0; 8];
            word[..width].copy_from_slice(element);
            if order == ByteOrder::Big {
                word[..width].reverse();
            }
            word
        })
    }

    fn heap_strings(&self) -> Result<Vec<String>> {
        let width = 8 + self.file.sizes().address;
        let mut allowance = Allowance::new("texts of varying length", self.file.allowance());
        let mut collection: Option<Collection> = None;
        let mut texts = Vec::new();
        for element in self.bytes.chunks_exact(width) {
            let mut cursor = self.file.cursor("text of varying length", 0, element);
            let len = cursor.u32()? as usize;
            let heap = cursor.address()?;
            let index = cursor.u32()?;
            if len == 0 || heap == UNDEFINED || heap == 0 {
                texts.push(String::new());
                continue;
            }
            let current = match collection.take() {
                Some(current) if current.address() == heap => current,
                _ => {
                    let read = Collection::read(&self.file, heap)?;
                    allowance.take(read.len() as u64 / 16)?;
                    read
                }
            };
            let bytes = current.object(index)?;
            let bytes = &bytes[..len.min(bytes.len())];
            allowance.take(bytes.len() as u64)?;
            texts.push(trimmed(bytes));
            collection = Some(current);
        }
        Ok(texts)
    }
}
