//! Settings of the database, of root keys and of regions.

use std::path::PathBuf;
use std::time::Duration;

use strongroom_domain::keyring::sources::RootKeySources;
use strongroom_storage::{DatabaseUrl, RegionSettings};

use crate::settings::key_material::{passphrase, passphrase_file, root_key_file, root_keys};
use crate::settings::setting::{AnySetting, Commands, Setting, settings};
use crate::settings::values::{count, database_url, path, regions, some, time, word};

/// The section of the settings that root keys come from.
pub(in crate::settings) const ROOT_KEYS: &str = "Root keys";

const ROOT_KEY_HINT: &str = "name a file made by `strongroom root-key new --output FILE` with \
                             --root-key-file or STRONGROOM_ROOT_KEY_FILE, or set \
                             STRONGROOM_ROOT_KEY or STRONGROOM_ROOT_KEY_PASSPHRASE";

settings! {
    "Configuration file" => {
        CONFIG: Option<PathBuf> = Setting::new("config", |text| some(path(text)))
            .flag_of(Commands::Database, "FILE")
            .optional("none")
            .what("TOML file with settings.");
    }

    "Database" => {
        DATABASE_URL: DatabaseUrl = Setting::new("database_url", database_url)
            .flag_of(Commands::Database, "URL")
            .secret()
            .fallbacks(&["DATABASE_URL"])
            .required(
                "give postgresql://user:password@host:port/database with --database-url, \
                 STRONGROOM_DATABASE_URL or DATABASE_URL, or its file with \
                 STRONGROOM_DATABASE_URL_FILE",
            )
            .what(
                "URL of the primary, `postgresql://user:password@host:port/database?sslmode=\
                 verify-full`. `DATABASE_URL` is read last, after the file. On a shared machine \
                 use a variable or a file, since other users can see flags.",
            );

        DATABASE_URL_FILE: Option<PathBuf> =
            Setting::new("database_url_file", |text| some(path(text)))
                .flag_of(Commands::Database, "FILE")
                .optional("none")
                .what("File that contains the database URL. Use it instead of `database_url`.");

        POOL_SIZE: usize = Setting::new("pool_size", |text| count(text, 2, 1000))
            .flag("N")
            .default("16")
            .what(
                "Connections to PostgreSQL, 2 to 1000, and as many to the database of the region. \
                 A server has further connections: four for shared writes and reads, one that \
                 listens for revoked keys, one that watches each region, and, on one of the \
                 servers, one for the scrub.",
            );

        CONNECT_TIMEOUT: Duration = Setting::new("connect_timeout", time)
            .flag("TIME")
            .default("3s")
            .what(
                "Longest time to connect to one host of PostgreSQL, or to wait for a free \
                 connection.",
            );

        STATEMENT_TIMEOUT: Duration = Setting::new("statement_timeout", time)
            .flag("TIME")
            .default("8s")
            .what("Longest time for one database transaction.");
    }

    ROOT_KEYS => {
        ROOT_KEY_FILE: RootKeySources = Setting::new("root_key_file", root_key_file)
            .flag_of(Commands::Vault, "FILE")
            .required(ROOT_KEY_HINT)
            .what(
                "File with root keys, one per line, newest last, as `strongroom root-key new` \
                 writes it; or a folder of such files. Refused if others can read or change a \
                 file. Servers read it again every 2 seconds. Instead, the keys can be in \
                 `STRONGROOM_ROOT_KEY`, or a passphrase in `STRONGROOM_ROOT_KEY_PASSPHRASE`.",
            );

        ROOT_KEY: RootKeySources = Setting::new("root_key", root_keys)
            .secret()
            .required(ROOT_KEY_HINT)
            .what("The root keys themselves, one per line.");

        ROOT_KEY_PASSPHRASE: RootKeySources = Setting::new("root_key_passphrase", passphrase)
            .secret()
            .required(ROOT_KEY_HINT)
            .what("Passphrase of at least 16 characters that stands for a root key.");

        ROOT_KEY_PASSPHRASE_FILE: RootKeySources =
            Setting::new("root_key_passphrase_file", passphrase_file)
                .flag_of(Commands::Vault, "FILE")
                .required(ROOT_KEY_HINT)
                .what(
                    "File with a passphrase that stands for a root key. Refused if others can \
                     read or change it.",
                );
    }

    "Regions" => {
        REGIONS: Vec<RegionSettings> = Setting::new("regions", regions)
            .flag_of(Commands::Regions, "NAME=URL …")
            .secret()
            .default_fn("none", Vec::new)
            .what(
                "The regions, as NAME=URL of the database of each, separated by spaces. In the \
                 TOML file: tables `[[regions]]` with `name` and `database_url`.",
            )
            .see("regions.md");

        REGION: Option<String> = Setting::new("region", |text| Ok(Some(text.to_owned())))
            .flag("NAME")
            .optional("the primary")
            .what(
                "Region whose database this server reads. Writes always go to the primary, \
                 `database_url`.",
            );

        MAX_REPLICA_LAG: Duration = Setting::new("max_replica_lag", time)
            .flag("TIME")
            .default("10s")
            .what(
                "How far the database of the region may be behind before answers from it say so \
                 in `SlashID-Replica-Lag`.",
            );

        // Whether they are refused.
        STALE_READS: bool = Setting::new("stale_reads", |text| {
            word(text, &[("serve", false), ("refuse", true)])
        })
        .flag("RULE")
        .default("serve")
        .what("Reads from a region that is further behind: `serve` or `refuse`.");
    }
}
