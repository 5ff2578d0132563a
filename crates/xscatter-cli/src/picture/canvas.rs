//! A canvas of RGB pixels: rectangles, lines, text, PNG.
//!
//! Coordinates are pixels from the top left; whatever falls outside is left out. Text is that of the
//! bitmap fonts of X11 in Latin-1; a character beyond it becomes a question mark.

use std::collections::BTreeMap;
use std::convert::Infallible;

use embedded_graphics::Drawable as _;
use embedded_graphics::draw_target::DrawTarget;
use embedded_graphics::geometry::{OriginDimensions, Point, Size};
use embedded_graphics::mono_font::iso_8859_1::{
    FONT_6X13, FONT_6X13_BOLD, FONT_9X15, FONT_9X15_BOLD,
};
use embedded_graphics::mono_font::{MonoFont, MonoTextStyle};
use embedded_graphics::pixelcolor::BinaryColor;
use embedded_graphics::prelude::Pixel;
use embedded_graphics::text::{Baseline, Text};
use xscatter::{Error, ErrorKind, Result};

/// Red, green, blue.
pub(crate) type Rgb = [u8; 3];

pub(crate) const WHITE: Rgb = [255, 255, 255];
pub(crate) const BLACK: Rgb = [0, 0, 0];
pub(crate) const GREY: Rgb = [110, 110, 110];
pub(crate) const PALE: Rgb = [222, 222, 222];

/// Width of one character.
pub(crate) const CHARACTER: i64 = 9;
/// From one line of text to the next.
pub(crate) const LINE: i64 = 18;
/// Width of one small character.
pub(crate) const SMALL_CHARACTER: i64 = 6;
/// From one line of small text to the next.
pub(crate) const SMALL_LINE: i64 = 14;
/// Height of a character.
pub(crate) const HEIGHT: i64 = 15;

/// Where a text lies relative to its point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Align {
    Left,
    Centre,
    Right,
}

/// How a text is drawn; the point is at the top of the line.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ink {
    pub(crate) colour: Rgb,
    pub(crate) align: Align,
    pub(crate) bold: bool,
    pub(crate) small: bool,
    /// From bottom to top instead of from left to right.
    pub(crate) upwards: bool,
}

impl Default for Ink {
    fn default() -> Self {
        Self {
            colour: BLACK,
            align: Align::Left,
            bold: false,
            small: false,
            upwards: false,
        }
    }
}

/// How wide a text is drawn.
pub(crate) fn text_width(text: &str) -> i64 {
    text.chars().count() as i64 * CHARACTER
}

/// A picture under construction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Canvas {
    width: usize,
    height: usize,
    pixels: Vec<Rgb>,
}

impl Canvas {
    /// A canvas of one colour.
    pub(crate) fn new(width: usize, height: usize, colour: Rgb) -> Self {
        Self {
            width,
            height,
            pixels: vec![colour; width * height],
        }
    }

    /// Width and height.
    pub(crate) fn size(&self) -> (usize, usize) {
        (self.width, self.height)
    }

    /// The colour of one pixel; `None` outside.
    #[cfg(test)]
    pub(crate) fn get(&self, x: i64, y: i64) -> Option<Rgb> {
        self.offset(x, y).map(|offset| self.pixels[offset])
    }

    fn offset(&self, x: i64, y: i64) -> Option<usize> {
        let (x, y) = (usize::try_from(x).ok()?, usize::try_from(y).ok()?);
        (x < self.width && y < self.height).then(|| y * self.width + x)
    }

    /// Colours one pixel.
    pub(crate) fn set(&mut self, x: i64, y: i64, colour: Rgb) {
        if let Some(offset) = self.offset(x, y) {
            self.pixels[offset] = colour;
        }
    }

    /// Mixes a colour into one pixel; `share` is between 0 and 1.
    fn mix(&mut self, x: i64, y: i64, colour: Rgb, share: f64) {
        if let Some(offset) = self.offset(x, y) {
            let mixed = |old: u8, new: u8| {
                (f64::from(old) + (f64::from(new) - f64::from(old)) * share).round() as u8
            };
            let old = self.pixels[offset];
            self.pixels[offset] = std::array::from_fn(|part| mixed(old[part], colour[part]));
        }
    }

    /// Fills a rectangle.
    pub(crate) fn fill(&mut self, x: i64, y: i64, width: i64, height: i64, colour: Rgb) {
        let clip = |low: i64, length: i64, limit: usize| {
            let end = (low + length).clamp(0, limit as i64) as usize;
            (low.clamp(0, limit as i64) as usize).min(end)..end
        };
        let columns = clip(x, width, self.width);
        for row in clip(y, height, self.height) {
            let start = row * self.width;
            self.pixels[start + columns.start..start + columns.end].fill(colour);
        }
    }

