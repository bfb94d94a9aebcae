//! The `strongroom` command: reads the command line and the configuration, composes the crates, and
//! runs.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

mod background;
mod callers;
mod cli;
mod client;
mod commands;
mod egress;
mod error;
mod file_limit;
mod files;
mod hangup;
mod key_files;
mod logging;
mod open_vault;
mod output;
mod private_file;
mod process_memory;
mod secret_input;
mod service;
mod settings;
mod tls;
mod traces;

use std::process::ExitCode;

use mimalloc::MiMalloc;

#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    let command = cli::parse();
    use_small_pages();
    process_memory::protect();
    match commands::run(command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            output::failed(wants_json(), &error.messages());
            error.exit_code()
        }
    }
}

// What follows `--` belongs to another program.
fn wants_json() -> bool {
    let mut own = std::env::args_os().take_while(|argument| argument != "--");
    own.any(|argument| argument == "--json")
}

// The allocator requests huge pages, and each thread would use only some kilobytes of several.
fn use_small_pages() {
    #[cfg(target_os = "linux")]
    if let Err(error) = nix::sys::prctl::set_thp_disable(true) {
        tracing::debug!(%error, "cannot disable huge pages");
    }
}
