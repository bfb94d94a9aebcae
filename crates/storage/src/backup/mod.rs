//! Backs up from one snapshot, and restores one organization per transaction.

pub(crate) mod insert;
mod insert_credentials;
mod insert_oauth;
pub(crate) mod rows;
pub(crate) mod snapshot;
pub(crate) mod target;

use crate::schema::migrations::MIGRATIONS;

/// The schema version of this program: the number of its last migration.
pub const SCHEMA_VERSION: i32 = number(MIGRATIONS[MIGRATIONS.len() - 1].0.as_bytes());

/// The number in a name such as `V0001__vault`.
const fn number(name: &[u8]) -> i32 {
    let (mut number, mut at) = (0, 1);
    while at < name.len() && name[at].is_ascii_digit() {
        number = number * 10 + (name[at] - b'0') as i32;
        at += 1;
    }
    number
}

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