    /// Copies another canvas; its top left comes to this place.
    pub(crate) fn paste(&mut self, x: i64, y: i64, other: &Self) {
        for (index, &colour) in other.pixels.iter().enumerate() {
            let (row, column) = (index / other.width, index % other.width);
            self.set(x + column as i64, y + row as i64, colour);
        }
    }

    /// Draws the border of a rectangle, one pixel wide, just outside it.
    pub(crate) fn border(&mut self, x: i64, y: i64, width: i64, height: i64, colour: Rgb) {
        self.fill(x - 1, y - 1, width + 2, 1, colour);
        self.fill(x - 1, y + height, width + 2, 1, colour);
        self.fill(x - 1, y - 1, 1, height + 2, colour);
        self.fill(x + width, y - 1, 1, height + 2, colour);
    }

    /// Draws a smooth line between two points, cut off at the rectangle `clip` (left, top, right,
    /// bottom; the last two outside).
    pub(crate) fn line(
        &mut self,
        from: (f64, f64),
        to: (f64, f64),
        thickness: f64,
        colour: Rgb,
        clip: (i64, i64, i64, i64),
    ) {
        let reach = thickness / 2.0 + 0.5;
        let low = |a: f64, b: f64, limit: i64| ((a.min(b) - reach).floor() as i64).max(limit);
        let high = |a: f64, b: f64, limit: i64| ((a.max(b) + reach).ceil() as i64).min(limit);
        let (dx, dy) = (to.0 - from.0, to.1 - from.1);
        let squared = dx * dx + dy * dy;
        for y in low(from.1, to.1, clip.1)..high(from.1, to.1, clip.3) {
            for x in low(from.0, to.0, clip.0)..high(from.0, to.0, clip.2) {
                // The distance from the middle of the pixel to the nearest point of the segment.
                let (px, py) = (x as f64 + 0.5 - from.0, y as f64 + 0.5 - from.1);
                let along = if squared > 0.0 {
                    ((px * dx + py * dy) / squared).clamp(0.0, 1.0)
                } else {
                    0.0
                };
                let distance = (px - along * dx).hypot(py - along * dy);
                let share = (reach - distance).clamp(0.0, 1.0);
                if share > 0.0 {
                    self.mix(x, y, colour, share);
                }
            }
        }
    }

    /// Draws one line of text.
    pub(crate) fn text(&mut self, x: i64, y: i64, text: &str, ink: Ink) {
        let (font, character): (&MonoFont<'_>, i64) = match (ink.small, ink.bold) {
            (false, false) => (&FONT_9X15, CHARACTER),
            (false, true) => (&FONT_9X15_BOLD, CHARACTER),
            (true, false) => (&FONT_6X13, SMALL_CHARACTER),
            (true, true) => (&FONT_6X13_BOLD, SMALL_CHARACTER),
        };
        let width = text.chars().count() as i64 * character;
        let shift = match ink.align {
            Align::Left => 0,
            Align::Centre => width / 2,
            Align::Right => width,
        };
        let mut target = Glyphs {
            canvas: self,
            origin: (x, y),
            shift,
            ink,
        };
        let style = MonoTextStyle::new(font, BinaryColor::On);
        let _ = Text::with_baseline(text, Point::zero(), style, Baseline::Top).draw(&mut target);
    }

    /// The picture as a PNG file, with these texts (keyword, text) in it.
    ///
    /// Up to 256 colours are stored as a palette, which is a third of the size.
    pub(crate) fn to_png(&self, texts: &[(&str, String)]) -> Result<Vec<u8>> {
        let failed = |error: png::EncodingError| {
            Error::new(ErrorKind::Other, "the picture could not be encoded").with_source(error)
        };
        let side = |length: usize| {
            u32::try_from(length)
                .map_err(|_| Error::new(ErrorKind::InvalidArgument, "the picture is too large"))
        };
        let mut bytes = Vec::new();
        let mut encoder = png::Encoder::new(&mut bytes, side(self.width)?, side(self.height)?);
        encoder.set_depth(png::BitDepth::Eight);
        for (keyword, text) in texts {
            encoder
                .add_itxt_chunk((*keyword).to_owned(), text.clone())
                .map_err(failed)?;
        }
        let data = if let Some((palette, indices)) = self.indexed() {
            encoder.set_color(png::ColorType::Indexed);
            encoder.set_palette(palette.concat());
            // Differences of palette entries mean nothing.
            encoder.set_filter(png::Filter::NoFilter);
            indices
        } else {
            encoder.set_color(png::ColorType::Rgb);
            self.pixels.concat()
        };
        let mut writer = encoder.write_header().map_err(failed)?;
        writer.write_image_data(&data).map_err(failed)?;
        writer.finish().map_err(failed)?;
        Ok(bytes)
    }

