//! A confusion matrix as an SVG picture.
//!
//! Rows are the true classes, columns the predicted ones. A cell shows how many samples it holds and,
//! where there is room, their share of the true class; the fill runs from white (none of the class) to
//! dark blue (all of it). A class without a sample has no shares: its row is grey. The picture grows
//! with the number of classes and the length of their names, so no text is cut. Text stays text, drawn
//! by whatever sans-serif font the viewer has: no font file is needed to write it.

use plotters::prelude::*;
use plotters::style::text_anchor::HPos;
use xscatter_core::{Error, ErrorKind, Result};

use super::{
    Area, Drawing, GREY_INK, INK, LABEL_PX, MARGIN, TITLE_PX, drawn, text, text_width, title_width,
};
use crate::confusion::ConfusionMatrix;

const NO_SAMPLE: RGBColor = RGBColor(233, 236, 239);
/// Light to dark at equal steps of the share; each step is darker than the one before.
const BLUES: [(f64, f64, f64); 5] = [
    (250.0, 252.0, 255.0),
    (198.0, 219.0, 239.0),
    (107.0, 174.0, 214.0),
    (33.0, 113.0, 181.0),
    (8.0, 48.0, 107.0),
];

const LEGEND_WIDTH: i32 = 14;

/// The picture as SVG text.
///
/// # Errors
/// If the matrix has no class, or the drawing fails.
pub fn confusion_matrix_svg(matrix: &ConfusionMatrix, title: &str) -> Result<String> {
    if matrix.n_classes() == 0 {
        return Err(Error::new(
            ErrorKind::DegenerateData,
            "expected a confusion matrix with at least one class, got none",
        ));
    }
    let layout = Layout::new(matrix, title);
    drawn((layout.width, layout.height), |area| {
        draw(area, &layout, matrix, title)
    })
}

/// All places, in pixels.
struct Layout {
    cell: i32,
    count_px: i32,
    share_px: Option<i32>,
    /// Whether the names below the columns stand upright because they are wider than a cell.
    upright: bool,
    left: i32,
    top: i32,
    side: i32,
    names: i32,
    width: i32,
    height: i32,
}

impl Layout {
    fn new(matrix: &ConfusionMatrix, title: &str) -> Self {
        let classes = matrix.n_classes() as i32;
        let (cell, count_px, share_px) = match classes {
            ..=6 => (88, 19, Some(13)),
            7..=12 => (64, 15, Some(11)),
            _ => (44, 12, None),
        };
        let widest_count = matrix.counts().iter().max().map_or(1, |max| digits(*max));
        let cell = cell.max(widest_count * count_px * 7 / 10 + 8);
        let names = matrix.names().iter().map(|name| text_width(name, LABEL_PX));
        let names = names.max().unwrap_or(0);
        let upright = names > cell - 4;
        let side = cell * classes;
        let left = MARGIN + LABEL_PX + 14 + names + 8;
        let top = MARGIN + TITLE_PX + LABEL_PX + 24;
        let below = if upright { names } else { LABEL_PX };
        let legend = 22 + LEGEND_WIDTH + 6 + text_width("100 %", LABEL_PX);
        let content = left + side + legend + MARGIN;
        Self {
            cell,
            count_px,
            share_px,
            upright,
            left,
            top,
            side,
            names: below,
            width: content.max(title_width(title) + 2 * MARGIN),
            height: top + side + 10 + below + 14 + LABEL_PX + MARGIN,
        }
    }
}

fn draw(area: &Area<'_>, layout: &Layout, matrix: &ConfusionMatrix, title: &str) -> Drawing {
    area.fill(&WHITE)?;
    draw_titles(area, layout, matrix, title)?;
    draw_names(area, layout, matrix)?;
    for truth in 0..matrix.n_classes() {
        for predicted in 0..matrix.n_classes() {
            draw_cell(area, layout, matrix, (truth, predicted))?;
        }
    }
    let (left, top, side) = (layout.left, layout.top, layout.side);
    let frame = Rectangle::new([(left, top), (left + side, top + side)], GREY_INK);
    area.draw(&frame)?;
    draw_legend(area, layout)
}

