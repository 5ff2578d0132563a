//! Which formats there are and how a file is recognised: by its content, never by its name.

use std::fmt;

use xscatter_core::{Error, ErrorKind, Result};

use crate::blob::Blob;
use crate::config::ReadConfig;
use crate::open::Opened;
use crate::{
    bruker, cbf, edf, fit2d, ge, kcd, mar345, marccd, nexus, nist_text, npy, npz, oxford, png,
    raw_binary, raxis, smv, tiff,
};

/// A format that can be read; some [can be written](Self::can_write) too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Format {
    /// The ESRF data format.
    Edf,
    /// The crystallographic binary file with byte-offset compression.
    Cbf,
    /// TIFF and BigTIFF, with or without a DECTRIS header.
    Tiff,
    /// A numpy array.
    Npy,
    /// HDF5: NeXus, DECTRIS master files, LAMBDA.
    Nexus,
    /// MarCCD and Rayonix: a TIFF with a second header.
    MarCcd,
    /// mar345 image plates, packed.
    Mar345,
    /// SMV: ADSC and d*TREK.
    Smv,
    /// Rigaku R-AXIS image plates.
    Raxis,
    /// Oxford Diffraction and Rigaku Oxford.
    Oxford,
    /// Bruker frames (GFRM, SFRM), formats 86 and 100.
    Bruker,
    /// GE flat panels.
    Ge,
    /// Nonius KappaCCD.
    Kcd,
    /// Fit2D binary images.
    Fit2d,
    /// Fit2D masks.
    Fit2dMask,
    /// A zip archive of numpy arrays.
    Npz,
    /// PNG pictures with grey levels.
    Png,
    /// A text of Qx, Qy and I, one line a pixel, as NIST and Mantid write it.
    NistText,
    /// Headerless pixels; known by a layout or a sidecar alone.
    Raw,
}

impl Format {
    /// All formats, in the order in which they are tried.
    pub const ALL: [Self; 19] = [
        Self::Nexus,
        Self::Cbf,
        Self::MarCcd,
        Self::Tiff,
        Self::Npy,
        Self::Smv,
        Self::Bruker,
        Self::Fit2d,
        Self::Fit2dMask,
        Self::Npz,
        Self::Png,
        Self::Ge,
        Self::Edf,
        Self::Mar345,
        Self::Raxis,
        Self::Oxford,
        Self::Kcd,
        Self::NistText,
        Self::Raw,
    ];

    /// The name for people: `EDF`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Edf => "EDF",
            Self::Cbf => "CBF",
            Self::Tiff => "TIFF",
            Self::Npy => "npy",
            Self::Nexus => "NeXus HDF5",
            Self::MarCcd => "MarCCD",
            Self::Mar345 => "mar345",
            Self::Smv => "SMV",
            Self::Raxis => "R-AXIS",
            Self::Oxford => "Oxford Diffraction",
            Self::Bruker => "Bruker",
            Self::Ge => "GE",
            Self::Kcd => "KCD",
            Self::Fit2d => "Fit2D",
            Self::Fit2dMask => "Fit2D mask",
            Self::Npz => "npz",
            Self::Png => "PNG",
            Self::NistText => "NIST 2D text",
            Self::Raw => "raw",
        }
    }

    /// The usual end of the file name, without the dot.
    pub const fn extension(self) -> &'static str {
        match self {
            Self::Edf => "edf",
            Self::Cbf => "cbf",
            Self::Tiff => "tif",
            Self::Npy => "npy",
            Self::Nexus => "h5",
            Self::MarCcd => "mccd",
            Self::Mar345 => "mar2300",
            Self::Smv | Self::Oxford => "img",
            Self::Raxis => "osc",
            Self::Bruker => "sfrm",
            Self::Ge => "ge",
            Self::Kcd => "kcd",
            Self::Fit2d => "f2d",
            Self::Fit2dMask => "msk",
            Self::Npz => "npz",
            Self::Png => "png",
            Self::NistText => "dat",
            Self::Raw => "raw",
        }
    }

    /// Whether [`write`](crate::write::write()) knows the format.
    pub const fn can_write(self) -> bool {
        matches!(
            self,
            Self::Edf | Self::Cbf | Self::Tiff | Self::Npy | Self::Nexus
        )
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// How many bytes of a file [`sniff`](Entry::sniff) sees.
pub(crate) const HEAD: u64 = 4096;

/// One row of the table of formats.
pub(crate) struct Entry {
    pub(crate) format: Format,
    pub(crate) sniff: fn(&[u8]) -> bool,
    pub(crate) open: fn(&Blob, &ReadConfig) -> Result<Opened>,
}

/// The formats in the order in which they are tried.
pub(crate) const TABLE: [Entry; 19] = [
    Entry {
        format: Format::Nexus,
        sniff: nexus::sniff,
        open: nexus::open,
    },
    Entry {
        format: Format::Cbf,
        sniff: cbf::sniff,
        open: cbf::open,
    },
    Entry {
        format: Format::MarCcd,
        sniff: marccd::sniff,
        open: marccd::open,
    },
    Entry {
        format: Format::Tiff,
        sniff: tiff::sniff,
        open: tiff::open,
    },
    Entry {
        format: Format::Npy,
        sniff: npy::sniff,
        open: npy::open,
    },
    Entry {
        format: Format::Smv,
        sniff: smv::sniff,
        open: smv::open,
    },
    Entry {
        format: Format::Bruker,
        sniff: bruker::sniff,
        open: bruker::open,
    },
    Entry {
        format: Format::Fit2d,
        sniff: fit2d::sniff,
        open: fit2d::open,
    },
    Entry {
        format: Format::Fit2dMask,
        sniff: fit2d::mask::sniff,
        open: fit2d::mask::open,
    },
    Entry {
        format: Format::Npz,
        sniff: npz::sniff,
        open: npz::open,
    },
    Entry {
        format: Format::Png,
        sniff: png::sniff,
        open: png::open,
    },
    // Some GE files begin like an EDF, and only some.
    Entry {
        format: Format::Ge,
        sniff: ge::sniff,
        open: ge::open,
    },
    Entry {
        format: Format::Edf,
        sniff: edf::sniff,
        open: edf::open,
    },
    Entry {
        format: Format::Mar345,
        sniff: mar345::sniff,
        open: mar345::open,
    },
    Entry {
        format: Format::Raxis,
        sniff: raxis::sniff,
        open: raxis::open,
    },
    Entry {
        format: Format::Oxford,
        sniff: oxford::sniff,
        open: oxford::open,
    },
    Entry {
        format: Format::Kcd,
        sniff: kcd::sniff,
        open: kcd::open,
    },
    Entry {
        format: Format::NistText,
        sniff: nist_text::sniff,
        open: nist_text::open,
    },
    // Nothing marks a headerless file: it is opened by a layout or a sidecar before this table is asked.
    Entry {
        format: Format::Raw,
        sniff: |_| false,
        open: raw_binary::open,
    },
];

/// The row of the table for a file that begins with `head`.
pub(crate) fn identify(head: &[u8]) -> Result<&'static Entry> {
    if head.is_empty() {
        return Err(Error::new(
            ErrorKind::Truncated,
            "expected a detector file, found an empty file",
        ));
    }
    TABLE
        .iter()
        .find(|entry| (entry.sniff)(head))
        .ok_or_else(|| {
            Error::new(
                ErrorKind::Unsupported,
                format!(
                    "expected a detector image ({}), found {}",
                    Format::ALL.map(Format::name).join(", "),
                    describe(head)
                ),
            )
        })
}

