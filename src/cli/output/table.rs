//! A table in plain text: cells padded to their column, and cut where the terminal is too narrow.

use std::borrow::Cow;

/// Blanks between two columns.
const GAP: usize = 2;
/// A column is not made narrower than this.
const NARROWEST: usize = 6;

/// A column of a table.
#[derive(Clone, Copy, Debug)]
pub(super) struct Column {
    /// Characters of its widest cell, the heading included.
    pub(super) width: usize,
    /// It is never cut: half an id is none.
    pub(super) is_whole: bool,
}

/// The layout of a table.
#[derive(Debug)]
pub(super) struct Table {
    widths: Vec<usize>,
}

impl Table {
    /// A layout of columns within `room` characters if that is known.
    pub(super) fn new(columns: &[Column], room: Option<usize>) -> Self {
        let mut widths: Vec<_> = columns.iter().map(|column| column.width).collect();
        if let Some(room) = room {
            let taken: usize =
                columns.iter().filter(|column| column.is_whole).map(|column| column.width).sum();
            let room = room.saturating_sub(taken + GAP * columns.len().saturating_sub(1));
            let cut = columns.iter().filter(|column| !column.is_whole).map(|column| column.width).collect();
            let mut cut = fit(cut, room).into_iter();
            for (width, _) in widths.iter_mut().zip(columns).filter(|(_, column)| !column.is_whole) {
                *width = cut.next().unwrap_or(*width);
            }
        }
        Self { widths }
    }

    /// One line; control characters are blanks, and a cell that is cut ends with `…`.
    pub(super) fn line<'a>(&self, cells: impl Iterator<Item = Cow<'a, str>>) -> String {
        let mut line = String::new();
        for (cell, room) in cells.zip(&self.widths) {
            let cell: String = cell.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
            let wide = width(&cell);
            if wide > *room {
                line.extend(cell.chars().take(room.saturating_sub(1)));
                line.push('…');
            } else {
                line.push_str(&cell);
            }
            line.push_str(&" ".repeat(room.saturating_sub(wide) + GAP));
        }
        line.trim_end().to_owned()
    }
}

/// The width of a text, in characters.
pub(super) fn width(text: &str) -> usize {
    text.chars().count()
}

/// Takes from the widest columns until all fit into `room`, or none can be narrower.
fn fit(mut widths: Vec<usize>, room: usize) -> Vec<usize> {
    let fits = |most: usize| widths.iter().map(|width| (*width).min(most)).sum::<usize>() <= room;
    let widest = widths.iter().copied().max().unwrap_or(0);
    let most = (NARROWEST..=widest).rev().find(|most| fits(*most)).unwrap_or(NARROWEST);
    // What the last step left over goes to the first columns that were cut.
    let mut left = room.saturating_sub(widths.iter().map(|width| (*width).min(most)).sum());
    for width in &mut widths {
        let more = left.min(width.saturating_sub(most)).min(1);
        *width = (*width).min(most + more);
        left -= more;
    }
    widths
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(widths: &[usize], room: Option<usize>, rows: &[&[&str]]) -> Vec<String> {
        let columns: Vec<_> = widths.iter().map(|width| Column { width: *width, is_whole: false }).collect();
        let table = Table::new(&columns, room);
        rows.iter().map(|row| table.line(row.iter().map(|cell| Cow::Borrowed(*cell)))).collect()
    }

    #[test]
    fn cells_stand_under_their_heading() {
        let rows: &[&[&str]] = &[&["host", "name"], &["a", "b\nc"], &["äöü", ""]];
        assert_eq!(lines(&[4, 4], None, rows), ["host  name", "a     b c", "äöü"]);
    }

    #[test]
    fn the_widest_column_is_cut_first() {
        let long = "x".repeat(40);
        let cut = &lines(&[4, 40], Some(20), &[&["host", &long]])[0];
        assert_eq!(cut, &format!("host  {}…", "x".repeat(13)));
        assert_eq!(width(cut), 20);
    }

    #[test]
    fn an_id_is_never_cut() {
        let columns = [Column { width: 12, is_whole: true }, Column { width: 40, is_whole: false }];
        let line = Table::new(&columns, Some(22))
            .line(["cmp_00000000", "select a, b"].map(Cow::Borrowed).into_iter());
        assert_eq!(line, "cmp_00000000  select …");
    }

    #[test]
    fn all_room_is_used_and_a_column_keeps_its_least() {
        assert_eq!(fit(vec![30, 30], 21), [11, 10]);
        assert_eq!(fit(vec![3, 30], 21), [3, 18]);
        assert_eq!(fit(vec![30, 30], 1), [NARROWEST, NARROWEST]);
        assert_eq!(fit(vec![1, 2], 80), [1, 2]);
        assert_eq!(fit(Vec::new(), 80), [0; 0]);
    }
}