fn draw_titles(area: &Area<'_>, layout: &Layout, matrix: &ConfusionMatrix, title: &str) -> Drawing {
    let middle = layout.left + layout.side / 2;
    let centre = (layout.width / 2, MARGIN + TITLE_PX / 2);
    // A title wider than the matrix is centred on the picture, where it has room.
    let wide = title_width(title) > 2 * (layout.width - MARGIN - middle).min(middle - MARGIN);
    let at = if wide { centre } else { (middle, centre.1) };
    let mut bold = text(TITLE_PX, INK, HPos::Center);
    bold.font = bold.font.style(FontStyle::Bold);
    area.draw_text(title, &bold, at)?;

    let samples = matrix.total();
    let plural = if samples == 1 { "" } else { "s" };
    let mut subtitle = format!("{samples} sample{plural}");
    if samples > 0 {
        let accuracy = 100.0 * matrix.correct() as f64 / samples as f64;
        subtitle = format!("{subtitle}, accuracy {accuracy:.1} %");
    }
    let grey = text(LABEL_PX - 1, GREY_INK, HPos::Center);
    area.draw_text(
        &subtitle,
        &grey,
        (at.0, MARGIN + TITLE_PX + 8 + LABEL_PX / 2),
    )?;

    let axis = text(LABEL_PX + 1, INK, HPos::Center);
    let bottom = layout.height - MARGIN - LABEL_PX / 2;
    area.draw_text("Predicted class", &axis, (middle, bottom))?;
    let sideways = axis.transform(FontTransform::Rotate270);
    let height = layout.top + layout.side / 2;
    area.draw_text("True class", &sideways, (MARGIN + LABEL_PX / 2, height))
}

fn draw_names(area: &Area<'_>, layout: &Layout, matrix: &ConfusionMatrix) -> Drawing {
    let row_style = text(LABEL_PX, INK, HPos::Right);
    let below = layout.top + layout.side + 10;
    for (position, name) in matrix.names().iter().enumerate() {
        let offset = position as i32 * layout.cell + layout.cell / 2;
        area.draw_text(name, &row_style, (layout.left - 8, layout.top + offset))?;
        let x = layout.left + offset;
        if layout.upright {
            let style = row_style.transform(FontTransform::Rotate270);
            area.draw_text(name, &style, (x, below))?;
        } else {
            let style = text(LABEL_PX, INK, HPos::Center);
            area.draw_text(name, &style, (x, below + layout.names / 2))?;
        }
    }
    Ok(())
}

fn draw_cell(
    area: &Area<'_>,
    layout: &Layout,
    matrix: &ConfusionMatrix,
    (truth, predicted): (usize, usize),
) -> Drawing {
    let x = layout.left + predicted as i32 * layout.cell;
    let y = layout.top + truth as i32 * layout.cell;
    let corners = [(x, y), (x + layout.cell, y + layout.cell)];
    let centre = (x + layout.cell / 2, y + layout.cell / 2);
    let Some(share) = matrix.share(truth, predicted) else {
        area.draw(&Rectangle::new(corners, NO_SAMPLE.filled()))?;
        let style = text(layout.count_px, GREY_INK, HPos::Center);
        return area.draw_text("–", &style, centre);
    };
    let fill = blue(share);
    area.draw(&Rectangle::new(corners, fill.filled()))?;
    area.draw(&Rectangle::new(corners, WHITE))?;
    let count = matrix.counts()[[truth, predicted]];
    let ink = match (count, is_dark(fill)) {
        (0, _) => GREY_INK.mix(0.55),
        (_, true) => WHITE.to_rgba(),
        (_, false) => INK.to_rgba(),
    };
    let style = text(layout.count_px, ink, HPos::Center);
    match layout.share_px {
        Some(share_px) if count > 0 => {
            let shift = layout.cell / 8;
            area.draw_text(&count.to_string(), &style, (centre.0, centre.1 - shift))?;
            let style = text(share_px, ink.mix(0.85), HPos::Center);
            area.draw_text(&percent(share), &style, (centre.0, centre.1 + shift + 2))
        }
        _ => area.draw_text(&count.to_string(), &style, centre),
    }
}

