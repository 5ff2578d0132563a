//! Decoding the chunks of a detector into memory that is used again; one thread.
#![allow(missing_docs, reason = "criterion's macros make public items")]
#![allow(clippy::unwrap_used, reason = "a benchmark may stop")]

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use xscatter_benches::{EIGER_4M, counts_with_gaps};
use xscatter_codecs::{Level, Scratch, bitshuffle, byte_offset, md5, shuffle};

/// Counts of an EIGER 4M, its gaps marked: the shape that the figures are quoted for.
fn eiger_4m() -> Vec<u32> {
    let counts = counts_with_gaps(EIGER_4M);
    counts
        .into_iter()
        .map(|count| count.unwrap_or(u32::MAX))
        .collect()
}

fn chunks(criterion: &mut Criterion) {
    let frame = eiger_4m();
    let bytes: Vec<u8> = frame.iter().flat_map(|pixel| pixel.to_le_bytes()).collect();
    let (mut out, mut scratch) = (vec![0; bytes.len()], Scratch::new());
    let mut group = criterion.benchmark_group("decode 2162x2068 u32");
    group.throughput(Throughput::Bytes(bytes.len() as u64));
    group.bench_function("copy", |bench| {
        bench.iter(|| black_box(&mut out).copy_from_slice(black_box(&bytes)));
    });
    let mut stored = Vec::new();
    bitshuffle::encode(&bytes, 4, bitshuffle::Compression::Lz4, &mut stored);
    for level in Level::available() {
        let lz4 = bitshuffle::Compression::Lz4;
        group.bench_function(format!("bitshuffle-lz4 {level}"), |bench| {
            bench.iter(|| {
                bitshuffle::decode_at(level, lz4, &stored, 4, &mut out, &mut scratch).unwrap();
            });
        });
        assert_eq!(out, bytes);
        group.bench_function(format!("shuffle {level}"), |bench| {
            bench.iter(|| shuffle::decode_at(level, &bytes, 4, &mut out).unwrap());
        });
    }
    group.bench_function("bitshuffle-lz4, the threads of rayon", |bench| {
        let lz4 = bitshuffle::Compression::Lz4;
        bench.iter(|| bitshuffle::decode_parallel(lz4, &stored, 4, &mut out).unwrap());
    });
    group.finish();
}

fn pixels(criterion: &mut Criterion) {
    let frame: Vec<i32> = eiger_4m().iter().map(|&pixel| pixel as i32).collect();
    let mut stored = Vec::new();
    byte_offset::encode(&frame, &mut stored);
    let mut out = vec![0; frame.len()];
    let mut group = criterion.benchmark_group("byte offset 2162x2068");
    group.throughput(Throughput::Elements(frame.len() as u64));
    for level in Level::available() {
        group.bench_function(format!("decode {level}"), |bench| {
            bench.iter(|| byte_offset::decode_at(level, &stored, &mut out).unwrap());
        });
        assert_eq!(out, frame);
    }
    group.bench_function("encode", |bench| {
        bench.iter(|| {
            stored.clear();
            byte_offset::encode(&frame, &mut stored);
        });
    });
    group.finish();

    let messages = [stored.as_slice(); 8];
    let mut group = criterion.benchmark_group("MD5");
    group.throughput(Throughput::Bytes(stored.len() as u64));
    group.bench_function("one message", |bench| {
        bench.iter(|| black_box(md5::digest(&stored)));
    });
    group.throughput(Throughput::Bytes(8 * stored.len() as u64));
    for level in Level::available() {
        group.bench_function(format!("eight messages {level}"), |bench| {
            bench.iter(|| black_box(md5::digests_at(level, &messages)));
        });
    }
    group.finish();
}

criterion_group!(benches, chunks, pixels);
criterion_main!(benches);
