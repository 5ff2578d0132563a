//! The Huffman code of literals.

use super::backward::Backward;
use super::fse::{Distribution, MAX_STATES};
use super::{malformed, take};
use crate::error::Result;

/// The longest code.
const MAX_BITS: u32 = 11;
/// The most states of the table that describes the lengths: 2⁶.
const MAX_LOG: u32 = 6;
/// The lengths of all symbols but the last, which follows from the others.
const MAX_WEIGHTS: usize = 255;
const MAX_WEIGHT: u8 = 12;
/// Symbols that are decoded between two refills of 56 bits.
const BATCH: usize = 5;

/// What the next bits of a stream stand for.
#[derive(Debug, Clone, Copy, Default)]
struct Code {
    symbol: u8,
    bits: u8,
}

/// A Huffman code.
#[derive(Debug)]
pub(super) struct Huffman {
    codes: [Code; 1 << MAX_BITS],
    bits: u32,
}

impl Default for Huffman {
    fn default() -> Self {
        Self {
            codes: [Code::default(); 1 << MAX_BITS],
            bits: 0,
        }
    }
}

impl Huffman {
    /// Forgets the code.
    pub(super) fn reset(&mut self) {
        self.bits = 0;
    }

    /// Whether there is a code.
    pub(super) fn is_set(&self) -> bool {
        self.bits > 0
    }

    /// Reads the description of a code and gives what follows it.
    pub(super) fn parse<'a>(&mut self, bytes: &'a [u8]) -> Result<&'a [u8]> {
        let ([head], rest) = super::split::<1>(bytes)?;
        let mut weights = [0; MAX_WEIGHTS + 1];
        let head = usize::from(head);
        let (count, rest) = if head >= 128 {
            let count = head - 127;
            let (packed, rest) = take(rest, count.div_ceil(2))?;
            for (pair, byte) in weights.chunks_mut(2).zip(packed) {
                pair[0] = byte >> 4;
                pair[1] = byte & 0xf;
            }
            (count, rest)
        } else {
            let (packed, rest) = take(rest, head)?;
            (unpacked(packed, &mut weights)?, rest)
        };
        self.build(&mut weights, count)?;
        Ok(rest)
    }

    /// Symbols of a higher weight have shorter codes.
    fn build(&mut self, weights: &mut [u8; MAX_WEIGHTS + 1], count: usize) -> Result<()> {
        self.reset();
        // Places in the table: a symbol of weight w takes 2^(w-1) of them.
        let mut first = [0_usize; MAX_WEIGHT as usize + 2];
        let mut total = 0_usize;
        for weight in &mut weights[..count] {
            if *weight > MAX_WEIGHT {
                return Err(malformed("weights up to 12", weight));
            }
            total += (1 << *weight) >> 1;
        }
        let bits = total.checked_ilog2().map_or(0, |log| log + 1);
        if bits == 0 || bits > MAX_BITS {
            return Err(malformed("codes of 1 to 11 bits", bits));
        }
        let rest = (1 << bits) - total;
        if !rest.is_power_of_two() {
            return Err(malformed("weights that make a code", "others"));
        }
        weights[count] = rest.ilog2() as u8 + 1;
        let weights = &weights[..=count];
        for &weight in weights {
            first[usize::from(weight) + 1] += (1 << weight) >> 1;
        }
        for weight in 1..first.len() {
            first[weight] += first[weight - 1];
        }
        for (symbol, &weight) in weights
            .iter()
            .enumerate()
            .filter(|(_, weight)| **weight > 0)
        {
            let places = (1 << weight) >> 1;
            let start = &mut first[usize::from(weight)];
            let code = Code {
                symbol: symbol as u8,
                bits: (bits + 1).saturating_sub(weight.into()) as u8,
            };
            self.codes[*start..*start + places].fill(code);
            *start += places;
        }
        self.bits = bits;
        Ok(())
    }

    /// Decodes one stream that fills `out`.
    pub(super) fn decode(&self, bytes: &[u8], out: &mut [u8]) -> Result<()> {
        let mut reader = Backward::new(bytes)?;
        self.finish(&mut reader, out)
    }

    /// Decodes four streams side by side, each into its part of `out`.
    pub(super) fn decode_four(&self, streams: [&[u8]; 4], out: &mut [u8]) -> Result<()> {
        let part = out.len().div_ceil(4);
        if 3 * part > out.len() {
            return Err(malformed("literals for four streams", out.len()));
        }
        let (first, rest) = out.split_at_mut(part);
        let (second, rest) = rest.split_at_mut(part);
        let (third, fourth) = rest.split_at_mut(part);
        let mut readers = [
            Backward::new(streams[0])?,
            Backward::new(streams[1])?,
            Backward::new(streams[2])?,
            Backward::new(streams[3])?,
        ];
        let batches = fourth.len() / BATCH;
        {
            let [a, b, c, d] = &mut readers;
            let first = first.as_chunks_mut::<BATCH>().0.iter_mut();
            let second = second.as_chunks_mut::<BATCH>().0.iter_mut();
            let third = third.as_chunks_mut::<BATCH>().0.iter_mut();
            let fourth = fourth.as_chunks_mut::<BATCH>().0.iter_mut();
            for (((first, second), third), fourth) in first.zip(second).zip(third).zip(fourth) {
                a.refill();
                b.refill();
                c.refill();
                d.refill();
                for at in 0..BATCH {
                    first[at] = self.symbol(a);
                    second[at] = self.symbol(b);
                    third[at] = self.symbol(c);
                    fourth[at] = self.symbol(d);
                }
            }
        }
        let done = batches * BATCH;
        let parts = [first, second, third, fourth];
        for (reader, part) in readers.iter_mut().zip(parts) {
            self.finish(reader, &mut part[done..])?;
        }
        Ok(())
    }

    fn finish(&self, reader: &mut Backward<'_>, out: &mut [u8]) -> Result<()> {
        for batch in out.chunks_mut(BATCH) {
            reader.refill();
            for symbol in batch {
                *symbol = self.symbol(reader);
            }
        }
        if reader.left() != 0 {
            return Err(malformed("a stream of as many literals", reader.left()));
        }
        Ok(())
    }

    #[inline]
    fn symbol(&self, reader: &mut Backward<'_>) -> u8 {
        const PLACES: usize = (1 << MAX_BITS) - 1;
        let code = self.codes[reader.peek(self.bits) as usize & PLACES];
        reader.consume(code.bits.into());
        code.symbol
    }
}

/// Weights that are themselves packed by finite state entropy, with two states in turn.
fn unpacked(bytes: &[u8], weights: &mut [u8; MAX_WEIGHTS + 1]) -> Result<usize> {
    let (distribution, taken) = Distribution::parse(bytes, MAX_WEIGHTS + 1, MAX_LOG)?;
    let states = distribution.states();
    let mut reader = Backward::new(&bytes[taken..])?;
    let mut turn = [0; 2];
    for state in &mut turn {
        *state = reader.read(distribution.log) as usize;
    }
    for count in 0..MAX_WEIGHTS {
        reader.refill();
        let current = states[turn[count % 2] % MAX_STATES];
        weights[count] = current.symbol;
        if reader.left() < i64::from(current.bits) {
            // The other state is the last one.
            let Some(last) = weights[..MAX_WEIGHTS].get_mut(count + 1) else {
                break;
            };
            *last = states[turn[(count + 1) % 2] % MAX_STATES].symbol;
            return Ok(count + 2);
        }
        turn[count % 2] = usize::from(current.base) + reader.read(current.bits.into()) as usize;
    }
    Err(malformed("at most 255 weights", "more"))
}
