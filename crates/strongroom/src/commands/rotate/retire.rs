use serde_json::json;
use strongroom_domain::VaultError;
use strongroom_domain::crypto::RootKeyId;

use crate::cli::RotateRetireArgs;
use crate::error::CommandError;
use crate::settings::access::VaultAccess;
use crate::{jobs, output, vault_access};

/// `strongroom rotate retire`.
pub(super) async fn run(args: &RotateRetireArgs) -> Result<(), CommandError> {
    let vault = vault_access::open(&VaultAccess::read(&args.vault)?).await?;
    let (what, needed) = match (&args.root, &args.org, args.generation) {
        (Some(root), _, _) => {
            let id = uuid::Uuid::try_parse(root).map_err(|_| {
                CommandError::Failed(
                    "--root must be a root key's id, as `strongroom key-check` shows it".into(),
                )
            })?;
            (
                format!("root key {id}"),
                vault.retire_root_key(RootKeyId(id)).await,
            )
        }
        (None, Some(org), Some(generation)) => {
            let caller = vault_access::operator(org)?;
            let what = format!("generation {generation} of organization {org}'s key");
            (
                what,
                jobs::patiently(|| vault.retire_generation(&caller, generation)).await,
            )
        }
        _ => {
            return Err(CommandError::Failed(
                "give --root, or --org and --generation".into(),
            ));
        }
    };
    match needed {
        Ok(0) => {
            let value = json!({"retired": true, "key": what});
            output::answer(args.json, &value, &format!("retired {what}"));
            Ok(())
        }
        Ok(needed) => Err(CommandError::Failed(format!(
            "not retired: {needed} rows still need {what}; rotate first"
        ))),
        Err(VaultError::NotFound) => Err(CommandError::Failed(format!(
            "not retired: there is no {what}, or it is the active one"
        ))),
        Err(error) => Err(error.into()),
    }
}
