//! TLS on the main listener: reads certificates and keys.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;
use rustls::sign::CertifiedKey;
use rustls::{RootCertStore, ServerConfig};
use zeroize::Zeroizing;

use crate::private_file::check_private;

/// The files of certificates and keys.
#[derive(Debug, Clone)]
pub(crate) struct TlsFiles {
    /// The server's certificate, followed by the intermediate certificates.
    pub(crate) cert: PathBuf,
    /// Its private key.
    pub(crate) key: PathBuf,
    /// The authorities of client certificates; `None`: clients need no certificate.
    pub(crate) client_ca: Option<PathBuf>,
    /// Whether a client without a certificate is refused.
    pub(crate) client_required: bool,
}

/// One of the files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    Certificate,
    Key,
    ClientCa,
}

/// Why the files cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}: {problem}", file.display())]
pub(crate) struct BrokenTls {
    pub(crate) part: Part,
    pub(crate) file: PathBuf,
    pub(crate) problem: String,
}

/// The content of the files.
#[derive(PartialEq, Eq)]
pub(crate) struct Content {
    cert: Vec<u8>,
    key: Zeroizing<Vec<u8>>,
    client_ca: Vec<u8>,
}

/// The TLS configuration, and the first expiry of its certificates.
#[derive(Debug)]
pub(crate) struct LoadedTls {
    pub(crate) config: Arc<ServerConfig>,
    pub(crate) not_after: DateTime<Utc>,
}

impl TlsFiles {
    /// Reads the files and builds the listener's configuration from them.
    pub(crate) fn load(&self) -> Result<LoadedTls, BrokenTls> {
        self.prepare(&self.read()?)
    }

    /// Reads the files. The private key's file is refused when others can read or change it.
    pub(crate) fn read(&self) -> Result<Content, BrokenTls> {
        check_private(&self.key).map_err(|problem| self.broken(Part::Key, problem))?;
        let read = |part, file: &Path| {
            std::fs::read(file).map_err(|error| self.broken(part, error.to_string()))
        };
        Ok(Content {
            cert: read(Part::Certificate, &self.cert)?,
            key: Zeroizing::new(read(Part::Key, &self.key)?),
            client_ca: match &self.client_ca {
                Some(file) => read(Part::ClientCa, file)?,
                None => Vec::new(),
            },
        })
    }

    /// Builds the configuration from the files' content: TLS 1.2 and 1.3, HTTP/1.1 only.
    pub(crate) fn prepare(&self, content: &Content) -> Result<LoadedTls, BrokenTls> {
        let broken = |part| move |problem| self.broken(part, problem);
        let chain = certificates(&content.cert).map_err(broken(Part::Certificate))?;
        let not_after = earliest(&chain).map_err(broken(Part::Certificate))?;
        let key = private_key(&content.key).map_err(broken(Part::Key))?;
        let provider = Arc::new(ring::default_provider());
        let certified = certified(chain, &key, &provider)
            .map_err(|(part, problem)| self.broken(part, problem))?;
        let builder = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| self.broken(Part::Certificate, error.to_string()))?;
        let builder = match self.clients(&content.client_ca)? {
            Some(clients) => builder.with_client_cert_verifier(clients),
            None => builder.with_no_client_auth(),
        };
        let certified = Arc::new(rustls::sign::SingleCertAndKey::from(certified));
        let mut config = builder.with_cert_resolver(certified);
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(LoadedTls {
            config: Arc::new(config),
            not_after,
        })
    }

    fn clients(&self, pem: &[u8]) -> Result<Option<Arc<dyn ClientCertVerifier>>, BrokenTls> {
        if self.client_ca.is_none() {
            return Ok(None);
        }
        let broken = |problem| self.broken(Part::ClientCa, problem);
        let mut roots = RootCertStore::empty();
        for certificate in certificates(pem).map_err(broken)? {
            roots
                .add(certificate)
                .map_err(|error| broken(error.to_string()))?;
        }
        let provider = Arc::new(ring::default_provider());
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
        let verifier = match self.client_required {
            true => verifier,
            false => verifier.allow_unauthenticated(),
        };
        let verifier = verifier.build();
        verifier
            .map(|verifier| Some(verifier as Arc<dyn ClientCertVerifier>))
            .map_err(|error| broken(error.to_string()))
    }

    fn broken(&self, part: Part, problem: String) -> BrokenTls {
        let file = match part {
            Part::Certificate => &self.cert,
            Part::Key => &self.key,
            Part::ClientCa => self.client_ca.as_ref().unwrap_or(&self.cert),
        };
        BrokenTls {
            part,
            file: file.clone(),
            problem,
        }
    }
}

/// The private key in PEM text.
pub(crate) fn private_key(pem: &[u8]) -> Result<PrivateKeyDer<'static>, String> {
    PrivateKeyDer::from_pem_slice(pem).map_err(|_| {
        let text = String::from_utf8_lossy(pem);
        let problem = if text.contains("ENCRYPTED") {
            "the private key is encrypted with a passphrase, which is not supported; decrypt it \
             with `openssl pkey -in FILE -out NEW_FILE`, and protect the new file with mode 0600"
        } else if text.contains("BEGIN CERTIFICATE") {
            "it contains a certificate and no private key"
        } else {
            "it contains no private key in PEM format"
        };
        problem.to_owned()
    })
}

/// `chain` with the key of its first certificate.
fn certified(
    chain: Vec<CertificateDer<'static>>,
    key: &PrivateKeyDer<'static>,
    provider: &CryptoProvider,
) -> Result<CertifiedKey, (Part, String)> {
    let with = |chain| CertifiedKey::from_der(chain, key.clone_key(), provider);
    let problem = match with(chain.clone()) {
        Ok(certified) => return Ok(certified),
        Err(rustls::Error::InconsistentKeys(_)) => "is not the certificate's key".to_owned(),
        Err(other) => format!("cannot be used: {other}"),
    };
    let mut others = chain.into_iter().skip(1);
    if others.any(|certificate| with(vec![certificate]).is_ok()) {
        let problem = "the certificates are in the wrong order: the server's own must be the \
                       first, followed by the one that issued it, and so on";
        return Err((Part::Certificate, problem.into()));
    }
    Err((Part::Key, problem))
}

/// The first expiry in `chain`.
fn earliest(chain: &[CertificateDer<'_>]) -> Result<DateTime<Utc>, String> {
    let mut earliest = DateTime::<Utc>::MAX_UTC;
    for certificate in chain {
        let (_, parsed) = x509_parser::parse_x509_certificate(certificate)
            .map_err(|error| format!("it contains an invalid certificate: {error}"))?;
        let not_after = parsed.validity().not_after.timestamp();
        let not_after = DateTime::from_timestamp(not_after, 0).unwrap_or(DateTime::<Utc>::MAX_UTC);
        earliest = earliest.min(not_after);
    }
    Ok(earliest)
}

/// The certificates in PEM text; at least one.
fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, String> {
    let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    match read {
        Ok(chain) if !chain.is_empty() => Ok(chain),
        Ok(_) if String::from_utf8_lossy(pem).contains("PRIVATE KEY") => {
            Err("it contains a private key and no certificate".into())
        }
        Ok(_) => Err("it contains no certificate in PEM format".into()),
        Err(error) => Err(format!("it is not a PEM file: {error}")),
    }
}
