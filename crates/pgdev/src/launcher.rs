use std::{
    env,
    fs::{self, File},
    os::unix::{
        fs::{MetadataExt, chown, fchown},
        process::CommandExt,
    },
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use nix::unistd::{Uid, User, geteuid};

use crate::PgError;

/// Which signal PostgreSQL's processes get when the thread that started them ends.
#[derive(Clone, Copy)]
pub(crate) enum OnOurDeath {
    Quit,
    Kill,
}

/// The first allows the least. Docker's default set for root has only the second.
const CAPABILITIES: [&str; 2] = ["dac_read_search", "dac_override"];

/// We may have died before the death signal was asked for; then nobody would ever send it.
const UNLESS_ORPHANED: &str = r#"[ "$PPID" = "$0" ] || exit 1; exec "$@""#;

/// How PostgreSQL's programs are started: as whom, and bound to our life where possible.
pub(crate) struct Launcher {
    /// Somebody else than ourselves, because PostgreSQL refuses to run as root.
    account: Option<Account>,
    setpriv: bool,
    /// Granted so that every folder can be entered, e.g. for data below a 0700 folder of root's.
    capability: Option<&'static str>,
}

struct Account {
    uid: u32,
    gid: u32,
    name: String,
}

enum Reach {
    All,
    Refused(PathBuf),
    CannotTell,
}

impl Launcher {
    /// For a cluster in `data`; `folders` are those that PostgreSQL has to enter.
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
        let mut reach = launcher.reach(folders);
        if matches!(reach, Reach::CannotTell) {
            launcher.setpriv = false;
            reach = launcher.reach(folders);
        } else if matches!(reach, Reach::Refused(_)) && launcher.account.is_some() {
            for capability in CAPABILITIES {
                launcher.capability = Some(capability);
                if matches!(launcher.reach(folders), Reach::All) {
                    return Ok(launcher);
                }
            }
        }
        match reach {
            Reach::Refused(folder) => Err(PgError::CannotEnter {
                user: launcher.user_name(),
                folder,
            }),
            Reach::All | Reach::CannotTell => Ok(launcher),
        }
    }

    /// The program with a clean environment, in `/` and in a process group of its own, so that
    /// neither the caller's `PG*` variables nor Ctrl-C at its terminal reach it.
    pub(crate) fn command(&self, program: &Path, on_our_death: OnOurDeath) -> Command {
        let mut command = match self.setpriv {
            true => self.through_setpriv(program, on_our_death),
            false => self.directly(program),
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

    fn through_setpriv(&self, program: &Path, on_our_death: OnOurDeath) -> Command {
        let mut command = Command::new("env");
        // A shell starts background jobs with QUIT and INT ignored, and their children inherit that.
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
        command.arg(match on_our_death {
            OnOurDeath::Quit => "--pdeathsig=QUIT",
            OnOurDeath::Kill => "--pdeathsig=KILL",
        });
        command.args(["sh", "-c", UNLESS_ORPHANED]);
        command.arg(std::process::id().to_string()).arg(program);
        command
    }

    fn directly(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        if let Some(Account { uid, gid, .. }) = &self.account {
            command.uid(*uid).gid(*gid);
        }
        command
    }

    /// Makes a new folder PostgreSQL's own.
    pub(crate) fn give_folder(&self, path: &Path) -> Result<(), PgError> {
        let Some(Account { uid, gid, name }) = &self.account else {
            return Ok(());
        };
        chown(path, Some(*uid), Some(*gid)).map_err(PgError::io(format!(
            "give {} to the user {name}",
            path.display()
        )))
    }

    /// Makes a new file PostgreSQL's own.
    pub(crate) fn give_file(&self, file: &File) -> Result<(), PgError> {
        let Some(Account { uid, gid, name }) = &self.account else {
            return Ok(());
        };
        fchown(file, Some(*uid), Some(*gid)).map_err(PgError::io(format!(
            "give a temporary file to the user {name}"
        )))
    }

    fn reach(&self, folders: &[&Path]) -> Reach {
        for folder in folders {
            match self.enters(folder) {
                Some(true) => {}
                Some(false) => return Reach::Refused(self.topmost_refused(folder)),
                None => return Reach::CannotTell,
            }
        }
        Reach::All
    }

    fn topmost_refused(&self, folder: &Path) -> PathBuf {
        let mut ancestors: Vec<&Path> = folder.ancestors().collect();
        ancestors.reverse();
        let refused = ancestors
            .into_iter()
            .find(|dir| self.enters(dir) == Some(false));
        refused.unwrap_or(folder).to_owned()
    }

    /// Tried rather than computed: that way access lists, user namespaces and the like are
    /// covered, and whether this machine's `setpriv` can do what we ask of it.
    fn enters(&self, folder: &Path) -> Option<bool> {
        const REFUSED: i32 = 33;
        let status = self
            .command(Path::new("sh"), OnOurDeath::Kill)
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

/// The owner of a cluster that's there already, so that it goes on working when the account
/// we'd choose today is another one.
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
