//! Which vector instructions the processor has, and the one door to the functions that use them.
//!
//! Every kernel has a portable form that is always there; the others are chosen at run time. A
//! [`Level`] exists only if the processor has its instructions, which is what makes the calls in
//! this file sound. Nothing else in the crate is `unsafe`.
#![cfg_attr(
    target_arch = "x86_64",
    allow(
        unsafe_code,
        reason = "the functions that are called need instructions that the level proves"
    )
)]

#[cfg(target_arch = "x86_64")]
use std::arch::is_x86_feature_detected;
use std::fmt;

use crate::byte_offset::{self, Cursor};
use crate::{bits, md5, shuffle};

/// A set of vector instructions that this processor has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Level(Path);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Path {
    Portable,
    #[cfg(target_arch = "x86_64")]
    Avx2,
    /// AVX2 and what has been in every AVX-512 processor since 2019: F, BW, VL and GFNI.
    #[cfg(target_arch = "x86_64")]
    Avx512,
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Path::Portable => "portable",
            #[cfg(target_arch = "x86_64")]
            Path::Avx2 => "AVX2",
            #[cfg(target_arch = "x86_64")]
            Path::Avx512 => "AVX-512",
        })
    }
}

impl Level {
    /// Plain arithmetic, on every processor.
    pub const PORTABLE: Self = Self(Path::Portable);

    /// The fastest that this processor has.
    pub fn best() -> Self {
        Self::avx512().or_else(Self::avx2).unwrap_or(Self::PORTABLE)
    }

    /// All that this processor has, the slowest first.
    pub fn available() -> Vec<Self> {
        [Some(Self::PORTABLE), Self::avx2(), Self::avx512()]
            .into_iter()
            .flatten()
            .collect()
    }

    fn avx2() -> Option<Self> {
        #[cfg(target_arch = "x86_64")]
        if is_x86_feature_detected!("avx2") {
            return Some(Self(Path::Avx2));
        }
        None
    }

    fn avx512() -> Option<Self> {
        #[cfg(target_arch = "x86_64")]
        if is_x86_feature_detected!("avx2")
            && is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx512bw")
            && is_x86_feature_detected!("avx512vl")
            && is_x86_feature_detected!("gfni")
        {
            return Some(Self(Path::Avx512));
        }
        None
    }

    // `Path::Avx2` and `Path::Avx512` are made above alone, where the processor was asked for what
    // the functions below enable.

    /// See [`bits::unshuffle`].
    pub(crate) fn unshuffle_bits(self, rows: &[u8], element_bytes: usize, out: &mut [u8]) {
        match self.0 {
            Path::Portable => bits::portable::unshuffle(rows, element_bytes, out),
            // SAFETY: AVX2 is there.
            #[cfg(target_arch = "x86_64")]
            Path::Avx2 => unsafe { bits::avx2::unshuffle(rows, element_bytes, out) },
            // SAFETY: AVX-512 F and BW and GFNI are there.
            #[cfg(target_arch = "x86_64")]
            Path::Avx512 => unsafe { bits::avx512::unshuffle(rows, element_bytes, out) },
        }
    }

    /// See [`shuffle::decode`]: `planes` and `out` have the same length, a multiple of the width.
    pub(crate) fn unshuffle_bytes(self, planes: &[u8], element_bytes: usize, out: &mut [u8]) {
        match self.0 {
            Path::Portable => shuffle::portable(planes, element_bytes, out),
            // SAFETY: AVX2 is there.
            #[cfg(target_arch = "x86_64")]
            Path::Avx2 | Path::Avx512 => unsafe {
                shuffle::avx2::unshuffle(planes, element_bytes, out);
            },
        }
    }

    /// See [`byte_offset::portable_runs`].
    pub(crate) fn byte_offset_runs(
        self,
        bytes: &[u8],
        out: &mut [i32],
        cursor: &mut Cursor,
        most: usize,
    ) {
        match self.0 {
            Path::Portable => byte_offset::portable_runs(bytes, out, cursor, most),
            // SAFETY: AVX2 is there.
            #[cfg(target_arch = "x86_64")]
            Path::Avx2 | Path::Avx512 => unsafe {
                byte_offset::avx2::runs(bytes, out, cursor, most);
            },
        }
    }

    /// The first `blocks` blocks of each message; `false` if there is no faster way than one by one.
    pub(crate) fn md5_side_by_side(
        self,
        states: &mut [md5::State; md5::LANES],
        messages: &[&[u8]; md5::LANES],
        blocks: usize,
    ) -> bool {
        match self.0 {
            Path::Portable => return false,
            // SAFETY: AVX2 is there.
            #[cfg(target_arch = "x86_64")]
            Path::Avx2 => unsafe { md5::avx2::side_by_side(states, messages, blocks) },
            // SAFETY: AVX2 and AVX-512 F and VL are there.
            #[cfg(target_arch = "x86_64")]
            Path::Avx512 => unsafe { md5::avx512::side_by_side(states, messages, blocks) },
        }
        #[allow(
            unreachable_code,
            reason = "where there is no path but the portable one"
        )]
        true
    }
}
