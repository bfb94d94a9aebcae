//! Paths that several files need.

pub(crate) const CREDENTIALS: &str = "/organizations/config/external-credentials";
pub(crate) const CREDENTIAL: &str = "/organizations/config/external-credentials/{cred_id}";
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
