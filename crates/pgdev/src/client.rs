//! SQL statements, run by `psql`.

use crate::error::PgError;
use crate::launcher::ParentDeathSignal;
use crate::programs::Programs;

/// Limits how long a statement waits if the server hangs.
const TIMEOUTS: &str = "-c statement_timeout=60s -c lock_timeout=10s";

/// Connects to a server on 127.0.0.1 with a role and its password.
pub(crate) struct Client<'a> {
    pub(crate) programs: &'a Programs,
    pub(crate) port: u16,
    pub(crate) role: &'a str,
    pub(crate) password: &'a str,
}

impl Client<'_> {
    /// Runs `sql` and returns its rows: one line for each, with columns separated by `|`. Neither
    /// the SQL nor the password is visible to other users of the machine.
    pub(crate) fn run(&self, sql: &str) -> Result<String, PgError> {
        let (port, role) = (self.port, self.role);
        // A terse message does not repeat the statement, which may contain a password.
        let sql = format!("\\set VERBOSITY terse\n{sql}");
        let output = self
            .programs
            .command("psql", ParentDeathSignal::Kill)?
            .args(["-XwAtq", "-v", "ON_ERROR_STOP=1", "-d"])
            .arg(format!(
                "host=127.0.0.1 port={port} user={role} dbname=postgres connect_timeout=5"
            ))
            .env("PGPASSWORD", self.password)
            .env("PGOPTIONS", TIMEOUTS)
            .stdin(self.programs.unnamed_file(&sql)?)
            .output()
            .map_err(PgError::io("run PostgreSQL's `psql`"))?;
        if !output.status.success() {
            return Err(PgError::program("psql", &output));
        }
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }
}

/// An SQL string constant.
pub(crate) fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}
