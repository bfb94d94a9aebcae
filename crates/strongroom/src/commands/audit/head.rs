use super::operators;
use crate::cli::HeadArgs;
use crate::error::CommandError;
use crate::settings::access::VaultAccess;
use crate::{output, vault_access};

/// `strongroom audit head`.
pub(super) async fn run(args: &HeadArgs) -> Result<(), CommandError> {
    let vault = vault_access::open(&VaultAccess::read(&args.vault)?).await?;
    for caller in operators(&vault, args.org.as_deref()).await? {
        output::line(&vault.audit_heads(&caller).await?.to_line());
    }
    Ok(())
}
