//! A trained network as a folder: `network.json`, which people can read, and `weights.bpk`.
//!
//! The weights are burn's own format, burnpack. The header names the format and its version, the
//! layers, the input, the classes, the course of training, and the size and checksum of the weights,
//! so that a file cut short or mixed up is refused by name before burn sees it. The files are
//! written beside their places and renamed, the header last: a folder with a header is whole.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use burn::module::Module;
use burn::store::ModuleRecord;
use burn::tensor::{Bytes, Device};
use serde::{Deserialize, Serialize};
use xscatter_core::{Error, ErrorKind, Result};

use crate::input::{FrameInput, FrameInputConfig};
use crate::lenet::{LeNet, LeNetConfig};
use crate::network::TrainedNetwork;
use crate::train::EpochReport;

const FORMAT: &str = "xscatter-lenet";
const VERSION: u32 = 1;
const HEADER: &str = "network.json";
const WEIGHTS: &str = "weights.bpk";

/// What every version of the header has.
#[derive(Deserialize)]
struct Stamp {
    format: String,
    version: u32,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    format: String,
    version: u32,
    network: LeNetConfig,
    input: FrameInputConfig,
    classes: Vec<Arc<str>>,
    weights: Weights,
    history: Vec<EpochReport>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Weights {
    bytes: usize,
    /// FNV-1a, 64 bits, as 16 hexadecimal digits.
    fnv1a64: String,
}

impl TrainedNetwork {
    /// Writes `network.json` and `weights.bpk` into the folder, which is made if it is not there.
    ///
    /// # Errors
    /// If the folder or a file in it cannot be written.
    ///
    /// # Panics
    /// Never: the header has no value that JSON could not hold.
    pub fn save(&self, folder: impl AsRef<Path>) -> Result<()> {
        let folder = folder.as_ref();
        fs::create_dir_all(folder).map_err(|error| Error::from(error).in_file(folder))?;
        let weights = self.model().clone().into_record().into_bytes();
        let weights = weights.map_err(|error| {
            Error::new(
                ErrorKind::Other,
                format!("packing the weights failed: {error}"),
            )
            .with_source(error)
            .in_file(folder.join(WEIGHTS))
        })?;
        let header = Header {
            format: FORMAT.to_owned(),
            version: VERSION,
            network: self.config().clone(),
            input: *self.input().config(),
            classes: self.classes().to_vec(),
            weights: Weights {
                bytes: weights.len(),
                fnv1a64: checksum(&weights),
            },
            history: self.history().to_vec(),
        };
        let mut json = serde_json::to_vec_pretty(&header).expect("a header is plain data");
        json.push(b'\n');
        write_whole(&folder.join(WEIGHTS), &weights)?;
        write_whole(&folder.join(HEADER), &json)
    }

