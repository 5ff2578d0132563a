//! Files that lie beside detector files: notes, tables, pictures, licences.
//!
//! A folder that is searched for frames holds other things too. They are no failures; a file that was
//! named, or whose name says that it holds detector data, is one if it cannot be read.

use std::path::Path;

use xscatter_core::ErrorKind;
use xscatter_io::Skipped;

/// Extensions of files that are expected to hold detector data.
const DATA: [&str; 11] = [
    "cbf", "edf", "tif", "tiff", "npy", "h5", "hdf", "hdf5", "nxs", "nx", "img",
];

/// Whether a skipped file only lay in a folder and is no detector image.
///
/// ```
/// use xscatter::bystander::is_bystander;
/// use xscatter::io::open_series;
///
/// let folder = std::env::temp_dir().join("xscatter-bystander");
/// std::fs::create_dir_all(&folder)?;
/// std::fs::write(folder.join("notes.txt"), "sample 7 is the thick one")?;
/// let skipped = |path: &std::path::Path| open_series(&[path]).skipped().len();
/// assert_eq!(skipped(&folder), 1);
/// let series = open_series(&[&folder]);
/// assert!(is_bystander(&series.skipped()[0], &[&folder]));
/// assert!(!is_bystander(&series.skipped()[0], &[folder.join("notes.txt")]));
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn is_bystander<P: AsRef<Path>>(skipped: &Skipped, named: &[P]) -> bool {
    let extension = skipped
        .path
        .extension()
        .unwrap_or_default()
        .to_string_lossy();
    skipped.error.kind() == ErrorKind::Unsupported
        && !named.iter().any(|path| path.as_ref() == skipped.path)
        && !DATA.iter().any(|data| extension.eq_ignore_ascii_case(data))
}
