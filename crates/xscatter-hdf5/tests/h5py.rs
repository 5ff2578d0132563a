//! Tiny files by h5py with every structure of the format that it writes: each value, text, attribute and
//! link, read whole and in boxes, from disk and from memory.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::path::Path;

use xscatter_hdf5::{
    ByteOrder, Dataset, Datatype, Error, File, Node, Object, Scratch, Storage, Target, Values,
};

mod support;
use support::{Case, load, unpacked};

/// The bytes of numbers, little-endian.
fn little(datatype: &Datatype, bytes: &[u8]) -> Vec<u8> {
    let (width, order) = match datatype {
        Datatype::Integer { bytes, order, .. } | Datatype::Float { bytes, order, .. } => {
            (*bytes, *order)
        }
        Datatype::Enum { base, .. } => (base.bytes(), ByteOrder::Little),
        other => panic!("{other} is no number"),
    };
    let mut bytes = bytes.to_vec();
    if order == ByteOrder::Big {
        bytes.chunks_exact_mut(width).for_each(<[u8]>::reverse);
    }
    bytes
}

fn name(datatype: &Datatype) -> String {
    if datatype.is_bool() {
        return "bool".to_owned();
    }
    match datatype {
        Datatype::Enum { base, .. } => base.to_string(),
        other => other.to_string(),
    }
}

/// What h5py says of an attribute, as texts or as numbers.
fn assert_attribute(values: &Values, expected: &[serde_json::Value], what: &str) {
    if values.datatype().is_text() {
        assert_eq!(
            serde_json::json!(values.as_strings().unwrap()),
            serde_json::json!(expected),
            "{what}"
        );
        return;
    }
    let numbers = values.as_f64s().unwrap();
    if let [serde_json::Value::String(packed)] = expected {
        let expected: Vec<f64> = unpacked(packed)
            .chunks_exact(8)
            .map(|b| f64::from_le_bytes(b.try_into().unwrap()))
            .collect();
        assert_eq!(numbers, expected, "{what}");
    } else {
        let expected: Vec<f64> = expected.iter().map(|v| v.as_f64().unwrap()).collect();
        assert_eq!(numbers, expected, "{what}");
    }
}

fn assert_dataset(dataset: &Dataset, expected: &support::Entry, what: &str) {
    assert_eq!(dataset.shape(), expected.shape, "{what}");
    match expected.kind.as_str() {
        "null" => {
            assert!(dataset.dataspace().is_null, "{what}");
            assert!(dataset.read_all().unwrap().bytes().is_empty(), "{what}");
        }
        "text" => {
            let texts = dataset.read_all().unwrap().as_strings().unwrap();
            assert_eq!(Some(texts), expected.texts, "{what}");
        }
        "refused" => {
            let values = dataset.read_all().unwrap();
            let error = values.as_f64s().unwrap_err().to_string();
            assert!(error.contains("expected numbers, found"), "{what}: {error}");
            assert!(values.as_strings().is_err(), "{what}");
        }
        "numbers" => {
            let values = unpacked(expected.values.as_ref().unwrap());
            if !dataset
                .filters()
                .iter()
                .all(xscatter_hdf5::Filter::is_supported)
            {
                let error = dataset.read_all().unwrap_err();
                assert!(matches!(error, Error::Chunk { .. }), "{what}: {error}");
                return;
            }
            let found = dataset
                .read_all()
                .unwrap_or_else(|error| panic!("{what}: {error}"));
            assert_eq!(Some(name(dataset.datatype())), expected.dtype, "{what}");
            let found_values = little(dataset.datatype(), found.bytes());
            assert_eq!(found_values.len(), values.len(), "{what}");
            let differs = found_values.iter().zip(&values).position(|(a, b)| a != b);
            assert_eq!(differs, None, "{what}: the first byte that differs");
            assert_boxes(dataset, found.bytes(), what);
        }
        other => panic!("an unknown kind {other}"),
    }
}

/// Boxes of all sizes and places hold the same as the whole.
fn assert_boxes(dataset: &Dataset, whole: &[u8], what: &str) {
    let shape = dataset.shape();
    let width = dataset.datatype().bytes();
    let mut scratch = Scratch::default();
    for seed in 0..12_u64 {
        let mut start = Vec::new();
        let mut count = Vec::new();
        for (axis, &len) in shape.iter().enumerate() {
            let hash = (seed + 1) * 7919 + axis as u64 * 104729;
            let low = (hash / 7) % (len + 1);
            start.push(low);
            count.push(hash % (len - low + 1));
        }
        let elements: u64 = count.iter().product();
        let mut found = vec![0xcd; elements as usize * width];
        dataset
            .read_into(&start, &count, &mut found, &mut scratch)
            .unwrap_or_else(|error| panic!("{what}: {error}"));
        for element in 0..elements {
            let (mut rest, mut offset, mut stride) = (element, 0, 1);
            for axis in (0..shape.len()).rev() {
                offset += (start[axis] + rest % count[axis]) * stride;
                rest /= count[axis];
                stride *= shape[axis];
            }
            let (at, from) = (element as usize * width, offset as usize * width);
            assert_eq!(
                found[at..at + width],
                whole[from..from + width],
                "{what}: {element} of {count:?} from {start:?}"
            );
        }
    }
}

