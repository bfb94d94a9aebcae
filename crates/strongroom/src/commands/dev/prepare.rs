use std::path::{Path, PathBuf};

use strongroom_domain::NewApiKey;
use strongroom_domain::api_key::limits::{KeyLimits, OrganizationReach};
use strongroom_domain::permission::Role;
use strongroom_domain::replication::Level;
use strongroom_storage::{
    Database, DatabaseSettings, DatabaseUrl, ensure_database, grant_app_role, migrate,
};

use super::cluster::{PrivateCluster, url};
use super::folder::{Demo, DevFolder};
use crate::commands::root_key;
use crate::error::CommandError;
use crate::settings::access::{VaultAccess, default_database};
use crate::settings::root_key::RootKeyConfig;
use crate::{callers, open_vault};

/// The name of the database in the private PostgreSQL.
pub(super) const DATABASE: &str = "strongroom";
const APP_ROLE: &str = "strongroom_app";
const ORGANIZATION: &str = "demo";

/// What servers need to start on the instance.
pub(super) struct Prepared {
    pub(super) demo: Demo,
    app_password: String,
    app_url: String,
    root_key: PathBuf,
}

impl Prepared {
    /// The database and root key, as a server opens the vault.
    pub(super) fn access(&self) -> Result<VaultAccess, CommandError> {
        access(&self.app_url, &self.root_key)
    }

    /// The application role's URL for the standby on `port`.
    pub(super) fn standby(&self, port: u16) -> Result<DatabaseUrl, CommandError> {
        parsed(&url(APP_ROLE, &self.app_password, port, DATABASE))
    }
}

/// Creates what does not exist yet: database, tables, application role, root key, organization, API
/// keys. After an interruption, the next start completes or repeats the step.
pub(super) async fn prepare(
    folder: &DevFolder,
    cluster: &PrivateCluster,
) -> Result<Prepared, CommandError> {
    let mut memory = folder.load()?;
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
            let demo = create_demo(&access(&app_url, &folder.root_key())?).await?;
            memory.demo = Some(demo.clone());
            folder.store(&memory)?;
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
        url_file: None,
        database: settings(app_url)?,
        root_keys: RootKeyConfig::of_file(root_key),
    })
}

// Only the first start needs this: it opens the vault as a command does, because servers are
// started with the organization's id.
async fn create_demo(access: &VaultAccess) -> Result<Demo, CommandError> {
    let vault = open_vault::with_access(access).await?;
    // An interrupted start may have created the organization.
    let existing = vault.organizations().await?.into_iter().next();
    let organization = match existing {
        Some(organization) => organization,
        None => {
            let request = callers::command_line();
            vault.create_organization(ORGANIZATION, request).await?
        }
    };
    let caller = callers::operator_of(organization.id);
    let key = |name: &str, limits| NewApiKey {
        name: name.to_owned(),
        limits,
        expires_at: None,
    };
    let limits = KeyLimits {
        organizations: OrganizationReach::Descendants,
        ..KeyLimits::of_role(Role::Admin)
    };
    let admin = key("dev admin", limits);
    let admin = vault.create_api_key(&caller, admin, Level::LocalRegion);
    let admin = admin.await?.without_waiting();
    let member = key("dev member", KeyLimits::of_role(Role::Member));
    let member = vault.create_api_key(&caller, member, Level::LocalRegion);
    let member = member.await?.without_waiting();
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