fn draw_legend(area: &Area<'_>, layout: &Layout) -> Drawing {
    let x = layout.left + layout.side + 22;
    let height = layout.side;
    for step in 0..height {
        let y = layout.top + height - 1 - step;
        let fill = blue(f64::from(step) / f64::from(height - 1));
        let line = Rectangle::new([(x, y), (x + LEGEND_WIDTH, y + 1)], fill.filled());
        area.draw(&line)?;
    }
    let corners = [(x, layout.top), (x + LEGEND_WIDTH, layout.top + height)];
    area.draw(&Rectangle::new(corners, GREY_INK))?;
    let style = text(LABEL_PX - 2, GREY_INK, HPos::Left);
    for (label, y) in [
        ("100 %", layout.top + 6),
        ("50 %", layout.top + height / 2),
        ("0 %", layout.top + height - 6),
    ] {
        area.draw_text(label, &style, (x + LEGEND_WIDTH + 6, y))?;
    }
    Ok(())
}

fn digits(number: u64) -> i32 {
    number.to_string().len() as i32
}

/// A share as a percentage; one that is not quite none or all does not look as if it were.
fn percent(share: f64) -> String {
    let percent = 100.0 * share;
    if percent < 0.1 {
        "<0.1 %".into()
    } else if percent > 99.9 && share < 1.0 {
        ">99.9 %".into()
    } else if share == 1.0 {
        "100 %".into()
    } else {
        format!("{percent:.1} %")
    }
}

fn blue(share: f64) -> RGBColor {
    let place = share.clamp(0.0, 1.0) * (BLUES.len() - 1) as f64;
    let step = (place as usize).min(BLUES.len() - 2);
    let (from, to) = (BLUES[step], BLUES[step + 1]);
    let mix = |from: f64, to: f64| (from + (to - from) * (place - step as f64)).round() as u8;
    RGBColor(mix(from.0, to.0), mix(from.1, to.1), mix(from.2, to.2))
}

/// Whether white text reads better on this colour than black.
fn is_dark(RGBColor(red, green, blue): RGBColor) -> bool {
    0.299 * f64::from(red) + 0.587 * f64::from(green) + 0.114 * f64::from(blue) < 140.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{Array2, array};

    #[test]
    fn the_picture_holds_names_counts_and_shares() {
        let names = vec!["SAXS".into(), "a<b".into()];
        let matrix = ConfusionMatrix::new(names, array![[3, 1], [0, 40]]).unwrap();
        let svg = confusion_matrix_svg(&matrix, "Hold-out & more").unwrap();
        for text in [
            "SAXS",
            "a&lt;b",
            "40",
            "75.0 %",
            "Hold-out &amp; more",
            "True class",
        ] {
            assert!(svg.contains(text), "{text} is missing");
        }
        assert!(svg.trim_end().ends_with("</svg>"));
    }

    #[test]
    fn no_class_is_an_error_and_no_sample_is_not() {
        let nothing = ConfusionMatrix::new(vec![], Array2::zeros((0, 0))).unwrap();
        assert!(confusion_matrix_svg(&nothing, "").is_err());
        let empty = ConfusionMatrix::new(vec!["SAXS".into()], array![[0]]).unwrap();
        assert!(
            confusion_matrix_svg(&empty, "")
                .unwrap()
                .contains("0 samples")
        );
    }

    #[test]
    fn the_fill_darkens_with_the_share() {
        let light = |share| {
            let RGBColor(red, green, blue) = blue(share);
            u32::from(red) + u32::from(green) + u32::from(blue)
        };
        assert!(
            (0..100)
                .all(|step| light(f64::from(step) / 100.0) > light(f64::from(step + 1) / 100.0))
        );
        assert_eq!(percent(0.00001), "<0.1 %");
        assert_eq!(percent(0.99999), ">99.9 %");
    }
}
