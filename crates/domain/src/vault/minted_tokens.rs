//! Minted tokens in memory, and the exchanges that mint them.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use futures_util::future::{BoxFuture, Shared};
use futures_util::{FutureExt, StreamExt};
use parking_lot::Mutex;
use strongroom_crypto::SecretBytes;
use zeroize::Zeroizing;

use crate::egress::{
    AnswerPart, AnswerStream, Destination, EgressError, EgressRequest, ExchangeLimits, HeaderField,
    RequestBody,
};
use crate::health::counters::Counters;
use crate::ids::{CredentialId, OrgId};
use crate::ports::clock::Clock;
use crate::ports::egress::Egress;
use crate::relay::minting::answer::{AnswerError, MOST_ANSWER, token_of};
use crate::relay::minting::request::{FORM, RequestError, TokenRequest};
use crate::relay::minting::token::MintedToken;

/// Most tokens that are kept.
const MOST_TOKENS: usize = 10_000;

/// How long an exchange may take, and how large its answer may be.
const LIMITS: ExchangeLimits = ExchangeLimits {
    head: Duration::from_secs(15),
    idle: Duration::from_secs(15),
    total: Duration::from_secs(30),
    answer_bytes: MOST_ANSWER as u64,
};

/// What a token is minted for. A new value of the credential, or a new policy, has its own.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct TokenKey {
    /// The organization.
    pub(crate) org: OrgId,
    /// The credential.
    pub(crate) credential: CredentialId,
    /// The version of its value.
    pub(crate) value_version: i64,
    /// The version of its policy.
    pub(crate) policy_version: i64,
    /// The scopes.
    pub(crate) scopes: Vec<String>,
}

/// Why there is no token.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum MintError {
    /// Nothing can be sent.
    #[error(transparent)]
    Request(RequestError),
    /// The endpoint's answer has no token.
    #[error(transparent)]
    Answer(AnswerError),
    /// The endpoint did not answer, or could not be reached.
    #[error("the token endpoint: {0}")]
    Egress(EgressError),
    /// The exchange could not be recorded, so nothing was sent.
    #[error("the exchange could not be recorded: {0}")]
    Unrecorded(String),
    /// Whether the exchange was recorded is not known. Nothing was sent.
    #[error("it is not known whether the exchange was recorded: {0}")]
    RecordUnknown(String),
    /// The credential or its policy has changed since it was read. Nothing was sent.
    #[error("the credential or its policy has changed")]
    Changed,
}

/// Records that a request is about to be sent to a token endpoint. Nothing is sent before it ends.
pub(crate) type RecordExchange =
    Box<dyn Fn(&TokenRequest) -> BoxFuture<'static, Result<(), MintError>> + Send + Sync>;

pub(crate) type Minted = Result<Arc<MintedToken>, MintError>;
type Exchange = Shared<BoxFuture<'static, Minted>>;

/// The token of a key, or the exchange that mints it.
enum Slot {
    Minted(Arc<MintedToken>),
    Running(Exchange),
}

/// Minted tokens, which live in memory only. However many requests need one, a key has one exchange
/// at a time, which goes on while any of them waits.
pub(crate) struct MintedTokens {
    egress: Arc<dyn Egress>,
    clock: Arc<dyn Clock>,
    counters: Arc<Counters>,
    slots: Mutex<HashMap<TokenKey, Slot>>,
}

impl MintedTokens {
    /// No tokens yet. Exchanges go through `egress`, and are counted in `counters`.
    pub(crate) fn new(
        egress: Arc<dyn Egress>,
        clock: Arc<dyn Clock>,
        counters: Arc<Counters>,
    ) -> Self {
        Self {
            egress,
            clock,
            counters,
            slots: Mutex::default(),
        }
    }

    /// The token of `key`. If there is none that is fresh, it is minted with the requests that
    /// `requests` makes, each after `record`: the second one is sent if the first is refused with
    /// 400 or 401.
    ///
    /// # Errors
    /// The exchange failed. The next call begins another one.
    pub(crate) async fn token(
        &self,
        key: &TokenKey,
        requests: impl FnOnce(DateTime<Utc>) -> Result<Vec<TokenRequest>, RequestError>,
        record: RecordExchange,
    ) -> Minted {
        let exchange = {
            let mut slots = self.slots.lock();
            match slots.get(key) {
                Some(Slot::Minted(token)) if token.is_fresh(self.clock.now()) => {
                    return Ok(token.clone());
                }
                Some(Slot::Running(exchange)) => exchange.clone(),
                _ => {
                    let requests = requests(self.clock.now()).map_err(MintError::Request)?;
                    let exchange = self.exchange(key.org, requests, record);
                    slots.insert(key.clone(), Slot::Running(exchange.clone()));
                    exchange
                }
            }
        };
        let minted = exchange.clone().await;
        self.settle(key, &exchange, &minted);
        minted
    }

