use strongroom_domain::caller::OrgScope;
use strongroom_domain::credential::{CredentialFilter, CredentialPage, Page, PageStart};
use strongroom_domain::store::StoreResult;
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use crate::database::Database;
use crate::rows::{self, get};
use crate::sql;
use crate::transaction::{Bound, OrgTransaction};

/// Reads one page of an organisation's credentials.
pub(crate) async fn list(
    database: &Database,
    scope: OrgScope,
    page: Page,
    filter: &CredentialFilter,
) -> StoreResult<CredentialPage> {
    let org = scope.org().0;
    let provider = filter.provider.map(|provider| provider.as_str());
    let kind = filter.kind.map(|kind| kind.as_str());
    let mut matching: Vec<&(dyn ToSql + Sync)> = vec![&org];
    let filtered = *filter != CredentialFilter::default();
    if filtered {
        matching.extend_from_slice(&[&provider, &kind, &filter.label]);
    }
    // One more than asked for tells whether there is a next page.
    let more = page.limit + 1;
    let (after, offset): (Uuid, i64);
    let mut params = matching.clone();
    let (sql, count) = match page.start {
        PageStart::Offset(first) => {
            offset = first;
            params.extend_from_slice(&[&page.limit, &offset]);
            match filtered {
                true => (sql::MATCHING_FROM, Some(sql::MATCHING_COUNT)),
                false => (sql::CREDENTIALS_FROM, Some(sql::CREDENTIALS_COUNT)),
            }
        }
        PageStart::After(last) => {
            after = last.map_or(Uuid::nil(), |id| id.0);
            params.extend_from_slice(&[&more, &after]);
            match filtered {
                true => (sql::MATCHING_AFTER, None),
                false => (sql::CREDENTIALS_AFTER, None),
            }
        }
    };
    let mut statements = vec![Bound { sql, params }];
    statements.extend(count.map(|sql| Bound {
        sql,
        params: matching,
    }));
    let answers = OrgTransaction::read(database, &[scope], &statements).await?;
    let items = answers[0].iter();
    let mut items = items
        .map(|row| rows::credential_info(scope.org(), row))
        .collect::<StoreResult<Vec<_>>>()?;
    let counted = answers.get(1).and_then(|rows| rows.first());
    let total = counted.map(|row| get(row, "total")).transpose()?;
    let limit = usize::try_from(page.limit).unwrap_or(usize::MAX);
    let more = items.len() > limit;
    items.truncate(limit);
    let next = items.last().filter(|_| more).map(|item| item.id);
    Ok(CredentialPage { items, total, next })
}
