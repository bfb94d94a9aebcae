use data_encoding::BASE64;
use strongroom_domain::crypto::SecretString;
use ureq::http::HeaderValue;
use zeroize::Zeroizing;

use crate::error::CommandError;

/// As whom a caller authenticates.
#[derive(Debug)]
pub(crate) enum Identity {
    ApiKey(SecretString),
    /// An OAuth 2.0 client, by HTTP Basic.
    Client {
        id: String,
        secret: SecretString,
    },
}

impl Identity {
    /// The header field that authenticates a request.
    ///
    /// # Errors
    /// The secret contains a character that a header field cannot contain.
    pub(crate) fn header(&self) -> Result<(&'static str, HeaderValue), CommandError> {
        let (name, value) = match self {
            Self::ApiKey(key) => {
                // Exposed to authenticate the request.
                ("SlashID-API-Key", Zeroizing::new(key.expose().to_owned()))
            }
            Self::Client { id, secret } => {
                // Exposed to authenticate the request.
                let pair = Zeroizing::new(format!("{id}:{}", secret.expose()));
                let pair = Zeroizing::new(BASE64.encode(pair.as_bytes()));
                ("Authorization", Zeroizing::new(format!("Basic {}", &*pair)))
            }
        };
        let mut value = HeaderValue::from_str(&value).map_err(|_| {
            CommandError::Failed("the key or secret contains a character that is not ASCII".into())
        })?;
        value.set_sensitive(true);
        Ok((name, value))
    }
}
