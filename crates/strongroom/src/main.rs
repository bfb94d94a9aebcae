//! The `strongroom` command: reads the command line and the configuration, composes the crates, and runs.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

mod age_file;
mod background;
mod cli;
mod commands;
mod error;
mod file_limit;
mod jobs;
mod keepers;
mod key_files;
mod logging;
mod output;
mod private_file;
mod service;
mod settings;
mod tls;
mod traces;
mod vault_access;

use std::process::ExitCode;

use clap::Parser;
use mimalloc::MiMalloc;

#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    let cli = cli::Cli::parse();
    use_small_pages();
    match commands::run(cli.command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            output::error(&error.to_string());
            ExitCode::FAILURE
        }
    }
}

// The allocator asks for huge pages, of which each thread would fill a few with some kilobytes each.
fn use_small_pages() {
    #[cfg(target_os = "linux")]
    if let Err(error) = nix::sys::prctl::set_thp_disable(true) {
        tracing::debug!(%error, "memory may come in huge pages");
    }
}
