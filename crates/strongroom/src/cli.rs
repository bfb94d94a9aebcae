mod audit;
mod backup;
mod doctor;
mod health;
mod limits;
mod rotate;

#[cfg(feature = "dev")]
use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

pub(crate) use audit::{AuditCommand, AuditVerifyArgs, ExportArgs, HeadArgs, PruneArgs};
pub(crate) use backup::{BackupArgs, RestoreArgs};
pub(crate) use doctor::DoctorArgs;
pub(crate) use health::HealthArgs;
pub(crate) use limits::{LimitArgs, TlsArgs};
pub(crate) use rotate::{RotateCommand, RotateOrgArgs, RotateRetireArgs, RotateRootArgs};

/// A vault for the credentials that organizations hold with other companies.
///
/// Try it with `strongroom dev`. For production: make a root key with `strongroom root-key new`, prepare the
/// database with `strongroom migrate --app-role strongroom_app`, then run `strongroom serve`.
#[derive(Debug, Parser)]
#[command(name = "strongroom", version, max_term_width = 100)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Serve the HTTP API against an existing PostgreSQL.
    Serve(Box<ServeArgs>),
    /// Run everything on this machine: a private PostgreSQL, an organization with two API keys, and the server.
    #[cfg(feature = "dev")]
    Dev(DevArgs),
    /// Ask a running server whether it can serve; exits with 1 when it cannot. For health checks.
    Health(HealthArgs),
    /// Check configuration, database, rights, root keys, clocks, regions and certificates, and say what to do.
    ///
    /// Takes the flags, variables and file that `serve` takes, and the servers' database role. Changes nothing, and
    /// shows no secret. Goes on after a problem. Exits with 1 when there was a failure.
    Doctor(Box<DoctorArgs>),
    /// Create or update the database's tables. Needs a role that may create tables; it becomes their owner.
    Migrate(MigrateArgs),
    /// Root keys: what every other key is wrapped by.
    RootKey {
        #[command(subcommand)]
        command: RootKeyCommand,
    },
    /// Organizations: the tenants.
    Org {
        #[command(subcommand)]
        command: OrgCommand,
    },
    /// API keys of an organization.
    Key {
        #[command(subcommand)]
        command: KeyCommand,
    },
    /// Replace root keys and organizations' keys while the service goes on.
    Rotate {
        #[command(subcommand)]
        command: RotateCommand,
    },
    /// Compare the configured root keys with those that the database needs.
    KeyCheck {
        #[command(flatten)]
        vault: VaultArgs,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Credentials of an organization, without their secrets.
    Credentials {
        #[command(subcommand)]
        command: CredentialsCommand,
    },
    /// Check that every stored credential opens and is what was written last, without showing any.
    ///
    /// Works beside running servers. Exits with 1 when something was found.
    Verify(VerifyArgs),
    /// Write everything, or one organization, to an encrypted file that `strongroom restore` reads.
    ///
    /// Copies one consistent moment beside running servers, and verifies on the way that every credential opens and
    /// is what was written, and that the audit trail holds. The root key is not in it: keep a copy elsewhere. When
    /// something does not verify, no file is left, unless --despite-findings is given; exits with 1 in both cases.
    Backup(BackupArgs),
    /// Restore what `strongroom backup` wrote, or what of it is missing.
    ///
    /// Reads the backup twice: first it verifies all of it and compares it with the database, and writes nothing; then
    /// it restores each organization at once or not at all. What is there and the same is skipped, so it can be run
    /// again. Into another database than the one that was backed up: on which only `strongroom migrate` has run.
    Restore(RestoreArgs),
    /// Show how far each configured region is behind the primary.
    ///
    /// Exits with 1 when a region's database does not answer.
    Regions(RegionsArgs),
    /// The audit trail: verify, export and prune it, and print heads to keep elsewhere.
    Audit {
        #[command(subcommand)]
        command: Box<AuditCommand>,
    },
    /// Print the OpenAPI document of the HTTP API, which servers show at /openapi.json and /docs.
    Openapi,
}

