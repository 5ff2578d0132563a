//! A frame as a picture: colours, colour bar, axes, legend.
//!
//! Row 0 is at the top and column 0 at the left, as the frame is stored. The axes count pixels of the
//! frame. The beam centre is a cross, if it lies on the frame. Under a logarithmic scale valid counts
//! of 0 and below have a colour of their own, which stands in a box below the colour bar. Masked pixels
//! have the colours of [`colour::MASKED`]; the legend counts them.

use xscatter::core::ndarray::ArrayView2;
use xscatter::{Mask, PixelPosition};

use super::canvas::{
    Align, BLACK, CHARACTER, Canvas, GREY, HEIGHT, Ink, LINE, Rgb, WHITE, text_width,
};
use super::cells::{self, Cell, Pooling, Zoom};
use super::colour::{self, Map, Palette};
use super::scale::{Limits, Mapping, Scale};
use super::ticks::{self, number};

/// What is drawn.
#[derive(Debug)]
pub(crate) struct Subject<'a> {
    pub(crate) counts: ArrayView2<'a, f32>,
    pub(crate) mask: Option<&'a Mask>,
    pub(crate) centre: Option<PixelPosition>,
    /// The first line.
    pub(crate) title: String,
    /// What else stands above the picture, as many as fit in a line.
    pub(crate) facts: Vec<String>,
}

/// How it is drawn.
#[derive(Debug, Clone)]
pub(crate) struct Style {
    pub(crate) scale: Scale,
    pub(crate) limits: Limits,
    pub(crate) map: Map,
    pub(crate) pooling: Pooling,
    /// The longer side of the frame has at most so many picture pixels.
    pub(crate) max_size: usize,
}

/// Space left of the frame: numbers, marks and the word `row`.
const LEFT: i64 = 88;
/// Space between the frame and the colour bar.
const GAP: i64 = 20;
/// Width of the colour bar.
const BAR: i64 = 22;
/// Space right of the colour bar: marks and numbers.
const RIGHT: i64 = 100;
/// Space around everything.
const EDGE: i64 = 12;
/// Length of a mark.
const MARK: i64 = 6;
/// The colour bar is at least so high.
const LOWEST_BAR: i64 = 200;
/// The whole is at least so wide, so that the lines above hold something.
const NARROWEST: i64 = 760;

/// The frame alone, one picture pixel a pixel, unless it is larger than `max_size`.
pub(crate) fn bare(subject: &Subject<'_>, style: &Style) -> Canvas {
    let (rows, columns) = cells::zooms(subject.counts.dim(), style.max_size);
    let shrunk = |zoom: Zoom| Zoom { enlarge: 1, ..zoom };
    let zooms = (shrunk(rows), shrunk(columns));
    let mapping = mapping(subject, style);
    let (height, width) = size(subject, zooms);
    let mut canvas = Canvas::new(width as usize, height as usize, WHITE);
    paint(&mut canvas, (0, 0), subject, style, zooms, &mapping);
    canvas
}

/// The frame alone, at most `max_size` along its longer side; a small one is enlarged.
pub(crate) fn thumbnail(subject: &Subject<'_>, style: &Style) -> Canvas {
    let zooms = cells::zooms(subject.counts.dim(), style.max_size);
    let mapping = mapping(subject, style);
    let (height, width) = size(subject, zooms);
    let mut canvas = Canvas::new(width as usize, height as usize, WHITE);
    paint(&mut canvas, (0, 0), subject, style, zooms, &mapping);
    canvas
}

