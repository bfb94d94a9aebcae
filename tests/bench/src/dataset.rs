//! Databases of the vault filled with organizations and credentials.

use std::collections::HashMap;
use std::path::Path;

use futures_util::{StreamExt, TryStreamExt, stream};
use strongroom_domain::NewApiKey;
use strongroom_domain::api_key::limits::{KeyLimits, OrganizationReach};
use strongroom_domain::blob::JsonBlob;
use strongroom_domain::caller::{Caller, RequestInfo};
use strongroom_domain::credential::NewCredential;
use strongroom_domain::kinds::{CredentialType, Provider};
use strongroom_domain::label::Label;
use strongroom_domain::permission::Role;
use strongroom_domain::presented::Presented;
use strongroom_domain::replication::Level;
use strongroom_domain::{CreateRequest, CredentialId, OrgId, Vault, json};

use crate::environment::{Environment, settle};
use crate::{CREDENTIALS, Result};

/// Credentials of an organization that has any.
pub(crate) const CREDENTIALS_PER_ORG: usize = 100;
/// Requests in flight while a database is filled.
const CONCURRENCY: usize = 256;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Size {
    /// 100 organizations with credentials.
    Small,
    /// 10,000 organizations with credentials.
    Large,
}

impl Size {
    /// The name of the database.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Small => "small",
            Self::Large => "large",
        }
    }

    /// Organizations with credentials.
    pub(crate) const fn orgs(self) -> usize {
        match self {
            Self::Small => 100,
            Self::Large => 10_000,
        }
    }
}

/// The contents of a database.
pub(crate) struct Dataset {
    pub(crate) size: Size,
    /// Organizations whose credentials are read.
    pub(crate) readers: Vec<OrgAccess>,
    /// As many organizations, which create credentials.
    pub(crate) writers: Vec<OrgAccess>,
    credentials: Vec<(OrgId, CredentialId)>,
}

/// An organization and an API key that acts in it.
#[derive(Clone)]
pub(crate) struct OrgAccess {
    pub(crate) org: OrgId,
    pub(crate) key: String,
}

impl OrgAccess {
    /// The caller with this key, in this organization.
    pub(crate) async fn caller(&self, vault: &Vault) -> Result<Caller> {
        let presented = Presented::ApiKey(&self.key);
        let caller = vault.authenticate(&presented, request_info()).await?;
        let acting = vault.act_in(&caller, self.org, false).await?;
        acting.ok_or_else(|| format!("the key does not act in {}", self.org).into())
    }
}

impl Dataset {
    /// Creates and fills a database. Credentials are created by other organizations than those
    /// whose credentials are listed, so that the lists do not grow during the measurements. With
    /// `root_key`, all are sub-organizations of one, and its key acts in them.
    pub(crate) async fn create(
        environment: &Environment,
        size: Size,
        root_key: bool,
    ) -> Result<Self> {
        environment.create_database(size.name()).await?;
        let vault = environment.vault(size.name()).await?;
        let mut readers = match root_key {
            true => create_suborganizations(&vault, 2 * size.orgs()).await?,
            false => create_organizations(&vault, 2 * size.orgs()).await?,
        };
        let writers = readers.split_off(size.orgs());
        let mut callers = Vec::new();
        for reader in &readers {
            callers.push(reader.caller(&vault).await?);
        }
        let jobs =
            (0..CREDENTIALS_PER_ORG).flat_map(|n| callers.iter().map(move |caller| (caller, n)));
        let ids = stream::iter(jobs).map(|(caller, n)| create_credential(&vault, caller, n));
        let credentials = ids.buffered(CONCURRENCY).try_collect().await?;
        let client = environment.connect(size.name()).await?;
        mark_used(&client).await?;
        settle(&client).await?;
        Ok(Self {
            size,
            readers,
            writers,
            credentials,
        })
    }

    /// Writes the file of callers for a load that creates as the first `orgs` writers.
    pub(crate) fn callers_file(&self, path: &Path, orgs: usize) -> Result<()> {
        let lines: Vec<_> = self
            .writers
            .iter()
            .take(orgs)
            .map(|writer| format!("{} {}\n", writer.org, writer.key))
            .collect();
        Ok(std::fs::write(path, lines.concat())?)
    }

    /// Writes the file of requests for single credentials of the first `orgs` readers: an even
    /// selection of about `count`.
    pub(crate) fn reveals_file(&self, path: &Path, count: usize, orgs: usize) -> Result<()> {
        let readers = self.readers.iter().take(orgs);
        let keys: HashMap<_, _> = readers.map(|reader| (reader.org, &reader.key)).collect();
        let credentials: Vec<_> = self
            .credentials
            .iter()
            .filter(|(org, _)| keys.contains_key(org))
            .collect();
        // An odd step does not select the same organizations again and again.
        let step = (credentials.len() / count) | 1;
        let lines: Vec<_> = credentials
            .into_iter()
            .step_by(step)
            .map(|(org, id)| format!("{org} {} {CREDENTIALS}/{id}\n", keys[org]))
            .collect();
        Ok(std::fs::write(path, lines.concat())?)
    }