    /// The colours and, for each pixel, which one it has; `None` if there are more than 256.
    fn indexed(&self) -> Option<(Vec<Rgb>, Vec<u8>)> {
        let mut known: BTreeMap<Rgb, u8> = BTreeMap::new();
        let mut palette = Vec::new();
        let mut indices = Vec::with_capacity(self.pixels.len());
        let mut last: Option<(Rgb, u8)> = None;
        for &colour in &self.pixels {
            let index = match last {
                Some((same, index)) if same == colour => index,
                _ => {
                    if let Some(&index) = known.get(&colour) {
                        index
                    } else {
                        let index = u8::try_from(palette.len()).ok()?;
                        palette.push(colour);
                        known.insert(colour, index);
                        index
                    }
                }
            };
            last = Some((colour, index));
            indices.push(index);
        }
        Some((palette, indices))
    }
}

/// Where the fonts draw: one line of text, shifted and perhaps turned.
struct Glyphs<'a> {
    canvas: &'a mut Canvas,
    origin: (i64, i64),
    shift: i64,
    ink: Ink,
}

impl DrawTarget for Glyphs<'_> {
    type Color = BinaryColor;
    type Error = Infallible;

    fn draw_iter<I>(&mut self, pixels: I) -> Result<(), Infallible>
    where
        I: IntoIterator<Item = Pixel<BinaryColor>>,
    {
        for Pixel(point, colour) in pixels {
            if colour.is_on() {
                let along = i64::from(point.x) - self.shift;
                let across = i64::from(point.y);
                let (x, y) = if self.ink.upwards {
                    (self.origin.0 + across, self.origin.1 - along)
                } else {
                    (self.origin.0 + along, self.origin.1 + across)
                };
                self.canvas.set(x, y, self.ink.colour);
            }
        }
        Ok(())
    }
}

impl OriginDimensions for Glyphs<'_> {
    fn size(&self) -> Size {
        Size::new(u32::MAX, HEIGHT as u32)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// The pixels of a PNG file as RGB.
    pub(crate) fn decode(bytes: &[u8]) -> (usize, usize, Vec<u8>) {
        let mut decoder = png::Decoder::new(std::io::Cursor::new(bytes));
        decoder.set_transformations(png::Transformations::EXPAND);
        let mut reader = decoder.read_info().unwrap();
        let mut data = vec![0; reader.output_buffer_size().unwrap()];
        let info = reader.next_frame(&mut data).unwrap();
        data.truncate(info.buffer_size());
        (info.width as usize, info.height as usize, data)
    }

    #[test]
    fn few_colours_and_many_colours_come_back_from_the_file() {
        let mut few = Canvas::new(7, 5, WHITE);
        few.fill(-2, 3, 5, 10, [1, 2, 3]);
        let mut many = Canvas::new(20, 20, BLACK);
        for index in 0..400 {
            many.set(index % 20, index / 20, [index as u8, (index / 7) as u8, 9]);
        }
        assert!(few.indexed().is_some() && many.indexed().is_none());
        for canvas in [few, many] {
            let png = canvas.to_png(&[("Title", "µ".into())]).unwrap();
            let (width, height, data) = decode(&png);
            assert_eq!((width, height), canvas.size());
            assert_eq!(data, canvas.pixels.concat());
        }
    }

    #[test]
    fn a_filled_rectangle_is_cut_off_at_the_edges() {
        let mut canvas = Canvas::new(4, 3, WHITE);
        canvas.fill(2, -1, 9, 2, BLACK);
        assert_eq!(canvas.get(1, 0), Some(WHITE));
        assert_eq!(canvas.get(2, 0), Some(BLACK));
        assert_eq!(canvas.get(3, 0), Some(BLACK));
        assert_eq!(canvas.get(3, 1), Some(WHITE));
        assert_eq!(canvas.get(4, 0), None);
    }

    #[test]
    fn text_fills_its_width_whichever_way_it_runs() {
        let mut canvas = Canvas::new(60, 60, WHITE);
        let inked = |canvas: &Canvas| canvas.pixels.iter().filter(|&&c| c != WHITE).count();
        canvas.text(
            30,
            0,
            "MMM",
            Ink {
                align: Align::Right,
                ..Ink::default()
            },
        );
        let across = inked(&canvas);
        assert!(across > 50);
        assert!((31..60).all(|x| (0..60).all(|y| canvas.get(x, y) == Some(WHITE))));
        let mut turned = Canvas::new(60, 60, WHITE);
        turned.text(
            0,
            59,
            "MMM",
            Ink {
                upwards: true,
                ..Ink::default()
            },
        );
        assert_eq!(inked(&turned), across);
    }

    #[test]
    fn a_line_stays_within_its_clip() {
        let mut canvas = Canvas::new(20, 20, WHITE);
        canvas.line((-50.0, 10.0), (50.0, 10.0), 1.0, BLACK, (5, 0, 15, 20));
        assert_ne!(canvas.get(5, 9), Some(WHITE));
        assert_eq!(canvas.get(4, 9), Some(WHITE));
        assert_eq!(canvas.get(15, 9), Some(WHITE));
        assert_eq!(canvas.get(5, 12), Some(WHITE));
    }
}
