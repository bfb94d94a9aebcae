//! Pages of the console beside the same reads by the API.

use reqwest::Client;
use reqwest::header::{COOKIE, SET_COOKIE};
use reqwest::redirect::Policy;

use crate::bench::Bench;
use crate::dataset::{OrgAccess, Size};
use crate::load::Load;
use crate::server::Server;
use crate::{CREDENTIALS, Result};

/// Organizations, each with a session.
const VISITORS: usize = 16;

/// A page, and the reads by the API that yield what it shows. `{id}` is a credential.
struct Pair {
    figure: &'static str,
    /// Below the path of the organization.
    page: &'static str,
    reads: Vec<String>,
    connections: usize,
}

fn pair(figure: &'static str, page: &'static str, reads: &[&str]) -> Pair {
    let read = |read: &&str| read.replace("{credentials}", CREDENTIALS);
    Pair {
        figure,
        page,
        reads: reads.iter().map(read).collect(),
        connections: 1,
    }
}

fn pairs() -> [Pair; 7] {
    let list = &["{credentials}?limit=40&cursor="];
    let trail = &["/organizations/config/audit-events?limit=40"];
    let credential = &[
        "{credentials}/{id}/versions",
        "{credentials}/{id}/adoption",
        "/organizations/config/audit-events?limit=20&credential_id={id}",
    ];
    let settings = &["/organizations/config", "/organizations/config/rotations"];
    [
        pair("console_overview", "", list),
        pair("console_list", "/credentials", list),
        pair("console_credential", "/credentials/{id}", credential),
        pair("console_audit", "/audit", trail),
        pair("console_keys", "/keys", &["/organizations/api-keys"]),
        pair("console_settings", "/settings", settings),
        Pair {
            connections: VISITORS,
            ..pair("console_list_c16", "/credentials", list)
        },
    ]
}

/// The holder of a key, with a session and a credential.
struct Visitor {
    access: OrgAccess,
    cookie: String,
    id: String,
}

impl Bench<'_> {
    /// The median time of each page beside the sum of those of the same reads by the API.
    pub(crate) async fn console(&mut self) -> Result<()> {
        let (program, database) = (&self.args.program, Size::Small.name());
        let on = [("STRONGROOM_CONSOLE", "true".to_owned())];
        let server = Server::start_with(&self.environment, program, database, &on).await?;
        let client = Client::builder().redirect(Policy::none()).build()?;
        let mut visitors = Vec::new();
        for (access, id) in self.small.one_of_each().into_iter().take(VISITORS) {
            let cookie = sign_in(&client, &server.url, &access).await?;
            visitors.push(Visitor { access, cookie, id });
        }
        for pair in pairs() {
            check(&client, &server.url, &visitors, &pair).await?;
            let page = self.median(&server, &pair, visitors.iter().map(|one| one.page(&pair)))?;
            let mut read_one_by_one = 0.0;
            for read in &pair.reads {
                let requests = visitors.iter().map(|one| one.read(read));
                read_one_by_one += self.median(&server, &pair, requests)?;
            }
            self.rounds_of(pair.figure).ratio(page, read_one_by_one);
        }
        Ok(())
    }

    // In milliseconds.
    fn median(
        &self,
        server: &Server,
        pair: &Pair,
        requests: impl Iterator<Item = String>,
    ) -> Result<f64> {
        let file = self.environment.path("visits");
        std::fs::write(&file, requests.collect::<String>())?;
        let load = Load {
            url: &server.url,
            connections: pair.connections,
            threads: 1,
            seconds: self.args.seconds,
            think: 0,
            gate: self.environment.path("gate"),
        };
        Ok(load.get(&file)?.p50)
    }
}

impl Visitor {
    fn path(&self, pair: &Pair) -> String {
        let path = format!("/console/organizations/{}{}", self.access.org, pair.page);
        path.replace("{id}", &self.id)
    }

    fn page(&self, pair: &Pair) -> String {
        format!("- - {} {}\n", self.path(pair), self.cookie)
    }

    fn read(&self, path: &str) -> String {
        let OrgAccess { org, key } = &self.access;
        format!("{org} {key} {}\n", path.replace("{id}", &self.id))
    }
}

/// Signs in; returns the cookie.
async fn sign_in(client: &Client, url: &str, access: &OrgAccess) -> Result<String> {
    let form = client.post(format!("{url}/console/sign-in"));
    let form = form.header("origin", url);
    let form = form.header("content-type", "application/x-www-form-urlencoded");
    let answer = form.body(format!("secret={}", access.key)).send().await?;
    let cookie = answer.headers().get(SET_COOKIE);
    let cookie = cookie.and_then(|cookie| cookie.to_str().ok()?.split(';').next());
    Ok(cookie.ok_or("no session began")?.to_owned())
}

// A page that leads to the form for signing in would count as an answer.
async fn check(client: &Client, url: &str, visitors: &[Visitor], pair: &Pair) -> Result<()> {
    for visitor in visitors {
        let page = client.get(format!("{url}{}", visitor.path(pair)));
        let status = page.header(COOKIE, &visitor.cookie).send().await?.status();
        if status != 200 {
            return Err(format!("{} was answered with {status}", visitor.path(pair)).into());
        }
    }
    Ok(())
}
