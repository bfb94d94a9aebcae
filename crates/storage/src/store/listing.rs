//! Reads pages of credentials in the order of creation.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use strongroom_domain::CredentialId;
use strongroom_domain::audit::chain::Chain;
use strongroom_domain::caller::OrgScope;
use strongroom_domain::credential::{
    CredentialFilter, CredentialInfo, CredentialPage, Page, PageStart,
};
use strongroom_domain::credential_order::ListPlace;
use strongroom_domain::entity_tag::EntityTag;
use strongroom_domain::kinds::{CredentialType, Provider};
use strongroom_domain::ports::error::StoreResult;
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use crate::connect::database::Database;
use crate::rows::{get, last_used};
use crate::transaction::OrgTransaction;
use crate::transaction::statement::Bound;
use crate::{credential_rows, sql};

/// Reads one page of an organization's credentials.
pub(crate) async fn list(
    database: &Database,
    scope: OrgScope,
    page: &Page,
    filter: &CredentialFilter,
    chain: &Chain,
) -> StoreResult<CredentialPage> {
    let org = scope.org().0;
    let condition = Matching::of(filter);
    let mut matching: Vec<&(dyn ToSql + Sync)> = vec![&org];
    let filtered = *filter != CredentialFilter::default();
    if filtered {
        matching.extend(condition.params());
    }
    // One row more than requested shows whether there is a next page.
    let more = page.limit + 1;
    let mut params = matching.clone();
    params.push(&more);
    let (sql, count) = statements(&page.start, filter, filtered);
    let start = match &page.start {
        PageStart::After(Some(last)) => last.id.0,
        PageStart::After(None) | PageStart::Offset(_) => Uuid::nil(),
    };
    params.push(match &page.start {
        PageStart::Offset(offset) => offset,
        PageStart::After(_) => &start,
    });
    let mut statements = vec![Bound { sql, params }];
    if !filtered && !matches!(page.start, PageStart::Offset(1..)) {
        statements.push(uses_from(&org, &start, &more));
    }
    let rows = OrgTransaction::read(database, &[scope], &statements).await?;
    let mut rows = rows.into_iter();
    let (listed, uses) = (rows.next().unwrap_or_default(), rows.next());
    let count = Bound {
        sql: count,
        params: matching,
    };
    let total = total(database, scope, page, listed.len(), count).await?;
    let items = listed.iter().take(to_usize(page.limit));
    let items = items.map(|row| credential_rows::credential_info(scope.org(), row));
    let mut items: Vec<_> = items.collect::<StoreResult<_>>()?;
    if filtered {
        for (item, row) in items.iter_mut().zip(&listed) {
            item.last_used = last_used(row);
            item.deletion = credential_rows::deletion(row)?;
        }
    } else {
        add_last_used(database, scope, &mut items, uses, more).await?;
    }
    add_missing_tags(database, scope, &mut items, &listed, chain).await?;
    let more = listed.len() > items.len();
    let last = items.last().filter(|_| more);
    let next = last.map(|item| ListPlace::created(item.id));
    Ok(CredentialPage { items, total, next })
}

fn uses_from<'a>(org: &'a Uuid, start: &'a Uuid, limit: &'a i64) -> Bound<'a> {
    Bound {
        sql: sql::USES,
        params: vec![org, start, limit],
    }
}

/// Adds the last-used times to the credentials of a page. `rows` are the first ones, if they were
/// read with the page. There are more if the credentials between those of the page are deleted.
async fn add_last_used(
    database: &Database,
    scope: OrgScope,
    items: &mut [CredentialInfo],
    mut rows: Option<Vec<Row>>,
    limit: i64,
) -> StoreResult<()> {
    let (Some(first), Some(last)) = (items.first(), items.last()) else {
        return Ok(());
    };
    let (mut start, last) = (first.id, last.id);
    let mut uses = Vec::with_capacity(items.len());
    loop {
        let found = match rows.take() {
            Some(rows) => rows,
            None => read(database, scope, uses_from(&scope.org().0, &start.0, &limit)).await?,
        };
        for row in &found {
            start = CredentialId(get(row, "cred_id")?);
            uses.extend(last_used(row).map(|last| (start, last)));
        }
        if found.len() < to_usize(limit) || start >= last {
            break;
        }
    }
    for item in items {
        let found = uses.binary_search_by_key(&item.id, |(id, _)| *id);
        item.last_used = found.ok().map(|at| uses[at].1);
    }
    Ok(())
}