/// Where settings come from: flags, then STRONGROOM_* variables, then the file; the first one found counts.
#[derive(Debug, Args)]
pub(crate) struct ConnectArgs {
    /// A TOML file with settings [variable: STRONGROOM_CONFIG].
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// postgresql://user:password@host:port/database?sslmode=verify-full [variable: STRONGROOM_DATABASE_URL,
    /// else DATABASE_URL]. On a shared machine rather use the variable: others can see a flag.
    #[arg(long, value_name = "URL")]
    pub(crate) database_url: Option<String>,
    /// A file with that URL [variable: STRONGROOM_DATABASE_URL_FILE].
    #[arg(long, value_name = "FILE", conflicts_with = "database_url")]
    pub(crate) database_url_file: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct VaultArgs {
    #[command(flatten)]
    pub(crate) connect: ConnectArgs,
    /// A file made by `strongroom root-key new` [variable: STRONGROOM_ROOT_KEY_FILE]. Instead, the key itself
    /// can be in STRONGROOM_ROOT_KEY, or a passphrase in STRONGROOM_ROOT_KEY_PASSPHRASE.
    #[arg(long, value_name = "FILE")]
    pub(crate) root_key_file: Option<String>,
    /// A file with a passphrase that stands for the root key [variable: STRONGROOM_ROOT_KEY_PASSPHRASE_FILE].
    #[arg(long, value_name = "FILE")]
    pub(crate) root_key_passphrase_file: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct ServeArgs {
    #[command(flatten)]
    pub(crate) vault: VaultArgs,
    /// Address and port to listen on; port 0 takes a free one [default: 127.0.0.1:8700].
    #[arg(long, value_name = "ADDR:PORT")]
    pub(crate) listen: Option<String>,
    /// Regions, as NAME=URL of each one's database, separated by spaces [default: none]. In the configuration
    /// file: [[regions]] with name and database_url.
    #[arg(long, value_name = "NAME=URL …")]
    pub(crate) regions: Option<String>,
    /// The region whose database this server reads; it writes to --database-url [default: reads there too].
    #[arg(long, value_name = "NAME")]
    pub(crate) region: Option<String>,
    /// How far the region's database may be behind before answers from it say so in SlashID-Replica-Lag
    /// [default: 10s].
    #[arg(long, value_name = "TIME")]
    pub(crate) max_replica_lag: Option<String>,
    /// What happens to reads from a region that is further behind: serve or refuse [default: serve].
    #[arg(long, value_name = "RULE")]
    pub(crate) stale_reads: Option<String>,
    /// How secrets are checked: typed (the members that each type needs) or object (any object that is not
    /// empty) [default: typed].
    #[arg(long, value_name = "RULES")]
    pub(crate) blob_validation: Option<String>,
    /// Callers without an API key may manage users' keys of this organization on the Pieces surface, and do
    /// nothing else [default: none may].
    #[arg(long, value_name = "ORG_ID")]
    pub(crate) anonymous_org: Option<String>,
    /// Threads that serve requests [default: one per core].
    #[arg(long, value_name = "N")]
    pub(crate) workers: Option<String>,
    /// Most connections to PostgreSQL at a time [default: 16].
    #[arg(long, value_name = "N")]
    pub(crate) pool_size: Option<String>,
    /// Most client connections at a time; one more is answered 503 [default: 16384].
    #[arg(long, value_name = "N")]
    pub(crate) max_connections: Option<String>,
    /// Longest time that each step of a request (key, role, operation) may wait for the database
    /// [default: 10s].
    #[arg(long, value_name = "TIME")]
    pub(crate) request_timeout: Option<String>,
    /// Longest time for one database transaction [default: 8s].
    #[arg(long, value_name = "TIME")]
    pub(crate) statement_timeout: Option<String>,
    /// Longest time to connect to PostgreSQL, or to wait for a free connection [default: 3s].
    #[arg(long, value_name = "TIME")]
    pub(crate) connect_timeout: Option<String>,
    /// Longest time for a request's head to arrive [default: 10s].
    #[arg(long, value_name = "TIME")]
    pub(crate) header_timeout: Option<String>,
    /// Longest time for a request's body to arrive [default: 15s].
    #[arg(long, value_name = "TIME")]
    pub(crate) body_timeout: Option<String>,
    /// Longest time that an idle client connection is kept [default: 75s].
    #[arg(long, value_name = "TIME")]
    pub(crate) keep_alive: Option<String>,
    /// How long the server goes on serving, while /readyz is 503, once it is told to stop: give it more than
    /// it takes a load balancer to notice; up to 1h [default: 0].
    #[arg(long, value_name = "TIME")]
    pub(crate) drain_delay: Option<String>,
    /// Longest time for requests under way once the server is told to stop, in whole seconds
    /// [default: 20s].
    #[arg(long, value_name = "TIME")]
    pub(crate) shutdown_timeout: Option<String>,
    /// How often all stored credentials are checked in the background, from 1s to 30d; off: never
    /// [default: 24h].
    #[arg(long, value_name = "TIME")]
    pub(crate) verify_interval: Option<String>,
    /// How often last uses are written to the database, up to 30s [default: 20s].
    #[arg(long, value_name = "TIME")]
    pub(crate) use_flush_interval: Option<String>,
    /// Address and port on which /metrics is served, and then no longer on --listen [default: there].
    #[arg(long, value_name = "ADDR:PORT")]
    pub(crate) metrics_listen: Option<String>,
    /// Whether metrics count requests by organization, with ids as labels: true or false [default: false].
    #[arg(long, value_name = "BOOL")]
    pub(crate) metrics_by_organization: Option<String>,
    /// A collector of OpenTelemetry traces that speaks OTLP over HTTP, such as http://127.0.0.1:4318 [default:
    /// none].
    #[arg(long, value_name = "URL")]
    pub(crate) otlp_endpoint: Option<String>,
    /// The share of requests that are traced when their sender did not decide, from 0 to 1 [default: 1].
    #[arg(long, value_name = "RATIO")]
    pub(crate) trace_sample_ratio: Option<String>,
    #[command(flatten)]
    pub(crate) limits: LimitArgs,
    #[command(flatten)]
    pub(crate) tls: TlsArgs,
    /// json, human, or auto: human on a terminal [default: auto].
    #[arg(long, value_name = "FORMAT")]
    pub(crate) log_format: Option<String>,
    /// error, warn, info, debug or trace [default: info].
    #[arg(long, value_name = "LEVEL")]
    pub(crate) log_level: Option<String>,
}

#[cfg(feature = "dev")]
#[derive(Debug, Args)]
pub(crate) struct DevArgs {
    /// Address and port to listen on; port 0 takes a free one.
    #[arg(long, value_name = "ADDR:PORT", default_value = "127.0.0.1:8700")]
    pub(crate) listen: SocketAddr,
    /// Folder for the database, root key and API keys; kept from one start to the next [default:
    /// /var/lib/strongroom-dev as root, else ~/.local/share/strongroom-dev].
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    /// How many regions to run beside the primary, up to 5: a hot standby and a server each. Those of an
    /// earlier start that are too many are removed.
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = clap::value_parser!(u8).range(..=5))]
    pub(crate) regions: u8,
    /// Print one JSON object with everything a program needs, instead of text.
    #[arg(long)]
    pub(crate) json: bool,
    /// Allow an address that other machines can reach. The API keys are then all that protects the demo data.
    #[arg(long)]
    pub(crate) allow_remote: bool,
}

