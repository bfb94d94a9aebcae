//! Where the console is served.

use std::net::SocketAddr;

use crate::settings::error::ConfigError;
use crate::settings::sources::Sources;
use crate::settings::table::{CONSOLE, CONSOLE_LISTEN};

/// Where the console is served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ConsoleSettings {
    /// Nowhere.
    Off,
    /// Beside the API.
    Shared,
    /// On a listener of its own.
    Own(SocketAddr),
}

impl ConsoleSettings {
    /// The address of its own listener.
    pub(crate) fn own(self) -> Option<SocketAddr> {
        match self {
            Self::Own(address) => Some(address),
            Self::Off | Self::Shared => None,
        }
    }
}

/// Reads where the console is served.
pub(super) fn console(sources: &Sources) -> Result<ConsoleSettings, ConfigError> {
    match (sources.get(&CONSOLE)?, sources.get(&CONSOLE_LISTEN)?) {
        (true, Some(address)) => Ok(ConsoleSettings::Own(address)),
        (true, None) => Ok(ConsoleSettings::Shared),
        (false, None) => Ok(ConsoleSettings::Off),
        (false, Some(_)) => match sources.found(&CONSOLE_LISTEN) {
            Some(found) => Err(found.invalid(CONSOLE_LISTEN.row(), "needs console = true")),
            None => Ok(ConsoleSettings::Off),
        },
    }
}