/// The frame with title, axes, colour bar and legend.
pub(crate) fn annotated(subject: &Subject<'_>, style: &Style) -> Canvas {
    let zooms = cells::zooms(subject.counts.dim(), style.max_size);
    let mapping = mapping(subject, style);
    let (height, width) = size(subject, zooms);
    let total_width = (LEFT + width + GAP + BAR + RIGHT).max(NARROWEST);
    let characters = ((total_width - 2 * EDGE) / CHARACTER) as usize;

    let above = flow(&subject.facts, characters);
    let legend = legend(subject, &mapping);
    let below = flow(&explanations(style, zooms, &mapping), characters);
    let legend_lines = legend_rows(&legend, total_width);

    let top = EDGE + LINE * (1 + above.len() as i64) + 10;
    let body = height.max(LOWEST_BAR);
    let under = top + body + MARK + LINE * 2 + 8;
    let total_height = under + LINE * (legend_lines + below.len() as i64) + EDGE;
    let left = LEFT + (total_width - LEFT - width - GAP - BAR - RIGHT) / 2;

    let mut canvas = Canvas::new(total_width as usize, total_height as usize, WHITE);
    let bold = Ink {
        bold: true,
        ..Ink::default()
    };
    canvas.text(EDGE, EDGE, &shortened(&subject.title, characters), bold);
    for (index, line) in above.iter().enumerate() {
        canvas.text(EDGE, EDGE + LINE * (1 + index as i64), line, Ink::default());
    }
    paint(&mut canvas, (left, top), subject, style, zooms, &mapping);
    canvas.border(left, top, width, height, BLACK);
    axes(&mut canvas, (left, top), subject.counts.dim(), zooms);
    if let Some(centre) = centre_inside(subject) {
        let x = left as f64 + zooms.1.place(centre.column);
        let y = top as f64 + zooms.0.place(centre.row);
        cross(&mut canvas, (x, y), (left, top, left + width, top + height));
    }
    colour_bar(
        &mut canvas,
        (left + width + GAP, top),
        body,
        style,
        &mapping,
    );
    draw_legend(&mut canvas, &legend, under, total_width);
    for (index, line) in below.iter().enumerate() {
        let y = under + LINE * (legend_lines + index as i64);
        let grey = Ink {
            colour: GREY,
            ..Ink::default()
        };
        canvas.text(EDGE, y, line, grey);
    }
    canvas
}

fn mapping(subject: &Subject<'_>, style: &Style) -> Mapping {
    let flags = subject.mask.map(Mask::as_slice);
    let mut valid: Vec<f32> = subject
        .counts
        .iter()
        .enumerate()
        .filter(|(index, _)| flags.is_none_or(|flags| flags[*index].is_valid()))
        .map(|(_, &count)| count)
        .collect();
    Mapping::new(&mut valid, style.scale, style.limits)
}

/// Height and width of the drawn frame.
fn size(subject: &Subject<'_>, (rows, columns): (Zoom, Zoom)) -> (i64, i64) {
    let (n_rows, n_columns) = subject.counts.dim();
    (rows.length(n_rows) as i64, columns.length(n_columns) as i64)
}

fn paint(
    canvas: &mut Canvas,
    (left, top): (i64, i64),
    subject: &Subject<'_>,
    style: &Style,
    zooms: (Zoom, Zoom),
    mapping: &Mapping,
) {
    let flags = subject.mask.map(Mask::as_slice);
    let palette = Palette::new(style.map, mapping.floored > 0);
    let cells = cells::cells(subject.counts, flags, zooms, style.pooling);
    let (height, width) = (zooms.0.enlarge as i64, zooms.1.enlarge as i64);
    for ((row, column), &cell) in cells.indexed_iter() {
        let colour = match cell {
            Cell::Count(count) => palette.colour(mapping.position(count)),
            Cell::Masked(flags) => colour::MASKED[colour::reason(flags)].1,
        };
        let (x, y) = (left + column as i64 * width, top + row as i64 * height);
        canvas.fill(x, y, width, height, colour);
    }
}

