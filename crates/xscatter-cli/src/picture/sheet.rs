//! A contact sheet: small pictures in blocks, with lines of text under each.
//!
//! Blocks of the first row stand side by side and share eight columns; blocks below have them all.

use super::canvas::{BLACK, Canvas, GREY, Ink, LINE, PALE, SMALL_CHARACTER, SMALL_LINE, WHITE};
use super::colour::MASKED;
use super::image::shortened;

/// The longer side of a small picture.
pub(crate) const SIDE: usize = 256;

/// All blocks side by side have so many columns.
const COLUMNS: usize = 8;
/// Space between two pictures.
const SPACE: i64 = 14;
/// Space around everything, and between blocks.
const EDGE: i64 = 20;

/// A small picture with its texts.
#[derive(Debug)]
pub(crate) struct Tile {
    /// At most [`SIDE`] along each side.
    pub(crate) picture: Canvas,
    pub(crate) title: String,
    /// Each at most as long as [`listed`] makes them.
    pub(crate) lines: Vec<String>,
}

/// Pictures that belong together.
#[derive(Debug)]
pub(crate) struct Block {
    pub(crate) title: String,
    pub(crate) tiles: Vec<Tile>,
}

/// Texts one after the other, in lines that fit under a picture.
pub(crate) fn listed(texts: &[String]) -> Vec<String> {
    let characters = SIDE / SMALL_CHARACTER as usize;
    let mut lines: Vec<String> = Vec::new();
    for text in texts.iter().filter(|text| !text.is_empty()) {
        let text = shortened(text, characters);
        match lines.last_mut() {
            Some(line) if line.chars().count() + 2 + text.chars().count() < characters => {
                line.push_str(", ");
                line.push_str(&text);
            }
            _ => lines.push(text),
        }
    }
    lines
}

/// How a block lies: its columns and rows.
fn grid(block: &Block, columns: usize) -> (usize, usize) {
    let columns = columns.min(block.tiles.len()).max(1);
    (columns, block.tiles.len().div_ceil(columns))
}

/// The whole sheet: blocks side by side, others below.
pub(crate) fn sheet(title: &str, beside: &[Block], below: &[Block]) -> Canvas {
    let step = SIDE as i64 + SPACE;
    let tiles = || beside.iter().chain(below).flat_map(|block| &block.tiles);
    let lines = tiles().map(|tile| tile.lines.len()).max().unwrap_or(0) as i64;
    let height = SIDE as i64 + SMALL_LINE * (1 + lines) + SPACE;
    let share = (COLUMNS / beside.len().max(1)).max(1);
    let width_of = |block: &Block, columns: usize| grid(block, columns).0 as i64 * step;
    let height_of =
        |block: &Block, columns: usize| LINE + 6 + grid(block, columns).1 as i64 * height;

    let upper: i64 = beside
        .iter()
        .map(|block| width_of(block, share) + EDGE)
        .sum();
    let widest = below.iter().map(|block| width_of(block, COLUMNS) + EDGE);
    let width = widest.fold(upper, i64::max).max(3 * step) + EDGE;
    let tallest = beside.iter().map(|block| height_of(block, share)).max();
    let lower: i64 = below
        .iter()
        .map(|block| height_of(block, COLUMNS) + EDGE)
        .sum();
    let top = EDGE + 2 * LINE;
    let total = top + tallest.unwrap_or(0) + EDGE + lower + LINE + EDGE;

    let mut canvas = Canvas::new(width as usize, total as usize, WHITE);
    let bold = Ink {
        bold: true,
        ..Ink::default()
    };
    canvas.text(EDGE, EDGE, title, bold);
    let mut x = EDGE;
    for block in beside {
        draw_block(&mut canvas, (x, top), block, share, height);
        x += width_of(block, share) + EDGE;
    }
    let mut y = top + tallest.unwrap_or(0) + EDGE;
    for block in below {
        draw_block(&mut canvas, (EDGE, y), block, COLUMNS, height);
        y += height_of(block, COLUMNS) + EDGE;
    }
    draw_legend(&mut canvas, y);
    canvas
}

fn draw_block(
    canvas: &mut Canvas,
    (left, top): (i64, i64),
    block: &Block,
    columns: usize,
    height: i64,
) {
    let step = SIDE as i64 + SPACE;
    let (columns, _) = grid(block, columns);
    let bold = Ink {
        bold: true,
        ..Ink::default()
    };
    canvas.text(left, top, &block.title, bold);
    let rule = columns as i64 * step - SPACE;
    canvas.fill(left, top + LINE - 1, rule, 1, PALE);
    for (place, tile) in block.tiles.iter().enumerate() {
        let x = left + (place % columns) as i64 * step;
        let y = top + LINE + 6 + (place / columns) as i64 * height;
        canvas.paste(x, y, &tile.picture);
        let mut y = y + tile.picture.size().1 as i64 + 2;
        let characters = SIDE / SMALL_CHARACTER as usize;
        let small = Ink {
            small: true,
            ..Ink::default()
        };
        let title = Ink {
            bold: true,
            ..small
        };
        canvas.text(x, y, &shortened(&tile.title, characters), title);
        for line in &tile.lines {
            y += SMALL_LINE;
            canvas.text(x, y, line, small);
        }
    }
}

/// What the colours mean.
fn draw_legend(canvas: &mut Canvas, top: i64) {
    let grey = Ink {
        colour: GREY,
        small: true,
        ..Ink::default()
    };
    let mut x = EDGE;
    let mut word = |canvas: &mut Canvas, text: &str| {
        canvas.text(x, top, text, grey);
        x += text.chars().count() as i64 * SMALL_CHARACTER + 18;
        x
    };
    let mut next = word(
        canvas,
        "logarithmic colours from the 0.1 to the 99.9 percentile of the counts above 0 of each frame;",
    );
    for (_, colour, name) in MASKED {
        canvas.fill(next - 14, top + 1, 10, 10, colour);
        canvas.border(next - 14, top + 1, 10, 10, BLACK);
        next = word(canvas, name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(tiles: usize) -> Block {
        let tile = |index: usize| Tile {
            picture: Canvas::new(SIDE, 100, [index as u8, 7, 7]),
            title: "t".into(),
            lines: vec!["one".into(); index % 3],
        };
        Block {
            title: "b".into(),
            tiles: (0..tiles).map(tile).collect(),
        }
    }

    #[test]
    fn every_picture_is_on_the_sheet_once() {
        let (beside, below) = ([block(5), block(3), block(1)], [block(9)]);
        let canvas = sheet("title", &beside, &below);
        let (width, height) = canvas.size();
        let mut found = [0_usize; 9];
        for y in 0..height as i64 {
            for x in 0..width as i64 {
                if let Some([index, 7, 7]) = canvas.get(x, y) {
                    found[usize::from(index)] += 1;
                }
            }
        }
        let area = SIDE * 100;
        assert_eq!(found[0], 4 * area);
        assert_eq!(found[4], 2 * area);
        assert_eq!(found[8], area);
    }

    #[test]
    fn texts_share_lines_that_fit() {
        let words = vec!["x".repeat(15); 5];
        let lines = listed(&words);
        assert_eq!(lines.len(), 3);
        assert!(lines.iter().all(|line| line.chars().count() <= 42));
        assert!(listed(&[String::new()]).is_empty());
    }
}
