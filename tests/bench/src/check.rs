//! Comparison of all creates with the database, after the measurements.

use std::collections::HashMap;
use std::ops::AddAssign;

use futures_util::{StreamExt, TryStreamExt, stream};
use strongroom_domain::caller::Caller;
use strongroom_domain::credential::Reveal;
use strongroom_domain::{CredentialId, OrgId, Vault};
use tokio_postgres::Client;

use crate::Result;
use crate::dataset::Dataset;
use crate::environment::Environment;
use crate::loads::CreateRun;

/// Requests in flight.
const CONCURRENCY: usize = 256;

/// What was compared.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Checked {
    /// Creates that were answered with success.
    pub(crate) answered: u64,
    /// Credentials that were read back.
    pub(crate) credentials: u64,
}

impl AddAssign for Checked {
    fn add_assign(&mut self, other: Self) {
        self.answered += other.answered;
        self.credentials += other.credentials;
    }
}

/// The credentials of one run in the database.
#[derive(Debug, Default, Clone, Copy)]
struct Rows {
    count: u64,
    labels: u64,
}

/// Compares the number of credentials of each run with the number of answers, then reads every
/// credential back and compares its secret with its label.
pub(crate) async fn check(
    environment: &Environment,
    dataset: &Dataset,
    runs: &[CreateRun],
) -> Result<Checked> {
    let client = environment.connect(dataset.size.name()).await?;
    let rows = count(&client).await?;
    let mut checked = Checked::default();
    for (number, run) in runs.iter().enumerate() {
        if run.size == dataset.size {
            let rows = rows.get(&format!("r{number}")).copied().unwrap_or_default();
            compare(run, rows).map_err(|error| format!("run {number} of creates: {error}"))?;
            checked.answered += run.answered;
            checked.credentials += rows.count;
        }
    }
    if checked.credentials > 0 {
        let vault = environment.vault(dataset.size.name()).await?;
        let read = read_back(&vault, dataset, &client).await?;
        if read != checked.credentials {
            return Err(format!("{read} credentials of {} were read", checked.credentials).into());
        }
    }
    Ok(checked)
}

// By the prefix of the labels, which is that of the run.
async fn count(client: &Client) -> Result<HashMap<String, Rows>> {
    let sql = "select split_part(label, '-', 1), count(*), count(distinct label) \
         from credentials where label like 'r%' group by 1";
    let mut counts = HashMap::new();
    for row in client.query(sql, &[]).await? {
        let (count, labels): (i64, i64) = (row.get(1), row.get(2));
        let rows = Rows {
            count: u64::try_from(count)?,
            labels: u64::try_from(labels)?,
        };
        counts.insert(row.get(0), rows);
    }
    Ok(counts)
}

// Requests in flight at the end of a run were not answered: their credentials may or may not be
// there.
fn compare(run: &CreateRun, rows: Rows) -> std::result::Result<(), String> {
    let CreateRun { answered, sent, .. } = run;
    let Rows { count, labels } = rows;
    if count != labels {
        return Err(format!("{count} credentials have {labels} labels"));
    }
    if count < *answered {
        return Err(format!(
            "{answered} creates were answered, {count} credentials are there"
        ));
    }
    if count > *sent {
        return Err(format!(
            "{sent} creates were sent, {count} credentials are there"
        ));
    }
    Ok(())
}

// The number of credentials read.
async fn read_back(vault: &Vault, dataset: &Dataset, client: &Client) -> Result<u64> {
    let callers = stream::iter(&dataset.writers)
        .map(|writer| async { crate::Result::Ok((writer.org, writer.caller(vault).await?)) });
    let callers: HashMap<OrgId, Caller> =
        callers.buffer_unordered(CONCURRENCY).try_collect().await?;
    let sql = "select org_id, cred_id from credentials where label like 'r%'";
    let none: [&str; 0] = [];
    let rows = client.query_raw(sql, none).await?;
    let checks = rows.map_err(Into::into).map_ok(|row| {
        let (org, id) = (OrgId(row.get(0)), CredentialId(row.get(1)));
        check_credential(vault, callers.get(&org), id)
    });
    let checks = checks.try_buffer_unordered(CONCURRENCY);
    checks.try_fold(0, async |count, ()| Ok(count + 1)).await
}

async fn check_credential(vault: &Vault, caller: Option<&Caller>, id: CredentialId) -> Result<()> {
    let caller = caller.ok_or_else(|| format!("{id} belongs to an unknown organization"))?;
    let Reveal::Opened(revealed) = vault.reveal_credential(caller, id, None).await? else {
        return Err("a reveal without a condition has no secret".into());
    };
    let label = revealed.info.label.as_str();
    let blob: serde_json::Value = serde_json::from_slice(revealed.blob.expose())?;
    if blob["api_key"] == format!("sk_live_0123456789abcdefghijkl_{label}") {
        Ok(())
    } else {
        Err(format!("the credential {label} has the secret of another").into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::Size;

    #[test]
    fn every_answered_create_must_have_a_credential() {
        let run = CreateRun {
            size: Size::Small,
            answered: 100,
            sent: 164,
        };
        let rows = |count, labels| Rows { count, labels };
        for count in [100, 130, 164] {
            assert_eq!(compare(&run, rows(count, count)), Ok(()));
        }
        assert!(compare(&run, rows(99, 99)).is_err());
        assert!(compare(&run, rows(165, 165)).is_err());
        assert!(compare(&run, rows(101, 100)).is_err());
    }
}
