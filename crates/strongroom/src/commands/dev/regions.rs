use std::io::ErrorKind;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};

use strongroom_pgdev::{Cluster, ClusterConfig, PgError, StandbyConfig, Unusable, remove_standby};
use tokio::sync::oneshot;

use super::cluster::{PrivateCluster, settings};
use super::folder::{DevFolder, RegionMemory};
use super::supervised::Supervised;
use crate::error::CommandError;

/// A region: a standby, and the address of its server.
pub(super) struct Region {
    pub(super) name: String,
    pub(super) standby: Supervised,
    pub(super) listen: SocketAddr,
}

type Started = (Cluster, Option<Unusable>);

/// Starts `count` standbys of `primary`, and removes further ones of an earlier start. Completes
/// when all standbys follow the primary.
pub(super) async fn start(
    folder: &DevFolder,
    primary: &PrivateCluster,
    count: u8,
) -> Result<Vec<Region>, CommandError> {
    let names: Vec<String> = (1..=count)
        .map(|number| format!("region-{number}"))
        .collect();
    remove_others(folder, primary, &names)?;
    if names.is_empty() {
        return Ok(Vec::new());
    }
    let memories = remember_names(folder, &names)?;
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
        let gone = |_| CommandError::Failed("the start of a standby was canceled".into());
        let (cluster, unusable) = started.await.map_err(gone)??;
        if let Some(why) = unusable {
            tracing::warn!(region = config.name, "standby rebuilt: {why}");
        }
        regions.push(supervise(primary, config, cluster, listen));
    }
    remember(folder, &regions)?;
    Ok(regions)
}

/// Stores the regions' ports for the next start.
pub(super) fn remember(folder: &DevFolder, regions: &[Region]) -> Result<(), CommandError> {
    let mut memory = folder.load()?;
    memory.regions = regions
        .iter()
        .map(|region| RegionMemory {
            name: region.name.clone(),
            port: Some(region.standby.port()),
            listen: Some(region.listen.port()),
        })
        .collect();
    folder.store(&memory)
}

// Before any standby is created, so that a later start can remove what an interrupted one leaves.
fn remember_names(folder: &DevFolder, names: &[String]) -> Result<Vec<RegionMemory>, CommandError> {
    let mut memory = folder.load()?;
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
    folder.store(&memory)?;
    Ok(memory.regions)
}

// In a thread of its own: at a stop, the runtime would wait for one of its threads. PostgreSQL ends
// with this process.
fn start_in_a_thread(
    primary: &PrivateCluster,
    config: StandbyConfig,
) -> Result<oneshot::Receiver<Result<Started, PgError>>, CommandError> {
    if !config.server.data.exists() {
        let folder = config.server.data.display();
        tracing::info!(region = config.name, %folder, "creating a standby");
    }
    let (sender, started) = oneshot::channel();
    let binaries = primary.binaries().clone();
    std::thread::Builder::new()
        .name(config.name.clone())
        .spawn(move || {
            // The receiver is dropped at a stop.
            let _ = sender.send(Cluster::start_following(&binaries, config));
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

fn remove_others(
    folder: &DevFolder,
    primary: &PrivateCluster,
    names: &[String],
) -> Result<(), CommandError> {
    let mut memory = folder.load()?;
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
            "removing the standby and its replication slot: the region exceeds --regions"
        );
        let data = folder.standby(name);
        remove_standby(&data)?;
        primary.server.cluster()?.forget_standby(name)?;
        remove_file(&log(&data))?;
        remove_file(&data.with_extension("lock"))?;
    }
    folder.store(&memory)
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
