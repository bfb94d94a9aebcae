use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;

/// The `strongroom` binary of this build, which is built first if it is missing or out of date.
pub fn strongroom_binary() -> &'static PathBuf {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| {
        // target/<profile>/deps/<this test>
        let this = std::env::current_exe().unwrap();
        let profile = this.parent().unwrap().parent().unwrap();
        let mut build = Command::new(env!("CARGO"));
        build.args(["build", "--quiet", "--locked", "--workspace"]);
        if profile.ends_with("release") {
            build.arg("--release");
        }
        build.arg("--target-dir").arg(profile.parent().unwrap());
        // Cargo's variables about this test's package do not apply to the packages to be built:
        // build scripts that read them (ring's) and all dependents would be rebuilt each time.
        for (name, _) in std::env::vars_os() {
            let text = name.to_string_lossy();
            if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") {
                build.env_remove(name);
            }
        }
        build.current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
        assert!(
            build.status().unwrap().success(),
            "the binary does not build"
        );
        profile.join("strongroom")
    })
}