    /// A credential of each reader.
    pub(crate) fn one_of_each(&self) -> Vec<(OrgAccess, String)> {
        let credentials = self.readers.iter().zip(&self.credentials);
        let one = |(reader, (_, id)): (&OrgAccess, &(OrgId, CredentialId))| {
            (reader.clone(), id.to_string())
        };
        credentials.map(one).collect()
    }

    /// Writes the file of requests for lists.
    pub(crate) fn lists_file(&self, path: &Path) -> Result<()> {
        let lines: Vec<_> = self
            .readers
            .iter()
            .map(|reader| format!("{} {} {CREDENTIALS}?limit=100\n", reader.org, reader.key))
            .collect();
        Ok(std::fs::write(path, lines.concat())?)
    }
}

/// The request of a vault operation within this process.
pub(crate) fn request_info() -> RequestInfo {
    RequestInfo {
        id: "bench".into(),
        source: "127.0.0.1".into(),
    }
}

// Every credential gets a last-used time, so that early lists read as much as later ones.
async fn mark_used(client: &tokio_postgres::Client) -> Result<()> {
    let sql = "insert into credential_uses (org_id, cred_id, last_used_at, last_used_by) \
         select org_id, cred_id, now(), cred_id from credentials order by org_id, cred_id";
    Ok(client.batch_execute(sql).await?)
}

async fn create_organizations(vault: &Vault, count: usize) -> Result<Vec<OrgAccess>> {
    let limits = KeyLimits::of_role(Role::Admin);
    let orgs = (0..count).map(|n| create_organization(vault, n, limits.clone()));
    let orgs: Vec<_> = orgs.collect();
    stream::iter(orgs).buffered(CONCURRENCY).try_collect().await
}

async fn create_suborganizations(vault: &Vault, count: usize) -> Result<Vec<OrgAccess>> {
    let installation = Caller::operator(OrgId::INSTALLATION, request_info());
    vault.follow_record_format(&installation).await?;
    let limits = KeyLimits {
        organizations: OrganizationReach::Descendants,
        ..KeyLimits::of_role(Role::Admin)
    };
    let root = create_organization(vault, 0, limits).await?;
    let caller = root.caller(vault).await?;
    let orgs = (0..count).map(|n| create_suborganization(vault, &caller, n));
    let orgs: Vec<_> = orgs.collect();
    let created = stream::iter(orgs).buffered(CONCURRENCY);
    let acting = created.map_ok(|org| OrgAccess {
        org,
        key: root.key.clone(),
    });
    acting.try_collect().await
}

async fn create_suborganization(vault: &Vault, parent: &Caller, n: usize) -> Result<OrgId> {
    let name = format!("org {n}");
    let created = vault
        .create_suborganization(parent, &name, Level::LocalRegion)
        .await?;
    Ok(created.without_waiting().0.id)
}

async fn create_organization(vault: &Vault, n: usize, limits: KeyLimits) -> Result<OrgAccess> {
    let organization = vault
        .create_organization(&format!("org {n}"), request_info())
        .await?;
    let operator = Caller::operator(organization.id, request_info());
    let new = NewApiKey {
        name: "bench".into(),
        limits,
        expires_at: None,
    };
    let key = vault
        .create_api_key(&operator, new, Level::LocalRegion)
        .await?
        .without_waiting();
    Ok(OrgAccess {
        org: organization.id,
        key: key.text.expose().to_owned(),
    })
}

async fn create_credential(
    vault: &Vault,
    caller: &Caller,
    n: usize,
) -> Result<(OrgId, CredentialId)> {
    let label = format!("load-{n}");
    let blob = format!(r#"{{"api_key":"sk_live_0123456789abcdefghijkl_{label}"}}"#);
    let blob = JsonBlob::new(json::parse(blob.as_bytes()).map_err(|error| error.message)?);
    let new = NewCredential {
        provider: Provider::Generic,
        kind: CredentialType::ApiKey,
        label: Label::parse(&label).map_err(|error| error.message)?,
        blob: blob.map_err(|error| error.message)?,
        expires_at: None,
    };
    let request = CreateRequest {
        new,
        level: Level::LocalRegion,
        key: None,
    };
    let pending = vault.create_credential(caller, request).await?;
    let created = vault
        .replicated(caller, pending, std::time::Duration::ZERO)
        .await?;
    Ok((caller.org(), created.id))
}
