use strongroom_domain::caller::OrgScope;
use strongroom_domain::credential::{CredentialPage, Page, PageStart};
use strongroom_domain::store::StoreResult;
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use crate::rows::{self, get};
use crate::transaction::OrgTransaction;
use crate::{last_use, sql};

/// Reads one page of the credentials that match organisation, provider, type and label, each of the last three
/// only when given.
pub(crate) async fn list(
    transaction: &OrgTransaction,
    scope: OrgScope,
    page: Page,
    matching: [&(dyn ToSql + Sync); 4],
) -> StoreResult<CredentialPage> {
    let [org, provider, kind, label] = matching;
    let rows = match page.start {
        PageStart::Offset(offset) => {
            let params = [org, provider, kind, label, &page.limit, &offset];
            transaction.query(sql::CREDENTIALS_FROM, &params).await?
        }
        PageStart::After(last) => {
            // One more than asked for tells whether there is a next page.
            let (more, last) = (page.limit + 1, last.map_or(Uuid::nil(), |id| id.0));
            let params = [org, provider, kind, label, &more, &last];
            transaction.query(sql::CREDENTIALS_AFTER, &params).await?
        }
    };
    let total = match page.start {
        PageStart::Offset(_) => {
            let counted = transaction.query(sql::CREDENTIALS_COUNT, &matching).await?;
            counted.first().map(|row| get(row, "total")).transpose()?
        }
        PageStart::After(_) => None,
    };
    let mut items = rows
        .iter()
        .map(|row| rows::credential_info(scope.org(), row))
        .collect::<StoreResult<Vec<_>>>()?;
    let limit = usize::try_from(page.limit).unwrap_or(usize::MAX);
    let more = items.len() > limit;
    items.truncate(limit);
    last_use::fill_in(transaction, scope, &mut items).await?;
    let next = items.last().filter(|_| more).map(|item| item.id);
    Ok(CredentialPage { items, total, next })
}
