//! Pictures of scores as SVG (feature `plot`): confusion matrices and curves.
//!
//! Pictures grow with the number and the length of names, so no text is cut. Text stays text, drawn by
//! whatever sans-serif font the viewer has: no font file is needed to write it. The same input gives the
//! same bytes.

mod chart;
mod confusion;
mod curves;

use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use xscatter_core::{Error, ErrorKind, Result};

pub use confusion::confusion_matrix_svg;
pub use curves::{det_svg, precision_recall_svg, reliability_svg, roc_svg};

const INK: RGBColor = RGBColor(33, 37, 41);
const GREY_INK: RGBColor = RGBColor(108, 117, 125);
const MARGIN: i32 = 20;
const TITLE_PX: i32 = 19;
const LABEL_PX: i32 = 14;

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
type Drawing = std::result::Result<(), DrawingAreaErrorKind<std::io::Error>>;

/// The SVG text of what is drawn on an area of this width and height.
fn drawn((width, height): (i32, i32), draw: impl FnOnce(&Area<'_>) -> Drawing) -> Result<String> {
    let mut svg = String::new();
    {
        let size = (width as u32, height as u32);
        let area = SVGBackend::with_string(&mut svg, size).into_drawing_area();
        draw(&area).and_then(|()| area.present()).map_err(|error| {
            Error::new(ErrorKind::Other, format!("the picture failed: {error}"))
        })?;
    }
    Ok(svg)
}

fn text(size_px: i32, colour: impl Color, horizontal: HPos) -> TextStyle<'static> {
    TextStyle {
        // The SVG backend writes the size divided by 1.24.
        font: ("sans-serif", f64::from(size_px) * 1.24).into_font(),
        color: colour.to_backend_color(),
        pos: Pos::new(horizontal, VPos::Center),
    }
}

/// A generous guess of the width of a text (that of a wide font): no font is at hand to measure it.
fn text_width(text: &str, size_px: i32) -> i32 {
    let hundredths: i32 = text
        .chars()
        .map(|letter| match letter {
            ' ' | '.' | ',' | ':' | ';' | '\'' | '-' | '/' | '(' | ')' | 'f' | 'i' | 'j' | 'l'
            | 't' => 40,
            'a'..='z' if !matches!(letter, 'm' | 'w') => 63,
            '0'..='9' => 64,
            ..='\u{24F}' => 82,
            // Other scripts may be as wide as they are high.
            _ => 100,
        })
        .sum();
    hundredths * size_px / 100
}

/// Bold letters are wider.
fn title_width(title: &str) -> i32 {
    text_width(title, TITLE_PX * 9 / 8)
}
