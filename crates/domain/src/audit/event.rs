//! Audit events: actions, outcomes and context.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde_json::json;
use strongroom_crypto::Digest;

use crate::audit::details::Details;
use crate::caller::{Actor, Caller, RequestInfo};
use crate::credential::SealedCredential;
use crate::ids::{CredentialId, KeyId};
use crate::kinds::wire_enum;
use crate::oauth::client::client_id;

wire_enum! {
    /// The requested operation.
    Action {
        /// An organization was created.
        OrganizationCreate = 1 => "organization.create",
        /// An API key was issued.
        KeyCreate = 2 => "key.create",
        /// An API key was revoked.
        KeyRevoke = 3 => "key.revoke",
        /// A credential was created.
        CredentialCreate = 4 => "credential.create",
        /// Credentials were listed, without secrets.
        CredentialList = 5 => "credential.list",
        /// A credential was read with its secret.
        CredentialReveal = 6 => "credential.reveal",
        /// A credential was changed.
        CredentialUpdate = 7 => "credential.update",
        /// A credential was deleted.
        CredentialDelete = 8 => "credential.delete",
        /// All credentials were deleted; one `credential.delete` for each follows.
        CredentialDeleteAll = 9 => "credential.delete_all",
        /// A request with a known API key was refused: insufficient role, another organization, or
        /// an expired or revoked key.
        RequestDenied = 10 => "request.denied",
        /// An organization was deleted. Its keys remain for the grace period.
        OrganizationDelete = 11 => "organization.delete",
        /// A deleted organization was restored.
        OrganizationRestore = 12 => "organization.restore",
        /// An organization's keys, and then its rows, were destroyed.
        OrganizationDestroy = 13 => "organization.destroy",
        /// A new generation of an organization's key became active.
        OrganizationRotate = 14 => "organization.rotate",
        /// An organization's keys were re-wrapped with another root key.
        OrganizationRewrap = 15 => "organization.rewrap",
        /// An old generation of an organization's key was destroyed.
        OrganizationRetire = 16 => "organization.retire",
        /// A credential was re-encrypted with a new data key; its content is the same.
        CredentialReseal = 17 => "credential.reseal",
        /// A credential's digest was recorded again, before its write event was pruned.
        CredentialAttest = 18 => "credential.attest",
        /// Old audit events were pruned.
        AuditPrune = 19 => "audit.prune",
        /// The audit trail was listed or exported.
        AuditList = 20 => "audit.list",
        /// The organization was copied into a backup, sealed.
        OrganizationBackup = 21 => "organization.backup",
        /// Rows of the organization were restored from a backup.
        OrganizationRestoreBackup = 22 => "organization.restore_backup",
        /// Rotations were listed. This and all later actions occur from record format 2 on.
        RotationList = 23 => "rotation.list",
        /// All credentials were opened and compared with the trail by a command.
        IntegrityVerify = 24 => "integrity.verify",
        /// A request to create a credential was repeated, and got the first one's result.
        CredentialRepeat = 25 => "credential.repeat",
        /// The active generation of an organization's key was recorded again, before the event that
        /// made it active was pruned.
        OrganizationAttest = 26 => "organization.attest",
        /// An API key was recorded again, before the event of its issue or revocation was pruned.
        KeyAttest = 27 => "key.attest",
        /// An operator acknowledged that events at the end of a lane were lost.
        AuditAcknowledge = 28 => "audit.acknowledge",
        /// The trail of the installation began. This and all later actions occur from record format
        /// 3 on.
        InstallationCreate = 29 => "installation.create",
        /// The state of the root keys was recorded again.
        InstallationAttest = 30 => "installation.attest",
        /// The installation was copied into a backup of all organizations.
        InstallationBackup = 31 => "installation.backup",
        /// A root key was registered.
        RootKeyPrepare = 32 => "root_key.prepare",
        /// A root key became active, and a rotation to it began.
        RootKeyActivate = 33 => "root_key.activate",
        /// A root key was declared destroyed.
        RootKeyRetire = 34 => "root_key.retire",
        /// A rotation of the root key ended: all keys are wrapped with the active one.
        RootRotationFinish = 35 => "root_rotation.finish",
        /// A service key was re-wrapped with another root key.
        ServiceKeyRewrap = 36 => "service_key.rewrap",
        /// The end of an API key was scheduled. This and all later actions occur from record format
        /// 4 on.
        KeyScheduleEnd = 37 => "key.schedule_end",
        /// A sub-organization was created.
        SuborganizationCreate = 38 => "suborganization.create",
        /// The name of an organization was changed.
        OrganizationUpdate = 39 => "organization.update",
        /// The settings of an organization were changed.
        OrganizationConfigure = 40 => "organization.configure",
        /// An OAuth 2.0 client was created.
        OauthClientCreate = 45 => "oauth_client.create",
        /// The name, the scopes or the token duration of an OAuth 2.0 client were changed.
        OauthClientUpdate = 46 => "oauth_client.update",
        /// The secret of an OAuth 2.0 client was replaced.
        OauthClientRotateSecret = 47 => "oauth_client.rotate_secret",
        /// An OAuth 2.0 client was deleted.
        OauthClientDelete = 48 => "oauth_client.delete",
        /// An OAuth 2.0 client was recorded again, before the event of its newest version was
        /// pruned.
        OauthClientAttest = 49 => "oauth_client.attest",
        /// An access token was issued.
        TokenIssue = 50 => "token.issue",
        /// An access token was revoked.
        TokenRevoke = 51 => "token.revoke",
        /// The relay policy of a credential was set. This and all later actions occur from record
        /// format 6 on.
        RelayPolicyPut = 52 => "relay_policy.put",
        /// The relay policy of a credential was deleted.
        RelayPolicyDelete = 53 => "relay_policy.delete",
        /// A relay policy was recorded again, before the event of its newest version was pruned.
        RelayPolicyAttest = 54 => "relay_policy.attest",
        /// A credential was used without a reveal: a request that carries it was about to be sent.
        CredentialUse = 55 => "credential.use",
        /// How such a request ended.
        CredentialUsed = 56 => "credential.used",
        /// The relay policy of a credential was read.
        RelayPolicyRead = 57 => "relay_policy.read",
        /// A session of the console began. This and all later actions occur from record format 7
        /// on.
        ConsoleSignIn = 58 => "console.sign_in",
        /// A session of the console ended: by its holder, by an administrator, or by its time.
        ConsoleSignOut = 59 => "console.sign_out",
    }
}

