//! Why a credential is not used, or its use has no answer.

use crate::egress::{BodyError, EgressError};

/// Why a credential is not used, or its use has no answer. Texts reach the caller, and contain no
/// secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RelayError {
    /// The path or the query is not one that every reader takes for the same one.
    #[error("{0}")]
    Path(&'static str),
    /// A header cannot be sent on.
    #[error("{0}")]
    Header(&'static str),
    /// The credential has no policy.
    #[error("the credential has no relay policy; set one first")]
    NotConfigured,
    /// The policy does not allow the request.
    #[error("the relay policy does not allow {0}")]
    NotAllowed(String),
    /// An address of the host is not one that requests may go to.
    #[error("the host has an address that requests may not go to")]
    AddressRefused,
    /// The body of the request is larger than the policy allows.
    #[error("the body must have at most {0} bytes")]
    TooLarge(u64),
    /// The body of the request ended early.
    #[error("the request body ended early or was framed wrongly")]
    Incomplete,
    /// The credential cannot be put into a request.
    #[error("{0}")]
    Unusable(&'static str),
    /// No token can be minted with the credential.
    #[error("{0}")]
    Unminted(Unusable),
    /// No token was minted for the credential.
    #[error("{0}")]
    TokenExchange(String),
    /// The host does not resolve, or accepts no connection, or broke it.
    #[error("{0}")]
    Unreachable(String),
    /// The certificate was refused, or TLS failed otherwise.
    #[error("{0}")]
    Tls(String),
    /// What arrived is not a valid answer, or too large.
    #[error("{0}")]
    Protocol(String),
    /// Secrets could not be looked for in the answer.
    #[error("{0}")]
    Unscrubbable(&'static str),
    /// As many requests are in flight as may be.
    #[error("too many requests are in flight {0}")]
    Busy(&'static str),
    /// The host did not answer, or not go on, in time.
    #[error("the upstream took too long: {0}")]
    Timeout(&'static str),
}

impl RelayError {
    /// The machine-readable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Path(_) => "relay_path",
            Self::Header(_) => "relay_header",
            Self::NotConfigured => "relay_not_configured",
            Self::NotAllowed(_) => "relay_not_allowed",
            Self::AddressRefused => "address_refused",
            Self::TooLarge(_) => "too_large",
            Self::Incomplete => "incomplete_body",
            Self::Unusable(_) | Self::Unminted(_) => "credential_unusable",
            Self::TokenExchange(_) => "token_exchange_failed",
            Self::Unreachable(_) => "upstream_unreachable",
            Self::Tls(_) => "upstream_tls",
            Self::Protocol(_) => "upstream_protocol",
            Self::Unscrubbable(_) => "unscrubbable",
            Self::Busy(_) => "relay_busy",
            Self::Timeout(_) => "upstream_timeout",
        }
    }

    /// The error of the egress port. `request_bytes` is the limit of the request's body.
    #[must_use]
    pub fn of(error: EgressError, request_bytes: u64) -> Self {
        match error {
            EgressError::Busy(place) => Self::Busy(place),
            EgressError::AddressRefused { .. } => Self::AddressRefused,
            EgressError::Unreachable(why) => Self::Unreachable(why),
            EgressError::Tls(why) => Self::Tls(why),
            EgressError::Protocol(why) => Self::Protocol(why),
            EgressError::Timeout(phase) => Self::Timeout(phase),
            EgressError::Body(BodyError::TooLarge) => Self::TooLarge(request_bytes),
            EgressError::Body(BodyError::Incomplete) => Self::Incomplete,
            EgressError::Request(why) => Self::Header(why),
        }
    }
}

/// Why no token can be minted with a credential. Its text reaches the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unusable {
    /// The credential lacks a member, as a non-empty string.
    #[error("the credential has no {0}")]
    Missing(&'static str),
    /// The private key of a service account is none.
    #[error("private_key is no RSA key of at least 2048 bits in PEM")]
    PrivateKey,
    /// The policy names no token endpoint.
    #[error("the policy has no token_url")]
    TokenUrl,
}
