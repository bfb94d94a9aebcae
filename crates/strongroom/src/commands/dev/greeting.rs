use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::cluster::PrivateCluster;
use super::folder::{Demo, DevFolder};
use super::prepare::DATABASE;

const PATH: &str = "/organizations/config/external-credentials";

/// All that a program needs to use a development instance.
#[derive(Serialize)]
pub(super) struct Instance {
    url: String,
    org_id: String,
    admin_api_key: String,
    member_api_key: String,
    database_url: String,
    root_key_file: PathBuf,
}

impl Instance {
    pub(super) fn new(
        address: SocketAddr,
        folder: &DevFolder,
        cluster: &PrivateCluster,
        demo: &Demo,
    ) -> Self {
        Self {
            url: format!("http://{address}"),
            org_id: demo.org_id.clone(),
            admin_api_key: demo.admin_api_key.clone(),
            member_api_key: demo.member_api_key.clone(),
            database_url: cluster.superuser_url(DATABASE),
            root_key_file: folder.root_key(),
        }
    }

    /// What is running where, and requests to paste.
    pub(super) fn greeting(&self, folder: &Path) -> String {
        let Self {
            url,
            org_id,
            admin_api_key,
            member_api_key,
            database_url,
            ..
        } = self;
        let list = format!("{url}{PATH}");
        let headers = format!("-H 'SlashID-OrgID: {org_id}' -H 'SlashID-API-Key: {admin_api_key}'");
        let body = r#"{"extcred_provider":"generic","extcred_type":"api_key","extcred_label":"first","json_blob":{"api_key":"s3cr3t"}}"#;
        let take_id = r#"sed 's/.*"result":\["\([^"]*\)".*/\1/'"#;
        format!(
            "Strongroom is running.

  API            {url}
  organisation   {org_id}
  admin key      {admin_api_key}
  member key     {member_api_key}
  PostgreSQL     {database_url}
  kept in        {}

Create a credential, list what is there, and read the new one back:

ANSWER=$(curl -sS -X POST '{list}' {headers} -H 'Content-Type: application/json' -d '{body}'); echo \"$ANSWER\"; ID=$(echo \"$ANSWER\" | {take_id})
curl -sS '{list}' {headers}; echo
curl -sS \"{list}/$ID\" {headers}; echo

Ctrl-C stops everything; the next start finds it as it was.",
            folder.display()
        )
    }
}
