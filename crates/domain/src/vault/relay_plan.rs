//! A request that carries a credential: what a caller wants, and what is sent.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use strongroom_crypto::SecretBytes;

use crate::audit::details::Details;
use crate::audit::event::Event;
use crate::caller::Caller;
use crate::egress::{Destination, EgressRequest, ExchangeLimits, HeaderField, RequestBody};
use crate::error::VaultError;
use crate::host_name::HostName;
use crate::ids::CredentialId;
use crate::ports::relay::ReadRows;
use crate::relay::error::RelayError;
use crate::relay::minting::token::MintedToken;
use crate::relay::path::RequestPath;
use crate::relay::policy::{RelayLimits, ScrubMode};
use crate::relay::request::{SentHeader, headers, target};
use crate::relay::scrubber::Scrubber;
use crate::relay::secret::{Rendered, render};
use crate::vault::relay_source::RelaySource;
use crate::vault::token_source::TokenSource;

/// A request that a caller wants to be sent with a credential.
#[derive(Debug)]
pub struct RelayRequest {
    /// The credential.
    pub id: CredentialId,
    /// The host and port as given: `name`, `name:port`, or `-` for the policy's only host.
    pub host: String,
    /// The method.
    pub method: String,
    /// The path, byte by byte.
    pub path: String,
    /// The query, byte by byte.
    pub query: Option<String>,
    /// The headers.
    pub headers: Vec<SentHeader>,
    /// The headers, in lower case, with which the caller identified itself.
    pub carriers: Vec<&'static str>,
    /// The number of bytes of the body, where that is known.
    pub length: Option<u64>,
}

/// A request that the policy allows, with the credential in it.
#[derive(Debug)]
pub struct RelayPlan {
    /// Where it goes.
    pub destination: Destination,
    /// Sizes and times.
    pub limits: RelayLimits,
    /// Whether the credential has expired.
    pub is_expired: bool,
    pub(super) scrubber: Scrubber,
    pub(super) scrub: ScrubMode,
    pub(super) event: Event,
    method: String,
    target: SecretBytes,
    headers: Vec<HeaderField>,
    secrets: Vec<SecretBytes>,
    /// What its token is minted with, and the token once there is one.
    token: Option<(TokenSource, Option<Arc<MintedToken>>)>,
    pub(super) used: ReadRows,
}

/// A request as it would be sent, without a secret in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RelayPreview {
    /// Where it would go.
    pub destination: Destination,
    /// The method.
    pub method: String,
    /// Path and query.
    pub target: String,
    /// The headers in their order, without `Host`.
    pub headers: Vec<(String, String)>,
}

impl RelayPlan {
    /// The request without a secret in it.
    ///
    /// # Errors
    /// As for [`Self::complete`].
    pub(super) fn preview(&self) -> Result<RelayPreview, VaultError> {
        let clean = |bytes: &SecretBytes| {
            let scrubbed = self.scrubber.scrubbed(bytes.expose());
            let shown = scrubbed.as_deref().unwrap_or(bytes.expose());
            String::from_utf8_lossy(shown).into_owned()
        };
        let shown = |header: &HeaderField| (header.name.clone(), clean(&header.value));
        let mut headers: Vec<_> = self.headers.iter().map(shown).collect();
        if let Some(source) = self.token_source() {
            let hidden = SecretBytes::new(b"[redacted]".to_vec());
            headers.extend(with_token(source, &hidden)?.headers.iter().map(shown));
        }
        Ok(RelayPreview {
            destination: self.destination.clone(),
            method: self.method.clone(),
            target: clean(&self.target),
            headers,
        })
    }

    /// Whether its request carries a token that was minted, which can be minted again.
    #[must_use]
    pub fn has_token(&self) -> bool {
        self.token.is_some()
    }

    /// What its token is minted with, if it needs one.
    pub(super) fn token_source(&self) -> Option<&TokenSource> {
        self.token.as_ref().map(|(source, _)| source)
    }

    /// Its token, and what that was minted with.
    pub(super) fn minted(&self) -> Option<(&TokenSource, &Arc<MintedToken>)> {
        let (source, token) = self.token.as_ref()?;
        Some((source, token.as_ref()?))
    }

    /// Puts `token` into the request, and looks for it in the answer.
    ///
    /// # Errors
    /// [`VaultError::Relay`] if it cannot stand in a header.
    pub(super) fn complete(&mut self, token: Arc<MintedToken>) -> Result<(), VaultError> {
        let Some((source, minted)) = &mut self.token else {
            return Ok(());
        };
        let value = SecretBytes::new(token.value.expose().as_bytes().to_vec());
        let rendered = with_token(source, &value)?;
        self.headers.extend(rendered.headers);
        self.secrets.extend(rendered.secrets);
        self.scrubber = Scrubber::new(self.secrets.iter().map(SecretBytes::expose));
        *minted = Some(token);
        Ok(())
    }

