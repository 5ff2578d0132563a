//! Datasets: what they are and where their elements are; reading them is in `read`.

use std::sync::{Arc, OnceLock};

use crate::attribute::{self, Attribute};
use crate::boxes;
use crate::chunk_index::{ChunkIndex, Grid};
use crate::cursor::UNDEFINED;
use crate::dataspace::Dataspace;
use crate::datatype::Datatype;
use crate::error::{Error, Result};
use crate::file::File;
use crate::layout::{self, Filter, Layout};
use crate::object_header::{ObjectHeader, kind};
use crate::read::Scratch;
use crate::values::Values;
use crate::virtual_dataset::{self, Mapping};

/// A dataset of a file; cheap to clone, and threads read from one without a lock.
#[derive(Debug, Clone)]
pub struct Dataset(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    file: File,
    path: String,
    header: ObjectHeader,
    dataspace: Dataspace,
    datatype: Datatype,
    layout: Layout,
    filters: Vec<Filter>,
    fill: Option<Vec<u8>>,
    index: OnceLock<ChunkIndex>,
    mappings: OnceLock<Vec<Mapping>>,
}

/// How the elements of a dataset are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Storage<'a> {
    /// With the description of the dataset.
    Compact,
    /// One after another.
    Contiguous,
    /// In chunks of this shape.
    Chunked(&'a [u64]),
    /// In other datasets.
    Virtual,
}

impl Dataset {
    pub(crate) fn new(file: File, path: String, header: ObjectHeader) -> Result<Self> {
        if header.has(kind::EXTERNAL_FILES) {
            return Err(Error::unsupported(
                path,
                "elements in HDF5 files",
                "elements in other files (external storage)",
            ));
        }
        let missing =
            |what: &'static str| Error::malformed("object header", header.address, what, "none");
        let body = header
            .body(&file, kind::DATASPACE)?
            .ok_or_else(|| missing("a dataspace"))?;
        let dataspace = Dataspace::parse(&mut body.cursor("dataspace", &file))?;
        let body = header
            .body(&file, kind::DATATYPE)?
            .ok_or_else(|| missing("a datatype"))?;
        let datatype = Datatype::parse(&mut body.cursor("datatype", &file))?;
        let elements = dataspace.elements();
        let bytes = elements.and_then(|n| n.checked_mul(datatype.bytes() as u64));
        if bytes.is_none() && !dataspace.shape.contains(&0) {
            return Err(Error::Limit {
                place: path,
                most: u64::MAX,
                claimed: u64::MAX,
            });
        }
        let body = header
            .body(&file, kind::LAYOUT)?
            .ok_or_else(|| missing("a layout"))?;
        let layout = Layout::parse(&mut body.cursor("layout", &file), dataspace.shape.len())?;
        let filters = match header.body(&file, kind::FILTERS)? {
            Some(body) => layout::filters(&mut body.cursor("filters", &file))?,
            None => Vec::new(),
        };
        let fill = if let Some(body) = header.body(&file, kind::FILL)? {
            layout::fill(&mut body.cursor("fill value", &file))?
        } else if let Some(body) = header.body(&file, kind::OLD_FILL)? {
            layout::old_fill(&mut body.cursor("fill value", &file))?
        } else {
            None
        };
        if let Some(fill) = &fill
            && fill.len() != datatype.bytes()
        {
            return Err(Error::malformed(
                "fill value",
                header.address,
                format!("{} bytes as an element has", datatype.bytes()),
                fill.len(),
            ));
        }
        Ok(Self(Arc::new(Inner {
            file,
            path,
            header,
            dataspace,
            datatype,
            layout,
            filters,
            fill,
            index: OnceLock::new(),
            mappings: OnceLock::new(),
        })))
    }

    /// The file it is in, which is another one behind an external link.
    pub fn file(&self) -> &File {
        &self.0.file
    }

    /// The path in its file, without a leading slash.
    pub fn path(&self) -> &str {
        &self.0.path
    }

    /// Its extent and limits.
    pub fn dataspace(&self) -> &Dataspace {
        &self.0.dataspace
    }

    /// Elements along each axis; none for a scalar.
    pub fn shape(&self) -> &[u64] {
        &self.0.dataspace.shape
    }

    /// What the elements are.
    pub fn datatype(&self) -> &Datatype {
        &self.0.datatype
    }

