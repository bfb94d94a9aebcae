use futures_util::future::join_all;
use strongroom_crypto::SecretString;
use uuid::Uuid;

use self::endpoint::{Endpoint, Hands, Network};
use super::*;
use crate::host_name::HostName;
use crate::relay::error::Unusable;

mod endpoint;

fn tokens() -> (MintedTokens, Arc<Endpoint>, Arc<Hands>) {
    let endpoint = Arc::new(Endpoint::default());
    let start = DateTime::from_timestamp(1_000_000, 0).unwrap();
    let clock = Arc::new(Hands(Mutex::new(start)));
    let tokens = MintedTokens::new(
        Arc::new(Network(endpoint.clone())),
        clock.clone(),
        Arc::default(),
    );
    (tokens, endpoint, clock)
}

fn key(credential: u128) -> TokenKey {
    TokenKey {
        org: OrgId(Uuid::from_u128(1)),
        credential: CredentialId(Uuid::from_u128(credential)),
        value_version: 1,
        policy_version: 1,
        scopes: Vec::new(),
    }
}

fn requests(_: DateTime<Utc>) -> Result<Vec<TokenRequest>, RequestError> {
    let request = |authorization| TokenRequest {
        host: HostName::parse("login.example.com").unwrap(),
        port: 443,
        path: "/token".into(),
        authorization,
        form: SecretString::new("grant_type=client_credentials".into()),
    };
    let basic = SecretString::new("Basic eA==".into());
    Ok(vec![request(Some(basic)), request(None)])
}

fn unrecorded() -> RecordExchange {
    Box::new(|_| async { Ok(()) }.boxed())
}

async fn minted(tokens: &MintedTokens, key: &TokenKey) -> String {
    let token = tokens.token(key, requests, unrecorded()).await.unwrap();
    token.value.expose().to_owned()
}

/// Runs a future until it is ready. Nothing else runs, so what it waits for is there.
fn run<T>(test: impl Future<Output = T>) -> T {
    let mut test = Box::pin(test);
    // Many futures at once yield now and then.
    let mut ready = (0..100).filter_map(|_| test.as_mut().now_or_never());
    ready.next().expect("the future waits for nothing")
}

/// Begins all of `requests`, and ends them after `answer`.
fn begun<F: Future>(requests: impl Iterator<Item = F>, answer: impl FnOnce()) -> Vec<F::Output> {
    let mut all = Box::pin(join_all(requests));
    assert!(all.as_mut().now_or_never().is_none());
    answer();
    run(all)
}

/// The exchanges that succeeded, and those that failed.
fn exchanges(tokens: &MintedTokens) -> (u64, u64) {
    let counts = &tokens.counters.relay.exchanges;
    (counts.succeeded.get(), counts.failed.get())
}

const TOKEN: &str = r#"{"access_token":"one","expires_in":3600}"#;
const NEXT: &str = r#"{"access_token":"two","expires_in":3600}"#;

#[test]
fn many_first_requests_share_one_exchange() {
    let (tokens, endpoint, _) = tokens();
    let key = key(1);
    let requests = (0..200).map(|_| minted(&tokens, &key));
    let all = begun(requests, || endpoint.will_answer(200, TOKEN));
    assert!(all.iter().all(|token| token == "one"));
    assert_eq!(endpoint.sent(), 1);
    assert_eq!(exchanges(&tokens), (1, 0));
}

#[test]
fn a_token_is_minted_again_before_it_expires() {
    let (tokens, endpoint, clock) = tokens();
    endpoint.will_answer(200, TOKEN);
    assert_eq!(run(minted(&tokens, &key(1))), "one");
    clock.forward(3239);
    assert_eq!(run(minted(&tokens, &key(1))), "one");
    clock.forward(1);
    endpoint.will_answer(200, NEXT);
    assert_eq!(run(minted(&tokens, &key(1))), "two");
    assert_eq!(endpoint.sent(), 2);
}

#[test]
fn each_value_policy_and_scope_has_a_token_of_its_own() {
    let (tokens, endpoint, _) = tokens();
    let first = key(1);
    let others = [
        TokenKey {
            value_version: 2,
            ..first.clone()
        },
        TokenKey {
            policy_version: 2,
            ..first.clone()
        },
        TokenKey {
            scopes: vec!["a".into()],
            ..first.clone()
        },
        TokenKey {
            org: OrgId(Uuid::from_u128(2)),
            ..first.clone()
        },
        key(2),
    ];
    endpoint.will_answer(200, TOKEN);
    assert_eq!(run(minted(&tokens, &first)), "one");
    for other in &others {
        endpoint.will_answer(200, NEXT);
        assert_eq!(run(minted(&tokens, other)), "two");
    }
    assert_eq!(run(minted(&tokens, &first)), "one");
}

