//! Helpers for the suites of backups.

use std::collections::BTreeMap;
use std::io::{Read, Write};

use age::secrecy::ExposeSecret;
use age::x25519::Identity;
use strongroom_e2e::{Database, Finished, TestVault, run};
use tempfile::TempDir;

/// A recipient, its private key, and a folder for backups.
pub(crate) struct Safe {
    pub(crate) folder: TempDir,
    pub(crate) identity: Identity,
}

impl Safe {
    pub(crate) fn new() -> Self {
        let folder = TempDir::with_prefix("strongroom-safe-").unwrap();
        let identity = Identity::generate();
        let text = identity.to_string();
        std::fs::write(folder.path().join("identity"), text.expose_secret()).unwrap();
        Self { folder, identity }
    }

    pub(crate) fn path(&self, name: &str) -> String {
        self.folder.path().join(name).to_str().unwrap().to_owned()
    }

    /// Backs `vault` up into the file `name`.
    pub(crate) fn back_up(&self, vault: &TestVault, name: &str, more: &[&str]) -> Finished {
        let (file, recipient) = (self.path(name), self.identity.to_public().to_string());
        let mut args = vec!["backup", "--output", &file, "--recipient", &recipient];
        args.extend_from_slice(more);
        vault.run(&args)
    }

    /// Restores the file `name` into `database`, with the root key of `vault`.
    pub(crate) fn restore(
        &self,
        vault: &TestVault,
        database: &Database,
        name: &str,
        more: &[&str],
    ) -> Finished {
        let (file, identity) = (self.path(name), self.path("identity"));
        let mut args = vec!["restore", "--input", &file, "--identity", &identity];
        args.extend_from_slice(more);
        run(
            &args,
            &[
                ("STRONGROOM_DATABASE_URL", &database.superuser_url()),
                ("STRONGROOM_ROOT_KEY_FILE", &vault.root_key_file()),
            ],
        )
    }

    /// The content of the file `name`, decrypted.
    pub(crate) fn decrypted(&self, name: &str) -> String {
        let file = std::fs::File::open(self.path(name)).unwrap();
        let decryptor = age::Decryptor::new(file).unwrap();
        let mut text = String::new();
        let identities = std::iter::once(&self.identity as &dyn age::Identity);
        let mut reader = decryptor.decrypt(identities).unwrap();
        reader.read_to_string(&mut text).unwrap();
        text
    }

    /// Writes `text` into the file `name`, encrypted to the public recipient, which any attacker
    /// can do.
    pub(crate) fn encrypt(&self, name: &str, text: &str) {
        let recipient = self.identity.to_public();
        let recipients = std::iter::once(&recipient as &dyn age::Recipient);
        let encryptor = age::Encryptor::with_recipients(recipients).unwrap();
        let file = std::fs::File::create(self.path(name)).unwrap();
        let mut out = encryptor.wrap_output(file).unwrap();
        out.write_all(text.as_bytes()).unwrap();
        out.finish().unwrap();
    }
}

/// The number of rows of each table, of all organizations.
pub(crate) async fn census(database: &Database) -> BTreeMap<String, i64> {
    let client = database.connect().await;
    let tables = "select tablename::text from pg_tables where schemaname = 'public' \
         and tablename not like 'audit_events_%' order by 1";
    let mut census = BTreeMap::new();
    for row in client.query(tables, &[]).await.unwrap() {
        let table: String = row.get(0);
        let count = format!("select count(*) from {table}");
        let count: i64 = client.query_one(&count, &[]).await.unwrap().get(0);
        census.insert(table, count);
    }
    census
}

/// Checks that the rows and the audit trail of the vault's database verify.
pub(crate) fn verifies(vault: &TestVault) {
    for args in [&["verify"][..], &["audit", "verify"]] {
        let verified = vault.run(args);
        assert!(verified.success, "{}{}", verified.stdout, verified.stderr);
    }
}
