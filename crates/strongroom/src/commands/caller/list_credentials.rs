use chrono::{DateTime, Utc};

use super::paths::CREDENTIALS;
use super::session::client;
use crate::cli::ListCredentialsArgs;
use crate::client::call::Call;
use crate::commands::format::exact;
use crate::commands::listed_credential::ListedCredential;
use crate::error::CommandError;

/// Most credentials on a page.
const PAGE: &str = "1000";

/// All credentials that the filters of `args` select, as the profile `name`.
pub(crate) fn fetch(
    args: &ListCredentialsArgs,
    expires_before: Option<DateTime<Utc>>,
    name: &str,
) -> Result<Vec<ListedCredential>, CommandError> {
    let client = client(name, args.caller.org.as_deref())?;
    let expires_before = expires_before.map(exact);
    let filters = [
        ("extcred_provider", args.provider.map(|one| one.as_str())),
        ("extcred_type", args.kind.map(|one| one.as_str())),
        ("extcred_label", args.label.as_deref()),
        ("label_contains", args.label_contains.as_deref()),
        ("sort", args.sort.map(|order| order.as_str())),
        ("expires_before", expires_before.as_deref()),
        ("deleted", args.deleted.then_some("true")),
    ];
    let (mut listed, mut cursor) = (Vec::new(), Some(String::new()));
    while let Some(position) = cursor {
        let mut call = Call::get(CREDENTIALS).query("limit", PAGE);
        call = call.query("cursor", &position);
        for (name, value) in filters {
            if let Some(value) = value {
                call = call.query(name, value);
            }
        }
        let answer = client.send(&call)?;
        let page: Vec<ListedCredential> = answer.result()?;
        listed.extend(page.into_iter().map(ListedCredential::with_creation));
        cursor = answer.next_page()?;
    }
    Ok(listed)
}
