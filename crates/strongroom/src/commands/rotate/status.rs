use serde_json::{Value, json};
use strongroom_domain::rotation::Progress;

use crate::commands::format::format_time;
use crate::error::CommandError;
use crate::settings::args::VaultArgs;
use crate::{open_vault, output};

/// `strongroom rotate status`.
pub(super) async fn run(vault: &VaultArgs, json: bool) -> Result<(), CommandError> {
    let vault = open_vault::for_command(vault).await?;
    let mut values = Vec::new();
    let mut rows = Vec::new();
    for rotation in vault.root_rotations().await? {
        let key = rotation.root_key.to_string();
        values.push(value(
            "root",
            json!({"root_key_id": key}),
            &rotation.progress,
        ));
        rows.push(row(format!("root key {key}"), &rotation.progress));
    }
    for rotation in vault.all_rotations().await? {
        let (org, generation) = (rotation.org_id, rotation.generation);
        let of =
            json!({"org_id": org, "generation": generation, "re_encrypt": rotation.re_encrypt});
        values.push(value("org", of, &rotation.progress));
        rows.push(row(
            format!("{org} generation {generation}"),
            &rotation.progress,
        ));
    }
    let headings = ["ROTATION", "STATE", "DONE", "LEFT", "ROWS/S", "STARTED"];
    output::answer(json, &values, &output::table(headings, &rows));
    Ok(())
}

fn value(kind: &str, mut of: Value, progress: &Progress) -> Value {
    of["kind"] = kind.into();
    of["state"] = progress.state.as_str().into();
    of["rows_total"] = progress.rows_total.into();
    of["rows_done"] = progress.rows_done.into();
    of["rows_left"] = progress.rows_left().into();
    of["rows_per_second"] = json!(progress.rate());
    of["throttle"] = json!(progress.throttle);
    of["started_at"] = format_time(progress.started_at).into();
    of["updated_at"] = format_time(progress.updated_at).into();
    of["finished_at"] = json!(progress.finished_at.map(format_time));
    of
}

fn row(what: String, progress: &Progress) -> [String; 6] {
    [
        what,
        progress.state.as_str().to_owned(),
        progress.rows_done.to_string(),
        progress.rows_left().to_string(),
        format!("{:.0}", progress.rate()),
        format_time(progress.started_at),
    ]
}
