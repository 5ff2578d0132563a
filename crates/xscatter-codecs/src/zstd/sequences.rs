//! The sequences of a block: so many literals, then a copy of so many bytes from so far back.

use super::backward::Backward;
use super::fse::{Distribution, MAX_STATES};
use super::literals::Literals;
use super::{CODEC, malformed, place, split, take};
use crate::error::{CodecError, Result};
use crate::lzf::copy_within;

/// A code for a length or distance: the value of its first, and the bits that are added.
type Meaning = (u32, u8);

#[rustfmt::skip]
const LITERAL_LENGTHS: [Meaning; 36] = [
    (0, 0), (1, 0), (2, 0), (3, 0), (4, 0), (5, 0), (6, 0), (7, 0), (8, 0), (9, 0), (10, 0), (11, 0),
    (12, 0), (13, 0), (14, 0), (15, 0), (16, 1), (18, 1), (20, 1), (22, 1), (24, 2), (28, 2), (32, 3),
    (40, 3), (48, 4), (64, 6), (128, 7), (256, 8), (512, 9), (1024, 10), (2048, 11), (4096, 12),
    (8192, 13), (16384, 14), (32768, 15), (65536, 16),
];
#[rustfmt::skip]
const COPY_LENGTHS: [Meaning; 53] = [
    (3, 0), (4, 0), (5, 0), (6, 0), (7, 0), (8, 0), (9, 0), (10, 0), (11, 0), (12, 0), (13, 0), (14, 0),
    (15, 0), (16, 0), (17, 0), (18, 0), (19, 0), (20, 0), (21, 0), (22, 0), (23, 0), (24, 0), (25, 0),
    (26, 0), (27, 0), (28, 0), (29, 0), (30, 0), (31, 0), (32, 0), (33, 0), (34, 0), (35, 1), (37, 1),
    (39, 1), (41, 1), (43, 2), (47, 2), (51, 3), (59, 3), (67, 4), (83, 4), (99, 5), (131, 7), (259, 8),
    (515, 9), (1027, 10), (2051, 11), (4099, 12), (8195, 13), (16387, 14), (32771, 15), (65539, 16),
];
/// The highest code of a distance: 2³¹ and 31 more bits.
const DISTANCES: usize = 32;

#[rustfmt::skip]
const PREDEFINED_LITERALS: [i16; 36] = [
    4, 3, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 1, 1, 1, 2, 2, 2, 2, 2, 2, 2, 2, 2, 3, 2, 1, 1, 1, 1, 1,
    -1, -1, -1, -1,
];
#[rustfmt::skip]
const PREDEFINED_COPIES: [i16; 53] = [
    1, 4, 3, 2, 2, 2, 2, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
    1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, -1, -1, -1, -1, -1, -1, -1,
];
#[rustfmt::skip]
const PREDEFINED_DISTANCES: [i16; 29] = [
    1, 1, 1, 1, 1, 1, 2, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, -1, -1, -1, -1, -1,
];

/// Bits that a refill makes ready.
const READY: u32 = 56;
/// Bytes that are copied at once where there is room.
const SHORT: usize = 16;

/// What a state stands for, and how the next one follows.
#[derive(Debug, Clone, Copy, Default)]
struct Entry {
    value: u32,
    base: u16,
    bits: u8,
    extra: u8,
}

/// The states of one of the three numbers of a sequence.
#[derive(Debug, Clone)]
struct Table {
    entries: Box<[Entry; MAX_STATES]>,
    log: u32,
}

/// Which of the three numbers.
#[derive(Debug, Clone, Copy)]
enum Number {
    LiteralLength,
    Distance,
    CopyLength,
}

impl Number {
    fn meaning(self, symbol: u8) -> Meaning {
        match self {
            Self::LiteralLength => LITERAL_LENGTHS[usize::from(symbol)],
            Self::CopyLength => COPY_LENGTHS[usize::from(symbol)],
            Self::Distance => (1 << (symbol % 32), symbol % 32),
        }
    }

    const fn symbols(self) -> usize {
        match self {
            Self::LiteralLength => LITERAL_LENGTHS.len(),
            Self::CopyLength => COPY_LENGTHS.len(),
            Self::Distance => DISTANCES,
        }
    }

    const fn max_log(self) -> u32 {
        match self {
            Self::LiteralLength | Self::CopyLength => 9,
            Self::Distance => 8,
        }
    }

