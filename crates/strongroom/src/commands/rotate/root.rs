use std::path::Path;
use std::time::Duration;

use serde_json::json;
use strongroom_domain::caller::Caller;
use strongroom_domain::crypto::RootKeyId;
use strongroom_domain::rotation::{RootKeyState, RootRotation, RotationState};
use strongroom_domain::{OrgId, Vault};

use super::progress::{advance, bar};
use super::throttle::throttle;
use crate::background::rotations::rewrap_everything;
use crate::callers::operator_of;
use crate::cli::RotateRootArgs;
use crate::error::CommandError;
use crate::settings::access::VaultAccess;
use crate::{key_files, open_vault, output};

/// Longest wait until all running servers report that they hold the new key.
const SERVERS_TIMEOUT: Duration = Duration::from_secs(30);

/// `strongroom rotate root`.
pub(super) async fn run(args: &RotateRootArgs) -> Result<(), CommandError> {
    let throttle = throttle(args.throttle)?;
    let access = VaultAccess::read(&args.vault)?;
    let vault = open_vault::with_access(&access).await?;
    if args.dry_run {
        return dry_run(&vault, args.json).await;
    }
    if args.prepare {
        return prepare(&vault, &access, args).await;
    }
    if running(&vault).await?.is_none() {
        let key = match prepared(&vault).await? {
            Some(key) => key,
            None => prepare_in_file(&vault, &access).await?,
        };
        activate(&vault, &access, key, throttle).await?;
    }
    finish(&vault, &access, args.json).await
}

async fn finish(vault: &Vault, access: &VaultAccess, json: bool) -> Result<(), CommandError> {
    vault.refresh_root_keys(&access.root_keys.load()?).await?;
    let Some(rotation) = running(vault).await? else {
        return Err(CommandError::Failed(
            "the rotation was completed by another process".into(),
        ));
    };
    let progress = rotation.progress;
    let bar = bar(progress.rows_total, "re-wrapping keys");
    advance(&bar, progress.rows_done);
    let observe = |rows| advance(&bar, rows);
    rewrap_everything(vault, progress.throttle, operator_of, &observe).await?;
    bar.finish_and_clear();
    let id = rotation.root_key;
    let rows = progress.rows_total;
    let value = json!({"root_key_id": id.to_string(), "rows": rows, "state": "done"});
    let text = format!(
        "all keys are wrapped with root key {id} ({rows} were re-wrapped).\n\
         Copy it offline if you have not yet: without it, nothing can be opened.\n\
         Older root keys are needed only by earlier backups. When these are deleted, run \
         `strongroom rotate retire --root KEY_ID` and destroy the old key."
    );
    output::answer(json, &value, &text);
    Ok(())
}

async fn running(vault: &Vault) -> Result<Option<RootRotation>, CommandError> {
    let rotations = vault.root_rotations().await?;
    let running = |state| state == RotationState::Running;
    Ok(rotations
        .into_iter()
        .find(|rotation| running(rotation.progress.state)))
}

async fn prepared(vault: &Vault) -> Result<Option<RootKeyId>, CommandError> {
    let keys = vault.root_keys().await?;
    let prepared = keys.iter().rfind(|key| key.state == RootKeyState::Prepared);
    Ok(prepared.map(|key| key.id))
}

async fn dry_run(vault: &Vault, json: bool) -> Result<(), CommandError> {
    // No key has the nil id, so all keys are counted.
    let rows = vault.count_not_under(RootKeyId(uuid::Uuid::nil())).await?;
    let prepared = prepared(vault).await?.map(|id| id.to_string());
    let servers = vault.running_servers().await?;
    let names: Vec<_> = servers.iter().map(|server| server.name.clone()).collect();
    let value = json!({"dry_run": true, "rows": rows, "prepared": prepared, "servers": names});
    let text = format!(
        "would re-wrap {rows} keys; prepared root key: {}; running servers that must hold it: {}",
        prepared.as_deref().unwrap_or("none"),
        if names.is_empty() {
            "none".into()
        } else {
            names.join(", ")
        }
    );
    output::answer(json, &value, &text);
    Ok(())
}