fn assert_case(case: &Case, file: &File) {
    for expected in &case.objects {
        let what = format!("{}: {}", case.name, expected.path);
        let object = file
            .object(&expected.path)
            .unwrap_or_else(|error| panic!("{what}: {error}"));
        let attributes = match &object {
            Object::Group(group) => {
                assert_eq!(expected.kind, "group", "{what}");
                group.attributes().unwrap()
            }
            Object::Dataset(dataset) => {
                assert_dataset(dataset, expected, &what);
                dataset.attributes().unwrap()
            }
            Object::Datatype(datatype) => panic!("{what}: {datatype}"),
        };
        let names: Vec<&str> = attributes.iter().map(|a| a.name.as_str()).collect();
        assert_eq!(
            names,
            expected.attributes.keys().collect::<Vec<_>>(),
            "{what}"
        );
        for attribute in &attributes {
            let expected = &expected.attributes[&attribute.name];
            assert_attribute(&attribute.values, expected, &what);
        }
    }
}

/// The listing of a file: a name for each link of h5py, in its order.
fn assert_links(case: &Case, file: &File) {
    let found: BTreeMap<String, Node> = file.walk().map(|entry| (entry.path, entry.node)).collect();
    for expected in &case.links {
        let what = format!("{}: {}", case.name, expected.path);
        match (&found[&expected.path], &expected.soft, &expected.external) {
            (Node::Object(_), None, None) => {}
            (Node::Link(Target::Soft { path }), Some(soft), None) => {
                assert_eq!(path, soft, "{what}");
            }
            (Node::Link(Target::External { file, path }), None, Some(external)) => {
                assert_eq!(path, external, "{what}");
                assert_eq!(
                    Some(file.as_path()),
                    expected.file.as_deref().map(Path::new),
                    "{what}"
                );
            }
            (node, ..) => panic!("{what}: {node:?}"),
        }
    }
    assert_eq!(found.len(), case.links.len(), "{}", case.name);
}

#[test]
fn every_value_is_that_of_h5py() {
    for case in load() {
        let folder = tempfile::tempdir().unwrap();
        case.unpack(folder.path());
        let path = folder.path().join(&case.files[0].name);
        let file = File::open(&path).unwrap_or_else(|error| panic!("{}: {error}", case.name));
        if case.objects.is_empty() {
            continue;
        }
        assert_case(&case, &file);
        assert_links(&case, &file);
        let in_memory = File::from_bytes_at(case.files[0].content(), &path).unwrap();
        assert_case(&case, &in_memory);
    }
}

fn opened(name: &str) -> (tempfile::TempDir, File) {
    let case = load().into_iter().find(|case| case.name == name).unwrap();
    let folder = tempfile::tempdir().unwrap();
    case.unpack(folder.path());
    let file = File::open(folder.path().join(&case.files[0].name)).unwrap();
    (folder, file)
}

#[test]
fn chunks_come_out_as_they_are_stored() {
    for version in ["earliest", "v110", "latest"] {
        let (_folder, file) = opened(&format!("indices, {version}"));
        let dataset = file.dataset("masked").unwrap();
        assert_eq!(dataset.storage(), Storage::Chunked(&[1, 6]));
        let mut raw = Vec::new();
        assert_eq!(dataset.read_chunk_raw(&[0, 0], &mut raw).unwrap(), Some(0));
        assert_eq!(raw[0], 0x78, "a zlib stream");
        // Written directly, without its filter.
        assert_eq!(dataset.read_chunk_raw(&[1, 0], &mut raw).unwrap(), Some(1));
        assert_eq!(raw.len(), 12);
        assert_eq!(raw[..4], [1, 0, 8, 0]);
        assert_eq!(dataset.read_chunk_raw(&[3, 0], &mut raw).unwrap(), None);
        assert_eq!(dataset.read_chunk_raw(&[4, 0], &mut raw).unwrap(), None);
        assert_eq!(dataset.read_chunk_raw(&[0], &mut raw).unwrap(), None);
        let chunks = dataset.chunks().unwrap();
        assert_eq!((chunks.total(), chunks.written()), (4, 3));
        let chunks = file.dataset("series").unwrap();
        assert_eq!(chunks.chunks().unwrap().written(), 1000);
        let contiguous = opened(&format!("kinds, {version}")).1;
        assert!(contiguous.dataset("contiguous").unwrap().chunks().is_err());
    }
}

