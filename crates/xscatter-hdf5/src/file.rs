//! An open file: its bytes, its root group, and the files that it leads to.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use crate::cursor::{Allowance, Cursor, Sizes};
use crate::dataset::Dataset;
use crate::error::{Error, Result};
use crate::group::{Group, GroupData, Object};
use crate::links::Target;
use crate::object_header::{Body, ObjectHeader, verify};
use crate::store::Store;
use crate::superblock::Superblock;

/// Files that lead to files that lead to files.
const DEEPEST_FILES: usize = 8;
/// Groups in each other that are walked.
const DEEPEST_GROUPS: usize = 32;
/// Datasets in other files that are kept open, each with the index of its chunks.
const KEPT: usize = 16;

/// An HDF5 file open for reading.
///
/// Cheap to clone; all clones share one handle, and threads read through it without a lock.
#[derive(Debug, Clone)]
pub struct File(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    store: Store,
    superblock: Superblock,
    root: OnceLock<Arc<GroupData>>,
    /// How many files lead to this one.
    depth: usize,
    /// Bytes of metadata that were read: by it a listing sees that it goes round in circles.
    work: AtomicU64,
    /// Datasets in other files, the one that was used last at the end. Held while the list is looked
    /// at, never while a file is read.
    kept: Mutex<Vec<Kept>>,
}

#[derive(Debug)]
struct Kept {
    file: PathBuf,
    path: String,
    dataset: Dataset,
}

