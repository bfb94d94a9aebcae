//! The client for requests to other hosts.

use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use strongroom_domain::ports::egress::Egress;
use strongroom_egress::{EgressClient, EgressSettings, OwnEndpoint};
use tokio::runtime::Handle;

use crate::error::CommandError;
use crate::settings::egress::RelaySettings;

/// Starts the client on the current runtime. No request goes to `own` endpoints.
///
/// # Errors
/// When a file cannot be read, or no authority is trusted.
pub(crate) fn start(
    settings: &RelaySettings,
    own: Vec<OwnEndpoint>,
) -> Result<Arc<dyn Egress>, CommandError> {
    let authorities = settings.ca_file.as_deref().map(certificates);
    let settings = EgressSettings {
        dns: settings.dns,
        authorities: authorities.transpose()?.unwrap_or_default(),
        allow_networks: settings.allow_networks.clone(),
        own,
        in_flight: settings.in_flight,
        connect: settings.connect,
    };
    let client = EgressClient::start(settings, Handle::current());
    let client = client.map_err(|error| {
        CommandError::Failed(format!("requests to other hosts cannot be sent: {error}"))
    })?;
    Ok(Arc::new(client))
}

fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, CommandError> {
    let failed =
        |why: String| CommandError::Failed(format!("egress_ca_file {}: {why}", file.display()));
    let certificates = CertificateDer::pem_file_iter(file).and_then(Iterator::collect);
    let certificates: Vec<_> = certificates.map_err(|error| failed(error.to_string()))?;
    match certificates.is_empty() {
        true => Err(failed("it has no certificate".into())),
        false => Ok(certificates),
    }
}