#[derive(Debug, Args)]
pub(crate) struct MigrateArgs {
    #[command(flatten)]
    pub(crate) connect: ConnectArgs,
    /// Make this role for servers (unless it exists) and grant it what a server needs; where we may not make
    /// roles, print the SQL for someone who may. Repeat it after every upgrade.
    #[arg(long, value_name = "NAME")]
    pub(crate) app_role: Option<String>,
    /// Set the application role's password to this file's content.
    #[arg(long, value_name = "FILE", requires = "app_role")]
    pub(crate) app_password_file: Option<PathBuf>,
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum RootKeyCommand {
    /// Write a new random root key to FILE, readable by you alone. An existing file is left as it is.
    ///
    /// Keep a copy offline: without the root key nothing in the database can be opened.
    New {
        /// The file to write.
        file: PathBuf,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum OrgCommand {
    /// Create an organization, with an encryption key of its own.
    Create {
        #[command(flatten)]
        vault: VaultArgs,
        /// What people call it; need not be unique.
        #[arg(long)]
        name: String,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Delete an organization: its API keys are refused at once, and its encryption keys, without which nothing
    /// of it can be opened, are destroyed when the grace period ends.
    ///
    /// Its audit trail stays. Backups made before can still be opened with the root key of their day: they die
    /// only when that root key is rotated away and destroyed.
    Delete {
        #[command(flatten)]
        vault: VaultArgs,
        /// The organization's id.
        org: String,
        /// How long it can be restored [default: 7d].
        #[arg(long, value_name = "TIME", conflicts_with = "now")]
        grace: Option<String>,
        /// Destroy its keys now. This cannot be taken back.
        #[arg(long)]
        now: bool,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Restore a deleted organization whose grace period has not ended.
    Restore {
        #[command(flatten)]
        vault: VaultArgs,
        /// The organization's id.
        org: String,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// List all organizations, oldest first.
    List {
        #[command(flatten)]
        vault: VaultArgs,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum KeyCommand {
    /// Issue an API key. It is shown once and stored nowhere.
    Create {
        #[command(flatten)]
        vault: VaultArgs,
        /// The organization's id.
        #[arg(long, value_name = "ORG_ID")]
        org: String,
        /// admin: everything in the organization. member: list credentials, without their secrets.
        #[arg(long)]
        role: String,
        /// What people call it, such as the system that uses it.
        #[arg(long)]
        name: String,
        /// From when on it is refused: a date (2027-01-31), a time (2027-01-31T12:00:00Z), or a span from now
        /// (90d, 12h) [default: never].
        #[arg(long, value_name = "WHEN")]
        expires: Option<String>,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// List an organization's API keys, without their secrets.
    List {
        #[command(flatten)]
        vault: VaultArgs,
        /// The organization's id.
        #[arg(long, value_name = "ORG_ID")]
        org: String,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Revoke an API key: every running server refuses it within a second.
    Revoke {
        #[command(flatten)]
        vault: VaultArgs,
        /// The organization's id.
        #[arg(long, value_name = "ORG_ID")]
        org: String,
        /// The key's id, as `key create` and `key list` show it.
        #[arg(long, value_name = "KEY_ID")]
        key: String,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
}

#[derive(Debug, Args)]
pub(crate) struct RegionsArgs {
    #[command(flatten)]
    pub(crate) connect: ConnectArgs,
    /// Regions, as NAME=URL of each one's database, separated by spaces [variable: STRONGROOM_REGIONS].
    #[arg(long, value_name = "NAME=URL …")]
    pub(crate) regions: Option<String>,
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct VerifyArgs {
    #[command(flatten)]
    pub(crate) vault: VaultArgs,
    /// Only this organization [default: all].
    #[arg(long, value_name = "ORG_ID")]
    pub(crate) org: Option<String>,
    /// Print one JSON object.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum CredentialsCommand {
    /// List an organization's credentials and when each was last used. Recorded in its audit trail.
    List {
        #[command(flatten)]
        vault: VaultArgs,
        /// The organization's id.
        #[arg(long, value_name = "ORG_ID")]
        org: String,
        /// Only those neither used nor created within this time, such as 90d.
        #[arg(long, value_name = "TIME")]
        unused_since: Option<String>,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
}
