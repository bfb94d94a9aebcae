use std::fmt::Write;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::cluster::PrivateCluster;
use super::folder::{Demo, DevFolder};
use super::prepare::DATABASE;
use super::regions::Region;
use super::servers::Servers;

const BODY: &str = concat!(
    r#"{"extcred_provider":"generic","extcred_type":"api_key","extcred_label":"first","#,
    r#""json_blob":{"api_key":"s3cr3t"}}"#
);
const PATH: &str = "/organizations/config/external-credentials";

/// Everything that a program needs to use a development instance.
#[derive(Serialize)]
pub(super) struct Instance {
    url: String,
    console_url: String,
    org_id: String,
    admin_api_key: String,
    member_api_key: String,
    database_url: String,
    root_key_file: PathBuf,
    regions: Vec<InRegion>,
}

/// The server and the standby of a region.
#[derive(Serialize)]
struct InRegion {
    name: String,
    url: String,
    database_url: String,
}

impl Instance {
    pub(super) fn new(
        servers: &Servers,
        folder: &DevFolder,
        cluster: &PrivateCluster,
        demo: &Demo,
        regions: &[Region],
    ) -> Self {
        let in_region = |region: &Region| InRegion {
            name: region.name.clone(),
            url: format!("http://{}", region.listen),
            database_url: cluster.superuser_url_at(region.standby.port(), DATABASE),
        };
        Self {
            url: format!("http://{}", servers.address()),
            console_url: format!("http://{}/console", servers.address()),
            org_id: demo.org_id.clone(),
            admin_api_key: demo.admin_api_key.clone(),
            member_api_key: demo.member_api_key.clone(),
            database_url: cluster.superuser_url(DATABASE),
            root_key_file: folder.root_key(),
            regions: regions.iter().map(in_region).collect(),
        }
    }

    /// The addresses and keys, and requests to paste into a shell.
    pub(super) fn greeting(&self, folder: &Path) -> String {
        let Self {
            url,
            console_url,
            org_id,
            admin_api_key,
            member_api_key,
            database_url,
            ..
        } = self;
        let list = format!("{url}{PATH}");
        let headers = format!("-H 'SlashID-OrgID: {org_id}' -H 'SlashID-API-Key: {admin_api_key}'");
        let create = format!(
            "curl -sS -X POST '{list}' {headers} -H 'Content-Type: application/json' -d '{BODY}'"
        );
        let take_id = r#"sed 's/.*"result":\["\([^"]*\)".*/\1/'"#;
        let (regions, in_all_regions) = (self.regions(), self.all_regions_request(&create));
        format!(
            "Strongroom is running.

  API            {url}
  console        {console_url} (sign in with a key)
  organization   {org_id}
  admin key      {admin_api_key}
  member key     {member_api_key}
  PostgreSQL     {database_url}
  kept in        {}
{regions}
Create a credential, list all credentials, and reveal the new one:

ANSWER=$({create}); echo \"$ANSWER\"; ID=$(echo \"$ANSWER\" | {take_id})
curl -sS '{list}' {headers}; echo
curl -sS \"{list}/$ID\" {headers}; echo
{in_all_regions}
Ctrl-C stops everything; the next start continues with the same data.",
            folder.display()
        )
    }

    fn regions(&self) -> String {
        let mut text = String::new();
        for region in &self.regions {
            let InRegion {
                name,
                url,
                database_url,
            } = region;
            // Writing to a string cannot fail.
            let _ = writeln!(text, "  {name:<14} {url}, standby {database_url}");
        }
        text
    }

    fn all_regions_request(&self, create: &str) -> String {
        if self.regions.is_empty() {
            return String::new();
        }
        format!(
            "
Create a credential, and wait until every region has it:

{create} -H 'SlashID-Required-Consistency: all_regions'; echo
"
        )
    }
}
