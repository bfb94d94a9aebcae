//! Backs up from one snapshot, and restores one organization per transaction.

pub(crate) mod insert;
mod insert_credentials;
mod insert_oauth;
pub(crate) mod rows;
pub(crate) mod snapshot;
pub(crate) mod target;

use crate::schema::migrate::MIGRATIONS;

/// The schema version of this program.
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    reason = "the number of migrations is small"
)]
pub const SCHEMA_VERSION: i32 = MIGRATIONS.len() as i32;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schema_version_is_that_of_the_last_migration() {
        let (last, _) = MIGRATIONS[MIGRATIONS.len() - 1];
        assert!(
            last.starts_with(&format!("V{SCHEMA_VERSION:04}__")),
            "{last}"
        );
    }
}
