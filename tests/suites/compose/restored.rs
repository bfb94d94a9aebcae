use strongroom_e2e::{Api, Deployment, REGIONS};

use super::{create_everywhere, created, every_region_serves};

/// A bit of a base backup is flipped, and flipped back.
fn an_altered_backup_is_refused(deployment: Deployment, folder: &str) {
    let entries = std::fs::read_dir(folder).unwrap();
    let mut paths = entries.map(|entry| entry.unwrap().path());
    let base = paths.find(|path| path.extension().is_some_and(|kind| kind == "age"));
    let base = base.unwrap();
    let mut content = std::fs::read(&base).unwrap();
    let middle = content.len() / 2;
    for refused in [true, false] {
        content[middle] ^= 1;
        std::fs::write(&base, &content).unwrap();
        if refused {
            let restored = deployment.try_script("restore", &[folder]);
            restored.assert_refused("it was altered");
        }
    }
}

/// Everything is lost, and is restored from a backup.
pub(super) async fn all_is_lost_and_restored(deployment: Deployment, admin: &Api) {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().to_str().unwrap();
    let before = admin.create("before").await;
    deployment.script("backup", &["--base", folder]);
    let after = created(create_everywhere(admin, "after", 30).await.unwrap()).await;
    deployment.script("backup", &["--last", folder]);
    deployment.compose(&["down", "--volumes"]);
    an_altered_backup_is_refused(deployment, folder);
    deployment.script("restore", &[folder]);
    deployment.compose(&["up", "-d", "--wait"]);
    for region in REGIONS {
        let api = admin.at(&deployment.url(region));
        assert_eq!(api.secret(&before).await["api_key"], "before");
        assert_eq!(api.secret(&after).await["api_key"], "after");
    }
    every_region_serves(deployment, admin).await;
}
