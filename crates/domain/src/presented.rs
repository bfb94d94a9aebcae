//! What a caller presents to identify itself.

use crate::oauth::client::ClientCredentials;

/// What a caller presents to identify itself.
#[derive(Debug)]
pub enum Presented<'a> {
    /// The text of an API key.
    ApiKey(&'a str),
    /// The text of an access token.
    Token(&'a str),
    /// The id and secret of an OAuth 2.0 client.
    Client(ClientCredentials),
}
