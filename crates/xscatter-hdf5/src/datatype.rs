//! Datatypes: what the bytes of one element mean.
//!
//! Message versions 1 to 5. Classes within classes (arrays of compounds of enumerations) are read to a
//! depth that no program reaches.

use std::fmt;

use crate::cursor::{Cursor, trimmed};
use crate::error::Result;

/// Deepest nesting that is followed.
const DEEPEST: usize = 16;

/// Which byte of a number stands first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ByteOrder {
    /// Least significant byte first.
    Little,
    /// Most significant byte first.
    Big,
}

/// What an element is.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Datatype {
    /// An integer; only those of 1, 2, 4 or 8 whole bytes are turned into numbers.
    Integer {
        /// Size.
        bytes: usize,
        /// Whether it is in two's complement.
        signed: bool,
        /// Byte order.
        order: ByteOrder,
        /// Whether all its bits belong to the number.
        whole: bool,
    },
    /// A float; IEEE 754 if it has 4 or 8 bytes and `ieee` is set.
    Float {
        /// Size.
        bytes: usize,
        /// Byte order.
        order: ByteOrder,
        /// Whether sign, exponent and mantissa lie as in IEEE 754.
        ieee: bool,
    },
    /// A text of fixed length, filled with NULs or blanks.
    String {
        /// Size.
        bytes: usize,
        /// Whether blanks fill it, as in Fortran.
        blanks: bool,
    },
    /// Elements of varying number: a text, or a sequence of elements of a type.
    VarLen {
        /// Whether it is a text.
        is_text: bool,
        /// The size in the dataset itself.
        bytes: usize,
        /// What the elements are.
        base: Box<Datatype>,
    },
    /// Named values.
    Enum {
        /// The integer that stands for them.
        base: Box<Datatype>,
        /// The name and the value of each.
        members: Vec<(String, i64)>,
    },
    /// A record.
    Compound {
        /// Size.
        bytes: usize,
        /// Its fields.
        members: Vec<Member>,
    },
    /// An array of elements.
    Array {
        /// Elements along each axis.
        shape: Vec<u32>,
        /// Size of the whole array.
        bytes: usize,
        /// What the elements are.
        base: Box<Datatype>,
    },
    /// A reference to an object or a region.
    Reference {
        /// Size.
        bytes: usize,
    },
    /// Bytes without a meaning for HDF5.
    Opaque {
        /// Size.
        bytes: usize,
        /// What a program calls them.
        tag: String,
    },
    /// A time, a field of bits, a complex number.
    Other {
        /// Size.
        bytes: usize,
        /// Its number in the format.
        class: u8,
    },
}

/// A field of a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Its name.
    pub name: String,
    /// Where it begins in the record.
    pub offset: usize,
    /// What it is.
    pub datatype: Datatype,
}

impl Datatype {
    /// The size of an element in the dataset.
    pub fn bytes(&self) -> usize {
        match self {
            Self::Integer { bytes, .. }
            | Self::Float { bytes, .. }
            | Self::String { bytes, .. }
            | Self::VarLen { bytes, .. }
            | Self::Compound { bytes, .. }
            | Self::Array { bytes, .. }
            | Self::Reference { bytes }
            | Self::Opaque { bytes, .. }
            | Self::Other { bytes, .. } => *bytes,
            Self::Enum { base, .. } => base.bytes(),
        }
    }

    /// Whether it is what h5py writes for booleans: an enumeration of FALSE and TRUE.
    pub fn is_bool(&self) -> bool {
        let Self::Enum { base, members } = self else {
            return false;
        };
        let has = |name: &str, value| members.iter().any(|(n, v)| n == name && *v == value);
        base.bytes() == 1 && members.len() == 2 && has("FALSE", 0) && has("TRUE", 1)
    }

    /// Whether it is a text, of fixed or varying length.
    pub fn is_text(&self) -> bool {
        matches!(
            self,
            Self::String { .. } | Self::VarLen { is_text: true, .. }
        )
    }

