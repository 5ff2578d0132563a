//! Object headers: the list of messages that describe a group, a dataset or a named datatype.
//!
//! Versions 1 and 2 with their continuation blocks. A message may stand in another object (a named
//! datatype); one in the table of shared messages is refused. The blocks of one header cannot hold more
//! bytes than the file.

use std::borrow::Cow;

use crate::checksum::lookup3;
use crate::cursor::Cursor;
use crate::error::{Error, Result};
use crate::file::File;

const WHAT: &str = "object header";
/// Bytes of one header: more than any program writes.
const MOST_BYTES: u64 = 64 << 20;
/// Read at once, in the hope that it is the whole header.
const FIRST_READ: u64 = 512;

const SHARED: u8 = 0x02;
const CONTINUATION: u16 = 0x10;

/// The messages that are read.
pub(crate) mod kind {
    pub(crate) const DATASPACE: u16 = 0x01;
    pub(crate) const LINK_INFO: u16 = 0x02;
    pub(crate) const DATATYPE: u16 = 0x03;
    pub(crate) const OLD_FILL: u16 = 0x04;
    pub(crate) const FILL: u16 = 0x05;
    pub(crate) const LINK: u16 = 0x06;
    pub(crate) const EXTERNAL_FILES: u16 = 0x07;
    pub(crate) const LAYOUT: u16 = 0x08;
    pub(crate) const GROUP_INFO: u16 = 0x0a;
    pub(crate) const FILTERS: u16 = 0x0b;
    pub(crate) const ATTRIBUTE: u16 = 0x0c;
    pub(crate) const SYMBOL_TABLE: u16 = 0x11;
    pub(crate) const ATTRIBUTE_INFO: u16 = 0x15;
    pub(super) const ALL: [u16; 13] = [
        DATASPACE,
        LINK_INFO,
        DATATYPE,
        OLD_FILL,
        FILL,
        LINK,
        EXTERNAL_FILES,
        LAYOUT,
        GROUP_INFO,
        FILTERS,
        ATTRIBUTE,
        SYMBOL_TABLE,
        ATTRIBUTE_INFO,
    ];
}

#[derive(Debug)]
pub(crate) struct ObjectHeader {
    pub(crate) address: u64,
    bytes: Vec<u8>,
    messages: Vec<Message>,
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Message {
    pub(crate) kind: u16,
    shared: bool,
    /// Where its body is among the bytes of the header.
    start: u32,
    len: u16,
    /// Where its body is in the file.
    address: u64,
}

impl Message {
    /// Whether its body says where the message is.
    pub(crate) fn is_shared(&self) -> bool {
        self.shared
    }
}

/// The body of a message, wherever it stands.
#[derive(Debug)]
pub(crate) struct Body<'a> {
    pub(crate) bytes: Cow<'a, [u8]>,
    pub(crate) address: u64,
}

impl Body<'_> {
    pub(crate) fn cursor(&self, what: &'static str, file: &File) -> Cursor<'_> {
        file.cursor(what, self.address, &self.bytes)
    }
}

impl ObjectHeader {
    pub(crate) fn read(file: &File, address: u64) -> Result<Self> {
        let head = file.read_up_to(address, FIRST_READ)?;
        let mut header = Self {
            address,
            bytes: Vec::new(),
            messages: Vec::new(),
        };
        if head.starts_with(b"OHDR") {
            header.read_v2(file, &head)?;
        } else {
            header.read_v1(file, &head)?;
        }
        Ok(header)
    }

    /// Bytes that the header takes in the file.
    pub(crate) fn len(&self) -> u64 {
        self.bytes.len() as u64
    }

    pub(crate) fn has(&self, kind: u16) -> bool {
        self.messages.iter().any(|message| message.kind == kind)
    }

    pub(crate) fn all(&self, kind: u16) -> impl Iterator<Item = &Message> {
        self.messages
            .iter()
            .filter(move |message| message.kind == kind)
    }