#[test]
fn what_is_missing_is_named() {
    let (_folder, file) = opened("groups, latest");
    let message = |path: &str| file.object(path).unwrap_err().to_string();
    assert_eq!(
        message("many/nothing"),
        "many/nothing: expected nothing, found no such name"
    );
    assert_eq!(
        message("few/data/more"),
        "few/data/more: expected a group with more, found a dataset"
    );
    assert!(message("dangling").contains("nowhere"));
    assert!(message("loop").contains("at most 16 links"));
    let error = file.object("gone").unwrap_err();
    assert!(matches!(&error, Error::MissingFile { file, .. } if file == Path::new("gone.h5")));
    assert!(
        error
            .to_string()
            .starts_with("gone: expected the file gone.h5")
    );
    assert!(file.dataset("many").is_err());
    assert!(file.group("few/data").is_err());
    assert_eq!(
        file.group("/outside_group").unwrap().links().unwrap().len(),
        2
    );
    assert!(file.root().attribute("none").unwrap().is_none());

    let (folder, file) = opened("virtual, latest");
    let dataset = file.dataset("gone").unwrap();
    assert!(matches!(dataset.read_all(), Err(Error::MissingFile { .. })));
    std::fs::remove_file(folder.path().join("part_2.h5")).unwrap();
    let gap = file.dataset("gap").unwrap();
    let mut frame = vec![0; 80];
    let mut scratch = Scratch::default();
    gap.read_into(&[2, 0, 0], &[1, 4, 5], &mut frame, &mut scratch)
        .unwrap();
    let error = gap
        .read_into(&[5, 0, 0], &[1, 4, 5], &mut frame, &mut scratch)
        .unwrap_err();
    assert!(error.to_string().contains("part_2.h5"), "{error}");
    assert_eq!(
        gap.mappings().unwrap()[1].file(),
        Some(Path::new("part_2.h5"))
    );
    assert_eq!(gap.mappings().unwrap()[1].path(), "data");
    // From memory no file is looked for.
    let bytes = std::fs::read(folder.path().join("main.h5")).unwrap();
    let file = File::from_bytes(bytes).unwrap();
    assert!(matches!(
        file.dataset("gap").unwrap().read_all(),
        Err(Error::MissingFile { .. })
    ));
    assert!(file.dataset("same_file").unwrap().read_all().is_ok());
}

#[test]
fn boxes_are_checked() {
    let (_folder, file) = opened("kinds, latest");
    let dataset = file.dataset("contiguous").unwrap();
    let mut scratch = Scratch::default();
    let mut read = |start: &[u64], count: &[u64], len: usize| {
        dataset.read_into(start, count, &mut vec![0; len], &mut scratch)
    };
    assert!(read(&[0, 0], &[5, 7], 140).is_ok());
    assert!(read(&[1, 0], &[5, 7], 140).is_err());
    assert!(read(&[0, 0], &[5, 7], 139).is_err());
    assert!(read(&[0], &[5], 20).is_err());
    assert!(read(&[u64::MAX, 0], &[2, 1], 8).is_err());
    assert!(dataset.check_size(&[0, 0], &[5, 8]).is_err());
}

#[test]
fn threads_share_a_file() {
    let (_folder, file) = opened("indices, latest");
    let dataset = file.dataset("series_gzip").unwrap();
    let whole = dataset.read_all().unwrap();
    std::thread::scope(|scope| {
        for first in 0..2 {
            let (dataset, whole) = (dataset.clone(), whole.bytes());
            scope.spawn(move || {
                let mut scratch = Scratch::default();
                let mut row = [0; 3];
                for index in (first..40).step_by(2) {
                    dataset
                        .read_into(&[index as u64, 0], &[1, 3], &mut row, &mut scratch)
                        .unwrap();
                    assert_eq!(row, whole[index * 3..][..3]);
                }
            });
        }
    });
}

#[test]
fn what_is_no_hdf5_file_is_refused() {
    assert!(matches!(File::from_bytes(Vec::new()), Err(Error::NotHdf5)));
    assert!(matches!(
        File::from_bytes(vec![0; 5000]),
        Err(Error::NotHdf5)
    ));
    assert!(matches!(File::open("no/such/file"), Err(Error::Io { .. })));
    assert!(matches!(File::open("."), Err(Error::Io { .. })));
}

/// Each link alone arrives; all of them together are more than a listing of such a file does.
#[test]
fn links_in_circles_end() {
    let (_folder, file) = opened("circles");
    assert!(file.dataset("g/link_7").is_ok());
    let start = std::time::Instant::now();
    let followed: Vec<_> = file.walk().map(|entry| entry.follow()).collect();
    assert!(start.elapsed().as_secs() < 4, "{:?}", start.elapsed());
    let arrived = followed.iter().filter(|object| object.is_ok()).count();
    assert!(arrived > 0 && arrived < followed.len(), "{arrived}");
    assert!(
        followed
            .iter()
            .any(|object| matches!(object, Err(Error::Limit { .. })))
    );
}
