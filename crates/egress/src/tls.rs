use std::sync::Arc;

use rustls::ClientConfig;
use rustls::pki_types::CertificateDer;
use rustls_platform_verifier::Verifier;
use strongroom_domain::egress::EgressError;

/// TLS 1.2 or 1.3 for HTTP/1.1, to servers that an authority of the system or one of `authorities`
/// vouches for.
///
/// # Errors
/// When there is no such authority, or one of `authorities` is no certificate.
pub(crate) fn config(
    authorities: Vec<CertificateDer<'static>>,
) -> Result<Arc<ClientConfig>, rustls::Error> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let verifier = Verifier::new_with_extra_roots(authorities, provider.clone())?;
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

/// The error of a TLS handshake.
pub(crate) fn handshake_error(error: &std::io::Error) -> EgressError {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref());
    match inner {
        Some(error) => EgressError::Tls(rustls::Error::to_string(error)),
        None => EgressError::Tls(format!("the handshake failed: {}", error.kind())),
    }
}
