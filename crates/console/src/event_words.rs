//! Audit events in words.

use strongroom_domain::audit::event::{Action, Outcome};
use strongroom_domain::audit::stored::StoredEvent;

/// An action, as of a verb whose subject is the caller.
pub(crate) fn action(action: Action) -> &'static str {
    use Action as A;
    match action {
        A::OrganizationCreate => "created the organization",
        A::OrganizationUpdate => "renamed the organization",
        A::OrganizationConfigure => "changed the settings",
        A::OrganizationDelete => "deleted the organization",
        A::OrganizationRestore => "restored the organization",
        A::OrganizationDestroy => "destroyed the organization's keys",
        A::OrganizationRotate => "started a rotation of the key",
        A::OrganizationRewrap => "wrapped the key by another root key",
        A::OrganizationRetire => "destroyed an old generation of the key",
        A::OrganizationAttest => "recorded the state of the organization again",
        A::OrganizationBackup => "copied the organization into a backup",
        A::OrganizationRestoreBackup => "restored rows from a backup",
        A::SuborganizationCreate => "created a tenant below",
        A::KeyCreate => "issued an API key",
        A::KeyRevoke => "revoked an API key",
        A::KeyScheduleEnd => "scheduled the end of an API key",
        A::KeyAttest => "recorded an API key again",
        A::RequestDenied => "was refused",
        A::AuditPrune => "pruned old events",
        A::AuditList => "read the audit trail",
        A::AuditAcknowledge => "acknowledged that events were lost",
        A::RotationList => "listed the rotations",
        A::IntegrityVerify => "compared all credentials with the trail",
        A::ConsoleSignIn => "signed in to the console",
        A::ConsoleSignOut => "was signed out of the console",
        other => of_credential(other),
    }
}

fn of_credential(action: Action) -> &'static str {
    use Action as A;
    match action {
        A::CredentialCreate => "created a credential",
        A::CredentialRepeat => "repeated the creation of a credential",
        A::CredentialList => "listed credentials",
        A::CredentialReveal => "revealed a credential",
        A::CredentialUpdate => "changed a credential",
        A::CredentialDelete => "deleted a credential",
        A::CredentialDeleteAll => "deleted all credentials",
        A::CredentialReseal => "encrypted a credential again",
        A::CredentialAttest => "recorded a credential again",
        A::CredentialUse => "used a credential in a request",
        A::CredentialUsed => "ended a request with a credential",
        A::RelayPolicyPut => "set a relay policy",
        A::RelayPolicyDelete => "deleted a relay policy",
        A::RelayPolicyAttest => "recorded a relay policy again",
        A::RelayPolicyRead => "read a relay policy",
        A::OauthClientCreate => "created an OAuth 2.0 client",
        A::OauthClientUpdate => "changed an OAuth 2.0 client",
        A::OauthClientRotateSecret => "replaced the secret of an OAuth 2.0 client",
        A::OauthClientDelete => "deleted an OAuth 2.0 client",
        A::OauthClientAttest => "recorded an OAuth 2.0 client again",
        A::TokenIssue => "was issued an access token",
        A::TokenRevoke => "revoked an access token",
        other => other.as_str(),
    }
}

/// An outcome.
pub(crate) fn outcome(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Ok => "done",
        Outcome::NotFound => "not found",
        Outcome::Denied => "refused",
        Outcome::IntegrityFailure => "failed its integrity check",
    }
}

/// The reason that the caller gave, or for which the server did it.
pub(crate) fn reason(event: &StoredEvent) -> Option<String> {
    let details = event.details.as_deref()?;
    let details: serde_json::Value = serde_json::from_str(details).ok()?;
    details["reason"].as_str().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_action_of_a_tenant_has_words() {
        for one in Action::ALL {
            let of_installation = ["installation.", "root_", "service_key."];
            let name = one.as_str();
            let has_words = action(*one) != name;
            let is_of_installation = of_installation.iter().any(|of| name.starts_with(of));
            assert!(has_words || is_of_installation, "{name}");
        }
    }
}
