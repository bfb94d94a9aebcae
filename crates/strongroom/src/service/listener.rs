use std::net::{SocketAddr, TcpListener};

use crate::error::CommandError;

/// Listens on `listen`; returns the address with the port that was bound.
pub(super) fn bind(listen: SocketAddr) -> Result<(TcpListener, SocketAddr), CommandError> {
    let listener = TcpListener::bind(listen)
        .map_err(|error| CommandError::io(&format!("cannot listen on {listen}"), &error))?;
    let address = listener
        .local_addr()
        .map_err(|error| CommandError::io("cannot read the listener's address", &error))?;
    Ok((listener, address))
}