impl File {
    /// Opens a file on disk.
    ///
    /// # Errors
    /// If it cannot be read, is no HDF5 file, or has no root group.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        Self::new(Store::open(path.as_ref())?, 0)
    }

    /// A file in memory; external links and virtual datasets lead nowhere from it.
    ///
    /// # Errors
    /// If the bytes are no HDF5 file or have no root group.
    pub fn from_bytes(bytes: impl Into<Arc<Vec<u8>>>) -> Result<Self> {
        Self::new(Store::in_memory(bytes.into(), None), 0)
    }

    /// A file in memory whose links lead to files beside `path`, as if it lay there.
    ///
    /// # Errors
    /// If the bytes are no HDF5 file or have no root group.
    pub fn from_bytes_at(bytes: impl Into<Arc<Vec<u8>>>, path: impl Into<PathBuf>) -> Result<Self> {
        Self::new(Store::in_memory(bytes.into(), Some(path.into())), 0)
    }

    fn new(store: Store, depth: usize) -> Result<Self> {
        let superblock = Superblock::find(&store)?;
        let file = Self(Arc::new(Inner {
            store,
            superblock,
            root: OnceLock::new(),
            depth,
            work: AtomicU64::new(0),
            kept: Mutex::new(Vec::new()),
        }));
        let header = ObjectHeader::read(&file, superblock.root)?;
        let root = GroupData::new(String::new(), header)?;
        file.0.root.get_or_init(|| Arc::new(root));
        Ok(file)
    }

    /// Where the file is; `None` for bytes in memory.
    pub fn path(&self) -> Option<&Path> {
        self.0.store.path.as_deref()
    }

    /// The size of the file in bytes, as it was when it was opened.
    pub fn len(&self) -> u64 {
        self.0.store.len()
    }

    /// Whether it has no byte; never true, since an empty file does not open.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The group in which all paths begin.
    ///
    /// # Panics
    /// Never: a file without a root group does not open.
    pub fn root(&self) -> Group {
        let data = self.0.root.get().expect("set when the file was opened");
        Group::new(self.clone(), Arc::clone(data))
    }

    /// The object at a path; links are followed, into other files too.
    ///
    /// # Errors
    /// If a name is not there, a file is missing, or an object cannot be read.
    pub fn object(&self, path: &str) -> Result<Object> {
        self.root().object(path)
    }

    /// The dataset at a path.
    ///
    /// # Errors
    /// As [`object`](Self::object), and if the object is no dataset.
    pub fn dataset(&self, path: &str) -> Result<Dataset> {
        self.root().dataset(path)
    }

    /// The group at a path.
    ///
    /// # Errors
    /// As [`object`](Self::object), and if the object is no group.
    pub fn group(&self, path: &str) -> Result<Group> {
        self.root().group(path)
    }

    /// All names below the root, each group before what is in it, names in order. Soft and external
    /// links are listed and not followed; a group that is reached twice is entered once.
    pub fn walk(&self) -> Walk {
        self.root().walk()
    }

    pub(crate) fn sizes(&self) -> Sizes {
        self.0.superblock.sizes
    }

    /// What a listing of this file may hold: more than a sound file needs, less than a broken one
    /// could claim.
    pub(crate) fn allowance(&self) -> u64 {
        self.len().saturating_mul(4).saturating_add(256 << 10)
    }

    pub(crate) fn cursor<'a>(
        &self,
        what: &'static str,
        address: u64,
        bytes: &'a [u8],
    ) -> Cursor<'a> {
        Cursor::new(what, address, bytes, self.sizes())
    }

    /// Exactly `len` bytes; nothing is allocated if they are not there.
    pub(crate) fn read(&self, what: &'static str, address: u64, len: u64) -> Result<Vec<u8>> {
        self.check(what, address, len)?;
        let mut bytes = vec![0; len as usize];
        self.read_into(what, address, &mut bytes)?;
        self.0.work.fetch_add(len, Ordering::Relaxed);
        Ok(bytes)
    }

    /// Up to where a listing that begins now may read: a sound file is listed by reading each of its
    /// structures a few times.
    fn limit(&self) -> u64 {
        let work = self.0.work.load(Ordering::Relaxed);
        let more = self.len().saturating_mul(64).saturating_add(64 << 20);
        work.saturating_add(more)
    }

    fn check_limit(&self, limit: u64) -> Result<()> {
        let work = self.0.work.load(Ordering::Relaxed);
        if work <= limit {
            return Ok(());
        }
        Err(Error::Limit {
            place: "the listing of a file".to_owned(),
            most: limit,
            claimed: work,
        })
    }

    pub(crate) fn read_up_to(&self, address: u64, len: u64) -> Result<Vec<u8>> {
        let start = address.saturating_add(self.0.superblock.base);
        let left = self.len().saturating_sub(start);
        self.read("object header", address, len.min(left))
    }

    pub(crate) fn read_into(&self, what: &'static str, address: u64, out: &mut [u8]) -> Result<()> {
        let start = address.saturating_add(self.0.superblock.base);
        self.0.store.read_into(what, start, out)
    }

    pub(crate) fn check(&self, what: &'static str, address: u64, len: u64) -> Result<()> {
        let start = address.saturating_add(self.0.superblock.base);
        self.0.store.check(what, start, len)
    }

    /// A structure with a signature in front and a checksum at the end.
    pub(crate) fn block(
        &self,
        what: &'static str,
        signature: [u8; 4],
        address: u64,
        len: u64,
    ) -> Result<Vec<u8>> {
        let bytes = self.read(what, address, len)?;
        if !bytes.starts_with(&signature) {
            let expected = format!("the signature {}", String::from_utf8_lossy(&signature));
            let found = format!("{:?}", &bytes[..bytes.len().min(4)]);
            return Err(Error::malformed(what, address, expected, found));
        }
        verify(what, address, &bytes)?;
        Ok(bytes)
    }

    /// The message of a kind in another object.
    pub(crate) fn read_shared(&self, address: u64, kind: u16) -> Result<Body<'static>> {
        let header = ObjectHeader::read(self, address)?;
        let Some(message) = header.all(kind).next() else {
            return Err(Error::malformed(
                "shared message",
                address,
                format!("an object with a message {kind}"),
                "none",
            ));
        };
        if message.is_shared() {
            return Err(Error::malformed(
                "shared message",
                address,
                "a message that is shared once",
                "one that is elsewhere again",
            ));
        }
        let body = header.body_of(self, message)?;
        Ok(Body {
            address: body.address,
            bytes: body.bytes.into_owned().into(),
        })
    }

    /// Opens the file that a link or a virtual dataset names: beside this one first, then as named.
    pub(crate) fn linked(&self, name: &Path, place: &str) -> Result<Self> {
        if self.0.depth >= DEEPEST_FILES {
            return Err(Error::unsupported(
                place,
                format!("at most {DEEPEST_FILES} files that lead to each other"),
                name.display(),
            ));
        }
        for candidate in self.candidates(name) {
            if candidate.is_file() {
                return Self::new(Store::open(&candidate)?, self.0.depth + 1);
            }
        }
        Err(Error::MissingFile {
            place: place.to_owned(),
            file: name.to_path_buf(),
        })
    }

    /// Where a file that is named in this one may be.
    pub(crate) fn candidates(&self, name: &Path) -> Vec<PathBuf> {
        let Some(own) = self.path() else {
            return Vec::new();
        };
        let folder = own.parent().unwrap_or(Path::new(""));
        let mut candidates = vec![folder.join(name)];
        if name.is_relative() {
            candidates.push(name.to_path_buf());
        } else if let Some(last) = name.file_name() {
            // Files that were moved together.
            candidates.push(folder.join(last));
        }
        candidates
    }

    /// The dataset at a path of another file; a few are kept open.
    pub(crate) fn linked_dataset(&self, name: &Path, path: &str, place: &str) -> Result<Dataset> {
        let kept = || self.0.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let mut list = kept();
        let same = |kept: &Kept| kept.file == name && kept.path == path;
        if let Some(at) = list.iter().position(same) {
            let found = list.remove(at);
            let dataset = found.dataset.clone();
            list.push(found);
            return Ok(dataset);
        }
        drop(list);
        let dataset = self.linked(name, place)?.dataset(path)?;
        let mut list = kept();
        if list.len() >= KEPT {
            list.remove(0);
        }
        list.push(Kept {
            file: name.to_path_buf(),
            path: path.to_owned(),
            dataset: dataset.clone(),
        });
        Ok(dataset)
    }
}

