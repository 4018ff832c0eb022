//! Draws a text into the cells of a screen, a cluster in as many as are kept free for it.

use std::num::NonZeroU16;

use ratatui::buffer::{Buffer, Cell, CellDiffOption, CellWidth};
use ratatui::style::Style;

use crate::sanitize::is_never_bare;
use crate::width::{Cluster, clusters};

/// Draws up to the column `end`, exclusive; returns the column behind the text.
pub fn draw(buffer: &mut Buffer, (x, y): (u16, u16), text: &str, end: u16, style: Style) -> u16 {
    let mut x = x;
    let end = end.min(buffer.area.right());
    // What is never to reach a terminal was made visible before: it is left out should it be here.
    let is_drawn =
        |cluster: &Cluster<'_>| cluster.width > 0 && !cluster.text.starts_with(is_never_bare);
    for cluster in clusters(text).filter(is_drawn) {
        let wide = u16::try_from(cluster.width).unwrap_or(u16::MAX);
        let next = x.saturating_add(wide);
        if next > end {
            break;
        }
        for column in x..next {
            if let Some(cell) = buffer.cell_mut((column, y)) {
                cell.reset();
                cell.set_style(style);
                if column == x {
                    fill(cell, cluster.text, wide);
                }
            }
        }
        x = next;
    }
    x
}

/// Where ratatui takes a cluster for narrower or wider, it would leave out what stands behind it,
/// or draw over the columns that are kept free.
fn fill(cell: &mut Cell, cluster: &str, wide: u16) {
    cell.set_symbol(cluster);
    if cluster.cell_width() != wide
        && let Some(wide) = NonZeroU16::new(wide)
    {
        cell.set_diff_option(CellDiffOption::ForcedWidth(wide));
    }
}

#[cfg(test)]
mod tests {
    use ratatui::layout::Rect;

    use super::*;
    use crate::width::width;

    /// What is drawn over an empty row, with the columns.
    fn drawn(text: &str, columns: u16) -> (u16, Vec<(u16, String)>) {
        let area = Rect::new(0, 0, columns, 1);
        let (empty, mut buffer) = (Buffer::empty(area), Buffer::empty(area));
        let end = draw(&mut buffer, (0, 0), text, columns, Style::new());
        let cells = empty.diff(&buffer).into_iter();
        let cells = cells.map(|(x, _, cell)| (x, cell.symbol().to_owned()));
        (end, cells.collect())
    }

    #[test]
    fn a_cluster_has_the_columns_that_are_kept_free_for_it() {
        for text in [
            "e\u{301}",
            "漢",
            "👩\u{200d}👩\u{200d}👧",
            "🇫🇷",
            "❤\u{fe0f}",
            "কা",
            "㉈",
            "ｶﾞ",
        ] {
            let wide = u16::try_from(width(text)).unwrap();
            let (end, cells) = drawn(&format!("{text}xy"), 20);
            assert_eq!(end, wide + 2, "{text}");
            let expected = [(0, text), (wide, "x"), (wide + 1, "y")];
            let cells: Vec<_> = cells.iter().map(|(x, cell)| (*x, cell.as_str())).collect();
            assert_eq!(cells, expected, "{text}");
        }
    }

    #[test]
    fn what_does_not_fit_before_the_end_is_left_out() {
        assert_eq!(drawn("a漢b", 2), (1, vec![(0, "a".to_owned())]));
        assert_eq!(drawn("👍🏽", 3).0, 0);
    }
}
