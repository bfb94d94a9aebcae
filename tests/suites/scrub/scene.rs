use serde_json::{Value, json};
use strongroom_e2e::TestVault;
use tokio_postgres::Client;

/// A vault with a credential under attack, one beside it, and one of another organization. The
/// tables `old_…` and `kept_…` contain the rows before and after a change of the first one.
pub(super) struct Scene {
    pub(super) vault: TestVault,
    database: Client,
    pub(super) other_org: String,
    pub(super) target: String,
    neighbor: String,
    foreign: String,
}

impl Scene {
    pub(super) async fn set(vault: TestVault) -> Self {
        let (other, _) = vault.new_organization("other");
        let target = vault.admin.create("first secret of the target").await;
        let neighbor = vault.admin.create("secret of the neighbor").await;
        let foreign = other.create("secret of another organization").await;
        let database = vault.database.connect().await;
        keep(&database, "old").await;
        let change = json!({"json_blob": {"api_key": "second secret of the target"}});
        assert_eq!(vault.admin.patch(&target, &change).await.status(), 204);
        keep(&database, "kept").await;
        Self {
            vault,
            database,
            other_org: other.org,
            target,
            neighbor,
            foreign,
        }
    }

    /// Executes `sql` as the attacker, with ids instead of :target, :neighbor, :foreign and :org.
    pub(super) async fn attack(&self, sql: &str) {
        let quoted = |id: &str| format!("'{id}'");
        let sql = sql
            .replace(":target", &quoted(&self.target))
            .replace(":neighbor", &quoted(&self.neighbor))
            .replace(":foreign", &quoted(&self.foreign))
            .replace(":org", &quoted(&self.vault.admin.org));
        self.database.batch_execute(&sql).await.expect(&sql);
    }

    /// Restores all rows.
    pub(super) async fn undo(&self) {
        let sql = "delete from credentials; \
             insert into credentials select * from kept_credentials; \
             delete from org_keys; insert into org_keys select * from kept_org_keys";
        self.database.batch_execute(sql).await.unwrap();
    }

    /// The findings of `strongroom verify` as (subject, problem), in order.
    pub(super) fn findings(&self) -> Vec<(String, String)> {
        let done = self.vault.run(&["verify", "--json"]);
        let value: Value = serde_json::from_str(&done.stdout).expect(&done.stderr);
        let findings = value["findings"].as_array().unwrap();
        assert_eq!(done.success, findings.is_empty());
        assert_eq!(value["findings_total"], findings.len());
        assert_no_secret(&done.stdout);
        assert_no_secret(&done.stderr);
        findings.iter().map(|finding| self.named(finding)).collect()
    }

    fn named(&self, finding: &Value) -> (String, String) {
        let org = finding["org_id"].as_str().unwrap();
        let about = match finding["external_cred_id"].as_str() {
            None => "keys",
            Some(id) if id == self.target => "target",
            Some(id) if id == self.neighbor => "neighbor",
            Some(id) if id == self.foreign => "foreign",
            Some(id) => id,
        };
        let foreign = org == self.other_org;
        assert!(foreign || org == self.vault.admin.org);
        assert_eq!(about == "foreign", foreign);
        let problem = finding["problem"].as_str().unwrap();
        (about.to_owned(), problem.to_owned())
    }

    /// Checks that the API returns an error, or a secret that was sealed for the credential.
    pub(super) async fn reads_right_or_not_at_all(&self, case: &str) {
        for (id, own) in [
            (&self.target, "of the target"),
            (&self.neighbor, "of the neighbor"),
        ] {
            let answer = self.vault.admin.reveal(id).await;
            let status = answer.status().as_u16();
            let body: Value = answer.json().await.unwrap();
            match status {
                200 => {
                    let secret = body["result"]["json_blob"]["api_key"].as_str().unwrap();
                    assert!(secret.contains(own), "{case}: {secret}");
                }
                404 | 500 => assert!(body.get("result").is_none(), "{case}"),
                other => panic!("{case}: {other}"),
            }
        }
    }
}

async fn keep(database: &Client, name: &str) {
    let sql = format!(
        "create table {name}_credentials as table credentials; \
         create table {name}_org_keys as table org_keys; \
         alter table {name}_credentials enable row level security; \
         alter table {name}_credentials force row level security; \
         alter table {name}_org_keys enable row level security; \
         alter table {name}_org_keys force row level security"
    );
    database.batch_execute(&sql).await.unwrap();
}

fn assert_no_secret(text: &str) {
    assert!(!text.contains("secret of"), "{text}");
}
