//! Relays beside reveals, and the memory of open streams.

use std::path::Path;
use std::time::Duration;

use futures_util::{StreamExt, TryStreamExt, stream};
use reqwest::{Client, Response};

use crate::bench::Bench;
use crate::dataset::{OrgAccess, Size};
use crate::load::{Load, LoadResult};
use crate::loads::CONNECTIONS;
use crate::outside::{Outside, STREAM};
use crate::rounds::REVEAL;
use crate::server::Server;
use crate::{CREDENTIALS, Result};

/// Open streams.
const STREAMS: usize = 1000;
/// How long all of them are open before the memory is read.
const OPEN: Duration = Duration::from_secs(10);
/// Requests at a time that prepare a measurement.
const CONCURRENCY: usize = 64;

impl Bench<'_> {
    /// The rate of relays beside that of reveals, and the time that a relay adds to a request to
    /// the upstream beside the time of a reveal.
    pub(crate) async fn relay(&mut self, outside: &Outside) -> Result<()> {
        let (server, file) = self.relaying(outside).await?;
        let direct = outside.url();
        let relayed = self.get(&server.url, &file, CONNECTIONS)?;
        let revealed = self.run(&server, REVEAL)?;
        let figure = self.rounds_of("relay_c64");
        figure.ratio(relayed.rate, revealed.rate);
        let relayed = self.get(&server.url, &file, 1)?;
        let upstream = self.get(&direct, &file, 1)?;
        let revealed = self.run(&server, REVEAL.connections(1))?;
        let figure = self.rounds_of("relay_c1_p50");
        figure.ratio(relayed.p50 - upstream.p50, revealed.p50);
        Ok(())
    }

    /// The memory of a server with many open streams.
    pub(crate) async fn relay_memory(&mut self, outside: &Outside) -> Result<()> {
        let (server, _) = self.relaying(outside).await?;
        let client = Client::new();
        let targets = self.small.one_of_each();
        let targets = targets.iter().cycle().take(STREAMS);
        let opened = targets.map(|(access, id)| open(&client, &server.url, access, id));
        let opened: Vec<_> = stream::iter(opened.collect::<Vec<_>>())
            .buffered(CONCURRENCY)
            .try_collect()
            .await?;
        let reading = opened.into_iter().map(|answer| tokio::spawn(drain(answer)));
        let reading: Vec<_> = reading.collect();
        tokio::time::sleep(OPEN).await;
        let memory = server.memory()? / (1024.0 * 1024.0);
        if reading.iter().any(tokio::task::JoinHandle::is_finished) {
            return Err("a stream ended".into());
        }
        reading.iter().for_each(tokio::task::JoinHandle::abort);
        self.rounds_of("relay_memory").values.push(memory);
        Ok(())
    }

    /// A server that relays, and the file of requests for it: one credential of each organization.
    async fn relaying(&self, outside: &Outside) -> Result<(Server, std::path::PathBuf)> {
        let (program, database) = (&self.args.program, Size::Small.name());
        let variables = outside.variables();
        let server = Server::start_with(&self.environment, program, database, &variables).await?;
        let (client, policy) = (Client::new(), outside.policy().to_string());
        let targets = self.small.one_of_each();
        for (access, id) in &targets {
            let url = format!("{}{CREDENTIALS}/{id}/relay-policy", server.url);
            let request = client.put(url).header("content-type", "application/json");
            let answer = with_key(request, access)
                .body(policy.clone())
                .send()
                .await?;
            answer.error_for_status()?;
        }
        let line = |(access, id): &(OrgAccess, String)| {
            let OrgAccess { org, key } = access;
            format!("{org} {key} {CREDENTIALS}/{id}/relay/-/v1/things\n")
        };
        let lines: Vec<_> = targets.iter().map(line).collect();
        let file = self.environment.path("relays");
        std::fs::write(&file, lines.concat())?;
        Ok((server, file))
    }

    fn get(&self, url: &str, file: &Path, connections: usize) -> Result<LoadResult> {
        let load = Load {
            url,
            connections,
            threads: self.threads.of(REVEAL, connections),
            seconds: self.args.seconds,
            think: 0,
            gate: self.environment.path("gate"),
        };
        load.get(file)
    }
}

/// An answer that has begun.
async fn open(client: &Client, url: &str, access: &OrgAccess, id: &str) -> Result<Response> {
    let request = client.get(format!("{url}{CREDENTIALS}/{id}/relay/-{STREAM}"));
    let answer = with_key(request, access).send().await?.error_for_status()?;
    Ok(answer)
}

fn with_key(request: reqwest::RequestBuilder, access: &OrgAccess) -> reqwest::RequestBuilder {
    let request = request.header("SlashID-OrgID", access.org.to_string());
    request.header("SlashID-API-Key", &access.key)
}

async fn drain(mut answer: Response) {
    while let Ok(Some(_)) = answer.chunk().await {}
}