    /// The first message of a kind.
    pub(crate) fn body(&self, file: &File, kind: u16) -> Result<Option<Body<'_>>> {
        self.all(kind)
            .next()
            .map(|message| self.body_of(file, message))
            .transpose()
    }

    pub(crate) fn body_of(&self, file: &File, message: &Message) -> Result<Body<'_>> {
        let bytes = &self.bytes[message.start as usize..][..usize::from(message.len)];
        let here = Body {
            bytes: Cow::Borrowed(bytes),
            address: message.address,
        };
        if !message.shared {
            return Ok(here);
        }
        let mut cursor = here.cursor("shared message", file);
        let elsewhere = shared_address(&mut cursor)?;
        file.read_shared(elsewhere, message.kind)
    }

    fn read_v1(&mut self, file: &File, head: &[u8]) -> Result<()> {
        let mut cursor = file.cursor(WHAT, self.address, head);
        cursor.version(1..=1)?;
        cursor.skip(7)?;
        let size = cursor.u32()?.into();
        cursor.skip(4)?;
        let mut blocks = vec![(cursor.here(), size)];
        let mut next = 0;
        while let Some(&(start, size)) = blocks.get(next) {
            next += 1;
            let at = self.append(file, start, size)?;
            let mut rest = at;
            // A message takes at least its own header.
            while self.bytes.len() - rest >= 8 {
                let mut cursor = file.cursor(WHAT, start + (rest - at) as u64, &self.bytes[rest..]);
                let kind = cursor.u16()?;
                let len = cursor.u16()?;
                let flags = cursor.u8()?;
                cursor.skip(3)?;
                let address = cursor.here();
                let body = cursor.bytes(len.into())?;
                if kind == CONTINUATION {
                    let mut cursor = file.cursor(WHAT, address, body);
                    blocks.push((cursor.address()?, cursor.length()?));
                }
                self.add(kind, flags, rest + 8, len, address);
                rest += 8 + usize::from(len);
            }
        }
        Ok(())
    }

    fn read_v2(&mut self, file: &File, head: &[u8]) -> Result<()> {
        let mut cursor = file.cursor(WHAT, self.address, head);
        cursor.skip(4)?;
        cursor.version(2..=2)?;
        let flags = cursor.u8()?;
        if flags & 0x20 != 0 {
            cursor.skip(16)?;
        }
        if flags & 0x10 != 0 {
            cursor.skip(4)?;
        }
        let size = cursor.uint(1 << (flags & 3))?;
        let prefix = cursor.position();
        // With the creation order, a message header has two more bytes.
        let message_prefix = if flags & 0x04 != 0 { 6 } else { 4 };
        let whole = (prefix as u64).saturating_add(size).saturating_add(4);
        let mut blocks = vec![(self.address, whole)];
        let mut next = 0;
        while let Some(&(start, size)) = blocks.get(next) {
            next += 1;
            let at = self.append(file, start, size)?;
            let skipped = if next == 1 {
                prefix
            } else {
                if !self.bytes[at..].starts_with(b"OCHK") {
                    return Err(Error::malformed(WHAT, start, "the signature OCHK", "none"));
                }
                4
            };
            let end = (self.bytes.len() - 4).max(at);
            verify(WHAT, start, &self.bytes[at..])?;
            let mut rest = at + skipped;
            while end.saturating_sub(rest) >= message_prefix {
                let place = start + (rest - at) as u64;
                let mut cursor = file.cursor(WHAT, place, &self.bytes[rest..end]);
                let kind = cursor.u8()?.into();
                let len = cursor.u16()?;
                let flags = cursor.u8()?;
                cursor.skip(message_prefix - 4)?;
                let address = cursor.here();
                let body = cursor.bytes(len.into())?;
                if kind == CONTINUATION {
                    let mut cursor = file.cursor(WHAT, address, body);
                    blocks.push((cursor.address()?, cursor.length()?));
                }
                self.add(kind, flags, rest + message_prefix, len, address);
                rest += message_prefix + usize::from(len);
            }
        }
        Ok(())
    }

    /// Adds the bytes of a block and says where they begin.
    fn append(&mut self, file: &File, address: u64, len: u64) -> Result<usize> {
        let at = self.bytes.len();
        let most = file.len().min(MOST_BYTES);
        // Blocks that overlap would hold more than the file; one without a byte would be read for ever.
        if len < 8 || len.saturating_add(at as u64) > most {
            return Err(Error::malformed(
                WHAT,
                address,
                format!("a block of 8 to {} bytes", most.saturating_sub(at as u64)),
                len,
            ));
        }
        self.bytes.extend(file.read(WHAT, address, len)?);
        Ok(at)
    }

    fn add(&mut self, kind: u16, flags: u8, start: usize, len: u16, address: u64) {
        if kind::ALL.contains(&kind) {
            self.messages.push(Message {
                kind,
                shared: flags & SHARED != 0,
                start: start as u32,
                len,
                address,
            });
        }
    }
}

/// The object that holds a shared message.
pub(crate) fn shared_address(cursor: &mut Cursor<'_>) -> Result<u64> {
    let version = cursor.version(1..=3)?;
    let place = cursor.u8()?;
    match (version, place) {
        (1, _) => cursor.skip(6)?,
        (3, 1) => {
            return Err(Error::unsupported(
                format!("shared message at byte {}", cursor.here()),
                "a message in an object",
                "one in the table of shared messages",
            ));
        }
        _ => {}
    }
    cursor.address()
}

/// Compares the checksum in the last 4 bytes of a structure.
pub(crate) fn verify(what: &'static str, address: u64, bytes: &[u8]) -> Result<()> {
    let Some((covered, stored)) = bytes.split_last_chunk::<4>() else {
        return Err(Error::malformed(what, address, "a checksum", "no byte"));
    };
    let (expected, found) = (u32::from_le_bytes(*stored), lookup3(covered));
    if expected == found {
        return Ok(());
    }
    Err(Error::Checksum {
        what,
        address,
        expected,
        found,
    })
}