    fn predefined(self) -> Distribution {
        match self {
            Self::LiteralLength => Distribution::predefined(&PREDEFINED_LITERALS, 6),
            Self::CopyLength => Distribution::predefined(&PREDEFINED_COPIES, 6),
            Self::Distance => Distribution::predefined(&PREDEFINED_DISTANCES, 5),
        }
    }
}

impl Table {
    fn new() -> Self {
        Self {
            entries: Box::new([Entry::default(); MAX_STATES]),
            log: 0,
        }
    }

    fn fill(&mut self, number: Number, distribution: &Distribution) {
        self.log = distribution.log;
        let states = distribution.states();
        for (entry, state) in self.entries.iter_mut().zip(&states[..1 << self.log]) {
            let (value, extra) = number.meaning(state.symbol);
            *entry = Entry {
                value,
                extra,
                base: state.base,
                bits: state.bits,
            };
        }
    }

    #[inline]
    fn entry(&self, state: usize) -> Entry {
        self.entries[state % MAX_STATES]
    }
}

/// One number of the sequences of a frame.
#[derive(Debug)]
struct Coder {
    number: Number,
    predefined: Table,
    own: Table,
    /// Which of the two the block before used; `None` at the start of a frame.
    uses_own: Option<bool>,
}

impl Coder {
    fn new(number: Number) -> Self {
        let mut predefined = Table::new();
        predefined.fill(number, &number.predefined());
        Self {
            number,
            predefined,
            own: Table::new(),
            uses_own: None,
        }
    }

    /// Reads the table for a block and gives what follows it.
    fn parse<'a>(&mut self, mode: u8, bytes: &'a [u8]) -> Result<&'a [u8]> {
        match mode & 3 {
            0 => {
                self.uses_own = Some(false);
                Ok(bytes)
            }
            1 => {
                let ([symbol], rest) = split::<1>(bytes)?;
                if usize::from(symbol) >= self.number.symbols() {
                    return Err(malformed("a code of a length or distance", symbol));
                }
                let (value, extra) = self.number.meaning(symbol);
                self.own.log = 0;
                self.own.entries[0] = Entry {
                    value,
                    extra,
                    base: 0,
                    bits: 0,
                };
                self.uses_own = Some(true);
                Ok(rest)
            }
            2 => {
                let (symbols, max_log) = (self.number.symbols(), self.number.max_log());
                let (distribution, taken) = Distribution::parse(bytes, symbols, max_log)?;
                self.own.fill(self.number, &distribution);
                self.uses_own = Some(true);
                Ok(take(bytes, taken)?.1)
            }
            _ if self.uses_own.is_some() => Ok(bytes),
            _ => Err(malformed("a table in an earlier block", "none")),
        }
    }

    fn table(&self) -> &Table {
        if self.uses_own == Some(true) {
            &self.own
        } else {
            &self.predefined
        }
    }
}

/// The tables of a frame and its last three distances.
#[derive(Debug)]
pub(super) struct Sequences {
    literal_length: Coder,
    distance: Coder,
    copy_length: Coder,
    recent: [usize; 3],
}

const FIRST_RECENT: [usize; 3] = [1, 4, 8];

impl Default for Sequences {
    fn default() -> Self {
        Self {
            literal_length: Coder::new(Number::LiteralLength),
            distance: Coder::new(Number::Distance),
            copy_length: Coder::new(Number::CopyLength),
            recent: FIRST_RECENT,
        }
    }
}

impl Sequences {
    /// Forgets the frame before.
    pub(super) fn reset(&mut self) {
        for coder in [
            &mut self.literal_length,
            &mut self.distance,
            &mut self.copy_length,
        ] {
            coder.uses_own = None;
        }
        self.recent = FIRST_RECENT;
    }

    /// Decodes the sequences behind the literals of a block into `out` from `at` on, and says where
    /// the block ends.
    pub(super) fn execute(
        &mut self,
        bytes: &[u8],
        literals: &Literals,
        out: &mut [u8],
        at: usize,
    ) -> Result<usize> {
        let (count, rest) = count(bytes)?;
        let mut literals = literals.bytes();
        let mut at = at;
        if count > 0 {
            let ([modes], rest) = split::<1>(rest)?;
            let rest = self.literal_length.parse(modes >> 6, rest)?;
            let rest = self.distance.parse(modes >> 4, rest)?;
            let rest = self.copy_length.parse(modes >> 2, rest)?;
            (literals, at) = self.run(count, Backward::new(rest)?, literals, out, at)?;
        }
        place(out, at, literals.len())?.copy_from_slice(literals);
        Ok(at + literals.len())
    }

