use std::time::Duration;

use strongroom_domain::caller::{Caller, Role};
use strongroom_storage::{
    Database, DatabaseSettings, DatabaseUrl, ensure_database, grant_app_role, migrate,
};

use super::cluster::PrivateCluster;
use super::folder::{Demo, DevFolder};
use crate::commands::root_key;
use crate::config::{RootKeyConfig, VaultAccess};
use crate::error::CommandError;
use crate::vault_access;

/// The database within the private PostgreSQL.
pub(super) const DATABASE: &str = "strongroom";
const APP_ROLE: &str = "strongroom_app";
const ORGANIZATION: &str = "demo";

/// An instance that a server can be started on.
pub(super) struct Prepared {
    pub(super) access: VaultAccess,
    pub(super) demo: Demo,
}

/// Makes what is not there yet: database, tables, application role, root key, organisation, API keys. Every
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
    let access = VaultAccess {
        database: settings(&app_url)?,
        root_keys: RootKeyConfig::of_file(&folder.root_key()),
    };
    let demo = match memory.demo.clone() {
        Some(demo) => demo,
        None => {
            let demo = make_demo(&access).await?;
            memory.demo = Some(demo.clone());
            folder.keep(&memory)?;
            demo
        }
    };
    Ok(Prepared { access, demo })
}

async fn make_demo(access: &VaultAccess) -> Result<Demo, CommandError> {
    let vault = vault_access::open(access).await?;
    // An interrupted start may have got as far as the organisation.
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
    let url = DatabaseUrl::parse(url).map_err(|error| CommandError::Failed(error.to_string()))?;
    Ok(DatabaseSettings {
        url,
        pool_size: 16,
        connect_timeout: Duration::from_secs(3),
        statement_timeout: Duration::from_secs(8),
    })
}
