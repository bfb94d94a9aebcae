//! A few statements that concern a whole server, through `psql`.
use crate::{PgError, launcher::OnOurDeath, programs::Programs};

/// Clients of a server that hangs give up.
const TIMEOUTS: &str = "-c statement_timeout=60s -c lock_timeout=10s";

/// A role on a server of ours.
pub(crate) struct Client<'a> {
    pub(crate) programs: &'a Programs,
    pub(crate) port: u16,
    pub(crate) role: &'a str,
    pub(crate) password: &'a str,
}

impl Client<'_> {
    /// Runs `sql` and returns what it selects: a line per row, columns separated by `|`. Others
    /// on this machine see neither the SQL nor the password.
    pub(crate) fn run(&self, sql: &str) -> Result<String, PgError> {
        let (port, role) = (self.port, self.role);
        // A terse message does not repeat the statement, which may hold a password.
        let sql = format!("\\set VERBOSITY terse\n{sql}");
        let output = self
            .programs
            .command("psql", OnOurDeath::Kill)?
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

/// A string constant of SQL.
pub(crate) fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}
