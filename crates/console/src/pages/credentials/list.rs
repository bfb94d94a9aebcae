//! The list of credentials.

use actix_web::HttpResponse;
use askama::Template;
use futures_util::future::try_join;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use strongroom_domain::CredentialId;
use strongroom_domain::credential::{CredentialFilter, CredentialInfo, Page as Window, PageStart};
use strongroom_domain::credential_order::{CredentialOrder, ListPlace};
use strongroom_domain::kinds::{CredentialType, Provider};
use strongroom_domain::label::MAX_LABEL_CHARS;
use strongroom_domain::permission::Permission;
use strongroom_web::query::Params;

use crate::error::PageError;
use crate::layout::{Layout, Part, answer};
use crate::listing::short;
use crate::pages::credentials::Shown;
use crate::paths;
use crate::session::Session;

/// Credentials on a page.
const PAGE: i64 = 40;

#[derive(Template)]
#[template(path = "credentials/list.html")]
struct Page {
    layout: Layout,
    /// The path of the list.
    path: String,
    filter: Filter,
    items: Vec<Shown>,
    /// The paths of the next page, and of the first, if this is another one.
    next: Option<String>,
    first: Option<String>,
    /// The credential that was just deleted, and the days for which it can be restored.
    undo: Option<(CredentialId, i64)>,
    may_write: bool,
}

/// What the form above the list says.
#[derive(Default)]
struct Filter {
    label: String,
    provider: Option<Provider>,
    kind: Option<CredentialType>,
    deleted: bool,
    order: Option<CredentialOrder>,
    after: Option<String>,
}

/// The orders that the form offers, with their names there.
const ORDERS: [(CredentialOrder, &str); 8] = [
    (CredentialOrder::Created, "oldest first"),
    (CredentialOrder::CreatedDescending, "newest first"),
    (CredentialOrder::Label, "label, A to Z"),
    (CredentialOrder::LabelDescending, "label, Z to A"),
    (
        CredentialOrder::LastUsedDescending,
        "used most recently first",
    ),
    (CredentialOrder::LastUsed, "used least recently first"),
    (CredentialOrder::Expiry, "expiring soonest first"),
    (CredentialOrder::ExpiryDescending, "expiring latest first"),
];

/// Shows the list.
pub(crate) async fn handle(session: Session) -> Result<HttpResponse, PageError> {
    session.authorize(Permission::CredentialsList).await?;
    let (filter, undo) = parse(session.request.query_string())?;
    let (order, wanted) = (filter.order(), filter.wanted());
    let window = Window {
        limit: PAGE,
        start: PageStart::After(filter.place(&wanted)?),
        order,
    };
    let listed = session
        .vault
        .list_credentials(&session.caller, window, wanted.clone());
    let listed = async { Ok(session.state.with_deadline(listed).await?) };
    let layout = Layout::new(&session, Part::Credentials, "Credentials");
    let (layout, listed) = try_join(layout, listed).await?;
    let path = paths::credentials(session.caller.org());
    let page = Page {
        layout,
        items: listed
            .items
            .iter()
            .map(|info| row(info, &session))
            .collect(),
        next: listed.next.map(|place| {
            let after = place.to_cursor(order, &wanted);
            format!("{path}?{}after={after}", filter.query())
        }),
        first: filter
            .after
            .as_ref()
            .map(|_| format!("{path}?{}", filter.query())),
        undo: match undo {
            Some(id) => Some((id, recovery_days(&session).await?)),
            None => None,
        },
        may_write: session.may(Permission::CredentialsWrite),
        filter,
        path,
    };
    answer(&page, &session)
}

fn row(info: &CredentialInfo, session: &Session) -> Shown {
    let shown = Shown::of(info, session);
    Shown {
        label: short(&shown.label),
        ..shown
    }
}

async fn recovery_days(session: &Session) -> Result<i64, PageError> {
    let settings = session.vault.settings(&session.caller);
    Ok(session.state.with_deadline(settings).await?.recovery_days)
}

fn parse(query: &str) -> Result<(Filter, Option<CredentialId>), PageError> {
    let mut params = Params::parse(query);
    // The form sends a field that is left empty, too.
    let mut optional = |name: &str| params.take(name).filter(|text| !text.is_empty());
    let (label, provider, kind) = (optional("label"), optional("provider"), optional("type"));
    let (deleted, after, undo) = (optional("deleted"), optional("after"), optional("undo"));
    let order = optional("sort");
    params.finish()?;
    let unknown = PageError::invalid_filter;
    let label = label.unwrap_or_default();
    if label.chars().any(char::is_control) || label.chars().count() > MAX_LABEL_CHARS {
        return Err(PageError::invalid_filter());
    }
    let filter = Filter {
        label,
        provider: read(provider, Provider::parse).ok_or_else(unknown)?,
        kind: read(kind, CredentialType::parse).ok_or_else(unknown)?,
        deleted: deleted.is_some(),
        order: read(order, CredentialOrder::parse).ok_or_else(unknown)?,
        after,
    };
    Ok((filter, read(undo, CredentialId::parse).ok_or_else(unknown)?))
}

/// `None` for a text that is not of such a value.
fn read<T>(text: Option<String>, parse: impl Fn(&str) -> Option<T>) -> Option<Option<T>> {
    text.map(|text| parse(&text))
        .map_or(Some(None), |value| value.map(Some))
}

impl Filter {
    fn order(&self) -> CredentialOrder {
        self.order.unwrap_or(CredentialOrder::Created)
    }

    fn wanted(&self) -> CredentialFilter {
        CredentialFilter {
            provider: self.provider,
            kind: self.kind,
            label_contains: Some(self.label.clone()).filter(|label| !label.is_empty()),
            deleted: self.deleted,
            ..CredentialFilter::default()
        }
    }

    /// The place after which the page begins.
    fn place(&self, wanted: &CredentialFilter) -> Result<Option<ListPlace>, PageError> {
        let cursor = |text: &str| ListPlace::from_cursor(text, self.order(), wanted);
        read(self.after.clone(), cursor).ok_or_else(PageError::invalid_filter)
    }

    /// As the beginning of a query.
    fn query(&self) -> String {
        let pairs = [
            ("label", self.label.as_str()),
            ("provider", self.provider.map_or("", Provider::as_str)),
            ("type", self.kind.map_or("", CredentialType::as_str)),
            ("deleted", if self.deleted { "1" } else { "" }),
            ("sort", self.order.map_or("", CredentialOrder::as_str)),
        ];
        let pairs = pairs.into_iter().filter(|(_, value)| !value.is_empty());
        let pairs = pairs.map(|(name, value)| {
            format!("{name}={}&", utf8_percent_encode(value, NON_ALPHANUMERIC))
        });
        pairs.collect()
    }

    fn has_provider(&self, provider: &Provider) -> bool {
        self.provider.as_ref() == Some(provider)
    }

    fn has_kind(&self, kind: &CredentialType) -> bool {
        self.kind.as_ref() == Some(kind)
    }

    fn has_order(&self, order: &CredentialOrder) -> bool {
        self.order() == *order
    }

    /// The name of the order in the form.
    fn order_name(&self) -> &'static str {
        let named = ORDERS.iter().find(|(order, _)| self.has_order(order));
        named.map_or("", |(_, name)| name)
    }

    fn is_empty(&self) -> bool {
        self.wanted() == CredentialFilter::default() && self.after.is_none()
    }
}
