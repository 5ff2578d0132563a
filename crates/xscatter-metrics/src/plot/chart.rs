//! Lines in a square, with their names and values beside it.

use plotters::element::DashedPathElement;
use plotters::prelude::*;
use plotters::style::text_anchor::HPos;
use xscatter_core::Result;

use super::{
    Area, Drawing, GREY_INK, INK, LABEL_PX, MARGIN, TITLE_PX, drawn, text, text_width, title_width,
};

const SIDE: i32 = 420;
const SWATCH: i32 = 26;
const LEGEND_STEP: i32 = 22;
const GRID: RGBColor = RGBColor(228, 231, 235);
/// Told apart by colour-blind eyes too (P. Tol, the muted scheme).
const COLOURS: [RGBColor; 9] = [
    RGBColor(51, 34, 136),
    RGBColor(204, 102, 119),
    RGBColor(68, 170, 153),
    RGBColor(221, 170, 51),
    RGBColor(17, 119, 51),
    RGBColor(136, 34, 85),
    RGBColor(110, 180, 230),
    RGBColor(153, 153, 51),
    RGBColor(170, 68, 153),
];

/// A place in the square: 0 is left or below, 1 right or above.
pub(super) type Place = (f64, f64);

pub(super) struct Axis {
    pub(super) title: &'static str,
    pub(super) ticks: Vec<(f64, String)>,
}

pub(super) struct Line {
    pub(super) name: String,
    pub(super) value: String,
    pub(super) places: Vec<Place>,
    /// Circles with their radius in pixels.
    pub(super) circles: Vec<(Place, i32)>,
}

pub(super) struct Chart<'a> {
    pub(super) title: &'a str,
    /// What the values beside the names are.
    pub(super) value: &'static str,
    pub(super) x: Axis,
    pub(super) y: Axis,
    pub(super) lines: Vec<Line>,
    /// A dashed line to compare with.
    pub(super) reference: Option<[Place; 2]>,
}

impl Axis {
    /// From 0 to 1 in fifths.
    pub(super) fn shares(title: &'static str) -> Self {
        let tick = |fifth: u8| {
            let share = f64::from(fifth) / 5.0;
            (share, format!("{share:.1}"))
        };
        Self {
            title,
            ticks: (0..=5).map(tick).collect(),
        }
    }
}

impl Chart<'_> {
    pub(super) fn svg(&self) -> Result<String> {
        let widest = |texts: &mut dyn Iterator<Item = &String>| {
            texts.map(|t| text_width(t, LABEL_PX)).max().unwrap_or(0)
        };
        let ticks = widest(&mut self.y.ticks.iter().map(|(_, label)| label));
        let names = widest(&mut self.lines.iter().map(|line| &line.name));
        let values = widest(&mut self.lines.iter().map(|line| &line.value));
        let values = values.max(text_width(self.value, LABEL_PX));
        let left = MARGIN + LABEL_PX + 12 + ticks + 8;
        let top = MARGIN + TITLE_PX + 16;
        let legend = left + SIDE + 24;
        let right = legend + SWATCH + 8 + names + 14 + values;
        let below = top + SIDE + 10 + LABEL_PX + 12 + LABEL_PX + MARGIN;
        let listed = top + LEGEND_STEP * (self.lines.len() as i32 + 1) + MARGIN;
        let width = (right + MARGIN).max(title_width(self.title) + 2 * MARGIN);
        drawn((width, below.max(listed)), |area| {
            area.fill(&WHITE)?;
            let mut bold = text(TITLE_PX, INK, HPos::Left);
            bold.font = bold.font.style(FontStyle::Bold);
            let beyond = title_width(self.title) > width - left - MARGIN;
            let start = if beyond { MARGIN } else { left };
            area.draw_text(self.title, &bold, (start, MARGIN + TITLE_PX / 2))?;
            self.draw_axes(area, (left, top))?;
            let head = text(LABEL_PX, GREY_INK, HPos::Right);
            area.draw_text(self.value, &head, (right, top + LEGEND_STEP / 2))?;
            for (number, line) in self.lines.iter().enumerate() {
                draw_line(area, (left, top), number, line)?;
                draw_legend(area, (legend, right, top), number, line)?;
            }
            Ok(())
        })
    }

    fn draw_axes(&self, area: &Area<'_>, corner: (i32, i32)) -> Drawing {
        let (left, top) = corner;
        let bottom = top + SIDE;
        let below = text(LABEL_PX - 1, GREY_INK, HPos::Center);
        let beside = text(LABEL_PX - 1, GREY_INK, HPos::Right);
        for (place, label) in &self.x.ticks {
            let (x, _) = pixel(corner, (*place, 0.0));
            area.draw(&PathElement::new(vec![(x, top), (x, bottom)], GRID))?;
            area.draw_text(label, &below, (x, bottom + 10 + LABEL_PX / 2))?;
        }
        for (place, label) in &self.y.ticks {
            let (_, y) = pixel(corner, (0.0, *place));
            area.draw(&PathElement::new(vec![(left, y), (left + SIDE, y)], GRID))?;
            area.draw_text(label, &beside, (left - 8, y))?;
        }
        if let Some(ends) = self.reference {
            let ends = ends.map(|end| pixel(corner, end));
            area.draw(&DashedPathElement::new(ends, 5, 4, GREY_INK))?;
        }
        let frame = [(left, top), (left + SIDE, bottom)];
        area.draw(&Rectangle::new(frame, GREY_INK))?;
        let style = text(LABEL_PX + 1, INK, HPos::Center);
        let under = bottom + 10 + LABEL_PX + 12 + LABEL_PX / 2;
        area.draw_text(self.x.title, &style, (left + SIDE / 2, under))?;
        let sideways = style.transform(FontTransform::Rotate270);
        let at = (MARGIN + LABEL_PX / 2, top + SIDE / 2);
        area.draw_text(self.y.title, &sideways, at)
    }
}

