use std::sync::Arc;

use strongroom_crypto::OsRandom;
use uuid::Uuid;

use super::*;
use crate::api_key::limits::KeyLimits;

const ORG: OrgId = OrgId(Uuid::from_u128(1));
const ID: KeyId = KeyId(Uuid::from_u128(2));
const HOLDER: KeyId = KeyId(Uuid::from_u128(3));

fn key() -> SecretKey {
    SecretKey::from_slice(&[1; 32]).unwrap()
}

fn holder() -> StoredApiKey {
    StoredApiKey {
        org: ORG,
        id: HOLDER,
        limits: Arc::new(KeyLimits::of_role(Role::Member)),
        name: "n".into(),
        digest: vec![7; 32],
        created_at: DateTime::UNIX_EPOCH,
        expires_at: None,
        revoked_at: None,
        ends: None,
        revocation_undone: false,
        recorded_end: None,
    }
}

fn session() -> (SessionToken, StoredSession) {
    let token = SessionToken::generate(ORG, ID, &OsRandom).unwrap();
    let actor = Actor::Key(HOLDER);
    let mut row = StoredSession::new(ORG, ID, actor, DateTime::UNIX_EPOCH).unwrap();
    let digest = token.digest(&key(), &row, Holder::Key(&holder()));
    row.digest = digest.unwrap().to_vec();
    (token, row)
}

#[test]
fn a_digest_binds_the_row_and_its_key() {
    let (token, row) = session();
    let token = SessionToken::parse(token.to_text().expose()).unwrap();
    assert!(token.matches(&key(), &row, Holder::Key(&holder())));
    assert!(!token.matches(&key(), &row, Holder::Gone));
    let (other, _) = session();
    assert!(!other.matches(&key(), &row, Holder::Key(&holder())));
    let rows: [fn(&mut StoredSession); 5] = [
        |row| row.org = OrgId(ID.0),
        |row| row.id = HOLDER,
        |row| row.holder = ID,
        |row| row.holder_kind = HolderKind::Client,
        |row| row.created_at += TimeDelta::microseconds(1),
    ];
    for (at, change) in rows.iter().enumerate() {
        let mut changed = row.clone();
        change(&mut changed);
        assert!(
            !token.matches(&key(), &changed, Holder::Key(&holder())),
            "{at}"
        );
    }
    let keys: [fn(&mut StoredApiKey); 3] = [
        |key| key.limits = Arc::new(KeyLimits::of_role(Role::Admin)),
        |key| key.expires_at = Some(DateTime::UNIX_EPOCH),
        |key| key.digest.clear(),
    ];
    for (at, change) in keys.iter().enumerate() {
        let mut changed = holder();
        change(&mut changed);
        assert!(!token.matches(&key(), &row, Holder::Key(&changed)), "{at}");
    }
}

#[test]
fn a_session_ends_after_its_last_request_and_whatever_its_row_says_after_eight_hours() {
    let (_, mut row) = session();
    let after = |minutes| row.created_at + TimeDelta::minutes(minutes);
    assert_eq!(row.end(after(14)), None);
    assert_eq!(row.end(after(15)), Some(TimeEnd::Idle));
    let (before, end) = (after(479), after(480));
    row.last_seen_at = end + TimeDelta::days(1);
    assert_eq!(row.end(before), None);
    assert_eq!(row.end(end), Some(TimeEnd::Expired));
}

#[test]
fn a_form_token_belongs_to_one_session() {
    let ((one, _), (other, _)) = (session(), session());
    let token = one.form_token(&key());
    assert!(one.is_form_token(&key(), &token) && !other.is_form_token(&key(), &token));
    assert!(!one.is_form_token(&key(), &token[..31]) && !one.is_form_token(&key(), &[]));
}
