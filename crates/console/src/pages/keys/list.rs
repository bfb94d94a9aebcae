//! The list of keys.

use std::collections::HashMap;

use actix_web::HttpResponse;
use askama::Template;
use chrono::{DateTime, Utc};
use futures_util::future::try_join3;
use strongroom_domain::KeyId;
use strongroom_domain::api_key::StoredApiKey;
use strongroom_domain::caller::Actor;
use strongroom_domain::permission::Permission;

use crate::error::PageError;
use crate::layout::{Layout, Part, answer};
use crate::listing::{List, html_len, short};
use crate::pages::keys::{all, list_path};
use crate::session::Session;
use crate::times::Moment;
use crate::words;

#[derive(Template)]
#[template(path = "keys/list.html")]
struct Page {
    layout: Layout,
    list: List<Row>,
}

struct Row {
    id: String,
    name: String,
    /// The name of the role.
    role: Option<&'static str>,
    permissions: String,
    limits: String,
    created: Moment,
    ends: Option<Moment>,
    last_used: Option<Moment>,
    status: &'static str,
    is_live: bool,
    /// Whether it is that of the session.
    is_own: bool,
}

/// Shows the keys: those that work first, the newest first.
pub(crate) async fn handle(session: Session) -> Result<HttpResponse, PageError> {
    session.authorize(Permission::KeysManage).await?;
    let used = session.vault.keys_last_used(&session.caller);
    let used = async { Ok(session.state.with_deadline(used).await?) };
    let layout = Layout::new(&session, Part::Keys, "API keys");
    let (layout, mut keys, used) = try_join3(layout, all(&session), used).await?;
    let now = session.vault.now();
    keys.sort_by_key(|key| (is_live(key, now), key.created_at, key.id));
    keys.reverse();
    let rows = keys.iter().map(|key| row(&session, key, &used)).collect();
    let weight = |row: &Row| html_len(&row.name) + html_len(&row.limits);
    let query = session.request.query_string();
    let list = List::page(rows, weight, query, (list_path(&session), ""));
    answer(&Page { layout, list }, &session)
}

fn row(session: &Session, key: &StoredApiKey, used: &HashMap<KeyId, DateTime<Utc>>) -> Row {
    let now = session.vault.now();
    let moment = |at| Moment::new(at, now);
    Row {
        id: key.id.to_string(),
        name: short(&key.name),
        role: key.limits.role.map(|role| role.as_str()),
        permissions: words::permissions(key.limits.permissions),
        limits: words::limits(&key.limits).join("; "),
        created: moment(key.created_at),
        ends: key.revoked_at.or(key.end()).map(moment),
        last_used: used.get(&key.id).copied().map(moment),
        status: status(key, now),
        is_live: is_live(key, now),
        is_own: session.caller.actor() == Actor::Key(key.id),
    }
}

fn is_live(key: &StoredApiKey, now: DateTime<Utc>) -> bool {
    key.revoked_at.is_none() && key.end().is_none_or(|end| end > now)
}

fn status(key: &StoredApiKey, now: DateTime<Utc>) -> &'static str {
    match (key.revoked_at, key.end()) {
        (Some(_), _) => "revoked",
        (None, Some(end)) if end <= now => "expired",
        (None, Some(_)) if key.ends.is_some() => "ending",
        _ => "active",
    }
}