    /// Forgets `token` after its upstream refused it, unless another one was minted since.
    pub(crate) fn discard(&self, key: &TokenKey, token: &Arc<MintedToken>) {
        let mut slots = self.slots.lock();
        let kept = slots.get(key);
        if matches!(kept, Some(Slot::Minted(kept)) if Arc::ptr_eq(kept, token)) {
            slots.remove(key);
        }
    }

    fn exchange(
        &self,
        org: OrgId,
        requests: Vec<TokenRequest>,
        record: RecordExchange,
    ) -> Exchange {
        let (egress, clock) = (self.egress.clone(), self.clock.clone());
        let exchange = async move {
            let minted = mint((&*egress, &*clock), org, requests, record).await;
            minted.map(Arc::new)
        };
        exchange.boxed().shared()
    }

    // The first of those that waited for the exchange replaces it by its outcome.
    fn settle(&self, key: &TokenKey, exchange: &Exchange, minted: &Minted) {
        let mut slots = self.slots.lock();
        let running = slots.get(key);
        if !matches!(running, Some(Slot::Running(running)) if running.ptr_eq(exchange)) {
            return;
        }
        match self.counters.relay.exchanges.record(minted.as_ref()) {
            Ok(token) => {
                make_room(&mut slots, self.clock.now());
                slots.insert(key.clone(), Slot::Minted(token.clone()));
            }
            Err(_) => {
                slots.remove(key);
            }
        }
    }
}

// When there are too many, tokens that would be minted again anyway go first, then any.
fn make_room(slots: &mut HashMap<TokenKey, Slot>, now: DateTime<Utc>) {
    if slots.len() < MOST_TOKENS {
        return;
    }
    slots.retain(|_, slot| match slot {
        Slot::Minted(token) => token.is_fresh(now),
        Slot::Running(_) => true,
    });
    let mut excess = slots.len().saturating_sub(MOST_TOKENS * 9 / 10);
    slots.retain(|_, slot| {
        let goes = excess > 0 && matches!(slot, Slot::Minted(_));
        excess -= usize::from(goes);
        !goes
    });
}

async fn mint(
    (egress, clock): (&dyn Egress, &dyn Clock),
    org: OrgId,
    requests: Vec<TokenRequest>,
    record: RecordExchange,
) -> Result<MintedToken, MintError> {
    let mut last = MintError::Answer(AnswerError::Malformed("is missing"));
    for request in requests {
        record(&request).await?;
        let requested_at = clock.now();
        let (status, body) = send(egress, org, request)
            .await
            .map_err(MintError::Egress)?;
        match token_of(status, &body, requested_at) {
            Ok(token) if token.has_expired(clock.now()) => {
                return Err(MintError::Answer(AnswerError::Malformed(
                    "has a token that has expired",
                )));
            }
            Ok(token) => return Ok(token),
            Err(error) => last = MintError::Answer(error),
        }
        if !matches!(status, 400 | 401) {
            break;
        }
    }
    Err(last)
}

async fn send(
    egress: &dyn Egress,
    org: OrgId,
    request: TokenRequest,
) -> Result<(u16, Zeroizing<Vec<u8>>), EgressError> {
    let destination = Destination {
        org,
        host: request.host,
        port: request.port,
    };
    let mut headers = vec![
        HeaderField::new("accept", b"application/json"),
        HeaderField::new("accept-encoding", b"identity"),
        HeaderField::new("content-type", FORM.as_bytes()),
    ];
    let authorization = request.authorization.iter();
    headers.extend(authorization.map(|value| {
        // The value goes to the token endpoint that the policy or the preset names.
        HeaderField::new("authorization", value.expose().as_bytes())
    }));
    let connection = egress.open(&destination).await?;
    let answer = connection.send(EgressRequest {
        method: "POST".to_owned(),
        target: SecretBytes::new(request.path.into_bytes()),
        headers,
        body: RequestBody::Bytes(SecretBytes::new(request.form.expose().as_bytes().to_vec())),
        limits: LIMITS,
    });
    let answer = answer.await?;
    Ok((answer.status, collect(answer.body).await?))
}

async fn collect(mut body: AnswerStream) -> Result<Zeroizing<Vec<u8>>, EgressError> {
    // With room for all of it, so that no copy is left behind by growing.
    let mut collected = Zeroizing::new(Vec::with_capacity(MOST_ANSWER));
    while let Some(part) = body.next().await {
        if let AnswerPart::Data(bytes) = part? {
            if collected.len() + bytes.len() > MOST_ANSWER {
                return Err(EgressError::Protocol("the answer is too large".into()));
            }
            collected.extend_from_slice(&bytes);
        }
    }
    Ok(collected)
}

#[cfg(test)]
mod tests;
