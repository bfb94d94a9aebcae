//! Standard output and standard error: all output outside the log goes through this file.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "all other files print through this one"
)]

use std::io::{IsTerminal, Write};
use std::sync::atomic::{AtomicBool, Ordering};

use serde::Serialize;

/// Whether [`answer`] has printed JSON.
static ANSWERED: AtomicBool = AtomicBool::new(false);

/// Prints `value` as one line of JSON if `json` is set, otherwise `text`.
pub(crate) fn answer(json: bool, value: &(impl Serialize + ?Sized), text: &str) {
    if json {
        ANSWERED.store(true, Ordering::Relaxed);
        line(&serde_json::to_string(value).unwrap_or_default());
    } else {
        line(text);
    }
}

/// Prints one or more lines to standard output. Errors, such as a closed pipe, are ignored.
pub(crate) fn line(text: &str) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{text}");
    let _ = out.flush();
}

/// Prints a note to standard error.
pub(crate) fn note(text: &str) {
    eprintln!("{text}");
}

/// Whether a question can be answered.
pub(crate) fn can_ask() -> bool {
    std::io::stdin().is_terminal() && std::io::stderr().is_terminal()
}

/// Asks on standard error; the answer is a line of standard input.
pub(crate) fn ask(question: &str) -> std::io::Result<String> {
    eprint!("{question}");
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer)?;
    Ok(answer.trim_end_matches(['\r', '\n']).to_owned())
}

/// Prints why a command failed: to standard error, and with `json` also as JSON to standard output,
/// unless the command has printed its own.
pub(crate) fn failed(json: bool, messages: &[String]) {
    if json && !ANSWERED.load(Ordering::Relaxed) {
        answer(true, &serde_json::json!({"errors": messages}), "");
    }
    messages.iter().for_each(|message| error(message));
}

/// Prints an error to standard error.
pub(crate) fn error(text: &str) {
    eprintln!("error: {text}");
}

/// Formats `rows` as a table whose columns are as wide as their content.
pub(crate) fn table<const N: usize>(headings: [&str; N], rows: &[[String; N]]) -> String {
    let mut widths = headings.map(|heading| heading.chars().count());
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let format = |cells: [&str; N]| {
        let cells = cells
            .iter()
            .zip(widths)
            .map(|(cell, width)| format!("{cell:width$}"));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    let mut lines = vec![format(headings)];
    lines.extend(
        rows.iter()
            .map(|row| format(row.each_ref().map(String::as_str))),
    );
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    #[test]
    fn columns_are_aligned() {
        let rows = [
            ["1".to_owned(), "long".to_owned()],
            ["22".to_owned(), String::new()],
        ];
        assert_eq!(super::table(["a", "b"], &rows), "a   b\n1   long\n22");
    }
}
