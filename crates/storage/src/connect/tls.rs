//! TLS to PostgreSQL.

use std::fmt::Display;
use std::path::Path;
use std::sync::Arc;

use parking_lot::Mutex;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme,
};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::connect::certificate::explain_tls;
use crate::connect::error::ConnectError;
use crate::connect::url::{DatabaseUrl, TlsMode};

/// A TLS connector that verifies the server's certificate according to the URL's `sslmode`.
pub(crate) fn connector(url: &DatabaseUrl) -> Result<MakeRustlsConnect, ConnectError> {
    connector_with(url, verifier(url)?)
}

fn connector_with(
    url: &DatabaseUrl,
    verifier: Arc<dyn ServerCertVerifier>,
) -> Result<MakeRustlsConnect, ConnectError> {
    let builder = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(|error| ConnectError::Tls(error.to_string()))?
        .dangerous()
        .with_custom_certificate_verifier(verifier);
    let config = match &url.client_cert {
        Some((cert, key)) => builder
            .with_client_auth_cert(from_file("sslcert", cert)?, private_key(key)?)
            .map_err(|error| unreadable("sslcert", cert, &error))?,
        None => builder.with_no_client_auth(),
    };
    Ok(MakeRustlsConnect::new(config))
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

fn verifier(url: &DatabaseUrl) -> Result<Arc<dyn ServerCertVerifier>, ConnectError> {
    let chain = || {
        let roots = Arc::new(roots(url.root_cert.as_deref())?);
        WebPkiServerVerifier::builder_with_provider(roots, provider())
            .build()
            .map_err(|error| ConnectError::Tls(error.to_string()))
    };
    Ok(match url.tls {
        TlsMode::VerifyFull => chain()?,
        TlsMode::VerifyCa => Arc::new(AnyName(chain()?)),
        TlsMode::Disable | TlsMode::Prefer | TlsMode::Require => {
            Arc::new(AnyCertificate(provider()))
        }
    })
}

fn roots(file: Option<&Path>) -> Result<RootCertStore, ConnectError> {
    let mut store = RootCertStore::empty();
    let certificates = match file.filter(|file| *file != Path::new("system")) {
        Some(file) => from_file("sslrootcert", file)?,
        None => rustls_native_certs::load_native_certs().certs,
    };
    store.add_parsable_certificates(certificates);
    if store.is_empty() {
        let place = file.map_or("the system's store".into(), |file| {
            file.display().to_string()
        });
        return Err(ConnectError::Tls(format!("no root certificate in {place}")));
    }
    Ok(store)
}

fn from_file(option: &str, file: &Path) -> Result<Vec<CertificateDer<'static>>, ConnectError> {
    CertificateDer::pem_file_iter(file)
        .and_then(Iterator::collect)
        .map_err(|error| unreadable(option, file, &error))
}

fn private_key(file: &Path) -> Result<PrivateKeyDer<'static>, ConnectError> {
    PrivateKeyDer::from_pem_file(file).map_err(|error| match error {
        pem::Error::NoItemsFound => {
            let why = "it contains no private key in PEM format that is not encrypted";
            unreadable("sslkey", file, &why)
        }
        other => unreadable("sslkey", file, &other),
    })
}

fn unreadable(option: &str, file: &Path, why: &dyn Display) -> ConnectError {
    ConnectError::Tls(format!("{option} {}: {why}", file.display()))
}

/// `verify-ca`: verifies the chain, but not the host name.
#[derive(Debug)]
struct AnyName(Arc<WebPkiServerVerifier>);

/// `prefer` and `require`: encrypts without authenticating the server, as libpq does.
#[derive(Debug)]
struct AnyCertificate(Arc<CryptoProvider>);

/// The certificate that a database server presented.
#[derive(Debug, Clone)]
pub struct PeerCertificate {
    /// The host name of the URL.
    pub host: String,
    /// The certificate in DER.
    pub der: Vec<u8>,
    /// Why verification refused it; `None` if it was accepted.
    pub refused: Option<String>,
}

/// Certificates that servers presented.
type Recorded = Arc<Mutex<Vec<PeerCertificate>>>;

/// Like [`connector`], but also records the certificates.
pub(crate) fn recording_connector(
    url: &DatabaseUrl,
) -> Result<(MakeRustlsConnect, Recorded), ConnectError> {
    let recorded = Recorded::default();
    let recorder = Recorder(verifier(url)?, recorded.clone());
    Ok((connector_with(url, Arc::new(recorder))?, recorded))
}

/// Delegates to another verifier, and records the certificates.
#[derive(Debug)]
struct Recorder(Arc<dyn ServerCertVerifier>, Recorded);

impl ServerCertVerifier for Recorder {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let verified =
            self.0
                .verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now);
        self.1.lock().push(PeerCertificate {
            host: server_name.to_str().into_owned(),
            der: end_entity.to_vec(),
            refused: verified.as_ref().err().map(explain_tls),
        });
        verified
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.0.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.0.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_verify_schemes()
    }
}

impl ServerCertVerifier for AnyName {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let verified =
            self.0
                .verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now);
        match verified {
            Err(rustls::Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) => Ok(ServerCertVerified::assertion()),
            other => other,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.0.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.0.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_verify_schemes()
    }
}

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, cert, dss, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, cert, dss, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
