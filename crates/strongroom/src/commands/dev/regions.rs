use std::io::ErrorKind;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};

use strongroom_pgdev::{Cluster, ClusterConfig, PgError, StandbyConfig, Unusable, remove_standby};
use tokio::sync::oneshot;

use super::cluster::{PrivateCluster, settings};
use super::folder::{DevFolder, RegionMemory};
use super::supervised::Supervised;
use crate::error::CommandError;

/// A region: a standby, and where its server shall listen.
pub(super) struct Region {
    pub(super) name: String,
    pub(super) standby: Supervised,
    pub(super) listen: SocketAddr,
}

type Started = (Cluster, Option<Unusable>);

/// Starts `count` standbys of `primary` and removes those of an earlier start that are too many. Each one is there
/// when it follows the primary.
pub(super) async fn start(
    folder: &DevFolder,
    primary: &PrivateCluster,
    count: u8,
) -> Result<Vec<Region>, CommandError> {
    let names: Vec<String> = (1..=count)
        .map(|number| format!("region-{number}"))
        .collect();
    drop_others(folder, primary, &names)?;
    if names.is_empty() {
        return Ok(Vec::new());
    }
    let memories = remembered(folder, &names)?;
    let follow = primary.as_primary()?;
    let mut starting = Vec::new();
    for memory in &memories {
        let config = StandbyConfig {
            name: memory.name.clone(),
            server: ClusterConfig {
                data: folder.standby(&memory.name),
                log: log(&folder.standby(&memory.name)),
                superuser_password: primary.superuser_password().to_owned(),
                port: memory.port,
                settings: settings(),
            },
            primary: follow.clone(),
        };
        let started = start_in_a_thread(primary, config.clone())?;
        starting.push((memory.listen, config, started));
    }
    let mut regions = Vec::new();
    for (listen, config, started) in starting {
        let gone = |_| CommandError::Failed("a standby's start was given up".into());
        let (cluster, unusable) = started.await.map_err(gone)??;
        if let Some(why) = unusable {
            tracing::warn!(region = config.name, "standby made anew: {why}");
        }
        regions.push(supervise(primary, config, cluster, listen));
    }
    keep(folder, &regions)?;
    Ok(regions)
}

/// Remembers where the regions' servers listen.
pub(super) fn keep(folder: &DevFolder, regions: &[Region]) -> Result<(), CommandError> {
    let mut memory = folder.remember()?;
    memory.regions = regions
        .iter()
        .map(|region| RegionMemory {
            name: region.name.clone(),
            port: Some(region.standby.port()),
            listen: Some(region.listen.port()),
        })
        .collect();
    folder.keep(&memory)
}

// Before anything is made, so that also what an interrupted start leaves is known to the next.
fn remembered(folder: &DevFolder, names: &[String]) -> Result<Vec<RegionMemory>, CommandError> {
    let mut memory = folder.remember()?;
    let known = |name: &String| memory.regions.iter().find(|region| region.name == *name);
    memory.regions = names
        .iter()
        .map(|name| {
            known(name).cloned().unwrap_or_else(|| RegionMemory {
                name: name.clone(),
                port: None,
                listen: None,
            })
        })
        .collect();
    folder.keep(&memory)?;
    Ok(memory.regions)
}

// Not one of the runtime's, which would be waited for when we are told to stop meanwhile. What it has started
// ends with us.
fn start_in_a_thread(
    primary: &PrivateCluster,
    config: StandbyConfig,
) -> Result<oneshot::Receiver<Result<Started, PgError>>, CommandError> {
    if !config.server.data.exists() {
        tracing::info!(region = config.name, folder = %config.server.data.display(), "making a standby");
    }
    let (tell, started) = oneshot::channel();
    let binaries = primary.binaries().clone();
    std::thread::Builder::new()
        .name(config.name.clone())
        .spawn(move || {
            // Nobody waits for it any more when we are told to stop.
            let _ = tell.send(Cluster::start_following(&binaries, config));
        })
        .map_err(|error| CommandError::io("cannot start a thread", &error))?;
    Ok(started)
}

fn supervise(
    primary: &PrivateCluster,
    mut config: StandbyConfig,
    cluster: Cluster,
    listen: Option<u16>,
) -> Region {
    config.server.port = Some(cluster.port());
    let name = config.name.clone();
    let binaries = primary.binaries().clone();
    let what = format!("PostgreSQL of {name}");
    Region {
        name,
        standby: Supervised::new(what, cluster, move || {
            Cluster::start_standby(&binaries, config.clone())
        }),
        listen: SocketAddr::from((Ipv4Addr::LOCALHOST, listen.map_or(0, free_or_any))),
    }
}

fn free_or_any(port: u16) -> u16 {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).map_or(0, |_| port)
}

fn drop_others(
    folder: &DevFolder,
    primary: &PrivateCluster,
    names: &[String],
) -> Result<(), CommandError> {
    let mut memory = folder.remember()?;
    let (kept, others) = memory
        .regions
        .into_iter()
        .partition(|region| names.contains(&region.name));
    memory.regions = kept;
    let others: Vec<RegionMemory> = others;
    if others.is_empty() {
        return Ok(());
    }
    for RegionMemory { name, .. } in &others {
        tracing::warn!(
            region = name,
            "removing the standby and its replication slot: the region is no longer asked for"
        );
        let data = folder.standby(name);
        remove_standby(&data)?;
        primary
            .server()
            .with(|cluster| cluster.forget_standby(name))?;
        remove_file(&log(&data))?;
        remove_file(&data.with_extension("lock"))?;
    }
    folder.keep(&memory)
}

fn remove_file(path: &Path) -> Result<(), CommandError> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            let what = format!("cannot remove {}", path.display());
            Err(CommandError::io(&what, &error))
        }
        _ => Ok(()),
    }
}

fn log(data: &Path) -> PathBuf {
    data.with_extension("log")
}
