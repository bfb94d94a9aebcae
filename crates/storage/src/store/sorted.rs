//! Searches an organization's credentials, and lists them in any order.

use strongroom_domain::CredentialId;
use strongroom_domain::audit::chain::Chain;
use strongroom_domain::audit::stored::StoredTime;
use strongroom_domain::caller::OrgScope;
use strongroom_domain::credential::{CredentialFilter, CredentialPage, Page, PageStart};
use strongroom_domain::credential_order::{Compared, CredentialOrder, ListPlace, PlaceKey};
use strongroom_domain::ports::error::{StoreError, StoreResult};
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use crate::connect::database::Database;
use crate::pg_time::PgTime;
use crate::rows::{get, last_used};
use crate::store::listing::{Matching, add_missing_tags, read, to_usize, total};
use crate::transaction::statement::Bound;
use crate::{credential_rows, sql};

/// Reads one page of an organization's credentials in the order of `page`.
pub(crate) async fn list_sorted(
    database: &Database,
    scope: OrgScope,
    page: &Page,
    filter: &CredentialFilter,
    chain: &Chain,
) -> StoreResult<CredentialPage> {
    let (org, condition) = (scope.org().0, Matching::of(filter));
    let mut found: Vec<&(dyn ToSql + Sync)> = vec![&org];
    found.extend(condition.params());
    let pattern = filter.label_contains.as_deref().map(pattern);
    found.extend_from_slice(&[&pattern, &filter.deleted]);
    let (offset, after) = match &page.start {
        PageStart::Offset(offset) => (*offset, None),
        PageStart::After(place) => (0, place.as_ref()),
    };
    let (id, key) = start(page.order, after)?;
    // One row more than requested shows whether there is a next page.
    let more = page.limit + 1;
    let mut params = found.clone();
    params.extend_from_slice(&[&more, &offset, &id]);
    if let Some(key) = &key {
        params.push(key.as_ref());
    }
    let statement = Bound {
        sql: statement(page.order),
        params,
    };
    let listed = read(database, scope, statement).await?;
    let count = Bound {
        sql: sql::FOUND_COUNT,
        params: found,
    };
    let total = total(database, scope, page, listed.len(), count).await?;
    let items = listed.iter().take(to_usize(page.limit));
    let items = items.map(|row| {
        let mut info = credential_rows::credential_info(scope.org(), row)?;
        info.last_used = last_used(row);
        info.deletion = credential_rows::deletion(row)?;
        Ok(info)
    });
    let mut items: Vec<_> = items.collect::<StoreResult<_>>()?;
    add_missing_tags(database, scope, &mut items, &listed, chain).await?;
    let last = items.len().checked_sub(1).and_then(|at| listed.get(at));
    let last = last.filter(|_| listed.len() > items.len());
    let next = last.map(|row| place(page.order, row)).transpose()?;
    Ok(CredentialPage { items, total, next })
}

/// A regular expression of PostgreSQL that matches `text` anywhere, without regard to case. Its own
/// comparison without regard to case knows only the letters of the database's locale.
fn pattern(text: &str) -> String {
    let mut pattern = String::with_capacity(4 * text.len());
    for character in text.chars() {
        let mut cases = vec![character];
        let lower: String = character.to_lowercase().collect();
        for case in [lower, character.to_uppercase().collect()] {
            let mut letters = case.chars();
            // A letter whose other case is several letters has no other case here.
            if let (Some(letter), None) = (letters.next(), letters.next()) {
                cases.push(letter);
            }
        }
        cases.sort_unstable();
        cases.dedup();
        match cases[..] {
            [letter] if letter.is_ascii_punctuation() => pattern.extend(['\\', letter]),
            [letter] => pattern.push(letter),
            _ => pattern.extend(std::iter::once('[').chain(cases).chain([']'])),
        }
    }
    pattern
}

type Key = Box<dyn ToSql + Sync + Send>;

/// The parameters of a place: the id, and the key of an order that has one.
fn start(
    order: CredentialOrder,
    after: Option<&ListPlace>,
) -> StoreResult<(Option<Uuid>, Option<Key>)> {
    let key = after.map(|place| &place.key);
    let key: Option<Key> = match (order.compares(), key) {
        (Compared::Nothing, None | Some(PlaceKey::None)) => None,
        (Compared::Labels, None) => Some(Box::new(None::<String>)),
        (Compared::Labels, Some(PlaceKey::Label(label))) => Some(Box::new(label.clone())),
        (Compared::Times, None) => Some(Box::new(None::<PgTime>)),
        (Compared::Times, Some(PlaceKey::Time(time))) => Some(Box::new(PgTime(StoredTime(*time)))),
        _ => return Err(StoreError::Internal("a place of another order".into())),
    };
    Ok((after.map(|place| place.id.0), key))
}

fn place(order: CredentialOrder, row: &Row) -> StoreResult<ListPlace> {
    let key = match order.compares() {
        Compared::Nothing => PlaceKey::None,
        Compared::Labels => PlaceKey::Label(get(row, "place")?),
        Compared::Times => PlaceKey::Time(get::<PgTime>(row, "place")?.0.0),
    };
    let id = CredentialId(get(row, "cred_id")?);
    Ok(ListPlace { id, key })
}

fn statement(order: CredentialOrder) -> &'static str {
    match order {
        CredentialOrder::Created => sql::BY_CREATION,
        CredentialOrder::CreatedDescending => sql::BY_CREATION_DESCENDING,
        CredentialOrder::Label => sql::BY_LABEL,
        CredentialOrder::LabelDescending => sql::BY_LABEL_DESCENDING,
        CredentialOrder::LastUsed => sql::BY_USE,
        CredentialOrder::LastUsedDescending => sql::BY_USE_DESCENDING,
        CredentialOrder::Expiry => sql::BY_EXPIRY,
        CredentialOrder::ExpiryDescending => sql::BY_EXPIRY_DESCENDING,
    }
}

#[cfg(test)]
mod tests {
    use super::pattern;

    #[test]
    fn patterns_match_both_cases_and_take_signs_literally() {
        assert_eq!(pattern("Az 1"), "[Aa][Zz] 1");
        assert_eq!(pattern("É"), "[Éé]");
        assert_eq!(pattern("ß"), "ß");
        let signs = pattern("a.*[^-]\\_");
        assert_eq!(signs, "[Aa]\\.\\*\\[\\^\\-\\]\\\\\\_");
    }
}