// A server of an earlier version, or a restore, wrote a row without the tag of its version.
pub(crate) async fn add_missing_tags(
    database: &Database,
    scope: OrgScope,
    items: &mut [CredentialInfo],
    listed: &[Row],
    chain: &Chain,
) -> StoreResult<()> {
    let untagged = items.iter().filter(|item| item.etag.is_none());
    let ids: Vec<Uuid> = untagged.map(|item| item.id.0).collect();
    if ids.is_empty() {
        return Ok(());
    }
    let org = scope.org();
    let statement = Bound {
        sql: sql::UNTAGGED,
        params: vec![&org.0, &ids],
    };
    let rows = read(database, scope, statement).await?;
    let tags = rows
        .iter()
        .map(|row| credential_rows::computed_tag(org, row, chain));
    let tags: HashMap<_, _> = tags.collect::<StoreResult<_>>()?;
    // A credential that changed after the page was read has a tag of another version, and none in
    // this list: its new label may be one that the caller may not see.
    for (item, row) in items.iter_mut().zip(listed) {
        if let Some(tag) = tags.get(&item.id) {
            item.etag = EntityTag::of_version(tag.bytes(), get(row, "version")?);
        }
    }
    Ok(())
}

/// The parameters of statements about the credentials that match a filter.
pub(crate) struct Matching<'a> {
    provider: Option<&'static str>,
    kind: Option<&'static str>,
    label: Option<&'a str>,
    providers: Option<Vec<&'static str>>,
    kinds: Option<Vec<&'static str>>,
    label_prefix: Option<&'a str>,
    ids: Option<Vec<Uuid>>,
    expires_before: Option<DateTime<Utc>>,
}

impl<'a> Matching<'a> {
    pub(crate) fn of(filter: &'a CredentialFilter) -> Self {
        let reach = filter.reach.as_ref();
        let providers = reach.and_then(|reach| reach.providers.as_ref());
        let kinds = reach.and_then(|reach| reach.types.as_ref());
        let ids = reach.and_then(|reach| reach.ids.as_ref());
        Self {
            provider: filter.provider.map(Provider::as_str),
            kind: filter.kind.map(CredentialType::as_str),
            label: filter.label.as_deref(),
            providers: providers.map(|all| all.iter().map(|one| one.as_str()).collect()),
            kinds: kinds.map(|all| all.iter().map(|one| one.as_str()).collect()),
            label_prefix: reach.and_then(|reach| reach.label_prefix.as_deref()),
            ids: ids.map(|all| all.iter().map(|id| id.0).collect()),
            expires_before: filter.expires_before,
        }
    }

    pub(crate) fn params(&self) -> [&(dyn ToSql + Sync); 8] {
        [
            &self.provider,
            &self.kind,
            &self.label,
            &self.providers,
            &self.kinds,
            &self.label_prefix,
            &self.ids,
            &self.expires_before,
        ]
    }
}

/// The statements that read and that count the credentials.
fn statements(
    start: &PageStart,
    filter: &CredentialFilter,
    filtered: bool,
) -> (&'static str, &'static str) {
    match (start, filtered) {
        (PageStart::Offset(_), _) if filter.deleted => {
            (sql::DELETED_FROM, sql::MATCHING_DELETED_COUNT)
        }
        (PageStart::After(_), _) if filter.deleted => {
            (sql::DELETED_AFTER, sql::MATCHING_DELETED_COUNT)
        }
        (PageStart::Offset(_), false) => (sql::CREDENTIALS_FROM, sql::CREDENTIALS_COUNT),
        (PageStart::Offset(_), true) => (sql::MATCHING_FROM, sql::MATCHING_COUNT),
        (PageStart::After(_), false) => (sql::CREDENTIALS_AFTER, sql::CREDENTIALS_COUNT),
        (PageStart::After(_), true) => (sql::MATCHING_AFTER, sql::MATCHING_COUNT),
    }
}

pub(crate) async fn read(
    database: &Database,
    scope: OrgScope,
    statement: Bound<'_>,
) -> StoreResult<Vec<Row>> {
    let rows = OrgTransaction::read(database, &[scope], &[statement]).await?;
    Ok(rows.into_iter().flatten().collect())
}

/// The number of all credentials, for a page from an offset. `count` is needed unless the page
/// reaches the end; its cost grows with the number of credentials.
pub(crate) async fn total(
    database: &Database,
    scope: OrgScope,
    page: &Page,
    seen: usize,
    count: Bound<'_>,
) -> StoreResult<Option<i64>> {
    let PageStart::Offset(first) = page.start else {
        return Ok(None);
    };
    let reaches_end = seen <= to_usize(page.limit) && (seen > 0 || first == 0);
    if reaches_end {
        return Ok(i64::try_from(seen).ok().map(|seen| first + seen));
    }
    let counted = read(database, scope, count).await?;
    counted.first().map(|row| get(row, "total")).transpose()
}

pub(crate) fn to_usize(limit: i64) -> usize {
    usize::try_from(limit).unwrap_or(usize::MAX)
}
