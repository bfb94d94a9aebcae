use serde::Deserialize;
use serde_json::value::RawValue;

use super::paths;
use super::session::connect_caller;
use crate::cli::ListVersionsArgs;
use crate::client::call::Call;
use crate::commands::format::to_the_second;
use crate::error::CommandError;
use crate::output;

/// A value of a credential as the server shows it.
#[derive(Deserialize)]
struct Version {
    value_version: i64,
    stage: Option<String>,
    #[serde(default)]
    staged_at: Option<String>,
    #[serde(default)]
    expires_at: Option<String>,
    #[serde(default)]
    destroyed_at: Option<String>,
}

/// `strongroom credential versions`.
pub(crate) fn run(args: &ListVersionsArgs) -> Result<(), CommandError> {
    let path = paths::credential(&args.id)?;
    let client = connect_caller(&args.caller)?;
    let answer = client.send(&Call::get(format!("{path}/versions")))?;
    let versions: Vec<Version> = answer.result()?;
    let rows: Vec<_> = versions.iter().map(row).collect();
    let text = output::table(["VALUE_VERSION", "STAGE", "SINCE", "EXPIRES"], &rows);
    output::answer(args.caller.json, answer.result::<&RawValue>()?, &text);
    Ok(())
}

fn row(version: &Version) -> [String; 4] {
    let time = |text: &Option<String>| {
        let text = text.as_deref();
        text.map_or_else(|| "-".into(), to_the_second)
    };
    let stage = match &version.destroyed_at {
        Some(_) => "destroyed",
        None => version.stage.as_deref().unwrap_or("-"),
    };
    [
        version.value_version.to_string(),
        stage.to_owned(),
        time(&version.staged_at),
        time(&version.expires_at),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_destroyed_value_has_no_other_stage() {
        let shown = |json: &str| row(&serde_json::from_str(json).unwrap());
        let current = r#"{"value_version":3,"stage":"current"}"#;
        assert_eq!(shown(current), ["3", "current", "-", "-"]);
        let since = "2027-01-31T12:00:00Z";
        let kept = r#"{"value_version":2,"stage":null,"staged_at":"2027-01-31T12:00:00.25Z"}"#;
        assert_eq!(shown(kept), ["2", "-", since, "-"]);
        let gone = r#"{"value_version":1,"stage":null,"destroyed_at":"2027-01-31T12:00:00Z"}"#;
        assert_eq!(shown(gone), ["1", "destroyed", "-", "-"]);
    }
}
