//! Acknowledgment of losses: a promotion can honestly lose the last events of a server.

use serde_json::{Value, json};

use crate::audit::details::Details;
use crate::audit::event::{Action, Event};
use crate::audit::format::EventFormat;
use crate::audit::kept::KeptHeads;
use crate::audit::report::{AcknowledgedLoss, AuditFinding};
use crate::audit::stored::StoredEvent;
use crate::caller::Caller;
use crate::error::{FieldError, VaultError};
use crate::ids::LaneId;
use crate::vault::Vault;

/// The maximum length of a reason, in characters.
const MAX_REASON_CHARS: usize = 256;

impl Vault {
    /// Acknowledges that the events at the end of `lane` of the caller's organization were lost,
    /// for `reason`. Later verifications list the loss, and do not count it as a finding. Returns
    /// the number of the last lost event.
    ///
    /// # Errors
    /// [`VaultError::Invalid`] on `reason`; [`VaultError::NotFound`] if the lane has lost nothing;
    /// [`VaultError::Unavailable`] while a server of an earlier version runs, which could not read
    /// the acknowledgment; or an error of the store.
    pub async fn acknowledge_loss(
        &self,
        caller: &Caller,
        lane: LaneId,
        reason: &str,
    ) -> Result<i64, VaultError> {
        caller.require_operator()?;
        check_reason(reason).map_err(|error| VaultError::Invalid(vec![error]))?;
        if self.chain.format() == EventFormat::First {
            let why = "a server of an earlier version is running, which cannot read it";
            return Err(VaultError::Unavailable(why.into()));
        }
        let report = self
            .verify_audit(caller, &KeptHeads::default(), &mut ())
            .await?;
        let lost = |finding: &&AuditFinding| finding.is_loss() && finding.lane == lane;
        let losses = report.findings.iter().filter(lost);
        let last = losses.map(|finding| finding.until).max();
        let last = last.ok_or(VaultError::NotFound)?;
        let details = Details::new([
            ("lane", json!(lane.0.to_string())),
            ("seq", json!(last)),
            ("reason", json!(reason)),
        ]);
        let event = Event::by(caller, Action::AuditAcknowledge, self.now());
        let event = event.with_details(details);
        self.store.record(caller.scope(), event).await?;
        Ok(last)
    }
}

fn check_reason(reason: &str) -> Result<(), FieldError> {
    let length = reason.chars().count();
    if length == 0 || length > MAX_REASON_CHARS || reason.chars().any(char::is_control) {
        let message = format!("must be 1 to {MAX_REASON_CHARS} characters, no control character");
        return Err(FieldError::new("reason", "invalid_value", message));
    }
    Ok(())
}

/// The loss that `event` acknowledges. The event must be genuine.
pub(super) fn acknowledged_loss(event: &StoredEvent) -> Option<AcknowledgedLoss> {
    if event.action != Action::AuditAcknowledge.as_str() {
        return None;
    }
    let details = Details::stored(event.details.clone()?);
    Some(AcknowledgedLoss {
        lane: LaneId::parse(details.get("lane")?.as_str()?)?,
        seq: details.get("seq").as_ref().and_then(Value::as_i64)?,
        reason: details.get("reason")?.as_str()?.to_owned(),
    })
}
