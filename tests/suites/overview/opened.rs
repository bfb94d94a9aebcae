//! A vault in this process, beside the server of the test.

use std::sync::Arc;
use std::time::Duration;

use strongroom_domain::audit::chain::Chain;
use strongroom_domain::caller::{Caller, RequestInfo};
use strongroom_domain::crypto::{OsRandom, RootKey};
use strongroom_domain::keyring::sources::RootKeySources;
use strongroom_domain::presented::Presented;
use strongroom_domain::{Clock, OrgId, SystemClock, Vault, VaultSettings, unlock};
use strongroom_e2e::{Api, TestVault};
use strongroom_storage::{Database, DatabaseSettings, DatabaseUrl, PgStore};
use strongroom_storage::{RegionsSettings, WatchedRegions};

pub(super) const VERSION: &str = "1.2.3-test";

/// Opens the vault of `vault`.
pub(super) async fn open(vault: &TestVault) -> Vault {
    let connection = DatabaseSettings {
        url: DatabaseUrl::parse(&vault.database.app_url()).unwrap(),
        pool_size: 4,
        connect_timeout: Duration::from_secs(10),
        statement_timeout: Duration::from_secs(30),
    };
    let database = Database::new(&connection).unwrap();
    let text = std::fs::read_to_string(vault.root_key_file()).unwrap();
    let key = text.lines().find(|line| !line.starts_with('#')).unwrap();
    let sources = RootKeySources {
        keys: vec![RootKey::parse(key).unwrap()],
        ..RootKeySources::default()
    };
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let random = Arc::new(OsRandom);
    let keys = unlock(&database, &sources, clock.now(), &*random);
    let keys = keys.await.unwrap();
    let chain = Chain::new(keys.1.audit.clone());
    let regions = WatchedRegions::start(RegionsSettings::default(), &database, &connection);
    let root_store = Arc::new(database.clone());
    let counters = database.counters();
    let store = PgStore::start(database, None, chain.clone(), clock.clone(), random.clone());
    let opened = Vault::new(
        Arc::new(store.unwrap()),
        root_store,
        Arc::new(regions.unwrap()),
        keys,
        clock,
        random,
        VaultSettings {
            version: VERSION,
            ..VaultSettings::default()
        },
    );
    let opened = opened.with_chain(chain).with_counters(counters);
    let operator = operator(&OrgId::INSTALLATION.to_string());
    opened.follow_record_format(&operator).await.unwrap();
    opened
}

/// The holder of the key of `api`.
pub(super) async fn caller(vault: &Vault, api: &Api) -> Caller {
    let presented = Presented::ApiKey(&api.key);
    vault.authenticate(&presented, request()).await.unwrap()
}

/// The operator in the organization `org`.
pub(super) fn operator(org: &str) -> Caller {
    Caller::operator(OrgId::parse(org).unwrap(), request())
}

fn request() -> RequestInfo {
    RequestInfo {
        id: "test".into(),
        source: "127.0.0.1".into(),
    }
}
