//! Sets the text of `strongroom --version`: the version, and the commit if it is known.
#![allow(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "build scripts read variables, and print what they set"
)]

use std::process::Command;

/// Names the commit for a build without git, such as in a container.
const COMMIT: &str = "STRONGROOM_COMMIT";

fn main() {
    println!("cargo::rerun-if-env-changed={COMMIT}");
    let given = std::env::var(COMMIT).ok();
    let commit = given.filter(|commit| !commit.is_empty());
    let version = env!("CARGO_PKG_VERSION");
    match commit.or_else(checked_out) {
        Some(commit) => println!("cargo::rustc-env=STRONGROOM_VERSION={version} ({commit})"),
        None => println!("cargo::rustc-env=STRONGROOM_VERSION={version}"),
    }
}

/// The commit that is checked out. `None` without git, and if the sources are not the root of a
/// repository: then a commit would be that of other sources.
fn checked_out() -> Option<String> {
    if git(&["rev-parse", "--show-cdup"])? != "../../" {
        return None;
    }
    // The second one grows with each commit, and the first one is there also without it.
    for file in ["HEAD", "logs/HEAD"] {
        let file = git(&["rev-parse", "--git-path", file])?;
        if std::path::Path::new(&file).exists() {
            println!("cargo::rerun-if-changed={file}");
        }
    }
    git(&["rev-parse", "--short=12", "HEAD"])
}

fn git(args: &[&str]) -> Option<String> {
    let output = Command::new("git").args(args).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.trim().to_owned())
}
