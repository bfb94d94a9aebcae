use serde_json::Value;

use crate::api::Api;
use crate::command::Finished;
use crate::deployment::Deployment;
use crate::organizations;
use crate::vault::TestVault;

/// An organization with two API keys, for tests that need the API alone. When the tests run through
/// a deployment, its servers answer in turn; otherwise the server of a [`TestVault`] does.
pub struct TestApi {
    /// The organization's admin.
    pub admin: Api,
    /// The organization's member, as a caller of the same server.
    pub member: Api,
    home: Home,
}

enum Home {
    Own(Box<TestVault>),
    Given(Deployment),
}

/// All operations of the document are served.
const RELAY: (&str, &str) = ("STRONGROOM_RELAY", "true");

impl TestApi {
    /// A new organization on a server that is ready.
    pub async fn start() -> Self {
        let home = match Deployment::given() {
            Some(deployment) => Home::Given(deployment),
            None => Home::Own(Box::new(TestVault::start_with(&[RELAY]).await)),
        };
        let (admin, member) = home.new_organization("test");
        Self {
            admin,
            member,
            home,
        }
    }

    /// Creates an organization; returns its admin and its member.
    #[must_use]
    pub fn new_organization(&self, name: &str) -> (Api, Api) {
        self.home.new_organization(name)
    }

    /// An admin of the first organization that acts in all its descendants.
    #[must_use]
    pub fn root(&self) -> Api {
        organizations::root(|args| self.home.run(args), &self.admin.url, &self.admin.org)
    }

    /// The API keys of `org`, as `strongroom key list` prints them.
    #[must_use]
    pub fn keys(&self, org: &str) -> Vec<Value> {
        organizations::keys(|args| self.home.run(args), org)
    }

    /// Revokes the API key `key_id` of `org`.
    pub fn revoke(&self, org: &str, key_id: &str) {
        organizations::revoke(|args| self.home.run(args), org, key_id);
    }
}

impl Home {
    fn run(&self, args: &[&str]) -> Finished {
        match self {
            Self::Own(vault) => vault.run(args),
            Self::Given(deployment) => deployment.run(args),
        }
    }

    fn new_organization(&self, name: &str) -> (Api, Api) {
        let url = match self {
            Self::Own(vault) => vault.server.url(),
            Self::Given(deployment) => deployment.next_url(),
        };
        organizations::create(|args| self.run(args), &url, name)
    }
}
