//! Whether what was answered is there, and is what was sent.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use futures_util::{StreamExt, TryStreamExt, stream};
use strongroom_domain::caller::{Caller, RequestInfo};
use strongroom_domain::{CredentialId, OrgId, Vault};
use uuid::Uuid;

use crate::Result;
use crate::stage::{Base, Stage};

/// Reads back every id that was answered, and compares each secret with the label that was sent along. The number
/// of them.
pub(crate) async fn read_back(stage: &Stage, base: &Base, answered: &str) -> Result<usize> {
    let ids: HashSet<&str> = answered.lines().collect();
    if ids.len() != answered.lines().count() {
        return Err("an id was answered twice".into());
    }
    let vault = stage.vault(&base.name).await?;
    let mut callers = HashMap::new();
    for one in &base.writers {
        let request = RequestInfo {
            id: "bench".into(),
            source: "127.0.0.1".into(),
        };
        callers.insert(one.org, vault.authenticate(&one.key, request).await?);
    }
    let orgs = organizations(stage, base).await?;
    let checks = ids.iter().map(|id| check(&vault, &callers, &orgs, id));
    stream::iter(checks)
        .buffer_unordered(256)
        .try_collect::<Vec<()>>()
        .await?;
    Ok(ids.len())
}

// Whose each credential is: the load generator's answers do not say so.
async fn organizations(stage: &Stage, base: &Base) -> Result<HashMap<Uuid, OrgId>> {
    let client = stage.connect(&base.name).await?;
    let rows = client
        .query("select cred_id, org_id from credentials", &[])
        .await?;
    Ok(rows
        .iter()
        .map(|row| (row.get(0), OrgId(row.get(1))))
        .collect())
}

async fn check(
    vault: &Arc<Vault>,
    callers: &HashMap<OrgId, Caller>,
    orgs: &HashMap<Uuid, OrgId>,
    id: &str,
) -> Result<()> {
    let id = CredentialId::parse(id).ok_or("an answer without an id")?;
    let org = orgs
        .get(&id.0)
        .ok_or_else(|| format!("{id} was answered and is not there"))?;
    let revealed = vault.reveal_credential(&callers[org], id).await?;
    let label = revealed.info.label.as_str();
    let blob: serde_json::Value = serde_json::from_slice(revealed.blob.expose())?;
    if blob["api_key"] == format!("sk_live_0123456789abcdefghijkl_{label}") {
        Ok(())
    } else {
        Err(format!("the credential {label} holds another's secret").into())
    }
}
