//! The paths of the console.

use strongroom_domain::OrgId;

/// Everything is below this path.
pub(crate) const CONSOLE: &str = "/console";
/// The form with which a session begins.
pub(crate) const SIGN_IN: &str = "/console/sign-in";
/// Ends the session.
pub(crate) const SIGN_OUT: &str = "/console/sign-out";
/// Ends all sessions of the key.
pub(crate) const CLOSE_SESSIONS: &str = "/console/close-sessions";
/// A file of the console. The hash of its content makes its path one for ever.
pub(crate) const ASSET: &str = "/console/assets/{hash}/{name}";
/// An organization.
pub(crate) const ORGANIZATION: &str = "/console/organizations/{org_id}";

/// The credentials of an organization.
pub(crate) const CREDENTIALS: &str = "/console/organizations/{org_id}/credentials";
/// The form for a new one.
pub(crate) const NEW_CREDENTIAL: &str = "/console/organizations/{org_id}/credentials/new";
/// One of them.
pub(crate) const CREDENTIAL: &str = "/console/organizations/{org_id}/credentials/{cred_id}";
/// Its secret.
pub(crate) const REVEAL: &str = "/console/organizations/{org_id}/credentials/{cred_id}/reveal";
/// The form for a change of it.
pub(crate) const EDIT: &str = "/console/organizations/{org_id}/credentials/{cred_id}/edit";
/// Its deletion.
pub(crate) const DELETE: &str = "/console/organizations/{org_id}/credentials/{cred_id}/delete";
/// The undo of its deletion.
pub(crate) const RESTORE: &str = "/console/organizations/{org_id}/credentials/{cred_id}/restore";
/// Makes another value of it the current one.
pub(crate) const PROMOTE: &str = "/console/organizations/{org_id}/credentials/{cred_id}\
                                  /versions/{value_version}/promote";
/// Destroys another value of it.
pub(crate) const DESTROY: &str = "/console/organizations/{org_id}/credentials/{cred_id}\
                                  /versions/{value_version}/destroy";
/// Its relay policy.
pub(crate) const POLICY: &str =
    "/console/organizations/{org_id}/credentials/{cred_id}/relay-policy";
/// The deletion of that.
pub(crate) const POLICY_DELETE: &str =
    "/console/organizations/{org_id}/credentials/{cred_id}/relay-policy/delete";
/// The test of that.
pub(crate) const POLICY_TEST: &str =
    "/console/organizations/{org_id}/credentials/{cred_id}/relay-policy/test";

/// The audit trail of an organization.
pub(crate) const AUDIT: &str = "/console/organizations/{org_id}/audit";
/// Its events as a file.
pub(crate) const AUDIT_EXPORT: &str = "/console/organizations/{org_id}/audit/export";
/// One of its events.
pub(crate) const AUDIT_EVENT: &str = "/console/organizations/{org_id}/audit/events/{lane}/{seq}";
/// Verifications of the trail.
pub(crate) const VERIFICATIONS: &str = "/console/organizations/{org_id}/audit/verifications";
/// One of them, by its beginning.
pub(crate) const VERIFICATION: &str =
    "/console/organizations/{org_id}/audit/verifications/{started}";
/// The settings of an organization.
pub(crate) const SETTINGS: &str = "/console/organizations/{org_id}/settings";
/// The rotations of its key.
pub(crate) const ROTATIONS: &str = "/console/organizations/{org_id}/settings/rotations";
/// The question before a new one.
pub(crate) const NEW_ROTATION: &str = "/console/organizations/{org_id}/settings/rotations/new";
/// The state of the installation.
pub(crate) const SYSTEM: &str = "/console/organizations/{org_id}/system";

/// The list of the credentials of an organization.
pub(crate) fn credentials(org: OrgId) -> String {
    format!("{}/credentials", organization(org))
}

/// The page of an organization.
pub(crate) fn organization(org: OrgId) -> String {
    format!("{CONSOLE}/organizations/{org}")
}

/// The API keys of an organization.
pub(crate) const KEYS: &str = "/console/organizations/{org_id}/keys";
/// The form for a new one.
pub(crate) const NEW_KEY: &str = "/console/organizations/{org_id}/keys/new";
/// The end of one of them.
pub(crate) const END_KEY: &str = "/console/organizations/{org_id}/keys/{key_id}/end";
/// The end of the sessions of one of them.
pub(crate) const KEY_SESSIONS: &str =
    "/console/organizations/{org_id}/keys/{key_id}/close-sessions";
/// The OAuth 2.0 clients of an organization.
pub(crate) const CLIENTS: &str = "/console/organizations/{org_id}/clients";
/// The form for a new one.
pub(crate) const NEW_CLIENT: &str = "/console/organizations/{org_id}/clients/new";
/// One of them.
pub(crate) const CLIENT: &str = "/console/organizations/{org_id}/clients/{client_id}";
/// The end of its sessions.
pub(crate) const CLIENT_SESSIONS: &str =
    "/console/organizations/{org_id}/clients/{client_id}/close-sessions";
/// A new secret of it.
pub(crate) const CLIENT_SECRET: &str = "/console/organizations/{org_id}/clients/{client_id}/secret";
/// Its deletion.
pub(crate) const DELETE_CLIENT: &str = "/console/organizations/{org_id}/clients/{client_id}/delete";
/// The open sessions of an organization.
pub(crate) const SESSIONS: &str = "/console/organizations/{org_id}/sessions";
/// The end of one of them.
pub(crate) const END_SESSION: &str = "/console/organizations/{org_id}/sessions/{session_id}/end";
/// The organizations below an organization.
pub(crate) const TENANTS: &str = "/console/organizations/{org_id}/tenants";
/// The form for a new one.
pub(crate) const NEW_TENANT: &str = "/console/organizations/{org_id}/tenants/new";
/// One of them.
pub(crate) const TENANT: &str = "/console/organizations/{org_id}/tenants/{tenant_id}";
/// Its deletion.
pub(crate) const DELETE_TENANT: &str = "/console/organizations/{org_id}/tenants/{tenant_id}/delete";
/// The undo of its deletion.
pub(crate) const RESTORE_TENANT: &str =
    "/console/organizations/{org_id}/tenants/{tenant_id}/restore";
/// The audit trail of an organization.
pub(crate) fn audit(org: OrgId) -> String {
    format!("{}/audit", organization(org))
}

/// The open sessions of an organization.
pub(crate) fn sessions(org: OrgId) -> String {
    format!("{}/sessions", organization(org))
}

/// The settings of an organization.
pub(crate) fn settings(org: OrgId) -> String {
    format!("{}/settings", organization(org))
}
