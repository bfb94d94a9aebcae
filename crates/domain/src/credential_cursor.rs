//! Cursors of listings of credentials.

use data_encoding::BASE64URL_NOPAD;
use uuid::Uuid;

use crate::credential::CredentialFilter;
use crate::credential_order::{Compared, CredentialOrder, ListPlace, PlaceKey};
use crate::ids::CredentialId;

/// The first byte of a cursor of the order of creation without a search, as earlier versions made
/// it.
const PLAIN: u8 = 1;
/// The first byte of any other cursor: the order, a check of the filter, the id and the key follow.
const BOUND: u8 = 2;
/// The bytes of an id.
const ID: usize = 16;

impl ListPlace {
    /// The text from which the same listing continues after this place.
    #[must_use]
    pub fn to_cursor(&self, order: CredentialOrder, filter: &CredentialFilter) -> String {
        let mut bytes = start(order, filter);
        bytes.extend(self.id.0.as_bytes());
        match &self.key {
            PlaceKey::None => {}
            PlaceKey::Label(label) => bytes.extend(label.as_bytes()),
            PlaceKey::Time(time) => bytes.extend(time.to_be_bytes()),
        }
        BASE64URL_NOPAD.encode(&bytes)
    }

    /// The place that [`Self::to_cursor`] wrote for the same order and filter; `None` for any other
    /// text.
    #[must_use]
    pub fn from_cursor(
        text: &str,
        order: CredentialOrder,
        filter: &CredentialFilter,
    ) -> Option<Self> {
        let bytes = BASE64URL_NOPAD.decode(text.as_bytes()).ok()?;
        let place = bytes.strip_prefix(&start(order, filter)[..])?;
        let (id, key) = place.split_at_checked(ID)?;
        let key = match order.compares() {
            Compared::Nothing => key.is_empty().then_some(PlaceKey::None)?,
            Compared::Labels => {
                let label = std::str::from_utf8(key).ok()?;
                // PostgreSQL accepts no NUL character in a text.
                let valid = !label.contains('\0');
                valid.then(|| PlaceKey::Label(label.to_owned()))?
            }
            Compared::Times => PlaceKey::Time(i64::from_be_bytes(key.try_into().ok()?)),
        };
        Some(Self {
            id: CredentialId(Uuid::from_slice(id).ok()?),
            key,
        })
    }
}

fn start(order: CredentialOrder, filter: &CredentialFilter) -> Vec<u8> {
    match is_plain(order, filter) {
        true => vec![PLAIN],
        false => [&[BOUND, order.code()][..], &checksum(filter)].concat(),
    }
}

// A cursor of the order of creation is valid under any filter, as it always was.
fn is_plain(order: CredentialOrder, filter: &CredentialFilter) -> bool {
    order == CredentialOrder::Created && filter.label_contains.is_none()
}

/// Finds a cursor of another filter, by mistake and not by an attacker: a place shows nothing that
/// the filter and the caller's key would not.
fn checksum(filter: &CredentialFilter) -> [u8; 4] {
    let CredentialFilter {
        provider,
        kind,
        label,
        label_contains,
        expires_before,
        deleted,
        reach: _,
    } = filter;
    let mut hasher = crc32fast::Hasher::new();
    let mut add = |text: Option<&str>| {
        let text = text.unwrap_or("\u{1}");
        hasher.update(&(text.len() as u64).to_be_bytes());
        hasher.update(text.as_bytes());
    };
    add(provider.map(|provider| provider.as_str()));
    add(kind.map(|kind| kind.as_str()));
    add(label.as_deref());
    add(label_contains.as_deref());
    add(expires_before.map(|at| at.to_rfc3339()).as_deref());
    add(deleted.then_some("deleted"));
    hasher.finalize().to_be_bytes()
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, Utc};

    use super::*;
    use crate::kinds::Provider;

    fn place(order: CredentialOrder) -> ListPlace {
        let key = match order.compares() {
            Compared::Nothing => PlaceKey::None,
            Compared::Labels => PlaceKey::Label("straße".into()),
            Compared::Times => PlaceKey::Time(i64::MIN),
        };
        let id = CredentialId(Uuid::from_u128(77));
        ListPlace { id, key }
    }

    #[test]
    fn a_cursor_is_read_under_its_own_order_and_filter_alone() {
        let shopify = CredentialFilter {
            provider: Some(Provider::Shopify),
            ..CredentialFilter::default()
        };
        let search = CredentialFilter {
            label_contains: Some("shop".into()),
            ..CredentialFilter::default()
        };
        let none = CredentialFilter::default();
        for order in CredentialOrder::ALL.iter().copied() {
            for filter in [&none, &shopify, &search] {
                let cursor = place(order).to_cursor(order, filter);
                let read = |order, filter| ListPlace::from_cursor(&cursor, order, filter);
                assert_eq!(read(order, filter), Some(place(order)), "{cursor}");
                for other in CredentialOrder::ALL.iter().copied() {
                    assert!(other == order || read(other, filter).is_none(), "{cursor}");
                }
                let plain = is_plain(order, filter);
                for other in [&none, &shopify, &search] {
                    let same = filter == other || (plain && is_plain(order, other));
                    assert_eq!(read(order, other).is_some(), same, "{cursor}");
                }
            }
        }
    }

    #[test]
    fn plain_cursors_are_those_of_earlier_versions() {
        let filter = CredentialFilter::default();
        let created = place(CredentialOrder::Created);
        let cursor = created.to_cursor(CredentialOrder::Created, &filter);
        assert_eq!(cursor, "AQAAAAAAAAAAAAAAAAAAAE0");
        for bad in [
            "",
            "x",
            "AQ",
            "!!!!",
            "AgAAAAAAAAAAAAAAAAAAAAA",
            "AQAAAAAAAAAAAAAAAAAAAE0A",
        ] {
            let read = ListPlace::from_cursor(bad, CredentialOrder::Created, &filter);
            assert_eq!(read, None, "{bad}");
        }
    }

    #[test]
    fn every_member_of_a_filter_counts_in_its_checksum() {
        let none = CredentialFilter::default();
        let at: DateTime<Utc> = DateTime::UNIX_EPOCH;
        let filters = [
            none.clone(),
            CredentialFilter {
                label: Some("a".into()),
                ..none.clone()
            },
            CredentialFilter {
                label_contains: Some("a".into()),
                ..none.clone()
            },
            CredentialFilter {
                expires_before: Some(at),
                ..none.clone()
            },
            CredentialFilter {
                deleted: true,
                ..none
            },
        ];
        for (at, one) in filters.iter().enumerate() {
            for other in &filters[..at] {
                assert_ne!(checksum(one), checksum(other), "{one:?} {other:?}");
            }
        }
    }
}
