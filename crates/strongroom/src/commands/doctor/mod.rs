//! `strongroom doctor`: each module looks at one thing and says what it found, and what to do.

mod access;
mod certificates;
mod clock;
mod configuration;
mod database;
mod finding;
mod keys;
mod postgresql;
mod regions;
mod schema;
mod servers;

use strongroom_storage::ConnectError;

use crate::cli::DoctorArgs;
use crate::error::CommandError;
use crate::output;
use crate::settings::examine::Examined;
use finding::{Finding, Level};

/// `strongroom doctor`.
pub(super) async fn run(args: &DoctorArgs) -> Result<(), CommandError> {
    let examined = Examined::read(&args.serve);
    let mut findings = configuration::findings(&examined);
    findings.extend(keys::places(examined.root_keys.as_ref()));
    findings.extend(database::findings(&examined).await);
    output::answer(args.json, &findings, &finding::shown(&findings));
    let failures = finding::count(&findings, Level::Failure);
    let warnings = finding::count(&findings, Level::Warning);
    if failures > 0 {
        return Err(CommandError::Failed(format!(
            "doctor: {failures} failure(s)"
        )));
    }
    if args.strict && warnings > 0 {
        return Err(CommandError::Failed(format!(
            "doctor: {warnings} warning(s)"
        )));
    }
    Ok(())
}

/// What `judge` makes of `read`; that the check could not be made, when that failed.
fn attempt<T>(
    check: &'static str,
    read: Result<T, ConnectError>,
    judge: impl FnOnce(T) -> Vec<Finding>,
) -> Vec<Finding> {
    read.map_or_else(|error| vec![unchecked(check, &error.to_string())], judge)
}

fn unchecked(check: &'static str, why: &str) -> Finding {
    Finding::warning(
        check,
        format!("not checked: {why}"),
        "run this again when that is put right",
    )
}
