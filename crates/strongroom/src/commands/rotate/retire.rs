use serde_json::json;
use strongroom_domain::crypto::RootKeyId;
use strongroom_domain::{OrgId, VaultError};

use crate::background::rotations::retry_unavailable;
use crate::cli::RotateRetireArgs;
use crate::error::CommandError;
use crate::{callers, open_vault, output};

/// `strongroom rotate retire`.
pub(super) async fn run(args: &RotateRetireArgs) -> Result<(), CommandError> {
    let vault = open_vault::for_command(&args.vault).await?;
    let installation = callers::operator_of(OrgId::INSTALLATION);
    let (what, needed) = match (&args.root, &args.org, args.generation) {
        (Some(root), _, _) => {
            let id = uuid::Uuid::try_parse(root).map_err(|_| {
                CommandError::Usage(
                    "--root must be the id of a root key, as shown by `strongroom root-key check`"
                        .into(),
                )
            })?;
            (
                format!("root key {id}"),
                vault.retire_root_key(&installation, RootKeyId(id)).await,
            )
        }
        (None, Some(org), Some(generation)) => {
            let caller = callers::operator(org)?;
            let what = format!("generation {generation} of organization {org}'s key");
            (
                what,
                retry_unavailable(|| vault.retire_generation(&caller, generation)).await,
            )
        }
        _ => {
            return Err(CommandError::Usage(
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
            "not retired: {what} does not exist or is active"
        ))),
        Err(error) => Err(error.into()),
    }
}
