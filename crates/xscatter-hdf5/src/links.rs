//! The links of a group: symbol tables, links in the object header, links in a fractal heap.

use std::path::PathBuf;

use crate::btree2;
use crate::cursor::{Allowance, Cursor, UNDEFINED, trimmed};
use crate::error::{Error, Result};
use crate::file::File;
use crate::fractal_heap::FractalHeap;
use crate::object_header::{ObjectHeader, kind};

/// Records of links: a hash or a number, then the identifier in the heap.
const LINKS_BY_NAME: u8 = 5;
/// Levels of a B-tree of version 1 beyond which no file could hold the links.
const DEEPEST: u8 = 32;

/// A name in a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// The name.
    pub name: String,
    /// Where it leads.
    pub target: Target,
}

/// Where a link leads.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Target {
    /// To an object of this file.
    Hard {
        /// The address of its header.
        address: u64,
    },
    /// To whatever stands at a path of this file, if anything does.
    Soft {
        /// The path.
        path: String,
    },
    /// To a path in another file, if there is one.
    External {
        /// The file, as the link states it.
        file: PathBuf,
        /// The path in it.
        path: String,
    },
    /// To something that only the program knows that wrote it.
    UserDefined {
        /// The number of the kind.
        class: u8,
    },
}

/// The links of a group in the order of their names.
pub(crate) fn of_group(file: &File, header: &ObjectHeader) -> Result<Vec<Link>> {
    let mut allowance = Allowance::new("links of a group", file.allowance());
    let mut links = Vec::new();
    if let Some(body) = header.body(file, kind::SYMBOL_TABLE)? {
        let mut cursor = body.cursor("symbol table", file);
        let (tree, heap) = (cursor.address()?, cursor.address()?);
        if tree != UNDEFINED {
            symbol_table(file, tree, heap, &mut links, &mut allowance)?;
        }
    }
    for message in header.all(kind::LINK) {
        let body = header.body_of(file, message)?;
        allowance.take(body.bytes.len() as u64)?;
        links.push(parse(&mut body.cursor("link", file))?);
    }
    if let Some(body) = header.body(file, kind::LINK_INFO)? {
        let mut cursor = body.cursor("link info", file);
        cursor.version(0..=0)?;
        if cursor.u8()? & 1 != 0 {
            cursor.skip(8)?;
        }
        let (heap, names) = (cursor.address()?, cursor.address()?);
        if heap != UNDEFINED && names != UNDEFINED {
            dense(file, heap, names, &mut links, &mut allowance)?;
        }
    }
    links.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(links)
}

fn dense(
    file: &File,
    heap: u64,
    names: u64,
    links: &mut Vec<Link>,
    allowance: &mut Allowance,
) -> Result<()> {
    let heap = FractalHeap::read(file, heap)?;
    btree2::records(file, names, &[LINKS_BY_NAME], &mut |_, record| {
        let id = record.get(4..).unwrap_or_default();
        let (address, bytes) = heap.object(file, id)?;
        allowance.take(bytes.len() as u64)?;
        links.push(parse(&mut file.cursor("link", address, &bytes))?);
        Ok(())
    })
}

fn parse(cursor: &mut Cursor<'_>) -> Result<Link> {
    cursor.version(1..=1)?;
    let flags = cursor.u8()?;
    let class = if flags & 0x08 != 0 { cursor.u8()? } else { 0 };
    if flags & 0x04 != 0 {
        cursor.skip(8)?;
    }
    if flags & 0x10 != 0 {
        cursor.skip(1)?;
    }
    let len = cursor.uint(1 << (flags & 3))?;
    let name = cursor.bytes(usize::try_from(len).unwrap_or(usize::MAX))?;
    let name = String::from_utf8_lossy(name).into_owned();
    let target = match class {
        0 => Target::Hard {
            address: cursor.address()?,
        },
        1 => {
            let len = cursor.u16()?.into();
            Target::Soft {
                path: trimmed(cursor.bytes(len)?),
            }
        }
        64 => {
            cursor.skip(2)?;
            cursor.skip(1)?;
            Target::External {
                file: cursor.text()?.into(),
                path: cursor.text()?,
            }
        }
        class => Target::UserDefined { class },
    };
    Ok(Link { name, target })
}

