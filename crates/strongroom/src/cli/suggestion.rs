//! "Did you mean", as for settings, for names on the command line.

use clap::Error;
use clap::builder::StyledStr;
use clap::error::{ContextKind, ContextValue};

const KINDS: [ContextKind; 3] = [
    ContextKind::SuggestedArg,
    ContextKind::SuggestedSubcommand,
    ContextKind::SuggestedValue,
];

/// `error`, whose similar names are shown as "did you mean".
pub(super) fn worded(mut error: Error) -> Error {
    let tips: Vec<StyledStr> = KINDS
        .into_iter()
        .filter_map(|kind| error.remove(kind))
        .map(|names| StyledStr::from(format!("did you mean {}?", quoted(names))))
        .collect();
    if !tips.is_empty() {
        error.insert(ContextKind::Suggested, ContextValue::StyledStrs(tips));
    }
    error
}

fn quoted(names: ContextValue) -> String {
    let names = match names {
        ContextValue::Strings(names) => names,
        other => vec![other.to_string()],
    };
    let names = names.iter().map(|name| format!("'{name}'"));
    names.collect::<Vec<_>>().join(" or ")
}
