use std::io::{Error, Result};
use std::net::TcpStream;
use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use strongroom_storage::explain_tls;
use zeroize::Zeroizing;

use crate::cli::HealthArgs;
use crate::tls::private_key;

/// A TLS connection over `stream` to the server `host`, whose certificate is verified.
pub(super) fn over(
    stream: TcpStream,
    host: &str,
    args: &HealthArgs,
) -> Result<StreamOwned<ClientConnection, TcpStream>> {
    let name = ServerName::try_from(host.to_owned()).map_err(Error::other)?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(Error::other)?
        .with_root_certificates(roots(args.ca_file.as_deref())?);
    let config = match (&args.cert_file, &args.key_file) {
        (Some(cert), Some(key)) => {
            let named = |error: String| Error::other(format!("{}: {error}", key.display()));
            let pem = std::fs::read(key).map_err(|error| named(error.to_string()))?;
            let key = private_key(&Zeroizing::new(pem)).map_err(named)?;
            builder
                .with_client_auth_cert(certificates(cert)?, key)
                .map_err(Error::other)?
        }
        _ => builder.with_no_client_auth(),
    };
    let connection = ClientConnection::new(Arc::new(config), name).map_err(Error::other)?;
    Ok(StreamOwned::new(connection, stream))
}

/// `error` in words, if the server's certificate was refused.
pub(super) fn explained(error: &Error) -> String {
    let refused = error.get_ref().and_then(|inner| inner.downcast_ref());
    refused.map_or_else(|| error.to_string(), explain_tls)
}

fn roots(file: Option<&Path>) -> Result<RootCertStore> {
    let mut roots = RootCertStore::empty();
    let certificates = match file {
        Some(file) => certificates(file)?,
        None => rustls_native_certs::load_native_certs().certs,
    };
    roots.add_parsable_certificates(certificates);
    if roots.is_empty() {
        return Err(Error::other(
            "no certificate authority is known; set --ca-file",
        ));
    }
    Ok(roots)
}

fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>> {
    let named = |error| Error::other(format!("{}: {error}", file.display()));
    CertificateDer::pem_file_iter(file)
        .and_then(Iterator::collect)
        .map_err(named)
}
