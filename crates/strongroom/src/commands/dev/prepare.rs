use std::path::{Path, PathBuf};

use strongroom_domain::caller::{Caller, Role};
use strongroom_storage::migrate;
use strongroom_storage::{
    Database, DatabaseSettings, DatabaseUrl, ensure_database, grant_app_role,
};

use super::cluster::{PrivateCluster, url};
use super::folder::{Demo, DevFolder};
use crate::commands::root_key;
use crate::error::CommandError;
use crate::settings::access::{VaultAccess, default_database};
use crate::settings::root_key::RootKeyConfig;
use crate::vault_access;

/// The database within the private PostgreSQL.
pub(super) const DATABASE: &str = "strongroom";
const APP_ROLE: &str = "strongroom_app";
const ORGANIZATION: &str = "demo";

/// An instance that servers can be started on.
pub(super) struct Prepared {
    pub(super) demo: Demo,
    app_password: String,
    app_url: String,
    root_key: PathBuf,
}

impl Prepared {
    /// What a server needs to open the vault.
    pub(super) fn access(&self) -> Result<VaultAccess, CommandError> {
        access(&self.app_url, &self.root_key)
    }

    /// Where the application role connects to the standby on `port`.
    pub(super) fn standby(&self, port: u16) -> Result<DatabaseUrl, CommandError> {
        parsed(&url(APP_ROLE, &self.app_password, port, DATABASE))
    }
}

/// Makes what is not there yet: database, tables, application role, root key, organization, API keys. Every
/// step can be interrupted and is then done, or done again, at the next start.
pub(super) async fn prepare(
    folder: &DevFolder,
    cluster: &PrivateCluster,
) -> Result<Prepared, CommandError> {
    let mut memory = folder.remember()?;
    let server = Database::new(&settings(&cluster.superuser_url("postgres"))?)?;
    ensure_database(&server, DATABASE).await?;
    let owner = Database::new(&settings(&cluster.superuser_url(DATABASE))?)?;
    migrate(&owner).await?;
    grant_app_role(&owner, APP_ROLE, Some(&memory.app_password)).await?;
    if !folder.root_key().exists() {
        root_key::create(&folder.root_key())?;
    }
    let app_url = cluster.url(APP_ROLE, &memory.app_password, DATABASE);
    let demo = match memory.demo.clone() {
        Some(demo) => demo,
        None => {
            let demo = make_demo(&access(&app_url, &folder.root_key())?).await?;
            memory.demo = Some(demo.clone());
            folder.keep(&memory)?;
            demo
        }
    };
    Ok(Prepared {
        demo,
        app_password: memory.app_password,
        app_url,
        root_key: folder.root_key(),
    })
}

fn access(app_url: &str, root_key: &Path) -> Result<VaultAccess, CommandError> {
    Ok(VaultAccess {
        database: settings(app_url)?,
        root_keys: RootKeyConfig::of_file(root_key),
    })
}

async fn make_demo(access: &VaultAccess) -> Result<Demo, CommandError> {
    let vault = vault_access::open(access).await?;
    // An interrupted start may have got as far as the organization.
    let existing = vault.organizations().await?.into_iter().next();
    let organization = match existing {
        Some(organization) => organization,
        None => {
            let request = vault_access::command_line();
            vault.create_organization(ORGANIZATION, request).await?
        }
    };
    let caller = Caller::operator(organization.id, vault_access::command_line());
    let admin = vault
        .create_api_key(&caller, Role::Admin, "dev admin", None)
        .await?;
    let member = vault
        .create_api_key(&caller, Role::Member, "dev member", None)
        .await?;
    Ok(Demo {
        org_id: organization.id.to_string(),
        admin_api_key: admin.text.expose().to_owned(),
        member_api_key: member.text.expose().to_owned(),
    })
}

fn settings(url: &str) -> Result<DatabaseSettings, CommandError> {
    Ok(default_database(parsed(url)?)?)
}

fn parsed(url: &str) -> Result<DatabaseUrl, CommandError> {
    DatabaseUrl::parse(url).map_err(|error| CommandError::Failed(error.to_string()))
}
