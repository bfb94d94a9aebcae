//! Paths that several files need.

pub(crate) const CREDENTIALS: &str = "/organizations/config/external-credentials";
pub(crate) const CREDENTIAL: &str = "/organizations/config/external-credentials/{cred_id}";
pub(crate) const CREDENTIAL_RESTORE: &str =
    "/organizations/config/external-credentials/{cred_id}/restore";
pub(crate) const CREDENTIAL_ADOPTION: &str =
    "/organizations/config/external-credentials/{cred_id}/adoption";
pub(crate) const VERSIONS: &str = "/organizations/config/external-credentials/{cred_id}/versions";
pub(crate) const VERSION_PROMOTE: &str =
    "/organizations/config/external-credentials/{cred_id}/versions/{value_version}/promote";
pub(crate) const VERSION_DESTROY: &str =
    "/organizations/config/external-credentials/{cred_id}/versions/{value_version}/destroy";
pub(crate) const RELAY_POLICY: &str =
    "/organizations/config/external-credentials/{cred_id}/relay-policy";
pub(crate) const RELAY: &str =
    "/organizations/config/external-credentials/{cred_id}/relay/{host}/{path}";
pub(crate) const RELAY_TEST: &str =
    "/organizations/config/external-credentials/{cred_id}/relay-policy/test";
pub(crate) const RELAY_TOKEN: &str = "/organizations/config/external-credentials/{cred_id}/token";
/// The paths that are served with `relay` only.
pub(crate) const RELAY_PATHS: [&str; 4] = [RELAY, RELAY_POLICY, RELAY_TEST, RELAY_TOKEN];
/// The prefix of reveals by label. The label is the rest of the path.
pub(crate) const LABELS: &str = "/organizations/config/external-credentials/by-label/";
pub(crate) const CREDENTIAL_BY_LABEL: &str =
    "/organizations/config/external-credentials/by-label/{label}";
/// The prefix of operations of writes.
pub(crate) const OPERATIONS: &str = "/organizations/config/operations";
pub(crate) const OPERATION: &str = "/organizations/config/operations/{operation_id}";
pub(crate) const ORGANIZATIONS: &str = "/organizations";
pub(crate) const SUBORGANIZATIONS: &str = "/organizations/suborganizations";
pub(crate) const API_KEYS: &str = "/organizations/api-keys";
pub(crate) const API_KEY: &str = "/organizations/api-keys/{key_id}";
pub(crate) const CONFIG: &str = "/organizations/config";
pub(crate) const ROTATIONS: &str = "/organizations/config/rotations";
pub(crate) const OAUTH_CLIENTS: &str = "/oauth2/clients";
pub(crate) const OAUTH_CLIENT: &str = "/oauth2/clients/{oauth_client_id}";
pub(crate) const OAUTH_SECRET: &str = "/oauth2/clients/{oauth_client_id}/secret";
pub(crate) const TOKENS: &str = "/oauth2/tokens";
pub(crate) const METRICS: &str = "/metrics";
/// The OpenAPI document, and the page that shows it.
pub(crate) const DOCUMENT_PAGES: [&str; 3] = ["/openapi.json", "/docs", "/docs/{file}"];
/// The prefix of the Pieces API, whose errors are plain text.
pub(crate) const PIECES: &str = "/external_provider/";
