use crate::error::CommandError;

/// The value of `--throttle`, in rows per second.
pub(super) fn throttle(rows: Option<u32>) -> Result<Option<i32>, CommandError> {
    let Some(rows) = rows else {
        return Ok(None);
    };
    let rows = i32::try_from(rows).ok();
    let rows = rows.filter(|rows| (1..=1_000_000).contains(rows));
    rows.map(Some).ok_or_else(|| {
        CommandError::Usage("--throttle must be from 1 to 1000000 rows per second".into())
    })
}