#[test]
fn a_failed_exchange_fails_all_that_wait_and_is_not_kept() {
    let (tokens, endpoint, _) = tokens();
    let key = key(1);
    let waiting = (0..9).map(|_| tokens.token(&key, requests, unrecorded()));
    let all = begun(waiting, || endpoint.will_answer(503, ""));
    let refused = MintError::Answer(AnswerError::Refused {
        status: 503,
        code: None,
    });
    assert!(
        all.iter()
            .all(|minted| minted.as_ref().err() == Some(&refused))
    );
    assert_eq!((endpoint.sent(), exchanges(&tokens)), (1, (0, 1)));
    endpoint.will_answer(200, TOKEN);
    assert_eq!(run(minted(&tokens, &key)), "one");
}

#[test]
fn credentials_are_sent_in_the_body_if_basic_is_refused() {
    let (tokens, endpoint, _) = tokens();
    endpoint.will_answer(401, r#"{"error":"invalid_client"}"#);
    endpoint.will_answer(200, TOKEN);
    assert_eq!(run(minted(&tokens, &key(1))), "one");
    let path = "/token".to_owned();
    assert_eq!(*endpoint.sent.lock(), [(path.clone(), true), (path, false)]);
}

#[test]
fn an_exchange_goes_on_when_the_first_request_is_gone() {
    let (tokens, endpoint, _) = tokens();
    let key = key(1);
    let mut first = Box::pin(tokens.token(&key, requests, unrecorded()));
    assert!(first.as_mut().now_or_never().is_none());
    drop(first);
    endpoint.will_answer(200, TOKEN);
    assert_eq!(run(minted(&tokens, &key)), "one");
    assert_eq!(endpoint.sent(), 1);
}

#[test]
fn a_refused_token_is_discarded_once() {
    let (tokens, endpoint, _) = tokens();
    let key = key(1);
    endpoint.will_answer(200, TOKEN);
    let refused = run(tokens.token(&key, requests, unrecorded())).unwrap();
    tokens.discard(&key, &refused);
    endpoint.will_answer(200, NEXT);
    assert_eq!(run(minted(&tokens, &key)), "two");
    tokens.discard(&key, &refused);
    assert_eq!(run(minted(&tokens, &key)), "two");
}

#[test]
fn a_token_that_came_too_late_is_not_used() {
    let (tokens, endpoint, clock) = tokens();
    let key = key(1);
    let mut exchange = Box::pin(tokens.token(&key, requests, unrecorded()));
    assert!(exchange.as_mut().now_or_never().is_none());
    clock.forward(20);
    endpoint.will_answer(200, r#"{"access_token":"late","expires_in":20}"#);
    let late = run(exchange).unwrap_err();
    assert!(late.to_string().contains("has expired"), "{late}");
}

#[test]
fn nothing_is_sent_that_was_not_recorded() {
    let (tokens, endpoint, _) = tokens();
    let failed = MintError::Unrecorded("away".into());
    let failure = failed.clone();
    let record: RecordExchange = Box::new(move |_| {
        let failure = failure.clone();
        async move { Err(failure) }.boxed()
    });
    let refused = run(tokens.token(&key(1), requests, record));
    assert_eq!(refused.err(), Some(failed));
    assert_eq!(endpoint.sent(), 0);
}

#[test]
fn an_unusable_credential_sends_nothing() {
    let (tokens, endpoint, _) = tokens();
    let unusable = RequestError::Unusable(Unusable::PrivateKey);
    let refused = run(tokens.token(&key(1), |_| Err(unusable), unrecorded()));
    assert_eq!(refused.err(), Some(MintError::Request(unusable)));
    assert_eq!(endpoint.sent(), 0);
}

#[test]
fn the_number_of_tokens_is_bounded() {
    let (_, _, clock) = tokens();
    let token = |lifetime| {
        let value = SecretString::new("t".into());
        Arc::new(MintedToken::new(value, clock.now(), Some(lifetime)))
    };
    let full = |lifetime: fn(usize) -> i64| {
        let slot = |nth: usize| (key(nth as u128), Slot::Minted(token(lifetime(nth))));
        let mut slots: HashMap<_, _> = (0..MOST_TOKENS).map(slot).collect();
        make_room(&mut slots, clock.now());
        slots.len()
    };
    assert_eq!(full(|_| 3600), MOST_TOKENS * 9 / 10);
    // Those that would be minted again go first.
    assert_eq!(
        full(|nth| if nth % 2 == 0 { 1 } else { 3600 }),
        MOST_TOKENS / 2
    );
}