async fn prepare(
    vault: &Vault,
    access: &VaultAccess,
    args: &RotateRootArgs,
) -> Result<(), CommandError> {
    if let Some(id) = prepared(vault).await? {
        return Err(CommandError::Failed(format!(
            "root key {id} is already prepared; distribute it, then run `strongroom rotate root`. \
             If no one has it, run `strongroom rotate retire --root {id}`"
        )));
    }
    let key = vault.new_root_key()?;
    let id = key.id().to_string();
    // Stored before it is registered: the database must not know a key that is not kept anywhere.
    let (place, text) = match (&args.output, access.root_keys.file()) {
        (Some(out), _) => {
            key_files::write_new(out, &key)?;
            (json!(out), format!("wrote it to {}", out.display()))
        }
        (None, Some(file)) if writable(&file) => {
            key_files::append(&file, &key)?;
            (json!(file), format!("added it to {}", file.display()))
        }
        _ => {
            let text = key.to_text();
            (json!(null), format!("its text is:\n\n{}\n", text.expose()))
        }
    };
    vault.prepare_root_key(&installation(), &key).await?;
    let mut value = json!({"root_key_id": id, "file": place, "state": "prepared"});
    if place.is_null() {
        value["root_key"] = key.to_text().expose().into();
    }
    let text = format!(
        "prepared root key {id}; {text}\n\
         Keep a copy offline: once it is in use, nothing can be opened without it.\n\
         Add it to every server's root_key_file, which servers reload by themselves, then run \
         `strongroom rotate root`."
    );
    output::answer(args.json, &value, &text);
    Ok(())
}

async fn prepare_in_file(vault: &Vault, access: &VaultAccess) -> Result<RootKeyId, CommandError> {
    let file = access.root_keys.file().filter(|file| writable(file));
    let file = file.ok_or_else(|| {
        CommandError::Failed(
            "no root key is prepared, and there is no root_key_file that this command can write. \
             Run `strongroom rotate root --prepare`, give the key to every server, then run this \
             command again"
                .into(),
        )
    })?;
    let key = vault.new_root_key()?;
    key_files::append(&file, &key)?;
    vault.prepare_root_key(&installation(), &key).await?;
    output::note(&format!(
        "added root key {} to {}. Copy it offline: once it is in use, nothing can be opened \
         without it.",
        key.id(),
        file.display()
    ));
    Ok(key.id())
}

async fn activate(
    vault: &Vault,
    access: &VaultAccess,
    key: RootKeyId,
    throttle: Option<i32>,
) -> Result<(), CommandError> {
    vault.refresh_root_keys(&access.root_keys.load()?).await?;
    if !vault.root().ids().contains(&key) {
        return Err(CommandError::Failed(format!(
            "root key {key} is prepared, but not configured here; add it to this command's \
             root_key_file"
        )));
    }
    let until = tokio::time::Instant::now() + SERVERS_TIMEOUT;
    loop {
        let lacking = vault.servers_without(key).await?;
        if lacking.is_empty() {
            break;
        }
        if tokio::time::Instant::now() > until {
            let names: Vec<_> = lacking.into_iter().map(|server| server.name).collect();
            return Err(CommandError::Failed(format!(
                "not rotated: root key {key} is not held by {}. Add it there, then run this \
                 command again.",
                names.join(", ")
            )));
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    Ok(vault
        .activate_root_key(&installation(), key, throttle)
        .await?)
}

fn installation() -> Caller {
    operator_of(OrgId::INSTALLATION)
}

fn writable(path: &Path) -> bool {
    use nix::unistd::{AccessFlags, access};
    let folder = if path.is_dir() {
        Some(path)
    } else {
        path.parent()
    };
    let folder = folder.filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    access(folder, AccessFlags::W_OK).is_ok() && access(path, AccessFlags::W_OK).is_ok()
}