    /// The request with `body`.
    #[must_use]
    pub fn request(&self, body: RequestBody) -> EgressRequest {
        let limits = self.limits;
        EgressRequest {
            method: self.method.clone(),
            target: self.target.clone(),
            headers: self.headers.clone(),
            body,
            limits: ExchangeLimits {
                head: Duration::from_secs(limits.head_seconds),
                idle: Duration::from_secs(limits.idle_seconds),
                total: Duration::from_secs(limits.total_seconds),
                answer_bytes: limits.answer_bytes,
            },
        }
    }
}

/// A request, and the credential and policy that it is about.
pub(super) struct Wanted<'a> {
    pub(super) caller: &'a Caller,
    pub(super) request: &'a RelayRequest,
    pub(super) path: &'a RequestPath,
    pub(super) source: &'a RelaySource,
    /// Whether it does not matter which keys may use the credential.
    pub(super) any_key: bool,
}

impl Wanted<'_> {
    /// The host and port, if the policy allows the request.
    pub(super) fn allowed(&self) -> Result<(HostName, u16), RelayError> {
        let (policy, method) = (&self.source.policy.policy, &self.request.method);
        let refused = |what: &str| Err(RelayError::NotAllowed(what.to_owned()));
        if !self.any_key {
            self.source.policy.allows_caller(self.caller)?;
        }
        let (name, port) = match self.request.host.split_once(':') {
            Some((name, port)) => (name, port.parse().ok()),
            None => (self.request.host.as_str(), policy.ports.first().copied()),
        };
        let host = match name {
            "-" => policy.only_host().cloned(),
            name => HostName::parse(name).ok(),
        };
        let is_allowed = |host: &HostName| policy.hosts.iter().any(|one| one.matches(host));
        let Some(host) = host.filter(is_allowed) else {
            return refused("this host");
        };
        let Some(port) = port.filter(|port| policy.ports.contains(port)) else {
            return refused("this port");
        };
        let mut of_method = policy
            .rules
            .iter()
            .filter(|rule| rule.allows_method(method));
        if of_method.clone().next().is_none() {
            return refused("this method");
        }
        match of_method.any(|rule| rule.allows_path(self.path)) {
            true => Ok((host, port)),
            false => refused("this path"),
        }
    }

    /// The request with the credential in it.
    pub(super) fn plan(
        &self,
        (host, port): (HostName, u16),
        blob: &SecretBytes,
        event: Event,
    ) -> Result<RelayPlan, VaultError> {
        let (request, policy) = (self.request, &self.source.policy.policy);
        let most = policy.limits.request_bytes;
        if request.length.is_some_and(|length| length > most) {
            return Err(RelayError::TooLarge(most).into());
        }
        let rendered = render(blob.expose(), None, &policy.inject)?;
        let places = policy.inject.as_slice();
        let target = target(self.path, request.query.as_deref(), places, &rendered)?;
        let scrubs_body = policy.scrub == ScrubMode::Full;
        let (sent, carriers) = (&request.headers, &request.carriers);
        let headers = headers(sent, carriers, (places, &rendered), scrubs_body);
        let details = Details::new([
            ("host", json!(host.as_str())),
            ("port", json!(port)),
            ("policy_version", json!(self.source.policy.version)),
        ]);
        let mut secrets = rendered.secrets;
        let token = match policy.needs_token() {
            true => TokenSource::of(self.caller, self.source, blob),
            false => None,
        };
        secrets.extend(token.as_ref().and_then(TokenSource::shown));
        Ok(RelayPlan {
            scrubber: Scrubber::new(secrets.iter().map(SecretBytes::expose)),
            secrets,
            token: token.map(|source| (source, None)),
            scrub: policy.scrub,
            limits: policy.limits,
            is_expired: self
                .source
                .credential
                .sealed
                .expiry
                .is_some_and(|expiry| expiry.is_past(event.at)),
            event: event.with_details(details),
            method: request.method.clone(),
            target,
            headers,
            used: self.source.used.clone(),
            destination: Destination {
                org: self.caller.org(),
                host,
                port,
            },
        })
    }
}

/// What carries `token`, where the policy says.
fn with_token(source: &TokenSource, token: &SecretBytes) -> Result<Rendered, RelayError> {
    let places = source.policy().inject.iter();
    let places: Vec<_> = places
        .filter(|place| place.needs_token())
        .cloned()
        .collect();
    render(&[], Some(token), &places)
}
