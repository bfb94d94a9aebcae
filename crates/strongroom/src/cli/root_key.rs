use std::path::PathBuf;

use clap::Subcommand;

#[derive(Debug, Subcommand)]
pub(crate) enum RootKeyCommand {
    /// Write a new random root key to FILE, readable by you alone. An existing file is left as it
    /// is.
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