/// The names of a symbol table: a local heap of texts and a B-tree of nodes.
fn symbol_table(
    file: &File,
    tree: u64,
    heap: u64,
    links: &mut Vec<Link>,
    allowance: &mut Allowance,
) -> Result<()> {
    const WHAT: &str = "local heap";
    let sizes = file.sizes();
    let len = 8 + 2 * sizes.length + sizes.address;
    let bytes = file.read(WHAT, heap, len as u64)?;
    let mut cursor = file.cursor(WHAT, heap, &bytes);
    if cursor.bytes(4)? != b"HEAP" {
        return Err(Error::malformed(WHAT, heap, "the signature HEAP", "none"));
    }
    cursor.version(0..=0)?;
    cursor.skip(3)?;
    let len = cursor.length()?;
    cursor.length()?;
    let names = file.read(WHAT, cursor.address()?, len)?;
    let mut visits = file.len() / 24;
    node(file, tree, None, &names, &mut visits, links, allowance)
}

fn node(
    file: &File,
    address: u64,
    level: Option<u8>,
    names: &[u8],
    visits: &mut u64,
    links: &mut Vec<Link>,
    allowance: &mut Allowance,
) -> Result<()> {
    const WHAT: &str = "B-tree of a group";
    let sizes = file.sizes();
    let prefix = 8 + 2 * sizes.address;
    let head = file.read(WHAT, address, prefix as u64)?;
    let mut cursor = file.cursor(WHAT, address, &head);
    if cursor.bytes(4)? != b"TREE" || cursor.u8()? != 0 {
        return Err(Error::malformed(WHAT, address, "a node of a group", "none"));
    }
    let found = cursor.u8()?;
    // Each level is one less than that above it, so that no node leads back to itself.
    if found > DEEPEST || level.is_some_and(|level| level != found) {
        return Err(cursor.malformed(format!("level {}", level.unwrap_or(DEEPEST)), found));
    }
    let entries = usize::from(cursor.u16()?);
    let len = entries * (sizes.length + sizes.address);
    let start = address.saturating_add(prefix as u64);
    let bytes = file.read(WHAT, start, len as u64)?;
    let mut cursor = file.cursor(WHAT, start, &bytes);
    for _ in 0..entries {
        cursor.length()?;
        let child = cursor.address()?;
        *visits = visits
            .checked_sub(1)
            .ok_or_else(|| cursor.malformed("as many nodes as the file can hold", "more"))?;
        match found.checked_sub(1) {
            Some(below) => node(file, child, Some(below), names, visits, links, allowance)?,
            None => symbols(file, child, names, links, allowance)?,
        }
    }
    Ok(())
}

fn symbols(
    file: &File,
    address: u64,
    names: &[u8],
    links: &mut Vec<Link>,
    allowance: &mut Allowance,
) -> Result<()> {
    const WHAT: &str = "node of a symbol table";
    const SOFT: u32 = 2;
    let sizes = file.sizes();
    let head = file.read(WHAT, address, 8)?;
    let mut cursor = file.cursor(WHAT, address, &head);
    if cursor.bytes(4)? != b"SNOD" {
        return Err(Error::malformed(
            WHAT,
            address,
            "the signature SNOD",
            "none",
        ));
    }
    cursor.version(1..=1)?;
    cursor.skip(1)?;
    let count = usize::from(cursor.u16()?);
    let len = count * (sizes.length + sizes.address + 24);
    let start = address.saturating_add(8);
    let bytes = file.read(WHAT, start, len as u64)?;
    let mut cursor = file.cursor(WHAT, start, &bytes);
    let text = |cursor: &Cursor<'_>, offset: u64| {
        usize::try_from(offset)
            .ok()
            .and_then(|offset| names.get(offset..))
            .map(trimmed)
            .ok_or_else(|| cursor.malformed(format!("a name within {} bytes", names.len()), offset))
    };
    for _ in 0..count {
        let offset = cursor.length()?;
        let name = text(&cursor, offset)?;
        let object = cursor.address()?;
        let cached = cursor.u32()?;
        cursor.skip(4)?;
        let mut scratch = cursor.clone();
        cursor.skip(16)?;
        let target = if cached == SOFT {
            let offset = scratch.u32()?.into();
            Target::Soft {
                path: text(&scratch, offset)?,
            }
        } else {
            Target::Hard { address: object }
        };
        let path = match &target {
            Target::Soft { path } => path.len(),
            _ => 0,
        };
        allowance.take((name.len() + path) as u64 + 40)?;
        links.push(Link { name, target });
    }
    Ok(())
}