    fn run<'a>(
        &mut self,
        count: usize,
        mut reader: Backward<'_>,
        mut literals: &'a [u8],
        out: &mut [u8],
        mut at: usize,
    ) -> Result<(&'a [u8], usize)> {
        let lengths = self.literal_length.table();
        let distances = self.distance.table();
        let copies = self.copy_length.table();
        let mut recent = self.recent;
        let mut length_state = reader.read(lengths.log) as usize;
        let mut distance_state = reader.read(distances.log) as usize;
        let mut copy_state = reader.read(copies.log) as usize;
        for index in 0..count {
            let length = lengths.entry(length_state);
            let distance = distances.entry(distance_state);
            let copy = copies.entry(copy_state);
            reader.refill();
            let extra = u32::from(length.extra) + u32::from(distance.extra) + u32::from(copy.extra);
            let distance_value =
                distance.value as usize + reader.read(distance.extra.into()) as usize;
            // Three states take up to 26 bits: rarely more than one refill is needed.
            if extra > READY - 26 {
                reader.refill();
            }
            let copy_length = copy.value as usize + reader.read(copy.extra.into()) as usize;
            let literal_length = length.value as usize + reader.read(length.extra.into()) as usize;
            if extra > READY - 26 {
                reader.refill();
            }
            if index + 1 < count {
                length_state = usize::from(length.base) + reader.read(length.bits.into()) as usize;
                copy_state = usize::from(copy.base) + reader.read(copy.bits.into()) as usize;
                distance_state =
                    usize::from(distance.base) + reader.read(distance.bits.into()) as usize;
            }
            if literals.len() < literal_length {
                return Err(malformed("as many literals", literals.len()));
            }
            let end = at + literal_length + copy_length;
            if end > out.len() {
                return Err(CodecError::wrong_size(CODEC, out.len(), end));
            }
            let distance = resolve(&mut recent, distance_value, literal_length);
            copy_literals(out, at, literals, literal_length);
            literals = &literals[literal_length..];
            at += literal_length;
            if distance == 0 || distance > at {
                return Err(CodecError::malformed(
                    CODEC,
                    "a copy of decoded bytes",
                    format!("a distance of {distance} at byte {at}"),
                ));
            }
            copy_match(out, at, distance, copy_length);
            at = end;
        }
        if reader.left() != 0 {
            return Err(malformed("a stream of as many sequences", reader.left()));
        }
        self.recent = recent;
        Ok((literals, at))
    }
}

/// The number of sequences, and what follows it.
fn count(bytes: &[u8]) -> Result<(usize, &[u8])> {
    let ([first], rest) = split::<1>(bytes)?;
    match first {
        0 if rest.is_empty() => Ok((0, rest)),
        0 => Err(malformed("no bytes behind no sequences", rest.len())),
        1..128 => Ok((first.into(), rest)),
        128..255 => {
            let ([second], rest) = split::<1>(rest)?;
            Ok(((usize::from(first) - 128) << 8 | usize::from(second), rest))
        }
        255 => {
            let (number, rest) = split::<2>(rest)?;
            Ok((usize::from(u16::from_le_bytes(number)) + 0x7f00, rest))
        }
    }
}

/// A distance from its stored value: one of the last three, or three more than itself.
#[inline]
fn resolve(recent: &mut [usize; 3], value: usize, literal_length: usize) -> usize {
    let [first, second, third] = *recent;
    if value > 3 {
        *recent = [value - 3, first, second];
        return value - 3;
    }
    // Without literals the first is the second, and the last is one less than the first.
    match value + usize::from(literal_length == 0) {
        0 | 1 => first,
        2 => {
            *recent = [second, first, third];
            second
        }
        3 => {
            *recent = [third, first, second];
            third
        }
        _ => {
            *recent = [first - 1, first, second];
            first - 1
        }
    }
}

/// Copies literals; a few more are overwritten later.
#[inline]
fn copy_literals(out: &mut [u8], at: usize, literals: &[u8], length: usize) {
    if length <= SHORT
        && let Some(place) = out.get_mut(at..at + SHORT)
        && let Some(source) = literals.first_chunk::<SHORT>()
    {
        place.copy_from_slice(source);
    } else {
        out[at..at + length].copy_from_slice(&literals[..length]);
    }
}

/// Copies what was decoded; a few more bytes are overwritten later.
#[inline]
fn copy_match(out: &mut [u8], at: usize, distance: usize, length: usize) {
    if length <= SHORT && distance >= SHORT && at + SHORT <= out.len() {
        out.copy_within(at - distance..at - distance + SHORT, at);
    } else {
        copy_within(out, at, distance, length);
    }
}
