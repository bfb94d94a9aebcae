use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;

use crate::binary::strongroom_binary;

/// The folder of the published client programs that tests run, each in a folder of its own.
/// Missing ones are installed.
pub fn clients() -> &'static PathBuf {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let target = strongroom_binary().ancestors().nth(2).unwrap();
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/clients/install.sh");
        let installed = Command::new(script)
            .env("CARGO_TARGET_DIR", target)
            .status()
            .unwrap();
        assert!(installed.success(), "{script} failed");
        target.join("clients")
    })
}
