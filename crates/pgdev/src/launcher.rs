//! How PostgreSQL's programs are started: the account, the capabilities, the parent-death signal.

use std::fs::File;
use std::os::unix::fs::{MetadataExt, chown, fchown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::{env, fs};

use nix::unistd::{Uid, User, geteuid};

use crate::error::PgError;

/// The signal that a program receives when the thread that started it ends (prctl(2),
/// `PR_SET_PDEATHSIG`).
#[derive(Clone, Copy)]
pub(crate) enum ParentDeathSignal {
    Quit,
    Kill,
}

/// Each lets a program enter every folder. The first allows less; Docker's default set for root has
/// only the second.
const CAPABILITIES: [&str; 2] = ["dac_read_search", "dac_override"];

/// Executes a program unless the parent has changed. If the parent ended before the parent-death
/// signal was requested, the signal would never be sent.
const EXEC_UNLESS_ORPHANED: &str = r#"[ "$PPID" = "$0" ] || exit 1; exec "$@""#;

/// Starts PostgreSQL's programs under an account that can reach the cluster's folder, and with a
/// parent-death signal where `setpriv` can set it.
pub(crate) struct Launcher {
    /// Set if this process runs as root, because PostgreSQL refuses to run as root.
    account: Option<Account>,
    setpriv: bool,
    /// Lets the programs enter every folder, such as data below a folder of root with mode 0700.
    capability: Option<&'static str>,
}

struct Account {
    uid: u32,
    gid: u32,
    name: String,
}

/// Whether the account can enter all folders.
enum Access {
    Granted,
    /// The topmost folder that it cannot enter.
    Refused(PathBuf),
    /// The check could not be run.
    Unknown,
}

impl Launcher {
    /// A launcher for a cluster in `data`, whose programs have to enter `folders`.
    pub(crate) fn new(data: &Path, folders: &[&Path]) -> Result<Self, PgError> {
        let account = if geteuid().is_root() {
            Some(account_for(data)?)
        } else {
            None
        };
        let mut launcher = Self {
            account,
            setpriv: true,
            capability: None,
        };
        let mut access = launcher.access(folders);
        if matches!(access, Access::Unknown) {
            launcher.setpriv = false;
            access = launcher.access(folders);
        } else if matches!(access, Access::Refused(_)) && launcher.account.is_some() {
            for capability in CAPABILITIES {
                launcher.capability = Some(capability);
                if matches!(launcher.access(folders), Access::Granted) {
                    return Ok(launcher);
                }
            }
        }
        match access {
            Access::Refused(folder) => Err(PgError::CannotEnter {
                user: launcher.user_name(),
                folder,
            }),
            Access::Granted | Access::Unknown => Ok(launcher),
        }
    }

    /// A command for the program, with an empty environment but for `LC_ALL` and `PATH`, in `/` and
    /// in its own process group. So neither the caller's `PG*` variables nor Ctrl-C at its
    /// terminal affect the program.
    pub(crate) fn command(&self, program: &Path, death_signal: ParentDeathSignal) -> Command {
        let mut command = match self.setpriv {
            true => self.setpriv_command(program, death_signal),
            false => self.direct_command(program),
        };
        command
            .env_clear()
            .env("LC_ALL", "C")
            .current_dir("/")
            .process_group(0);
        if let Some(path) = env::var_os("PATH") {
            command.env("PATH", path);
        }
        command
    }

    fn setpriv_command(&self, program: &Path, death_signal: ParentDeathSignal) -> Command {
        let mut command = Command::new("env");
        // A shell starts background jobs with QUIT and INT ignored, which children inherit.
        command.args(["--default-signal=QUIT,INT,TERM", "setpriv"]);
        if let Some(Account { uid, gid, .. }) = &self.account {
            command
                .arg(format!("--reuid={uid}"))
                .arg(format!("--regid={gid}"));
            command.arg("--clear-groups");
        }
        if let Some(capability) = self.capability {
            command.arg(format!("--inh-caps=+{capability}"));
            command.arg(format!("--ambient-caps=+{capability}"));
        }
        command.arg(match death_signal {
            ParentDeathSignal::Quit => "--pdeathsig=QUIT",
            ParentDeathSignal::Kill => "--pdeathsig=KILL",
        });
        command.args(["sh", "-c", EXEC_UNLESS_ORPHANED]);
        command.arg(std::process::id().to_string()).arg(program);
        command
    }

    fn direct_command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        if let Some(Account { uid, gid, .. }) = &self.account {
            command.uid(*uid).gid(*gid);
        }
        command
    }

    /// Makes PostgreSQL's account the owner of a new folder.
    pub(crate) fn chown_folder(&self, path: &Path) -> Result<(), PgError> {
        let Some(Account { uid, gid, name }) = &self.account else {
            return Ok(());
        };
        chown(path, Some(*uid), Some(*gid)).map_err(PgError::io(format!(
            "make the user {name} the owner of {}",
            path.display()
        )))
    }

    /// Makes PostgreSQL's account the owner of a new file.
    pub(crate) fn chown_file(&self, file: &File) -> Result<(), PgError> {
        let Some(Account { uid, gid, name }) = &self.account else {
            return Ok(());
        };
        fchown(file, Some(*uid), Some(*gid)).map_err(PgError::io(format!(
            "make the user {name} the owner of a temporary file"
        )))
    }

    fn access(&self, folders: &[&Path]) -> Access {
        for folder in folders {
            match self.can_enter(folder) {
                Some(true) => {}
                Some(false) => return Access::Refused(self.topmost_refused(folder)),
                None => return Access::Unknown,
            }
        }
        Access::Granted
    }

    fn topmost_refused(&self, folder: &Path) -> PathBuf {
        let mut ancestors: Vec<&Path> = folder.ancestors().collect();
        ancestors.reverse();
        let refused = ancestors
            .into_iter()
            .find(|dir| self.can_enter(dir) == Some(false));
        refused.unwrap_or(folder).to_owned()
    }

    /// Whether the account can enter the folder; `None` if that cannot be determined. It is tried
    /// rather than computed, which covers access control lists and user namespaces, and shows
    /// whether the installed `setpriv` has the required options.
    fn can_enter(&self, folder: &Path) -> Option<bool> {
        const REFUSED: i32 = 33;
        let status = self
            .command(Path::new("sh"), ParentDeathSignal::Kill)
            .args(["-c", "test -d \"$1/.\" || exit 33", "sh"])
            .arg(folder)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        match status.ok()?.code()? {
            0 => Some(true),
            REFUSED => Some(false),
            _ => None,
        }
    }

    fn user_name(&self) -> String {
        match &self.account {
            Some(account) => account.name.clone(),
            None => account(geteuid()).name,
        }
    }
}

/// The account that PostgreSQL runs as: the owner of an existing cluster's folder; for a new
/// cluster, the first account of the list below that exists.
fn account_for(data: &Path) -> Result<Account, PgError> {
    if let Ok(owner) = fs::metadata(data).map(|data| data.uid())
        && owner != 0
    {
        return Ok(account(Uid::from_raw(owner)));
    }
    ["postgres", "nobody"]
        .into_iter()
        .find_map(|name| User::from_name(name).ok().flatten())
        .map(Account::from)
        .ok_or(PgError::NoAccount)
}

fn account(uid: Uid) -> Account {
    match User::from_uid(uid) {
        Ok(Some(user)) => user.into(),
        _ => Account {
            uid: uid.as_raw(),
            gid: uid.as_raw(),
            name: uid.to_string(),
        },
    }
}

impl From<User> for Account {
    fn from(user: User) -> Self {
        Self {
            uid: user.uid.as_raw(),
            gid: user.gid.as_raw(),
            name: user.name,
        }
    }
}
