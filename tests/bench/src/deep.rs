//! Pages far into a large organization.

use crate::figures::Rounds;
use crate::load::Load;
use crate::loads::succeeded;
use crate::rounds::Bench;
use crate::server::Server;
use crate::{CREDENTIALS, Result};

/// Credentials of the organization with deep pages.
const DEEP: usize = 1_000_000;

impl Bench<'_> {
    /// Measures the deep page.
    pub(crate) async fn deep(&mut self) -> Result<()> {
        let (org, key) = (self.small.callers[0].org, self.small.callers[0].key.clone());
        let neighbor = self.small.callers[1].clone();
        let client = self.stage.connect("small").await?;
        let fill = "insert into credentials select org_id, lpad(to_hex(n), 32, '0')::uuid, provider, cred_type, \
                    label, 1, key_generation, wrapped_key, sealed_blob, updated_at, null \
                    from (select * from credentials where org_id = $1 limit 1) as one, \
                    generate_series(1::bigint, $2::bigint) as n";
        let rows = i64::try_from(DEEP)?;
        client.execute(fill, &[&org.0, &rows]).await?;
        crate::stage::settle(&client).await?;
        let server = Server::start(&self.stage, "small").await?;
        // Ten pages of 100 in one: as far, and sooner there.
        let http = reqwest::Client::new();
        let mut cursor = String::new();
        for _ in 0..900 {
            let url = format!("{}{CREDENTIALS}?limit=1000&cursor={cursor}", server.url);
            let page = http
                .get(url)
                .header("SlashID-OrgID", org.to_string())
                .header("SlashID-API-Key", &key);
            let page: serde_json::Value = page.send().await?.error_for_status()?.json().await?;
            let next = &page["meta"]["cursor_pagination"]["cursor"];
            next.as_str()
                .ok_or("a page without a cursor")?
                .clone_into(&mut cursor);
        }
        let page = |org: &str, key: &str, cursor: &str| -> Result<f64> {
            let file = self.stage.path("page");
            std::fs::write(
                &file,
                format!("{org} {key} {CREDENTIALS}?limit=100&cursor={cursor}\n"),
            )?;
            let load = Load {
                url: &server.url,
                connections: 1,
                seconds: 2,
                think: 0,
            };
            Ok(succeeded(load.get(&file)?)?.p50)
        };
        let mut rounds = Rounds::default();
        for _ in 0..self.args.rounds {
            let deep = page(&org.to_string(), &key, &cursor)?;
            let first = page(&org.to_string(), &key, "")?;
            let small = page(&neighbor.org.to_string(), &neighbor.key, "")?;
            rounds.ratio(deep, first.min(small));
        }
        self.seen.insert("deep_page", rounds);
        Ok(())
    }
}
