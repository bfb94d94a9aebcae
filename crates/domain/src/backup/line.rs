//! Encoding of a record as one line of a backup.

use crate::backup::record::Record;
use crate::error::VaultError;

/// The maximum length of a line, in bytes. A credential has at most 23 values of at most 1 MiB, and
/// a first event names at most 64 heads.
pub const MAX_LINE: usize = 32 << 20;

/// Encodes `record` as a line, including the line end.
///
/// # Errors
/// [`VaultError::Internal`] if it cannot be encoded as JSON.
pub fn line(record: &Record) -> Result<Vec<u8>, VaultError> {
    let mut line =
        serde_json::to_vec(record).map_err(|error| VaultError::Internal(error.to_string()))?;
    line.push(b'\n');
    Ok(line)
}
