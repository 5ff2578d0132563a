//! Attributes: small named values of a group or a dataset.

use crate::btree2;
use crate::cursor::{Allowance, UNDEFINED, trimmed};
use crate::dataspace::Dataspace;
use crate::datatype::Datatype;
use crate::error::{Error, Result};
use crate::file::File;
use crate::fractal_heap::FractalHeap;
use crate::object_header::{ObjectHeader, kind, shared_address};
use crate::values::Values;

const WHAT: &str = "attribute";
/// Records of attributes: the identifier in the heap, flags, and numbers to search by.
const ATTRIBUTES_BY_NAME: u8 = 8;
const HEAP_ID_BYTES: usize = 8;

/// A small named value.
#[derive(Debug, Clone)]
pub struct Attribute {
    /// The name.
    pub name: String,
    /// The value.
    pub values: Values,
}

/// The attribute of a name; a broken one of another name does not matter.
pub(crate) fn named(
    file: &File,
    header: &ObjectHeader,
    place: &str,
    name: &str,
) -> Result<Option<Attribute>> {
    let mut found = None;
    each(file, header, &mut |address, body| {
        if found.is_none() {
            found = parse(file, address, body, place, Some(name))?;
        }
        Ok(())
    })?;
    Ok(found)
}

pub(crate) fn all(file: &File, header: &ObjectHeader, place: &str) -> Result<Vec<Attribute>> {
    let mut found = Vec::new();
    each(file, header, &mut |address, body| {
        found.extend(parse(file, address, body, place, None)?);
        Ok(())
    })?;
    found.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(found)
}

/// The bodies of all attributes, in the header and in a heap.
fn each(
    file: &File,
    header: &ObjectHeader,
    visit: &mut dyn FnMut(u64, &[u8]) -> Result<()>,
) -> Result<()> {
    for message in header.all(kind::ATTRIBUTE) {
        let body = header.body_of(file, message)?;
        visit(body.address, &body.bytes)?;
    }
    let Some(body) = header.body(file, kind::ATTRIBUTE_INFO)? else {
        return Ok(());
    };
    let mut cursor = body.cursor("attribute info", file);
    cursor.version(0..=0)?;
    if cursor.u8()? & 1 != 0 {
        cursor.skip(2)?;
    }
    let (heap, names) = (cursor.address()?, cursor.address()?);
    if heap == UNDEFINED || names == UNDEFINED {
        return Ok(());
    }
    let heap = FractalHeap::read(file, heap)?;
    let mut allowance = Allowance::new("attributes of an object", file.allowance());
    btree2::records(file, names, &[ATTRIBUTES_BY_NAME], &mut |_, record| {
        let Some((id, [flags, ..])) = record.split_at_checked(HEAP_ID_BYTES) else {
            return Err(Error::malformed(
                WHAT,
                0,
                "records of attributes",
                record.len(),
            ));
        };
        if flags & 2 != 0 {
            let found = "one in the table of shared messages";
            return Err(Error::unsupported(
                WHAT,
                "an attribute of the object",
                found,
            ));
        }
        let (address, bytes) = heap.object(file, id)?;
        allowance.take(bytes.len() as u64)?;
        visit(address, &bytes)
    })
}

/// Reads an attribute; `None` if it is not the one that is looked for.
fn parse(
    file: &File,
    address: u64,
    bytes: &[u8],
    place: &str,
    wanted: Option<&str>,
) -> Result<Option<Attribute>> {
    let mut cursor = file.cursor(WHAT, address, bytes);
    let version = cursor.version(1..=3)?;
    let flags = cursor.u8()?;
    let name_len = usize::from(cursor.u16()?);
    let datatype_len = usize::from(cursor.u16()?);
    let dataspace_len = usize::from(cursor.u16()?);
    if version == 3 {
        cursor.skip(1)?;
    }
    let padded = |len: usize| {
        if version == 1 {
            len.next_multiple_of(8)
        } else {
            len
        }
    };
    let shared = |bit: u8| version > 1 && flags & bit != 0;
    let name = trimmed(cursor.bytes(padded(name_len))?);
    if wanted.is_some_and(|wanted| wanted != name) {
        return Ok(None);
    }
    let start = cursor.here();
    let part = cursor.bytes(padded(datatype_len))?;
    let mut inner = file.cursor("datatype", start, part);
    let datatype = if shared(1) {
        let body = file.read_shared(shared_address(&mut inner)?, kind::DATATYPE)?;
        Datatype::parse(&mut body.cursor("datatype", file))?
    } else {
        Datatype::parse(&mut inner)?
    };
    let start = cursor.here();
    let part = cursor.bytes(padded(dataspace_len))?;
    let mut inner = file.cursor("dataspace", start, part);
    let dataspace = if shared(2) {
        let body = file.read_shared(shared_address(&mut inner)?, kind::DATASPACE)?;
        Dataspace::parse(&mut body.cursor("dataspace", file))?
    } else {
        Dataspace::parse(&mut inner)?
    };
    let len = dataspace
        .elements()
        .and_then(|count| usize::try_from(count).ok()?.checked_mul(datatype.bytes()))
        .unwrap_or(usize::MAX);
    let stored = cursor.bytes(len)?.to_vec();
    let place = format!("{place}@{name}");
    Ok(Some(Attribute {
        name,
        values: Values::new(file.clone(), place, datatype, dataspace.shape, stored),
    }))
}
