//! Groups, and whatever else has an object header.

use std::sync::{Arc, OnceLock};

use crate::attribute::{self, Attribute};
use crate::dataset::Dataset;
use crate::datatype::Datatype;
use crate::error::{Error, Result};
use crate::file::{File, Walk};
use crate::links::{self, Link, Target};
use crate::object_header::{ObjectHeader, kind};

/// Links that one path may lead through.
const MOST_LINKS: usize = 16;
/// Names that one path may have.
const MOST_NAMES: usize = 1024;

/// An object of a file.
#[derive(Debug, Clone)]
pub enum Object {
    /// A group.
    Group(Group),
    /// A dataset.
    Dataset(Dataset),
    /// A datatype with a name.
    Datatype(Datatype),
}

impl Object {
    pub(crate) fn new(file: &File, path: String, header: ObjectHeader) -> Result<Self> {
        if header.has(kind::LAYOUT) || header.has(kind::EXTERNAL_FILES) {
            return Dataset::new(file.clone(), path, header).map(Self::Dataset);
        }
        if GroupData::is_group(&header) {
            let data = Arc::new(GroupData::new(path, header)?);
            return Ok(Self::Group(Group::new(file.clone(), data)));
        }
        match header.body(file, kind::DATATYPE)? {
            Some(body) => {
                let datatype = Datatype::parse(&mut body.cursor("datatype", file))?;
                Ok(Self::Datatype(datatype))
            }
            None => Err(Error::malformed(
                "object header",
                header.address,
                "a group, a dataset or a datatype",
                "neither",
            )),
        }
    }

    fn name(&self) -> &'static str {
        match self {
            Self::Group(_) => "a group",
            Self::Dataset(_) => "a dataset",
            Self::Datatype(_) => "a datatype",
        }
    }
}

/// A group of a file; cheap to clone.
#[derive(Debug, Clone)]
pub struct Group {
    file: File,
    data: Arc<GroupData>,
}

#[derive(Debug)]
pub(crate) struct GroupData {
    path: String,
    header: ObjectHeader,
    links: OnceLock<Vec<Link>>,
}

impl GroupData {
    fn is_group(header: &ObjectHeader) -> bool {
        [
            kind::SYMBOL_TABLE,
            kind::LINK_INFO,
            kind::LINK,
            kind::GROUP_INFO,
        ]
        .iter()
        .any(|&kind| header.has(kind))
    }

    pub(crate) fn new(path: String, header: ObjectHeader) -> Result<Self> {
        if !Self::is_group(&header) {
            return Err(Error::malformed(
                "object header",
                header.address,
                "a group",
                "an object without links",
            ));
        }
        Ok(Self {
            path,
            header,
            links: OnceLock::new(),
        })
    }
}

impl Group {
    pub(crate) fn new(file: File, data: Arc<GroupData>) -> Self {
        Self { file, data }
    }

    /// The path by which it was reached, without a leading slash; empty for the root.
    pub fn path(&self) -> &str {
        &self.data.path
    }

    /// The file it is in.
    pub fn file(&self) -> &File {
        &self.file
    }

    /// The names in the group, in order.
    ///
    /// # Errors
    /// If the list of links is broken.
    pub fn links(&self) -> Result<&[Link]> {
        if let Some(links) = self.data.links.get() {
            return Ok(links);
        }
        let links = links::of_group(&self.file, &self.data.header)?;
        Ok(self.data.links.get_or_init(|| links))
    }

    /// An attribute of the group; `None` if it has none of this name.
    ///
    /// # Errors
    /// If the attributes are broken.
    pub fn attribute(&self, name: &str) -> Result<Option<Attribute>> {
        attribute::named(&self.file, &self.data.header, &self.data.path, name)
    }

    /// All attributes of the group in the order of their names.
    ///
    /// # Errors
    /// If the attributes are broken.
    pub fn attributes(&self) -> Result<Vec<Attribute>> {
        attribute::all(&self.file, &self.data.header, &self.data.path)
    }

    /// The object at a path below this group, or at an absolute one of its file.
    ///
    /// # Errors
    /// If a name is not there, a file is missing, or an object cannot be read.
    pub fn object(&self, path: &str) -> Result<Object> {
        self.resolve(path, &mut 0)
    }

    /// The dataset at a path.
    ///
    /// # Errors
    /// As [`object`](Self::object), and if the object is no dataset.
    pub fn dataset(&self, path: &str) -> Result<Dataset> {
        match self.object(path)? {
            Object::Dataset(dataset) => Ok(dataset),
            other => Err(Error::not_found(path, "a dataset", other.name())),
        }
    }

    /// The group at a path.
    ///
    /// # Errors
    /// As [`object`](Self::object), and if the object is no group.
    pub fn group(&self, path: &str) -> Result<Group> {
        match self.object(path)? {
            Object::Group(group) => Ok(group),
            other => Err(Error::not_found(path, "a group", other.name())),
        }
    }

    /// All names below this group; see [`File::walk`]. Paths begin in this group.
    pub fn walk(&self) -> Walk {
        Walk::new(self.clone())
    }

    pub(crate) fn address(&self) -> u64 {
        self.data.header.address
    }

    pub(crate) fn path_of(&self, name: &str) -> String {
        if self.path().is_empty() {
            name.to_owned()
        } else {
            format!("{}/{name}", self.path())
        }
    }

    fn resolve(&self, path: &str, followed: &mut usize) -> Result<Object> {
        let start = if path.starts_with('/') {
            self.file.root()
        } else {
            self.clone()
        };
        let mut here = Object::Group(start);
        if path.matches('/').count() > MOST_NAMES {
            let expected = format!("a path of at most {MOST_NAMES} names");
            return Err(Error::not_found("a long path", expected, "more"));
        }
        for name in path
            .split('/')
            .filter(|name| !name.is_empty() && *name != ".")
        {
            let Object::Group(group) = here else {
                return Err(Error::not_found(
                    path,
                    format!("a group with {name}"),
                    here.name(),
                ));
            };
            here = group.child(name, path, followed)?;
        }
        Ok(here)
    }

    fn child(&self, name: &str, whole: &str, followed: &mut usize) -> Result<Object> {
        let links = self.links()?;
        let Ok(at) = links.binary_search_by(|link| link.name.as_str().cmp(name)) else {
            return Err(Error::not_found(whole, name, "no such name"));
        };
        let path = self.path_of(name);
        if !matches!(links[at].target, Target::Hard { .. }) {
            *followed += 1;
            if *followed > MOST_LINKS {
                let expected = format!("at most {MOST_LINKS} links in a path");
                return Err(Error::not_found(whole, expected, "more"));
            }
        }
        match &links[at].target {
            Target::Hard { address } => {
                let header = ObjectHeader::read(&self.file, *address)?;
                Object::new(&self.file, path, header)
            }
            Target::Soft { path } => self.resolve(path, followed),
            Target::External { file, path: inner } => {
                // A dataset most of the time, which is worth keeping with the index of its chunks.
                match self.file.linked_dataset(file, inner, &path) {
                    Ok(dataset) => Ok(Object::Dataset(dataset)),
                    Err(Error::NotFound { .. }) => self.file.linked(file, &path)?.object(inner),
                    Err(error) => Err(error),
                }
            }
            Target::UserDefined { class } => Err(Error::unsupported(
                path,
                "a hard, soft or external link",
                format!("one of kind {class}"),
            )),
        }
    }
}