    pub(crate) fn parse(cursor: &mut Cursor<'_>) -> Result<Self> {
        parse(cursor, 0)
    }
}

impl fmt::Display for Datatype {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Integer { bytes, signed, .. } => {
                write!(f, "{}int{}", if *signed { "" } else { "u" }, bytes * 8)
            }
            Self::Float { bytes, .. } => write!(f, "float{}", bytes * 8),
            Self::String { bytes, .. } => write!(f, "text of {bytes} bytes"),
            Self::VarLen { is_text: true, .. } => f.write_str("text"),
            Self::VarLen { base, .. } => write!(f, "sequences of {base}"),
            Self::Enum { .. } if self.is_bool() => f.write_str("bool"),
            Self::Enum { base, .. } => write!(f, "enumeration of {base}"),
            Self::Compound { members, .. } => {
                let names: Vec<_> = members.iter().map(|member| member.name.as_str()).collect();
                write!(f, "compound of {}", names.join(", "))
            }
            Self::Array { shape, base, .. } => write!(f, "array {shape:?} of {base}"),
            Self::Reference { .. } => f.write_str("reference"),
            Self::Opaque { bytes, .. } => write!(f, "{bytes} opaque bytes"),
            Self::Other { class, .. } => write!(f, "datatype of class {class}"),
        }
    }
}

fn parse(cursor: &mut Cursor<'_>, depth: usize) -> Result<Datatype> {
    let start = cursor.clone();
    let head = cursor.u8()?;
    let (version, class) = (head >> 4, head & 0x0f);
    if !(1..=5).contains(&version) {
        return Err(start.malformed("a datatype of version 1 to 5", version));
    }
    if depth > DEEPEST {
        return Err(start.malformed("datatypes less deep in each other", depth));
    }
    let flags = cursor.uint(3)? as u32;
    let bytes = cursor.u32()? as usize;
    if bytes == 0 {
        return Err(start.malformed("elements of at least one byte", bytes));
    }
    let order = if flags & 1 == 0 {
        ByteOrder::Little
    } else {
        ByteOrder::Big
    };
    Ok(match class {
        0 => {
            let (offset, precision) = (cursor.u16()?, cursor.u16()?);
            Datatype::Integer {
                bytes,
                signed: flags & 8 != 0,
                order,
                whole: offset == 0 && usize::from(precision) == bytes.saturating_mul(8),
            }
        }
        1 => {
            let (offset, precision) = (cursor.u16()?, cursor.u16()?);
            let (exponent_at, exponent) = (cursor.u8()?, cursor.u8()?);
            let (mantissa_at, mantissa) = (cursor.u8()?, cursor.u8()?);
            let bias = cursor.u32()?;
            let parts = (exponent_at, exponent, mantissa_at, mantissa, bias);
            let ieee = match bytes {
                2 => parts == (10, 5, 0, 10, 15),
                4 => parts == (23, 8, 0, 23, 127),
                8 => parts == (52, 11, 0, 52, 1023),
                _ => false,
            };
            // Bit 6 with bit 0 is the order of a VAX.
            let plain = offset == 0 && usize::from(precision) == bytes * 8 && flags & 0x40 == 0;
            Datatype::Float {
                bytes,
                order,
                ieee: ieee && plain,
            }
        }
        2 => {
            cursor.skip(2)?;
            Datatype::Other { bytes, class }
        }
        3 => Datatype::String {
            bytes,
            blanks: flags & 0x0f == 2,
        },
        4 => {
            cursor.skip(4)?;
            Datatype::Other { bytes, class }
        }
        5 => {
            let tag = trimmed(cursor.bytes((flags & 0xff) as usize)?);
            Datatype::Opaque { bytes, tag }
        }
        6 => {
            let mut members = Vec::new();
            for _ in 0..flags & 0xffff {
                members.push(member(cursor, version, bytes, depth)?);
            }
            Datatype::Compound { bytes, members }
        }
        7 => Datatype::Reference { bytes },
        8 => enumeration(cursor, version, flags & 0xffff, depth)?,
        9 => Datatype::VarLen {
            is_text: flags & 0x0f == 1,
            bytes,
            base: Box::new(parse(cursor, depth + 1)?),
        },
        10 => {
            let rank = cursor.u8()?;
            if version < 3 {
                cursor.skip(3)?;
            }
            let shape: Vec<u32> = (0..rank).map(|_| cursor.u32()).collect::<Result<_>>()?;
            if version < 3 {
                cursor.skip(4 * usize::from(rank))?;
            }
            let base = Box::new(parse(cursor, depth + 1)?);
            let whole = shape.iter().try_fold(base.bytes(), |product, &count| {
                product.checked_mul(count as usize)
            });
            if whole != Some(bytes) {
                return Err(
                    start.malformed(format!("an array of {bytes} bytes"), format!("{shape:?}"))
                );
            }
            Datatype::Array { shape, bytes, base }
        }
        11 => {
            parse(cursor, depth + 1)?;
            Datatype::Other { bytes, class }
        }
        _ => return Err(start.malformed("a datatype of class 0 to 11", class)),
    })
}

