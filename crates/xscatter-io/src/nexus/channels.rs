//! Energy channels: images of several thresholds of a detector, exposed at once.
//!
//! NXmx and the DECTRIS file writer of 2024 keep them in an axis of the image before rows and columns,
//! named by a dataset `channel` beside it; what belongs to one channel stands in a group
//! `NAME_channel`.

use xscatter_hdf5::File;

use super::tree::Array;

/// The axis of the channels counts from 0 in a shape of this many axes.
const AXES: usize = 4;

fn group(image: &Array) -> &str {
    image.path.rsplit_once('/').map_or("", |(group, _)| group)
}

/// The key under which the header of a frame names its channel.
pub(super) fn key(image: &Array) -> String {
    format!("/{}/channel", group(image))
}

/// The names of the channels of an image, in order; one without a name where there are none.
pub(super) fn names(file: &File, image: &Array) -> Vec<Option<String>> {
    let stated = || {
        let dataset = file.dataset(&key(image)).ok()?;
        let names = dataset.read_all().ok()?.as_strings().ok()?;
        let fits = image.shape.len() == AXES && names.len() == image.shape[1];
        (fits && !names.is_empty()).then(|| names.into_iter().map(Some).collect())
    };
    stated().unwrap_or_else(|| vec![None])
}

/// How far something at a path is from a channel: 0 in the group of the channel, 1 in none; `None` in the
/// group of another.
pub(super) fn distance(path: &str, channel: Option<&str>) -> Option<usize> {
    let named = path
        .split('/')
        .find_map(|name| name.strip_suffix("_channel"));
    match (named, channel) {
        (Some(named), Some(channel)) => (named == channel).then_some(0),
        _ => Some(1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mask_of_another_channel_is_not_meant() {
        let path = "entry/instrument/detector/threshold_1_channel/pixel_mask";
        assert_eq!(distance(path, Some("threshold_1")), Some(0));
        assert_eq!(distance(path, Some("difference")), None);
        assert_eq!(distance(path, None), Some(1));
        assert_eq!(distance("entry/pixel_mask", Some("difference")), Some(1));
    }
}
