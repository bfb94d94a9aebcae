//! The `strongroom` command: reads the command line and the configuration, composes the crates, and runs.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

mod age_file;
mod background;
mod cli;
mod commands;
mod config;
mod error;
mod file_limit;
mod jobs;
mod keepers;
mod key_files;
mod logging;
mod output;
mod service;
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
    match commands::run(cli.command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            output::error(&error.to_string());
            ExitCode::FAILURE
        }
    }
}
