//! Pages far into a large organization.

use crate::bench::Bench;
use crate::dataset::{OrgAccess, Size};
use crate::environment::settle;
use crate::figures::Rounds;
use crate::load::Load;
use crate::server::Server;
use crate::{CREDENTIALS, Result};

/// Credentials of the organization with deep pages.
const DEEP: i64 = 1_000_000;

impl Bench<'_> {
    /// Measures the deep page.
    pub(crate) async fn deep(&mut self) -> Result<()> {
        let [large, small] = [0, 1].map(|at| self.small.readers[at].clone());
        self.fill(&large).await?;
        let server = self.server(Size::Small).await?;
        let cursor = deep_cursor(&server, &large).await?;
        let mut rounds = Rounds::default();
        for _ in 0..self.args.rounds {
            let deep = self.page(&server, &large, &cursor)?;
            let first = self.page(&server, &large, "")?;
            let small = self.page(&server, &small, "")?;
            rounds.ratio(deep, first.min(small));
        }
        self.rounds.insert("deep_page", rounds);
        Ok(())
    }

    // Copies one credential of the organization.
    async fn fill(&self, access: &OrgAccess) -> Result<()> {
        let client = self.environment.connect(Size::Small.name()).await?;
        let sql = "insert into credentials select org_id, lpad(to_hex(n), 32, '0')::uuid, \
             provider, cred_type, label, 1, key_generation, wrapped_key, sealed_blob, updated_at, \
             null from (select * from credentials where org_id = $1 limit 1) as one, \
             generate_series(1::bigint, $2::bigint) as n";
        client.execute(sql, &[&access.org.0, &DEEP]).await?;
        settle(&client).await
    }

    // The median latency of a page of 100, in milliseconds.
    fn page(&self, server: &Server, access: &OrgAccess, cursor: &str) -> Result<f64> {
        let OrgAccess { org, key } = access;
        let file = self.environment.path("page");
        let request = format!("{org} {key} {CREDENTIALS}?limit=100&cursor={cursor}\n");
        std::fs::write(&file, request)?;
        let load = Load {
            url: &server.url,
            connections: 1,
            threads: 1,
            seconds: 2,
            think: 0,
            gate: self.environment.path("gate"),
        };
        Ok(load.get(&file)?.p50)
    }
}

// The cursor of page 9,000: 900 pages of 1,000 are as far as 9,000 of 100.
async fn deep_cursor(server: &Server, access: &OrgAccess) -> Result<String> {
    let http = reqwest::Client::new();
    let mut cursor = String::new();
    for _ in 0..900 {
        let url = format!("{}{CREDENTIALS}?limit=1000&cursor={cursor}", server.url);
        let page = http
            .get(url)
            .header("SlashID-OrgID", access.org.to_string())
            .header("SlashID-API-Key", &access.key);
        let page: serde_json::Value = page.send().await?.error_for_status()?.json().await?;
        let next = &page["meta"]["cursor_pagination"]["cursor"];
        let next = next.as_str().ok_or("a page without a cursor")?;
        next.clone_into(&mut cursor);
    }
    Ok(cursor)
}
