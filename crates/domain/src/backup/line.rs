//! A record as one line of a backup.

use crate::backup::record::Record;
use crate::error::VaultError;

/// No line is longer, in bytes: a secret has at most 64 KiB, a first event names at most 64 heads.
pub const MAX_LINE: usize = 4 << 20;

/// `record` as a line, with its end.
///
/// # Errors
/// [`VaultError::Internal`] when it cannot be written as JSON.
pub fn line(record: &Record) -> Result<Vec<u8>, VaultError> {
    let mut line =
        serde_json::to_vec(record).map_err(|error| VaultError::Internal(error.to_string()))?;
    line.push(b'\n');
    Ok(line)
}
