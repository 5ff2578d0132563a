//! Writing EDF: a header of whole 512-byte blocks a frame, with the keys of pyFAI.

use std::io;

use xscatter_core::{Frame, Result};

use crate::header;
use crate::poni;
use crate::write::{WriteDtype, pixel_bytes};

/// Writes the frames one after another.
pub(crate) fn write(out: &mut dyn io::Write, frames: &[Frame], dtype: WriteDtype) -> Result<()> {
    let data_type = match dtype {
        WriteDtype::I32 => "SignedInteger",
        WriteDtype::U16 => "UnsignedShort",
        WriteDtype::U32 => "UnsignedInteger",
        WriteDtype::F32 => "FloatValue",
    };
    for (index, frame) in frames.iter().enumerate() {
        let pixels =
            pixel_bytes(frame, dtype).map_err(|error| error.at(format!("frame {index}")))?;
        let (rows, columns) = frame.shape();
        let mut own = vec![
            ("EDF_DataBlockID".to_owned(), format!("{index}.Image.Psd")),
            ("EDF_BinarySize".to_owned(), pixels.len().to_string()),
            (
                "HeaderID".to_owned(),
                format!("EH:{index:06}:000000:000000"),
            ),
            ("Image".to_owned(), index.to_string()),
            ("ByteOrder".to_owned(), "LowByteFirst".to_owned()),
            ("DataType".to_owned(), data_type.to_owned()),
            ("Dim_1".to_owned(), columns.to_string()),
            ("Dim_2".to_owned(), rows.to_string()),
            ("Size".to_owned(), pixels.len().to_string()),
        ];
        if let Some(exposure_s) = frame.info.exposure_s {
            own.push(("ExposureTime".to_owned(), exposure_s.to_string()));
        }
        if let Some(geometry) = &frame.info.geometry {
            let numbers = poni::numbers(geometry);
            own.extend(
                numbers
                    .iter()
                    .map(|(k, v)| ((*k).to_owned(), v.to_string())),
            );
        } else if let Some(centre) = frame.info.beam_centre_px {
            own.push(("Center_1".to_owned(), centre.column.to_string()));
            own.push(("Center_2".to_owned(), centre.row.to_string()));
        }
        let brought = frame.info.header.iter().filter(|(key, value)| {
            let reserved = own.iter().any(|(name, _)| name.eq_ignore_ascii_case(key))
                || poni::KEYS.iter().any(|name| name.eq_ignore_ascii_case(key))
                || key.starts_with("EDF_")
                || ["Compression", "Dim_3"].contains(&key.as_str());
            let writable = |text: &str| {
                text.is_ascii() && !text.contains([';', '{', '}']) && !text.trim().is_empty()
            };
            !reserved && writable(key) && !key.contains('=') && writable(value)
        });
        let brought: Vec<_> = brought
            .map(|(k, v)| (k.clone(), header::value(v)))
            .collect();
        let mut text = String::from("{\n");
        for (key, value) in own.iter().chain(&brought) {
            text.extend([key.as_str(), " = ", value, " ;\n"]);
        }
        // The header fills blocks of 512 bytes, its end included.
        let padding = 512 - (text.len() + 2) % 512;
        text.extend(std::iter::repeat_n(' ', padding % 512));
        text.push_str("}\n");
        out.write_all(text.as_bytes())?;
        out.write_all(&pixels)?;
    }
    Ok(out.flush()?)
}
