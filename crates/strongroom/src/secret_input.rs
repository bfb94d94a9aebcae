//! Secrets from files and standard input: they are no arguments, which other users can see.

use std::fs::File;
use std::io::{IsTerminal, Read, stdin};
use std::path::Path;

use zeroize::Zeroizing;

use crate::error::CommandError;
use crate::output;

/// Most bytes that are read; more than a server accepts.
const MAX_INPUT: usize = 1024 * 1024;

/// The text of `file`, or of standard input if `file` is `-`.
pub(crate) fn read(file: &Path) -> Result<Zeroizing<String>, CommandError> {
    if file == Path::new("-") {
        if stdin().is_terminal() {
            output::note("Reading from the terminal, which shows what is typed; end with Ctrl-D.");
        }
        return read_all(stdin().lock(), "standard input");
    }
    let name = file.display().to_string();
    let opened = File::open(file);
    let opened =
        opened.map_err(|error| CommandError::io(&format!("cannot read {name}"), &error))?;
    read_all(opened, &name)
}

/// The only line of `file`, without its end.
pub(crate) fn read_line(file: &Path) -> Result<Zeroizing<String>, CommandError> {
    let text = read(file)?;
    let line = text.trim_end_matches(['\r', '\n']);
    if line.is_empty() || line.contains(char::is_control) {
        return Err(CommandError::Failed(format!(
            "{} must contain one line, which is the secret",
            file.display()
        )));
    }
    Ok(Zeroizing::new(line.to_owned()))
}

fn read_all(input: impl Read, name: &str) -> Result<Zeroizing<String>, CommandError> {
    let failed = |problem: &str| CommandError::Failed(format!("cannot read {name}: {problem}"));
    // Enough at once, because a vector that grows leaves copies behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(MAX_INPUT + 1));
    let mut input = input.take(MAX_INPUT as u64 + 1);
    let read = input.read_to_end(&mut bytes);
    read.map_err(|error| failed(&error.to_string()))?;
    if bytes.len() > MAX_INPUT {
        return Err(failed("it has more than 1 MiB"));
    }
    let text = std::str::from_utf8(&bytes).map_err(|_| failed("it is not UTF-8"))?;
    Ok(Zeroizing::new(text.to_owned()))
}