/// Marks and numbers of rows and columns.
fn axes(
    canvas: &mut Canvas,
    (left, top): (i64, i64),
    (n_rows, n_columns): (usize, usize),
    (rows, columns): (Zoom, Zoom),
) {
    let count = |length: usize| (length / 90).clamp(2, 12);
    let (height, width) = (rows.length(n_rows), columns.length(n_columns));
    let bottom = top + height as i64;
    let ink = Ink::default();
    for tick in ticks::linear(0.0, n_columns as f64, count(width)) {
        let x = left + columns.place(tick.value) as i64;
        canvas.fill(x, bottom + 1, 1, MARK, BLACK);
        let centred = Ink {
            align: Align::Centre,
            ..ink
        };
        let label = tick.label.unwrap_or_default();
        canvas.text(x, bottom + MARK + 3, &label, centred);
    }
    for tick in ticks::linear(0.0, n_rows as f64, count(height)) {
        let y = top + rows.place(tick.value) as i64;
        canvas.fill(left - 1 - MARK, y, MARK, 1, BLACK);
        let right = Ink {
            align: Align::Right,
            ..ink
        };
        let label = tick.label.unwrap_or_default();
        canvas.text(left - MARK - 4, y - HEIGHT / 2, &label, right);
    }
    let centred = Ink {
        align: Align::Centre,
        colour: GREY,
        ..ink
    };
    let x = left + width as i64 / 2;
    canvas.text(x, bottom + MARK + 3 + LINE, "column", centred);
    let upwards = Ink {
        upwards: true,
        ..centred
    };
    canvas.text(left - LEFT + EDGE, top + height as i64 / 2, "row", upwards);
}

/// A cross with an open middle, light with a dark rim, visible on every colour.
fn cross(canvas: &mut Canvas, (x, y): (f64, f64), clip: (i64, i64, i64, i64)) {
    for (thickness, colour) in [(4.0, BLACK), (1.6, WHITE)] {
        for (dx, dy) in [(1.0, 0.0), (-1.0, 0.0), (0.0, 1.0), (0.0, -1.0)] {
            let at = |reach: f64| (x + dx * reach, y + dy * reach);
            canvas.line(at(5.0), at(17.0), thickness, colour, clip);
        }
    }
}

fn colour_bar(
    canvas: &mut Canvas,
    (left, top): (i64, i64),
    height: i64,
    style: &Style,
    mapping: &Mapping,
) {
    let palette = Palette::new(style.map, mapping.floored > 0);
    let box_height = 16;
    let height = if mapping.floored > 0 {
        height - box_height - 8
    } else {
        height
    };
    let y_of = |position: f64| top + ((1.0 - position) * (height - 1) as f64).round() as i64;
    for row in 0..height {
        let position = 1.0 - row as f64 / (height - 1) as f64;
        canvas.fill(left, top + row, BAR, 1, palette.colour(Some(position)));
    }
    canvas.border(left, top, BAR, height, BLACK);
    let label_x = left + BAR + MARK + 5;
    for tick in mapping.ticks() {
        let y = y_of(mapping.position(tick.value).unwrap_or(0.0));
        let mark = if tick.label.is_some() { MARK } else { MARK / 2 };
        canvas.fill(left + BAR + 1, y, mark, 1, BLACK);
        if let Some(label) = &tick.label {
            // The lowest number stays clear of that of the box.
            let y = (y - HEIGHT / 2).min(top + height - HEIGHT + 4);
            canvas.text(label_x, y, label, Ink::default());
        }
    }
    if mapping.floored > 0 {
        let y = top + height + 8;
        canvas.fill(left, y, BAR, box_height, palette.colour(None));
        canvas.border(left, y, BAR, box_height, BLACK);
        let label = if mapping.negative { "<= 0" } else { "0" };
        canvas.text(label_x, y + 1, label, Ink::default());
    }
}

/// A line of the legend: a square of a colour, or the cross, and what it means.
#[derive(Debug)]
struct Entry {
    colour: Option<Rgb>,
    text: String,
}

