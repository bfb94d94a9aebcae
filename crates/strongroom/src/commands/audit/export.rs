use std::io::Write;

use serde_json::json;
use strongroom_domain::Vault;
use strongroom_domain::audit::stored::AuditFilter;
use strongroom_domain::caller::Caller;

use super::lines::{Lines, create, sync_content, sync_name};
use super::operators::operators;
use super::time::time;
use crate::cli::ExportArgs;
use crate::commands::format::counted;
use crate::error::CommandError;
use crate::{open_vault, output};

/// `strongroom audit export`.
pub(super) async fn run(args: &ExportArgs) -> Result<(), CommandError> {
    let bound = |flag, text: &Option<String>| {
        let text = text.as_deref();
        text.map(|text| time(flag, text)).transpose()
    };
    let filter = AuditFilter {
        since: bound("since", &args.since)?,
        until: bound("until", &args.until)?,
        ..AuditFilter::default()
    };
    let vault = open_vault::for_command(&args.vault).await?;
    let callers = operators(&vault, args.org.as_deref()).await?;
    let Some(file) = &args.out else {
        let exported = export(&vault, &callers, &filter, std::io::stdout()).await;
        return exported.map(|_| ());
    };
    let (events, out) = export(&vault, &callers, &filter, create(file, false)?).await?;
    sync_content(&out)?;
    sync_name(file)?;
    let value = json!({"file": file, "events": events});
    let text = format!("wrote {} to {}", counted(events, "event"), file.display());
    output::answer(args.json, &value, &text);
    Ok(())
}

async fn export<W: Write>(
    vault: &Vault,
    callers: &[Caller],
    filter: &AuditFilter,
    out: W,
) -> Result<(u64, W), CommandError> {
    let mut lines = Lines::new(out);
    for caller in callers {
        let export = vault.export_audit(caller, filter.clone()).await?;
        if !lines.write(vault, caller.org(), export).await? {
            break;
        }
    }
    Ok((lines.count, lines.finish()?))
}
