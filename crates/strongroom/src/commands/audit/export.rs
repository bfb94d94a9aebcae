use std::io::Write;

use serde_json::json;
use strongroom_domain::Vault;
use strongroom_domain::audit::stored::AuditFilter;
use strongroom_domain::caller::Caller;

use super::lines::{Lines, create, sync, sync_folder};
use super::{counted, operators, time};
use crate::cli::ExportArgs;
use crate::error::CommandError;
use crate::settings::access::VaultAccess;
use crate::{output, vault_access};

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
    let vault = vault_access::open(&VaultAccess::read(&args.vault)?).await?;
    let callers = operators(&vault, args.org.as_deref()).await?;
    let Some(file) = &args.out else {
        let exported = export(&vault, &callers, &filter, std::io::stdout()).await;
        return exported.map(|_| ());
    };
    let (events, out) = export(&vault, &callers, &filter, create(file, false)?).await?;
    sync(&out)?;
    sync_folder(file)?;
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
