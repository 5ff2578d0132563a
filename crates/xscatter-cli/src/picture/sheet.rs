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
/// From one picture to the next.
const STEP: i64 = SIDE as i64 + SPACE;
/// Space around everything, and between blocks.
const EDGE: i64 = 20;
/// So many small characters fit under a picture.
const CHARACTERS: usize = SIDE / SMALL_CHARACTER as usize;

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
    let mut lines: Vec<String> = Vec::new();
    for text in texts.iter().filter(|text| !text.is_empty()) {
        let text = shortened(text, CHARACTERS);
        match lines.last_mut() {
            Some(line) if line.chars().count() + 2 + text.chars().count() < CHARACTERS => {
                line.push_str(", ");
                line.push_str(&text);
            }
            _ => lines.push(text),
        }
    }
    lines
}

/// Columns of a block that may have so many.
fn columns_of(block: &Block, most: usize) -> usize {
    most.min(block.tiles.len()).max(1)
}

/// How high the rows of blocks are that stand side by side.
fn heights(blocks: &[Block], columns: usize) -> Vec<i64> {
    let mut heights = Vec::new();
    for block in blocks {
        let columns = columns_of(block, columns);
        for (row, tiles) in block.tiles.chunks(columns).enumerate() {
            let height_of = |tile: &Tile| {
                tile.picture.size().1 as i64 + SMALL_LINE * (1 + tile.lines.len() as i64) + SPACE
            };
            let height = tiles.iter().map(height_of).max().unwrap_or(0);
            if heights.len() == row {
                heights.push(height);
            }
            heights[row] = heights[row].max(height);
        }
    }
    heights
}

/// The whole sheet: blocks side by side, others below.
pub(crate) fn sheet(title: &str, beside: &[Block], below: &[Block]) -> Canvas {
    let share = (COLUMNS / beside.len().max(1)).max(1);
    let width_of = |block: &Block, columns: usize| columns_of(block, columns) as i64 * STEP + EDGE;
    // Blocks that share a line, and how many columns each may have.
    let mut bands = vec![(beside, share)];
    bands.extend(below.chunks(1).map(|block| (block, COLUMNS)));
    let widths = bands.iter().map(|(blocks, columns)| {
        let widths = blocks.iter().map(|block| width_of(block, *columns));
        widths.sum::<i64>()
    });
    let width = widths.max().unwrap_or(0).max(3 * STEP) + EDGE;
    let rows: Vec<Vec<i64>> = bands
        .iter()
        .map(|(blocks, columns)| heights(blocks, *columns))
        .collect();
    let head = LINE + 6;
    let height_of = |rows: &Vec<i64>| head + rows.iter().sum::<i64>() + EDGE;
    let total = EDGE + 2 * LINE + rows.iter().map(height_of).sum::<i64>() + LINE + EDGE;

    let mut canvas = Canvas::new(width as usize, total as usize, WHITE);
    let bold = Ink {
        bold: true,
        ..Ink::default()
    };
    canvas.text(EDGE, EDGE, title, bold);
    let mut y = EDGE + 2 * LINE;
    for ((blocks, columns), rows) in bands.into_iter().zip(&rows) {
        let mut x = EDGE;
        for block in blocks {
            canvas.text(x, y, &block.title, bold);
            let rule = width_of(block, columns) - EDGE - SPACE;
            canvas.fill(x, y + LINE - 1, rule, 1, PALE);
            draw_tiles(&mut canvas, (x, y + head), block, columns, rows);
            x += width_of(block, columns);
        }
        y += height_of(rows);
    }
    draw_legend(&mut canvas, y);
    canvas
}

fn draw_tiles(
    canvas: &mut Canvas,
    (left, mut top): (i64, i64),
    block: &Block,
    columns: usize,
    heights: &[i64],
) {
    let small = Ink {
        small: true,
        ..Ink::default()
    };
    let bold = Ink {
        bold: true,
        ..small
    };
    let tiles = block.tiles.chunks(columns_of(block, columns));
    for (tiles, height) in tiles.zip(heights) {
        let mut x = left;
        for tile in tiles {
            canvas.paste(x, top, &tile.picture);
            let mut y = top + tile.picture.size().1 as i64 + 2;
            canvas.text(x, y, &shortened(&tile.title, CHARACTERS), bold);
            for line in &tile.lines {
                y += SMALL_LINE;
                canvas.text(x, y, line, small);
            }
            x += STEP;
        }
        top += height;
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