    /// Reads what [`save`](Self::save) wrote, onto a device.
    ///
    /// # Errors
    /// - [`ErrorKind::Io`] if a file cannot be read;
    /// - [`ErrorKind::Malformed`] if the header is no header, or the weights are not the ones it
    ///   names;
    /// - [`ErrorKind::Unsupported`] for a header of another format or version;
    /// - [`ErrorKind::Truncated`] if the weights are shorter than the header says.
    pub fn load(folder: impl AsRef<Path>, device: &Device) -> Result<Self> {
        let path = folder.as_ref().join(HEADER);
        let header = read_header(&path).map_err(|error| error.in_file(&path))?;
        let path = folder.as_ref().join(WEIGHTS);
        let model = read_weights(&header, &path, device).map_err(|error| error.in_file(&path))?;
        Ok(Self::new(
            header.network,
            FrameInput::new(header.input)?,
            header.classes,
            header.history,
            model,
            device.clone(),
        ))
    }
}

fn read_header(path: &Path) -> Result<Header> {
    let json = fs::read(path)?;
    let malformed = |error: serde_json::Error| {
        let place = format!("line {} column {}", error.line(), error.column());
        let kind = if error.is_eof() {
            ErrorKind::Truncated
        } else {
            ErrorKind::Malformed
        };
        Error::new(
            kind,
            format!("expected the header of a network, got {error}"),
        )
        .with_source(error)
        .at(place)
    };
    let stamp: Stamp = serde_json::from_slice(&json).map_err(malformed)?;
    if stamp.format != FORMAT || stamp.version != VERSION {
        return Err(Error::new(
            ErrorKind::Unsupported,
            format!(
                "expected format {FORMAT:?} version {VERSION}, got {:?} version {}",
                stamp.format, stamp.version
            ),
        ));
    }
    let header: Header = serde_json::from_slice(&json).map_err(malformed)?;
    let wrong = |message: String| Err(Error::new(ErrorKind::Malformed, message));
    if let Err(error) = header.network.validate() {
        return wrong(error.to_string());
    }
    let input = match FrameInput::new(header.input) {
        Ok(input) => input,
        Err(error) => return wrong(error.to_string()),
    };
    for (what, expected, found) in [
        ("classes", header.network.classes, header.classes.len()),
        (
            "rows and columns of the input",
            header.network.input_size,
            input.size(),
        ),
        (
            "channels of the input",
            header.network.in_channels,
            input.channels(),
        ),
    ] {
        if expected != found {
            return wrong(format!(
                "expected {expected} {what} as in the network, got {found}"
            ));
        }
    }
    Ok(header)
}

fn read_weights(header: &Header, path: &Path, device: &Device) -> Result<LeNet> {
    let bytes = fs::read(path)?;
    if bytes.len() < header.weights.bytes {
        return Err(Error::new(
            ErrorKind::Truncated,
            format!(
                "expected {} bytes of weights, found {}",
                header.weights.bytes,
                bytes.len()
            ),
        ));
    }
    let found = checksum(&bytes);
    if bytes.len() != header.weights.bytes || found != header.weights.fnv1a64 {
        return Err(Error::new(
            ErrorKind::Malformed,
            format!(
                "expected {} bytes with checksum {}, found {} bytes with checksum {found}",
                header.weights.bytes,
                header.weights.fnv1a64,
                bytes.len()
            ),
        ));
    }
    // No layer is made before the file is known to hold it.
    let held = header
        .network
        .parameter_count()
        .and_then(|count| count.checked_mul(4));
    if held.is_none_or(|held| held > bytes.len()) {
        return Err(Error::new(
            ErrorKind::Malformed,
            format!(
                "expected the weights of {:?}, found {} bytes",
                header.network,
                bytes.len()
            ),
        ));
    }
    let malformed = |error: burn::store::RecordError| {
        Error::new(ErrorKind::Malformed, error.to_string()).with_source(error)
    };
    let record = ModuleRecord::from_bytes(Bytes::from_bytes_vec(bytes)).map_err(malformed)?;
    // Made with numbered parts, so that saving again gives the same file; the seed does not matter.
    LeNet::new(&header.network, 0, device)?
        .try_load_record(record)
        .map_err(malformed)
}

fn write_whole(path: &Path, bytes: &[u8]) -> Result<()> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(".part");
    let beside = Path::new(&beside);
    fs::write(beside, bytes).map_err(|error| Error::from(error).in_file(beside))?;
    fs::rename(beside, path).map_err(|error| Error::from(error).in_file(path))
}

