//! `strongroom doctor`: each file checks one subject, and returns findings with advice.

mod access;
mod certificates;
mod clock;
mod configuration;
mod connection;
mod credentials;
mod database;
mod finding;
mod keys;
mod postgresql;
mod regions;
mod schema;
mod servers;

use self::finding::Level;
use crate::cli::DoctorArgs;
use crate::error::CommandError;
use crate::output;
use crate::settings::examine::Examined;

/// `strongroom doctor`.
pub(super) async fn run(args: &DoctorArgs) -> Result<(), CommandError> {
    let examined = Examined::read(&args.serve);
    let mut findings = configuration::findings(&examined);
    findings.extend(keys::sources(examined.root_keys.as_ref()));
    findings.extend(database::findings(&examined).await);
    output::answer(args.json, &findings, &finding::render(&findings));
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