    /// How the elements are kept.
    pub fn storage(&self) -> Storage<'_> {
        match &self.0.layout {
            Layout::Compact(_) => Storage::Compact,
            Layout::Contiguous { .. } => Storage::Contiguous,
            Layout::Chunked(chunked) => Storage::Chunked(&chunked.shape),
            Layout::Virtual { .. } => Storage::Virtual,
        }
    }

    /// The filters of its chunks in the order in which they were applied.
    pub fn filters(&self) -> &[Filter] {
        &self.0.filters
    }

    /// The bytes of an element that was never written; `None` means zeros.
    pub fn fill_value(&self) -> Option<&[u8]> {
        self.0.fill.as_deref()
    }

    /// An attribute of the dataset; `None` if it has none of this name.
    ///
    /// # Errors
    /// If the attributes are broken.
    pub fn attribute(&self, name: &str) -> Result<Option<Attribute>> {
        attribute::named(self.file(), &self.0.header, self.path(), name)
    }

    /// All attributes of the dataset in the order of their names.
    ///
    /// # Errors
    /// If the attributes are broken.
    pub fn attributes(&self) -> Result<Vec<Attribute>> {
        attribute::all(self.file(), &self.0.header, self.path())
    }

    /// Where its chunks are; built at the first call and kept.
    ///
    /// # Errors
    /// If the dataset is not chunked or its index is broken.
    pub fn chunks(&self) -> Result<&ChunkIndex> {
        if let Some(index) = self.0.index.get() {
            return Ok(index);
        }
        let Layout::Chunked(chunked) = &self.0.layout else {
            return Err(Error::Argument {
                place: self.path().to_owned(),
                expected: "a chunked dataset".to_owned(),
                got: format!("{:?}", self.storage()),
            });
        };
        let grid = Grid::new(
            self.path(),
            self.shape(),
            &self.0.dataspace.max_shape,
            &chunked.shape,
            self.datatype().bytes(),
        )?;
        let filtered = !self.0.filters.is_empty();
        let index = ChunkIndex::build(self.file(), chunked, grid, self.shape(), filtered)?;
        Ok(self.0.index.get_or_init(|| index))
    }

    /// Where the elements of a virtual dataset come from; empty for any other.
    ///
    /// # Errors
    /// If the list is broken.
    pub fn mappings(&self) -> Result<&[Mapping]> {
        if let Some(mappings) = self.0.mappings.get() {
            return Ok(mappings);
        }
        let Layout::Virtual { heap, object } = self.0.layout else {
            return Ok(&[]);
        };
        let mappings = virtual_dataset::mappings(self, heap, object)?;
        Ok(self.0.mappings.get_or_init(|| mappings))
    }

    /// Reads the stored bytes of a chunk, which is named by its place in units of chunks, into `raw`
    /// and returns its filter mask; `None` if the chunk was never written.
    ///
    /// # Errors
    /// If the dataset is not chunked, its index is broken, or the file ends within the chunk.
    pub fn read_chunk_raw(&self, coords: &[u64], raw: &mut Vec<u8>) -> Result<Option<u32>> {
        const WHAT: &str = "chunk";
        let Some(chunk) = self.chunks()?.get(coords) else {
            return Ok(None);
        };
        self.file().check(WHAT, chunk.address, chunk.bytes)?;
        raw.clear();
        raw.resize(chunk.bytes as usize, 0);
        self.file().read_into(WHAT, chunk.address, raw)?;
        Ok(Some(chunk.filter_mask))
    }

    /// Reads all elements; nothing is set aside beyond what the stored bytes can become.
    ///
    /// # Errors
    /// If the elements cannot be read, or are more than the file can hold.
    pub fn read_all(&self) -> Result<Values> {
        let (start, count) = (vec![0; self.shape().len()], self.shape().to_vec());
        if self.0.dataspace.is_null {
            return Ok(self.values(Vec::new()));
        }
        let bytes = self.check_size(&start, &count)?;
        let mut out = vec![0; bytes];
        self.read_into(&start, &count, &mut out, &mut Scratch::default())?;
        Ok(self.values(out))
    }

    fn values(&self, bytes: Vec<u8>) -> Values {
        Values::new(
            self.file().clone(),
            self.path().to_owned(),
            self.datatype().clone(),
            self.shape().to_vec(),
            bytes,
        )
    }

    /// The bytes that a box of elements takes, if what is stored can become as many; ask before you
    /// set memory aside. Elements that were never written may be a megabyte, or 16 times the file.
    ///
    /// # Errors
    /// If the box is not within the dataset, or what is stored cannot become so much.
    pub fn check_size(&self, start: &[u64], count: &[u64]) -> Result<usize> {
        const UNWRITTEN: u64 = 256 << 10;
        let wanted = self.bytes_of(start, count)?;
        let least = self.file().len().saturating_mul(16).max(UNWRITTEN);
        if wanted > least {
            let most = self.most_bytes(start, count, 0)?;
            if wanted > most {
                return Err(Error::Limit {
                    place: self.path().to_owned(),
                    most: most.max(least),
                    claimed: wanted,
                });
            }
        }
        usize::try_from(wanted).map_err(|_| Error::Limit {
            place: self.path().to_owned(),
            most: usize::MAX as u64,
            claimed: wanted,
        })
    }

    /// The bytes of a box, which must be within the dataset.
    pub(crate) fn bytes_of(&self, start: &[u64], count: &[u64]) -> Result<u64> {
        let shape = self.shape();
        let fits = start.len() == shape.len()
            && count.len() == shape.len()
            && !self.0.dataspace.is_null
            && start
                .iter()
                .zip(count)
                .zip(shape)
                .all(|((&start, &count), &len)| {
                    start.checked_add(count).is_some_and(|end| end <= len)
                });
        let bytes = boxes::elements(count)
            .and_then(|elements| elements.checked_mul(self.datatype().bytes() as u64));
        match bytes {
            Some(bytes) if fits => Ok(bytes),
            _ => Err(Error::Argument {
                place: self.path().to_owned(),
                expected: format!("a box within {shape:?}"),
                got: format!("{count:?} from {start:?}"),
            }),
        }
    }

    /// The most bytes that what is stored of a box can become.
    pub(crate) fn most_bytes(&self, start: &[u64], count: &[u64], depth: usize) -> Result<u64> {
        match &self.0.layout {
            Layout::Compact(bytes) => Ok(bytes.len() as u64),
            Layout::Contiguous { address: UNDEFINED } => Ok(0),
            Layout::Contiguous { address } => Ok(self.file().len().saturating_sub(*address)),
            Layout::Chunked(_) => self.most_of_chunks(start, count),
            Layout::Virtual { .. } => virtual_dataset::most_bytes(self, start, count, depth),
        }
    }

    pub(crate) fn layout(&self) -> &Layout {
        &self.0.layout
    }
}
