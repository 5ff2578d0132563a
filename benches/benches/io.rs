//! Reading detector files that lie in the page cache, decoding included, into memory that is used again; one thread.
//!
//! An EIGER2 4M as 32-bit frames of bitshuffle, and a PILATUS 6M as CBF, TIFF and EDF: the frames for which
//! `tools/bench/io_peers.py` compares with other programs. Nothing of ours writes Zstandard, so that the
//! blocks are packed by `ruzstd`: they take several times as long to decode as those of libzstd, which that script
//! has. Compare them with themselves alone.
#![allow(missing_docs, reason = "criterion's macros make public items")]
#![allow(clippy::unwrap_used, reason = "a benchmark may stop")]

use std::hint::black_box;
use std::path::Path;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use rust_hdf5::{Filter, FilterPipeline, H5File};
use ruzstd::encoding::{CompressionLevel, compress_to_vec};
use xscatter::core::ndarray::Array2;
use xscatter::io::{self, Format, Pixels, WriteOptions, write::write};
use xscatter::{Frame, Mask};
use xscatter_benches::{EIGER_4M, PILATUS_6M, counts_with_gaps};
use xscatter_codecs::bitshuffle;

/// The registered number of the bitshuffle filter.
const BITSHUFFLE: u16 = 32008;
/// Bytes of a block of bitshuffle; frames are whole blocks and a part with whole groups of eight.
const BLOCK: usize = 8192;

/// A chunk of bitshuffle and Zstandard, framed as the filter frames LZ4.
fn bitshuffle_zstd(bytes: &[u8]) -> Vec<u8> {
    let mut rows = Vec::new();
    bitshuffle::encode(bytes, 4, bitshuffle::Compression::None, &mut rows);
    let mut chunk = (bytes.len() as u64).to_be_bytes().to_vec();
    chunk.extend((BLOCK as u32).to_be_bytes());
    for block in rows.chunks(BLOCK) {
        let packed = compress_to_vec(block, CompressionLevel::Fastest);
        chunk.extend((packed.len() as u32).to_be_bytes());
        chunk.extend(packed);
    }
    chunk
}

/// Writes one frame as a chunk; `kind` is 2 for LZ4, 3 for Zstandard.
fn write_eiger(path: &Path, kind: u32, chunk: &[u8]) {
    let (rows, columns) = EIGER_4M;
    let filters = vec![Filter {
        id: BITSHUFFLE,
        flags: 1,
        cd_values: vec![0, 4, 4, 0, kind],
    }];
    let file = H5File::create(path).unwrap();
    let entry = file.root_group().create_group("entry").unwrap();
    let data = entry.create_group("data").unwrap();
    let dataset = data
        .new_dataset::<u32>()
        .shape([1, rows, columns])
        .chunk(&[1, rows, columns])
        .filter_pipeline(FilterPipeline { filters })
        .create("data")
        .unwrap();
    dataset.write_chunk_raw_at(&[0, 0, 0], chunk, 0).unwrap();
    file.close().unwrap();
}

fn eiger(criterion: &mut Criterion) {
    let pixels = counts_with_gaps(EIGER_4M);
    let marked = pixels.iter().map(|count| count.unwrap_or(u32::MAX));
    let bytes: Vec<u8> = marked.flat_map(u32::to_le_bytes).collect();
    let mut lz4 = Vec::new();
    bitshuffle::encode(&bytes, 4, bitshuffle::Compression::Lz4, &mut lz4);
    let folder = tempfile::tempdir().unwrap();
    let mut group = criterion.benchmark_group("frame 2162x2068 u32");
    group.throughput(Throughput::Bytes(bytes.len() as u64));
    for (name, kind, chunk) in [
        ("bitshuffle-lz4", 2, lz4),
        ("bitshuffle-zstd", 3, bitshuffle_zstd(&bytes)),
    ] {
        let path = folder.path().join(name);
        write_eiger(&path, kind, &chunk);
        let file = io::open(&path).unwrap();
        let mut read = Pixels::default();
        group.bench_function(name, |bench| {
            bench.iter(|| file.read_pixels_into(0, black_box(&mut read)).unwrap());
        });
        assert_eq!(read, Pixels::U32(image(&pixels, EIGER_4M, u32::MAX)));
    }
    group.finish();
}

fn image<T: Copy + From<u32>>(pixels: &[Option<u32>], shape: (usize, usize), gap: T) -> Array2<T> {
    let values = pixels.iter().map(|count| count.map_or(gap, T::from));
    Array2::from_shape_vec(shape, values.collect()).unwrap()
}

fn pilatus(criterion: &mut Criterion) {
    let pixels = counts_with_gaps(PILATUS_6M);
    let counts = Array2::from_shape_fn(PILATUS_6M, |(row, column)| {
        pixels[row * PILATUS_6M.1 + column].unwrap_or(0) as f32
    });
    let gaps = Array2::from_shape_fn(PILATUS_6M, |(row, column)| {
        pixels[row * PILATUS_6M.1 + column].is_none()
    });
    let frame = Frame::new(counts)
        .with_mask(Mask::from_bad(gaps.view()))
        .unwrap();
    let folder = tempfile::tempdir().unwrap();
    let mut group = criterion.benchmark_group("file 2527x2463 i32");
    group.throughput(Throughput::Bytes(4 * pixels.len() as u64));
    for (name, format) in [
        ("cbf with md5", Format::Cbf),
        ("tiff", Format::Tiff),
        ("edf", Format::Edf),
    ] {
        let path = folder.path().join(name);
        write(
            &path,
            format,
            std::slice::from_ref(&frame),
            &WriteOptions::default(),
        )
        .unwrap();
        let mut read = Pixels::default();
        group.bench_function(name, |bench| {
            bench.iter(|| {
                let file = io::open(&path).unwrap();
                file.read_pixels_into(0, black_box(&mut read)).unwrap();
            });
        });
    }
    group.finish();
}

criterion_group!(benches, eiger, pilatus);
criterion_main!(benches);