fn legend(subject: &Subject<'_>, mapping: &Mapping) -> Vec<Entry> {
    let mut counts = [0_usize; colour::MASKED.len()];
    if let Some(mask) = subject.mask {
        for &flags in mask.as_slice().iter().filter(|flags| !flags.is_valid()) {
            counts[colour::reason(flags)] += 1;
        }
    }
    let total = subject.counts.len().max(1);
    let share = |count: usize| format!("{count} ({:.2} %)", 100.0 * count as f64 / total as f64);
    let mut entries: Vec<Entry> = colour::MASKED
        .iter()
        .zip(counts)
        .filter(|(_, count)| *count > 0)
        .map(|((_, colour, name), count)| Entry {
            colour: Some(*colour),
            text: format!("{name} {}", share(count)),
        })
        .collect();
    if entries.is_empty() {
        entries.push(Entry {
            colour: None,
            text: "no masked pixels".into(),
        });
    }
    if mapping.floored > 0 {
        let sign = if mapping.negative { "0 or below" } else { "0" };
        entries.push(Entry {
            colour: None,
            text: format!("counts of {sign}: {}", share(mapping.floored)),
        });
    }
    if let Some(centre) = subject.centre {
        let place = format!("row {:.1}, column {:.1}", centre.row, centre.column);
        let text = match centre_inside(subject) {
            Some(_) => format!("+ beam centre: {place}"),
            None => format!("beam centre off the frame: {place}"),
        };
        entries.push(Entry { colour: None, text });
    }
    entries
}

fn centre_inside(subject: &Subject<'_>) -> Option<PixelPosition> {
    let (rows, columns) = subject.counts.dim();
    subject.centre.filter(|centre| {
        (0.0..rows as f64).contains(&centre.row) && (0.0..columns as f64).contains(&centre.column)
    })
}

/// The side of a square of the legend.
const SQUARE: i64 = 13;
/// Space between two entries.
const SPACE: i64 = 24;

fn entry_width(entry: &Entry) -> i64 {
    let square = if entry.colour.is_some() {
        SQUARE + 6
    } else {
        0
    };
    square + text_width(&entry.text)
}

/// Where the entries stand: row and left edge of each.
fn legend_places(entries: &[Entry], width: i64) -> Vec<(i64, i64)> {
    let (mut row, mut x) = (0, EDGE);
    entries
        .iter()
        .map(|entry| {
            let needed = entry_width(entry);
            if x > EDGE && x + needed > width - EDGE {
                (row, x) = (row + 1, EDGE);
            }
            let place = (row, x);
            x += needed + SPACE;
            place
        })
        .collect()
}

fn legend_rows(entries: &[Entry], width: i64) -> i64 {
    legend_places(entries, width)
        .last()
        .map_or(0, |(row, _)| row + 1)
}

fn draw_legend(canvas: &mut Canvas, entries: &[Entry], top: i64, width: i64) {
    for (entry, (row, mut x)) in entries.iter().zip(legend_places(entries, width)) {
        let y = top + row * LINE;
        if let Some(colour) = entry.colour {
            canvas.fill(x, y + 1, SQUARE, SQUARE, colour);
            canvas.border(x, y + 1, SQUARE, SQUARE, BLACK);
            x += SQUARE + 6;
        }
        canvas.text(x, y, &entry.text, Ink::default());
    }
}

/// How the picture was made, in words.
fn explanations(style: &Style, (rows, columns): (Zoom, Zoom), mapping: &Mapping) -> Vec<String> {
    let (low, high) = (number(mapping.low), number(mapping.high));
    let limits = match style.limits {
        Limits::Counts(..) => String::new(),
        Limits::Percentiles(low, high) => {
            let of = if mapping.scale == Scale::Linear {
                "valid counts"
            } else {
                "counts above 0"
            };
            format!(" ({low} to {high} % of the {of})")
        }
    };
    let (scale, map) = (mapping.scale.name(), style.map.name());
    let mut lines = vec![format!("{scale} scale {low} to {high}{limits}, {map}")];
    lines.extend(mapping.note.map(str::to_owned));
    if rows.reduce.max(columns.reduce) > 1 {
        let (what, why) = match style.pooling {
            Pooling::Max => ("largest", "no peak is lost"),
            Pooling::Mean => ("mean", "the level is kept"),
        };
        lines.push(format!(
            "each point: the {what} valid count of {}x{} pixels, so that {why}",
            rows.reduce, columns.reduce
        ));
    }
    if rows != columns {
        lines.push("rows and columns are drawn at different scales".into());
    }
    lines
}

