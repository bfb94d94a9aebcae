use super::operators::operators;
use crate::cli::HeadArgs;
use crate::error::CommandError;
use crate::{open_vault, output};

/// `strongroom audit head`.
pub(super) async fn run(args: &HeadArgs) -> Result<(), CommandError> {
    let vault = open_vault::for_command(&args.vault).await?;
    let newest = vault.newest_audit_root().await?;
    if let Some(root) = newest.filter(|_| args.org.is_none()) {
        output::line(&root.to_line());
    }
    for caller in operators(&vault, args.org.as_deref()).await? {
        output::line(&vault.audit_heads(&caller).await?.to_line());
    }
    Ok(())
}
