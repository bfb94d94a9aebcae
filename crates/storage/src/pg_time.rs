//! Times as PostgreSQL stores them, including infinities.

use std::error::Error;

use strongroom_domain::audit::stored::StoredTime;
use tokio_postgres::types::private::BytesMut;
use tokio_postgres::types::{FromSql, IsNull, ToSql, Type, to_sql_checked};

/// PostgreSQL's epoch, 2000-01-01T00:00:00Z, in microseconds since 1970.
const EPOCH: i64 = 946_684_800_000_000;

/// PostgreSQL's earliest time, in 4714 BC, in microseconds since 2000: `MIN_TIMESTAMP` in its
/// `timestamp.h`. Its latest time exceeds the range of [`StoredTime`].
const EARLIEST: i64 = -211_813_488_000_000_000;

/// A `timestamptz` in binary format: microseconds since 2000, with the extreme values for the
/// infinities. The range of chrono's times is narrower than PostgreSQL's, and a table may contain
/// any time.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PgTime(pub(crate) StoredTime);

impl<'a> FromSql<'a> for PgTime {
    fn from_sql(_: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn Error + Sync + Send>> {
        let micros = i64::from_be_bytes(raw.try_into()?);
        Ok(Self(StoredTime(match micros {
            i64::MIN | i64::MAX => micros,
            _ => micros.saturating_add(EPOCH),
        })))
    }

    fn accepts(ty: &Type) -> bool {
        *ty == Type::TIMESTAMPTZ
    }
}

impl ToSql for PgTime {
    fn to_sql(&self, _: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        let micros = match self.0.0 {
            extreme @ (i64::MIN | i64::MAX) => extreme,
            // A cursor can contain any time; PostgreSQL refuses times before its earliest.
            micros => match micros.saturating_sub(EPOCH) {
                micros if micros < EARLIEST => i64::MIN,
                micros => micros,
            },
        };
        out.extend_from_slice(&micros.to_be_bytes());
        Ok(IsNull::No)
    }

    fn accepts(ty: &Type) -> bool {
        *ty == Type::TIMESTAMPTZ
    }

    to_sql_checked!();
}
