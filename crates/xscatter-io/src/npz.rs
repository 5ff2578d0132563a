//! npz: a zip archive of numpy arrays, as `numpy.savez` and `savez_compressed` write it.
//!
//! Every member of two or three dimensions gives its frames, in the order of the archive; its name
//! stands in the header as `member`. Members of other dimensions, or of other types than numbers, are
//! passed over. A stored member is read in place; a deflated one is unpacked from its start for every
//! frame. The checksum of a member with a single frame is compared; a wrong one is a warning.

use std::io::Read;
use std::sync::Arc;

use flate2::Crc;
use flate2::read::DeflateDecoder;
use xscatter_core::{Error, ErrorKind, Result};

use crate::blob::{Blob, Bytes};
use crate::config::ReadConfig;
use crate::header::{self, Header};
use crate::limits::Limits;
use crate::npy;
use crate::open::{About, Opened, ReadFrame};
use crate::pixels::Pixels;

mod directory;

use directory::Member;

/// Deflate shrinks at most so much; a member that claims more is lying.
const MAX_RATIO: u64 = 1032;
/// Bytes in which the header of an array must end.
const MAX_HEADER: u64 = 1 << 16;

pub(crate) fn sniff(head: &[u8]) -> bool {
    head.starts_with(b"PK\x03\x04")
}

struct Npz {
    blob: Blob,
    arrays: Vec<Array>,
    /// For each array the number of frames up to its end.
    ends: Vec<usize>,
}

struct Array {
    member: Member,
    layout: npy::Layout,
    header: Arc<Header>,
}

pub(crate) fn open(blob: &Blob, config: &ReadConfig) -> Result<Opened> {
    let limits = &config.limits;
    let archive = blob.open()?;
    let mut arrays = Vec::new();
    let mut ends = Vec::new();
    let mut frames = 0_u64;
    let mut passed_over = Vec::new();
    for member in directory::read(&archive, limits)? {
        let name = member.name.clone();
        match array(&archive, member, limits) {
            Ok(array) => {
                frames += array.layout.frames as u64;
                ends.push(limits.check_frames(frames)?);
                arrays.push(array);
            }
            Err(error) if error.kind() == ErrorKind::Unsupported => {
                passed_over.push(format!("{name}: {}", error.message()));
            }
            Err(error) => return Err(error.at(format!("member {name}"))),
        }
    }
    let Some(first) = arrays.first() else {
        return Err(Error::new(
            ErrorKind::Unsupported,
            format!(
                "expected a detector image, found a zip archive without one ({})",
                match passed_over.len() {
                    0 => "it is empty".to_owned(),
                    1..=3 => passed_over.join("; "),
                    more => format!("{}; and {} more", passed_over[0], more - 1),
                }
            ),
        ));
    };
    Ok(Opened {
        shape: first.layout.shape,
        dtype: first.layout.dtype,
        frames: frames as usize,
        linked: Vec::new(),
        reader: Box::new(Npz {
            blob: blob.clone(),
            arrays,
            ends,
        }),
    })
}

fn array(archive: &Bytes, member: Member, limits: &Limits) -> Result<Array> {
    // numpy itself writes the ending in small letters.
    let Some(name) = member.name.strip_suffix(".npy").map(header::value) else {
        return Err(Error::new(
            ErrorKind::Unsupported,
            "expected an array (.npy), found another file",
        ));
    };
    if member.is_deflated && member.bytes / MAX_RATIO > member.packed_bytes {
        return Err(Error::new(
            ErrorKind::Malformed,
            format!(
                "expected {} bytes, found {} deflated ones, which cannot hold them",
                member.bytes, member.packed_bytes
            ),
        ));
    }
    let mut head = vec![0; member.bytes.min(MAX_HEADER) as usize];
    read_into(archive, &member, 0, &mut head)?;
    if !npy::sniff(&head) {
        return Err(Error::new(
            ErrorKind::Unsupported,
            "expected an array (.npy), found other bytes",
        ));
    }
    let layout = npy::Layout::read(&Bytes::Memory(Arc::new(head)), limits)?;
    layout.check(member.bytes)?;
    Ok(Array {
        header: Arc::new([("member".to_owned(), name)].into()),
        member,
        layout,
    })
}

/// Reads unpacked bytes of a member from `offset`.
fn read_into(archive: &Bytes, member: &Member, offset: u64, out: &mut [u8]) -> Result<()> {
    if !member.is_deflated {
        return archive.read_into(member.offset + offset, out);
    }
    let mut unpacked = DeflateDecoder::new(Packed {
        archive,
        offset: member.offset,
        end: member.offset + member.packed_bytes,
    });
    let failed = |error: std::io::Error| {
        let kind = match error.kind() {
            std::io::ErrorKind::UnexpectedEof => ErrorKind::Truncated,
            _ => ErrorKind::Malformed,
        };
        Error::new(kind, format!("expected a whole deflate stream: {error}"))
    };
    let skipped = std::io::copy(&mut (&mut unpacked).take(offset), &mut std::io::sink());
    skipped.map_err(failed)?;
    unpacked.read_exact(out).map_err(failed)
}

/// The packed bytes of a member, read as they are needed.
struct Packed<'a> {
    archive: &'a Bytes,
    offset: u64,
    end: u64,
}

impl Read for Packed<'_> {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        let len = (self.end - self.offset).min(out.len() as u64) as usize;
        self.archive
            .read_into(self.offset, &mut out[..len])
            .map_err(std::io::Error::other)?;
        self.offset += len as u64;
        Ok(len)
    }
}

impl Npz {
    /// The array of a frame, and which of its frames it is.
    fn locate(&self, index: usize) -> (&Array, usize) {
        let place = self.ends.partition_point(|&end| end <= index);
        let start = if place == 0 { 0 } else { self.ends[place - 1] };
        (&self.arrays[place], index - start)
    }
}

impl ReadFrame for Npz {
    fn about(&self, index: usize) -> Result<About> {
        Ok(About {
            header: Arc::clone(&self.locate(index).0.header),
            policy: npy::POLICY,
            ..Default::default()
        })
    }

    fn pixels(&self, index: usize, pixels: &mut Pixels) -> Result<Option<String>> {
        let (Array { member, layout, .. }, frame) = self.locate(index);
        let at = |error: Error| error.at(format!("member {}", member.name));
        let archive = self.blob.open()?;
        let mut warning = None;
        layout
            .fill(pixels, |out| {
                read_into(&archive, member, layout.frame_offset(frame), out)?;
                if member.bytes == layout.data_offset + out.len() as u64 {
                    let mut header = vec![0; layout.data_offset as usize];
                    read_into(&archive, member, 0, &mut header)?;
                    let mut crc = Crc::new();
                    crc.update(&header);
                    crc.update(out);
                    warning = (crc.sum() != member.crc32).then(|| {
                        format!(
                            "CRC-32 of the member {}: expected {:08x}, found {:08x}",
                            member.name,
                            member.crc32,
                            crc.sum()
                        )
                    });
                }
                Ok(())
            })
            .map_err(at)?;
        Ok(warning)
    }
}