impl Action {
    /// The first record format in which events have this action. Programs that read only earlier
    /// formats would report such an event as altered.
    #[must_use]
    pub fn first_format(self) -> i32 {
        match self.code() {
            ..23 => 1,
            23..29 => 2,
            29..37 => 3,
            37..52 => 4,
            52..58 => 6,
            58.. => 7,
        }
    }
}

wire_enum! {
    /// The outcome of the operation.
    Outcome {
        /// The operation succeeded.
        Ok = 1 => "ok",
        /// The object does not exist.
        NotFound = 2 => "not_found",
        /// The operation was refused.
        Denied = 3 => "denied",
        /// The stored data failed its integrity check.
        IntegrityFailure = 4 => "integrity_failure",
    }
}

/// An audit event. Contains no secrets.
#[derive(Debug, Clone)]
pub struct Event {
    /// The time, in microseconds.
    pub at: DateTime<Utc>,
    /// The action.
    pub action: Action,
    /// The outcome.
    pub outcome: Outcome,
    /// The actor: an API key's id, a client's `client_id`, `operator` or `anonymous`.
    pub actor: String,
    /// The origin of the request.
    pub request: Arc<RequestInfo>,
    /// The credential, if the event concerns one.
    pub credential: Option<CredentialId>,
    /// The API key, OAuth 2.0 client or access token, if the event concerns one.
    pub key: Option<KeyId>,
    /// The credential's version after the change, or the version that was read or deleted.
    pub version: Option<i64>,
    /// For a write: the digest of the written row, which exposes an old row that was put back.
    pub digest: Option<Digest>,
    /// Further members. The first format of events has none.
    pub details: Option<Details>,
}

impl Event {
    /// An event of `caller` at the time `at`, with the outcome [`Outcome::Ok`].
    #[must_use]
    pub fn by(caller: &Caller, action: Action, at: DateTime<Utc>) -> Self {
        Self {
            at,
            action,
            outcome: Outcome::Ok,
            actor: match caller.actor() {
                Actor::Key(id) => id.to_string(),
                Actor::Client(id) => client_id(caller.home(), id),
                Actor::Anonymous => "anonymous".to_owned(),
                Actor::Operator => "operator".to_owned(),
            },
            request: caller.request().clone(),
            credential: None,
            key: None,
            version: None,
            digest: None,
            details: details_of(caller),
        }
    }

    /// Sets the credential.
    #[must_use]
    pub fn about(mut self, credential: CredentialId) -> Self {
        self.credential = Some(credential);
        self
    }

    /// Sets the API key, client or access token.
    #[must_use]
    pub fn about_key(mut self, key: KeyId) -> Self {
        self.key = Some(key);
        self
    }

    /// Adds further members.
    #[must_use]
    pub fn with_details(mut self, details: Details) -> Self {
        self.details = Some(match &self.details {
            Some(earlier) => earlier.and(&details),
            None => details,
        });
        self
    }

    /// Sets the outcome.
    #[must_use]
    pub fn with_outcome(mut self, outcome: Outcome) -> Self {
        self.outcome = outcome;
        self
    }

    /// Sets the version of the credential's row, and adds that of its value to the details, where
    /// it is another one.
    #[must_use]
    pub fn of_version(mut self, version: i64, value_version: i64) -> Self {
        self.version = Some(version);
        if version == value_version {
            return self;
        }
        self.with_details(Details::new([("value_version", json!(value_version))]))
    }

    /// The event of a repeated request, whose first one created `credential`.
    #[must_use]
    pub fn of_repetition(mut self, credential: CredentialId) -> Self {
        self.action = Action::CredentialRepeat;
        self.credential = Some(credential);
        self.version = None;
        self.digest = None;
        self
    }

    /// Sets the versions and the digest of the written row.
    #[must_use]
    pub fn of_write(mut self, row: &SealedCredential, digest: Digest) -> Self {
        self.digest = Some(digest);
        self.of_version(row.version, row.value_version)
    }
}

// A key of an ancestor does not stand among the keys of the organization, and the actor does not
// say which token or session was used.
fn details_of(caller: &Caller) -> Option<Details> {
    let home = caller.home();
    let home = (home != caller.org()).then(|| Details::new([("home_organization", json!(home))]));
    let token = caller.token();
    let token = token.map(|token| Details::new([("token_id", json!(token))]));
    let session = caller.session();
    let session = session.map(|session| Details::new([("session_id", json!(session))]));
    let all = [home, token, session].into_iter().flatten();
    all.reduce(|earlier, later| earlier.and(&later))
}
