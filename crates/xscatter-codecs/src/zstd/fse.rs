//! Finite state entropy: tables of states, and how a stream describes them.

use super::malformed;
use crate::error::Result;

/// The most states: 2⁹.
pub(super) const MAX_STATES: usize = 512;
const LEAST_LOG: u32 = 5;

/// Probabilities in units of 2^-log; −1 stands for less than one.
#[derive(Debug)]
pub(super) struct Distribution {
    pub(super) counts: [i16; 256],
    pub(super) symbols: usize,
    pub(super) log: u32,
}

/// What a state decodes to, and how the next one follows.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct State {
    pub(super) symbol: u8,
    pub(super) bits: u8,
    /// The next state less the bits that are read.
    pub(super) base: u16,
}

impl Distribution {
    /// Reads a description of at most `max_symbols` symbols: it and the bytes that it takes.
    pub(super) fn parse(bytes: &[u8], max_symbols: usize, max_log: u32) -> Result<(Self, usize)> {
        let mut at = 0;
        let peek = |at: usize, bits: u32| {
            let mut word = [0; 4];
            let rest = bytes.get(at / 8..).unwrap_or(&[]);
            let there = rest.len().min(4);
            word[..there].copy_from_slice(&rest[..there]);
            u32::from_le_bytes(word) >> (at % 8) & ((1 << bits) - 1)
        };
        let log = peek(at, 4) + LEAST_LOG;
        at += 4;
        if log > max_log {
            return Err(malformed("a smaller table of states", format!("2^{log}")));
        }
        let mut counts = [0; 256];
        let mut symbol = 0;
        let mut remaining = (1_i32 << log) + 1;
        let mut threshold = 1_i32 << log;
        let mut bits = log + 1;
        while remaining > 1 {
            if symbol >= max_symbols {
                return Err(malformed(
                    "fewer symbols",
                    "probabilities that do not add up",
                ));
            }
            // Small values take one bit less.
            let short = 2 * threshold - 1 - remaining;
            let value = peek(at, bits) as i32;
            let mut count = value & (threshold - 1);
            if count < short {
                at += bits as usize - 1;
            } else {
                count = value & (2 * threshold - 1);
                if count >= threshold {
                    count -= short;
                }
                at += bits as usize;
            }
            count -= 1;
            remaining -= count.abs();
            counts[symbol] = count as i16;
            symbol += 1;
            if count == 0 {
                loop {
                    let repeat = peek(at, 2) as usize;
                    at += 2;
                    symbol += repeat;
                    if repeat < 3 || symbol > max_symbols {
                        break;
                    }
                }
            }
            while remaining < threshold && bits > 1 {
                bits -= 1;
                threshold >>= 1;
            }
        }
        let taken = at.div_ceil(8);
        if remaining != 1 || symbol > max_symbols || taken > bytes.len() {
            return Err(malformed("probabilities that add up", "others"));
        }
        let distribution = Self {
            counts,
            symbols: symbol,
            log,
        };
        Ok((distribution, taken))
    }

    pub(super) fn predefined(counts: &[i16], log: u32) -> Self {
        let mut all = [0; 256];
        all[..counts.len()].copy_from_slice(counts);
        Self {
            counts: all,
            symbols: counts.len(),
            log,
        }
    }

    /// The states, of which there are 2^log.
    pub(super) fn states(&self) -> [State; MAX_STATES] {
        let mut states = [State::default(); MAX_STATES];
        let size = 1_usize << self.log;
        let mut next = [0_u16; 256];
        let mut high = size;
        for (symbol, &count) in self.counts[..self.symbols].iter().enumerate() {
            if count == -1 && high > 0 {
                high -= 1;
                states[high].symbol = symbol as u8;
                next[symbol] = 1;
            } else {
                next[symbol] = count.max(0) as u16;
            }
        }
        let step = (size >> 1) + (size >> 3) + 3;
        let mut at = 0;
        for (symbol, &count) in self.counts[..self.symbols].iter().enumerate() {
            for _ in 0..count.max(0) {
                states[at].symbol = symbol as u8;
                at = (at + step) & (size - 1);
                while at >= high && high > 0 {
                    at = (at + step) & (size - 1);
                }
            }
        }
        for state in &mut states[..size] {
            let number = &mut next[usize::from(state.symbol)];
            let value = u32::from((*number).max(1));
            *number = number.saturating_add(1);
            let bits = self.log.saturating_sub(value.ilog2());
            state.bits = bits as u8;
            state.base = (value << bits).saturating_sub(size as u32) as u16;
        }
        states
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn any_description_is_a_table_or_an_error(
            bytes in prop::collection::vec(any::<u8>(), 0..40),
            max_symbols in 1_usize..256,
        ) {
            if let Ok((distribution, taken)) = Distribution::parse(&bytes, max_symbols, 9) {
                prop_assert!(taken <= bytes.len());
                let size = 1 << distribution.log;
                for state in &distribution.states()[..size] {
                    prop_assert!(usize::from(state.base) + (1 << state.bits) <= size);
                }
            }
        }
    }
}
