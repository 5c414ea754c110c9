//! Text for people, lines for programs.

use std::fmt::{Display, Write as _};
use std::io::{self, IsTerminal, Write as _};

use anstyle::{AnsiColor, Style};
use shared::clock::Timestamp;
use shared::ledger::Status;

use crate::problem::Problem;

const BOLD: Style = Style::new().bold();
const RED: Style = AnsiColor::Red.on_default();
const GREEN: Style = AnsiColor::Green.on_default();
const YELLOW: Style = AnsiColor::Yellow.on_default();

/// Writes to standard output. A reader that has seen enough, such as `head`, is no error.
pub(crate) fn print(text: &str) -> Result<(), Problem> {
    let mut out = anstream::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Problem::Found(format!("the output could not be written: {error}")))
        }
        _ => Ok(()),
    }
}

/// A target for a table: of an ARN the resource, without service, region and account before it.
pub(crate) fn short(target: &str) -> &str {
    if !target.starts_with("arn:") {
        return target;
    }
    target.splitn(6, ':').nth(5).unwrap_or(target)
}

/// A moment for a table, to the second.
pub(crate) fn moment(at: Option<Timestamp>) -> String {
    let to_the_second = |at: Timestamp| Timestamp::from_epoch_millis(at.epoch_seconds() * 1000);
    at.map_or("-".to_owned(), |at| to_the_second(at).to_string())
}

/// Each on a line of its own.
pub(crate) fn lines<T: Display>(items: impl Iterator<Item = T>) -> String {
    items.fold(String::new(), |mut text, item| {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{item}");
        text
    })
}

pub(crate) fn error(sentence: &str) {
    clear_progress();
    note("error: ", RED.bold(), sentence);
}

pub(crate) fn warning(sentence: &str) {
    clear_progress();
    note("warning: ", YELLOW.bold(), sentence);
}

/// Something worth knowing that is not what was asked for.
pub(crate) fn remark(sentence: &str) {
    clear_progress();
    note("", Style::new(), sentence);
}

fn note(label: &str, style: Style, sentence: &str) {
    // Where even this cannot be written there is nobody to tell.
    let _ = writeln!(anstream::stderr().lock(), "{style}{label}{style:#}{sentence}");
}

/// A line that the next one replaces; nothing where no person looks at it.
pub(crate) fn progress(text: &str) {
    if io::stderr().is_terminal() {
        let _ = write!(anstream::stderr().lock(), "\r\x1b[K{text}");
    }
}

pub(crate) fn clear_progress() {
    progress("");
}

/// A table whose columns are as wide as their widest cell, the last one as long as it likes.
#[derive(Debug)]
pub(crate) struct Table {
    rows: Vec<Vec<Cell>>,
}

#[derive(Debug)]
struct Cell {
    text: String,
    style: Style,
}

impl Table {
    pub(crate) fn new<const N: usize>(head: [&str; N]) -> Self {
        let cell = |text: &str| Cell { text: text.to_owned(), style: BOLD };
        Self { rows: vec![head.map(cell).into()] }
    }

    pub(crate) fn row<const N: usize>(&mut self, cells: [(String, Style); N]) {
        let cell = |(text, style): (String, Style)| Cell { text: one_line(&text), style };
        self.rows.push(cells.map(cell).into());
    }

    pub(crate) fn render(&self) -> String {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let width = |column| {
            let cells = self.rows.iter().filter_map(|row| row.get(column));
            cells.map(|cell: &Cell| cell.text.chars().count()).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..columns).map(width).collect();
        let mut text = String::new();
        for row in &self.rows {
            for (column, Cell { text: cell, style }) in row.iter().enumerate() {
                let pad = if column + 1 == row.len() {
                    0
                } else {
                    widths[column] - cell.chars().count() + 2
                };
                // Writing to a string cannot fail.
                let _ = write!(text, "{style}{cell}{style:#}{:pad$}", "");
            }
            text.push('\n');
        }
        text
    }
}

/// A cell without a style.
pub(crate) fn plain(text: impl Into<String>) -> (String, Style) {
    (text.into(), Style::new())
}

/// A cell that holds a status, or what was written in its place.
pub(crate) fn status(status: Option<Status>) -> (String, Style) {
    let style = match status {
        Some(Status::Started) => GREEN,
        Some(Status::Rejected) | None => RED,
        Some(Status::Deferred | Status::Claimed) => YELLOW,
        Some(Status::Skipped | Status::Cancelled) => Style::new(),
    };
    (status.map_or("unknown", Status::as_str).to_owned(), style)
}

/// What came from elsewhere may not break a table or move the cursor.
pub(crate) fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned_by_characters() {
        let mut table = Table::new(["A", "B"]);
        table.row([plain("äö"), plain("x")]);
        table.row([plain("a"), plain("y\u{1b}[2J\nz")]);
        let text = anstream::adapter::strip_str(&table.render()).to_string();
        assert_eq!(text, "A   B\näö  x\na   y [2J z\n");
    }
}