fn member(cursor: &mut Cursor<'_>, version: u8, size: usize, depth: usize) -> Result<Member> {
    let name = name(cursor, version)?;
    let offset = if version < 3 {
        cursor.u32()? as usize
    } else {
        // As few bytes as the size of the record needs.
        let bits = usize::BITS - size.leading_zeros();
        cursor.uint(bits.div_ceil(8).clamp(1, 4) as usize)? as usize
    };
    let mut shape = Vec::new();
    if version == 1 {
        let rank = cursor.u8()?;
        cursor.skip(3 + 4 + 4)?;
        let dims = [cursor.u32()?, cursor.u32()?, cursor.u32()?, cursor.u32()?];
        shape = dims[..usize::from(rank).min(4)].to_vec();
    }
    let mut datatype = parse(cursor, depth + 1)?;
    if !shape.is_empty() {
        let bytes = shape
            .iter()
            .try_fold(datatype.bytes(), |product, &count| {
                product.checked_mul(count as usize)
            })
            .ok_or_else(|| cursor.malformed("an array within the record", format!("{shape:?}")))?;
        datatype = Datatype::Array {
            shape,
            bytes,
            base: Box::new(datatype),
        };
    }
    if offset
        .checked_add(datatype.bytes())
        .is_none_or(|end| end > size)
    {
        return Err(cursor.malformed(format!("a field within {size} bytes"), offset));
    }
    Ok(Member {
        name,
        offset,
        datatype,
    })
}

fn enumeration(cursor: &mut Cursor<'_>, version: u8, count: u32, depth: usize) -> Result<Datatype> {
    let base = parse(cursor, depth + 1)?;
    let Datatype::Integer {
        bytes: bytes @ 1..=8,
        signed,
        order,
        ..
    } = base
    else {
        return Err(cursor.malformed("an enumeration of integers", base));
    };
    let names: Vec<String> = (0..count)
        .map(|_| name(cursor, version))
        .collect::<Result<_>>()?;
    let mut members = Vec::with_capacity(names.len());
    for name in names {
        let mut value = [0; 8];
        let stored = cursor.bytes(bytes)?;
        value[..bytes].copy_from_slice(stored);
        if order == ByteOrder::Big {
            value[..bytes].reverse();
        }
        if signed && value[bytes - 1] & 0x80 != 0 {
            value[bytes..].fill(0xff);
        }
        members.push((name, i64::from_le_bytes(value)));
    }
    Ok(Datatype::Enum {
        base: Box::new(base),
        members,
    })
}

/// The name of a field or a value; before version 3 it fills a multiple of 8 bytes.
fn name(cursor: &mut Cursor<'_>, version: u8) -> Result<String> {
    let before = cursor.position();
    let name = cursor.text()?;
    if version < 3 {
        let taken = cursor.position() - before;
        cursor.skip(taken.next_multiple_of(8) - taken)?;
    }
    Ok(name)
}
