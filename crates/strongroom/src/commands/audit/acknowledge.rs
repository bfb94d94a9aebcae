use serde_json::json;
use strongroom_domain::{LaneId, VaultError};

use crate::cli::AcknowledgeArgs;
use crate::error::CommandError;
use crate::{callers, open_vault, output};

/// `strongroom audit acknowledge`.
pub(super) async fn run(args: &AcknowledgeArgs) -> Result<(), CommandError> {
    let caller = callers::operator(&args.org)?;
    let lane = LaneId::parse(&args.lane).ok_or_else(|| {
        let problem = "--lane must be the id of a lane, as shown by `strongroom audit verify`";
        CommandError::Failed(problem.into())
    })?;
    let vault = open_vault::for_command(&args.vault).await?;
    let seq = match vault.acknowledge_loss(&caller, lane, &args.reason).await {
        Ok(seq) => seq,
        Err(VaultError::NotFound) => {
            let problem = format!("lane {lane} of organization {} has lost no event", args.org);
            return Err(CommandError::Failed(problem));
        }
        Err(error) => return Err(error.into()),
    };
    let value = json!({"org_id": args.org, "lane": lane, "seq": seq, "reason": args.reason});
    let text = format!(
        "acknowledged that the events of lane {lane} up to {seq} that are missing were lost"
    );
    output::answer(args.json, &value, &text);
    Ok(())
}
