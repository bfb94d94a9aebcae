use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use strongroom_e2e::{Api, Finished, strongroom_binary};
use tempfile::TempDir;

/// A user with folders of his own, and no other variables.
pub(crate) struct User {
    pub(super) home: TempDir,
}

impl User {
    pub(super) fn new() -> Self {
        let home = TempDir::with_prefix("strongroom-user-").unwrap();
        Self { home }
    }

    /// A user whose default profile is `api`.
    pub(crate) fn of(api: &Api) -> Self {
        let user = Self::new();
        user.log_in(api, &[]).assert_success();
        user
    }

    pub(super) fn log_in(&self, api: &Api, more: &[&str]) -> Finished {
        let args = [
            "login",
            "--url",
            &api.url,
            "--org",
            &api.org,
            "--key-file",
            "-",
        ];
        self.run_with(&[&args, more].concat(), &api.key, &[])
    }

    pub(crate) fn run(&self, args: &[&str]) -> Finished {
        self.run_with(args, "", &[])
    }

    /// Runs `strongroom` with `input` on standard input.
    pub(super) fn run_with(
        &self,
        args: &[&str],
        input: &str,
        variables: &[(&str, &str)],
    ) -> Finished {
        let mut command = Command::new(strongroom_binary());
        command.args(args);
        self.finish(command, input, variables)
    }

    /// Runs `strongroom` on a terminal, at which `typed` is entered.
    pub(super) fn run_on_terminal(
        &self,
        args: &str,
        typed: &str,
        variables: &[(&str, &str)],
    ) -> Finished {
        let command = format!("{} {args}", strongroom_binary().display());
        let mut script = Command::new("script");
        script.args(["--quiet", "--return", "--command", &command, "/dev/null"]);
        self.finish(script, typed, variables)
    }

    fn finish(&self, mut command: Command, input: &str, variables: &[(&str, &str)]) -> Finished {
        let mut child = command
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap())
            .env("HOME", self.home.path())
            .env("XDG_RUNTIME_DIR", self.home.path())
            .envs(variables.iter().copied())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdin = child.stdin.take().unwrap();
        // A command that reads nothing may have ended.
        let _ = stdin.write_all(input.as_bytes());
        drop(stdin);
        let output = child.wait_with_output().unwrap();
        Finished {
            success: output.status.success(),
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// The file of the profile `name`.
    pub(super) fn profile(&self, name: &str) -> PathBuf {
        let folder = self.home.path().join(".config/strongroom");
        folder.join(format!("{name}.json"))
    }

    pub(super) fn path(&self, name: &str) -> String {
        self.home.path().join(name).to_str().unwrap().to_owned()
    }
}

pub(super) fn mode(file: &Path) -> u32 {
    let metadata = std::fs::metadata(file).unwrap();
    metadata.permissions().mode() & 0o777
}
