//! Files that contain secrets.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// Refuses a file that others than its owner can read or change.
pub(crate) fn check_private(file: &Path) -> Result<(), String> {
    let metadata = std::fs::metadata(file).map_err(|error| error.to_string())?;
    let mode = metadata.permissions().mode();
    if mode & 0o077 == 0 {
        return Ok(());
    }
    Err(format!(
        "others can read or change this file (mode {:04o}); run: chmod 600 {}",
        mode & 0o7777,
        file.display()
    ))
}