/// FNV-1a: finds damage, not malice.
fn checksum(bytes: &[u8]) -> String {
    let hash = bytes.iter().fold(0xCBF2_9CE4_8422_2325_u64, |hash, &byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01B3)
    });
    format!("{hash:016x}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::cpu;
    use crate::toy;

    /// A saved network whose two files were changed.
    fn load_changed(
        header: impl Fn(String) -> String,
        weights: impl Fn(Vec<u8>) -> Vec<u8>,
    ) -> Error {
        let folder = tempfile::tempdir().unwrap();
        toy::network().save(folder.path()).unwrap();
        let path = folder.path().join(HEADER);
        fs::write(&path, header(fs::read_to_string(&path).unwrap())).unwrap();
        let path = folder.path().join(WEIGHTS);
        fs::write(&path, weights(fs::read(&path).unwrap())).unwrap();
        TrainedNetwork::load(folder.path(), &cpu()).unwrap_err()
    }

    #[test]
    fn a_loaded_network_gives_the_same_bits() {
        let folder = tempfile::tempdir().unwrap();
        let network = toy::network();
        let (frames, _) = toy::frames(5, 7);
        network.save(folder.path().join("new/folder")).unwrap();
        let loaded = TrainedNetwork::load(folder.path().join("new/folder"), &cpu()).unwrap();
        assert_eq!(loaded.config(), network.config());
        assert_eq!(loaded.input(), network.input());
        assert_eq!(loaded.classes(), network.classes());
        assert_eq!(loaded.history(), network.history());
        assert_eq!(
            loaded.predict_proba(&frames).unwrap(),
            network.predict_proba(&frames).unwrap()
        );
        assert_eq!(
            loaded.features(&frames).unwrap(),
            network.features(&frames).unwrap()
        );
    }

    #[test]
    fn saving_again_gives_the_same_files() {
        let folders = [(); 2].map(|()| tempfile::tempdir().unwrap());
        toy::network().save(folders[0].path()).unwrap();
        let loaded = TrainedNetwork::load(folders[0].path(), &cpu()).unwrap();
        loaded.save(folders[1].path()).unwrap();
        for file in [HEADER, WEIGHTS] {
            let [first, second] = folders
                .each_ref()
                .map(|f| fs::read(f.path().join(file)).unwrap());
            assert!(first == second, "{file}");
        }
    }

    #[test]
    fn a_missing_folder_is_named() {
        let error = TrainedNetwork::load("no/such/folder", &cpu()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Io);
        assert!(error.file().unwrap().ends_with(HEADER));
    }

    #[test]
    fn weights_that_were_cut_short_are_truncated() {
        let error = load_changed(|h| h, |weights| weights[..weights.len() / 2].to_vec());
        assert_eq!(error.kind(), ErrorKind::Truncated);
        assert!(error.file().unwrap().ends_with(WEIGHTS));
    }

    #[test]
    fn weights_with_one_changed_bit_are_malformed() {
        let flip = |mut weights: Vec<u8>| {
            *weights.last_mut().unwrap() ^= 1;
            weights
        };
        let error = load_changed(|h| h, flip);
        assert_eq!(error.kind(), ErrorKind::Malformed);
        assert!(error.message().contains("checksum"));
    }

    #[test]
    fn a_later_version_is_unsupported() {
        let error = load_changed(|h| h.replace("\"version\": 1", "\"version\": 7"), |w| w);
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        assert_eq!(
            error.message(),
            "expected format \"xscatter-lenet\" version 1, got \"xscatter-lenet\" version 7"
        );
    }

    #[test]
    fn a_header_that_was_cut_short_is_truncated() {
        let error = load_changed(|h| h[..h.len() / 2].to_owned(), |w| w);
        assert_eq!(error.kind(), ErrorKind::Truncated);
        assert!(error.file().unwrap().ends_with(HEADER));
        assert!(error.place().unwrap().starts_with("line"));
    }

    #[test]
    fn a_header_of_a_larger_network_is_refused_before_it_is_made() {
        let error = load_changed(
            |h| h.replace("\"channels\": [\n      4,", "\"channels\": [\n      60000,"),
            |w| w,
        );
        assert_eq!(error.kind(), ErrorKind::Malformed);
        assert!(error.message().contains("60000"), "{error}");
    }

    #[test]
    fn a_header_of_other_layers_is_malformed() {
        let error = load_changed(
            |h| h.replace("\"channels\": [\n      4,", "\"channels\": [\n      3,"),
            |w| w,
        );
        assert_eq!(error.kind(), ErrorKind::Malformed);
        assert!(error.message().contains("shape"), "{error}");
    }
}
