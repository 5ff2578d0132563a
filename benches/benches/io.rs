//! Reading detector files that lie in the page cache, decoding included.
#![allow(missing_docs, reason = "criterion's macros make public items")]
#![allow(clippy::unwrap_used, reason = "a benchmark may stop")]

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use xscatter::FrameSource;
use xscatter::io::{self, Compression, Format, WriteDtype, WriteOptions, write::write};

fn read(criterion: &mut Criterion) {
    let frame = xscatter_benches::pilatus_1m();
    let folder = tempfile::tempdir().unwrap();
    let mut group = criterion.benchmark_group("read 1043x981");
    group.throughput(Throughput::Elements(1043 * 981));
    let gzip = WriteOptions {
        compression: Compression::Gzip,
        ..WriteOptions::default()
    };
    let lz4 = WriteOptions {
        compression: Compression::BitshuffleLz4,
        dtype: WriteDtype::U32,
    };
    for (name, format, options) in [
        ("cbf", Format::Cbf, WriteOptions::default()),
        ("tiff", Format::Tiff, WriteOptions::default()),
        ("edf", Format::Edf, WriteOptions::default()),
        ("nexus-gzip", Format::Nexus, gzip),
        ("nexus-bslz4", Format::Nexus, lz4),
    ] {
        let path = folder.path().join(name);
        write(&path, format, std::slice::from_ref(&frame), &options).unwrap();
        let file = io::open(&path).unwrap();
        group.bench_function(name, |bench| {
            bench.iter(|| black_box(file.read(0).unwrap()));
        });
    }
    group.finish();
}

criterion_group!(benches, read);
criterion_main!(benches);