fn pixel((left, top): (i32, i32), (x, y): Place) -> (i32, i32) {
    let along = |share: f64| (share.clamp(0.0, 1.0) * f64::from(SIDE)).round() as i32;
    (left + along(x), top + SIDE - along(y))
}

/// The colours are used in turn, from the second round on in dashes.
fn stroke(number: usize) -> (ShapeStyle, bool) {
    let colour = COLOURS[number % COLOURS.len()];
    (colour.stroke_width(2), number >= COLOURS.len())
}

fn path(area: &Area<'_>, pixels: Vec<(i32, i32)>, number: usize) -> Drawing {
    let (style, is_dashed) = stroke(number);
    if is_dashed {
        area.draw(&DashedPathElement::new(pixels, 6, 3, style))
    } else {
        area.draw(&PathElement::new(pixels, style))
    }
}

fn draw_line(area: &Area<'_>, corner: (i32, i32), number: usize, line: &Line) -> Drawing {
    let mut pixels: Vec<(i32, i32)> = line.places.iter().map(|&at| pixel(corner, at)).collect();
    // Many cuts fall on one pixel, and those inside a straight stretch show nothing.
    pixels.dedup();
    pixels = without_inner(&pixels);
    path(area, pixels, number)?;
    let (style, _) = stroke(number);
    for &(place, radius) in &line.circles {
        area.draw(&Circle::new(pixel(corner, place), radius, style.filled()))?;
    }
    Ok(())
}

fn without_inner(pixels: &[(i32, i32)]) -> Vec<(i32, i32)> {
    let mut kept: Vec<(i32, i32)> = Vec::new();
    for &pixel in pixels {
        if let [.., before, last] = kept[..] {
            let is_upright = before.0 == last.0 && last.0 == pixel.0;
            let is_level = before.1 == last.1 && last.1 == pixel.1;
            if is_upright || is_level {
                kept.pop();
            }
        }
        kept.push(pixel);
    }
    kept
}

fn draw_legend(
    area: &Area<'_>,
    (x, right, top): (i32, i32, i32),
    number: usize,
    line: &Line,
) -> Drawing {
    let y = top + LEGEND_STEP * (number as i32 + 1) + LEGEND_STEP / 2;
    path(area, vec![(x, y), (x + SWATCH, y)], number)?;
    let name = text(LABEL_PX, INK, HPos::Left);
    area.draw_text(&line.name, &name, (x + SWATCH + 8, y))?;
    let value = text(LABEL_PX, GREY_INK, HPos::Right);
    area.draw_text(&line.value, &value, (right, y))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn straight_stretches_keep_their_ends() {
        let steps = [(0, 9), (0, 5), (0, 2), (3, 2), (4, 2), (6, 0)];
        assert_eq!(without_inner(&steps), [(0, 9), (0, 2), (4, 2), (6, 0)]);
    }
}