/// A name below the root of a file; see [`File::walk`].
#[derive(Debug, Clone)]
pub struct Entry {
    /// The path without a leading slash.
    pub path: String,
    /// What is there.
    pub node: Node,
    /// The group that has the name, and the name in it.
    group: Group,
    name: String,
    limit: u64,
}

impl Entry {
    /// The object that the name leads to; links are followed, into other files too. Without looking
    /// for the group again, so that a list of a thousand links is not read a thousand times.
    ///
    /// # Errors
    /// As [`File::object`], and if links go round in circles so that the listing has no end.
    pub fn follow(&self) -> Result<Object> {
        self.group.file().check_limit(self.limit)?;
        self.group.object(&self.name)
    }
}

/// What a name stands for.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Node {
    /// A group, a dataset or a named datatype.
    Object(Object),
    /// A link that is not followed.
    Link(Target),
    /// Something that cannot be read.
    Broken(Error),
}

/// The names below the root of a file; see [`File::walk`].
#[derive(Debug)]
pub struct Walk {
    file: File,
    /// Bytes of the path of the group where the listing began.
    prefix: usize,
    /// The groups that are being listed, each with the number of the next link.
    open: Vec<(Group, usize)>,
    entered: BTreeSet<u64>,
    allowance: Allowance,
    limit: u64,
    failed: Option<Entry>,
}

impl Walk {
    pub(crate) fn new(group: Group) -> Self {
        let file = group.file().clone();
        let allowance = Allowance::new("the listing of a file", file.allowance());
        let mut walk = Self {
            file,
            prefix: group.path().len(),
            open: Vec::new(),
            entered: BTreeSet::from([group.address()]),
            allowance,
            limit: group.file().limit(),
            failed: None,
        };
        walk.enter(group);
        walk
    }

    /// A path without that of the group where the listing began.
    fn short(&self, path: &str) -> String {
        let short = path.get(self.prefix..).unwrap_or_default();
        short.trim_start_matches('/').to_owned()
    }

    fn enter(&mut self, group: Group) {
        match group.links() {
            Ok(_) => self.open.push((group, 0)),
            Err(error) => {
                self.failed = Some(Entry {
                    path: self.short(group.path()),
                    node: Node::Broken(error),
                    name: String::new(),
                    limit: self.limit,
                    group,
                });
            }
        }
    }

    fn node(&mut self, path: &str, target: Target) -> Result<Node> {
        self.allowance.take(path.len() as u64)?;
        self.file.check_limit(self.limit)?;
        let Target::Hard { address } = target else {
            return Ok(Node::Link(target));
        };
        let header = match ObjectHeader::read(&self.file, address) {
            Ok(header) => header,
            Err(error) => return Ok(Node::Broken(error)),
        };
        self.allowance.take(header.len())?;
        let object = match Object::new(&self.file, path.to_owned(), header) {
            Ok(object) => object,
            Err(error) => return Ok(Node::Broken(error)),
        };
        if let Object::Group(group) = &object
            && self.open.len() < DEEPEST_GROUPS
            && self.entered.insert(address)
        {
            self.enter(group.clone());
        }
        Ok(Node::Object(object))
    }
}

impl Iterator for Walk {
    type Item = Entry;

    fn next(&mut self) -> Option<Entry> {
        if let Some(entry) = self.failed.take() {
            return Some(entry);
        }
        loop {
            let (group, next) = self.open.last_mut()?;
            let link = group.links().ok().and_then(|links| links.get(*next));
            let Some(link) = link.cloned() else {
                self.open.pop();
                continue;
            };
            *next += 1;
            let group = group.clone();
            let path = group.path_of(&link.name);
            let node = self.node(&path, link.target).unwrap_or_else(|error| {
                // The listing goes beyond what such a file can hold: it ends here.
                self.open.clear();
                Node::Broken(error)
            });
            return Some(Entry {
                path: self.short(&path),
                node,
                group,
                name: link.name,
                limit: self.limit,
            });
        }
    }
}