/// Texts side by side, as many as fit in a line of so many characters.
fn flow(texts: &[String], characters: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for text in texts {
        let text = shortened(text, characters);
        match lines.last_mut() {
            Some(line) if line.chars().count() + 3 + text.chars().count() <= characters => {
                line.push_str("   ");
                line.push_str(&text);
            }
            _ => lines.push(text),
        }
    }
    lines
}

/// A text of at most so many characters: of a longer one the middle is left out.
pub(crate) fn shortened(text: &str, characters: usize) -> String {
    let length = text.chars().count();
    if length <= characters {
        return text.to_owned();
    }
    let kept = characters.saturating_sub(3);
    let head: String = text.chars().take(kept.div_ceil(2)).collect();
    let tail: String = text.chars().skip(length - kept / 2).collect();
    format!("{head}...{tail}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use xscatter::PixelFlags;
    use xscatter::core::ndarray::{Array2, array};

    fn style() -> Style {
        Style {
            scale: Scale::Log,
            limits: Limits::Percentiles(0.0, 100.0),
            map: Map::Inferno,
            pooling: Pooling::Max,
            max_size: 1700,
        }
    }

    fn subject<'a>(counts: &'a Array2<f32>, mask: Option<&'a Mask>) -> Subject<'a> {
        Subject {
            counts: counts.view(),
            mask,
            centre: None,
            title: "a.cbf".into(),
            facts: vec!["CBF".into(), "2x3 int32".into()],
        }
    }

    #[test]
    fn the_bare_picture_has_a_pixel_a_pixel_in_the_stated_colours() {
        let counts = array![[0.0, 1.0, 100.0], [7.0, 10.0, 3.0]];
        let mut flags = Array2::from_elem((2, 3), PixelFlags::VALID);
        flags[(1, 0)] = PixelFlags::GAP;
        let mask = Mask::new(flags);
        let canvas = bare(&subject(&counts, Some(&mask)), &style());
        assert_eq!(canvas.size(), (3, 2));
        let palette = Palette::new(Map::Inferno, true);
        for (x, y, colour) in [
            (0, 0, palette.colour(None)),
            (1, 0, palette.colour(Some(0.0))),
            (2, 0, palette.colour(Some(1.0))),
            (1, 1, palette.colour(Some(0.5))),
            (0, 1, colour::MASKED[1].1),
        ] {
            assert_eq!(canvas.get(x, y), Some(colour), "({x}, {y})");
        }
    }

    #[test]
    fn masked_pixels_do_not_change_the_colours_of_the_others() {
        let mask = Mask::from_bad(array![[false, true, false]].view());
        let pictures = [f32::NAN, -1.0, 1e30].map(|hidden| {
            let counts = array![[1.0, hidden, 100.0]];
            annotated(&subject(&counts, Some(&mask)), &style())
        });
        assert_eq!(pictures[0], pictures[1]);
        assert_eq!(pictures[0], pictures[2]);
    }

    #[test]
    fn small_and_odd_frames_get_a_whole_picture() {
        for shape in [(1, 1), (1, 3000), (3000, 1), (36, 5000), (64, 48)] {
            let counts = Array2::from_elem(shape, 3.0);
            let mut subject = subject(&counts, None);
            subject.centre = Some(PixelPosition {
                row: 0.5,
                column: 0.5,
            });
            let (width, height) = annotated(&subject, &style()).size();
            assert!((760..2000).contains(&width), "{shape:?} {width}");
            assert!((300..2000).contains(&height), "{shape:?} {height}");
        }
    }

    #[test]
    fn long_texts_lose_their_middle_and_short_ones_share_a_line() {
        assert_eq!(shortened("abcdefghij", 7), "ab...ij");
        assert_eq!(shortened("abc", 3), "abc");
        let texts = ["one", "two", "three"].map(str::to_owned);
        assert_eq!(flow(&texts, 9), ["one   two", "three"]);
    }
}