/// How files begin that are no detector images.
const MAGIC: [(&[u8], &str); 5] = [
    (b"\xff\xd8\xff", "a JPEG picture"),
    (b"%PDF", "a PDF document"),
    (b"\x28\xb5\x2f\xfd", "a zstd file"),
    (b"<?xml", "an XML text"),
    (b"CDF", "a netCDF file"),
];

/// What a file that is no detector image seems to be.
fn describe(head: &[u8]) -> String {
    if let Some((_, name)) = MAGIC.iter().find(|(magic, _)| head.starts_with(magic)) {
        return (*name).to_owned();
    }
    if !is_text(head) {
        return "binary data of an unknown kind".to_owned();
    }
    let text = String::from_utf8_lossy(&head[..head.len().min(512)]);
    let line = text.trim_start().lines().next().unwrap_or("");
    let start: String = line.chars().take(40).collect();
    format!("a text that begins with `{}`", start.trim_end())
}

/// Whether a file that begins so may hold pixels without a header: it is neither a text nor known.
pub(crate) fn is_unknown_binary(head: &[u8]) -> bool {
    let is_known = MAGIC.iter().any(|(magic, _)| head.starts_with(magic));
    !head.is_empty() && !is_known && !is_text(head)
}

/// Whether a file that begins so is a text.
fn is_text(head: &[u8]) -> bool {
    let text = String::from_utf8_lossy(&head[..head.len().min(512)]);
    !head.contains(&0)
        && text
            .chars()
            .all(|c| !c.is_control() || c.is_ascii_whitespace())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(head: &[u8]) -> String {
        identify(head)
            .err()
            .expect("no format")
            .message()
            .to_owned()
    }

    #[test]
    fn content_decides() {
        for (head, format) in [
            (&b"\x89HDF\r\n\x1a\n"[..], Format::Nexus),
            (b"###CBF: VERSION 1.5", Format::Cbf),
            (b"II*\0\x08\0\0\0", Format::Tiff),
            (b"MM\0*\0\0\0\x08", Format::Tiff),
            (b"\x93NUMPY\x01\0", Format::Npy),
            (b"{\nDim_1 = 4 ;\n", Format::Edf),
            (b"\r\n{\r\nEDF_DataBlockID = 0.Image.Psd ;", Format::Edf),
            (b"{\nHEADER_BYTES=  512;\nDIM=2;\n", Format::Smv),
            (b"R-AXIS4   ", Format::Raxis),
            (b"OD SAPPHIRE  3.0\r\n", Format::Oxford),
            (b"FORMAT :        86", Format::Bruker),
            (b"FORMAT :100", Format::Bruker),
            (b"ADEPT\0", Format::Ge),
            (&[0; 4096], Format::Ge),
            (
                b"No\nX dimension = 2\nNumber of readouts = 1\n",
                Format::Kcd,
            ),
            (b"\\$FFF_START:00000000", Format::Fit2d),
            (b"M\0\0\0A\0\0\0S\0\0\0K\0\0\0", Format::Fit2dMask),
            (b"PK\x03\x04", Format::Npz),
            (b"\x89PNG\r\n\x1a\n", Format::Png),
            (b"Data columns Qx - Qy - I(Qx,Qy)\n", Format::NistText),
        ] {
            assert_eq!(identify(head).unwrap().format, format);
        }
    }

    #[test]
    fn the_table_and_the_list_have_one_order() {
        assert_eq!(TABLE.map(|entry| entry.format), Format::ALL);
    }

    #[test]
    fn what_is_not_an_image_is_named() {
        assert!(message(b"").ends_with("an empty file"));
        assert!(message(b"\xff\xd8\xff...").ends_with("a JPEG picture"));
        assert!(message(b"{\n  \"fits\": [1, 2]}").contains("a text that begins with `{`"));
        assert!(message(b"\0\x01\x02").contains("binary"));
    }
}
