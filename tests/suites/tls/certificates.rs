use std::io::{Read, Result, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, date_time_ymd,
};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{
    ClientConfig, ClientConnection, RootCertStore, StreamOwned, SupportedProtocolVersion,
};
use tempfile::TempDir;

/// A certificate and its key, in PEM.
pub(super) type Issued = (String, String);

/// A certificate authority.
pub(super) struct Authority(CertifiedIssuer<'static, KeyPair>);

fn named(name: &str) -> CertificateParams {
    let mut params = CertificateParams::new(vec!["127.0.0.1".into(), "localhost".into()]).unwrap();
    params.distinguished_name.push(DnType::CommonName, name);
    params
}

impl Authority {
    pub(super) fn new(name: &str) -> Self {
        let mut params = named(name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        Self(CertifiedIssuer::self_signed(params, key).unwrap())
    }

    /// Issues a certificate that is valid until 1 January of the year `until`.
    pub(super) fn issue(&self, name: &str, until: i32) -> Issued {
        let mut params = named(name);
        params.not_after = date_time_ymd(until, 1, 1);
        self.sign(&params)
    }

    fn sign(&self, params: &CertificateParams) -> Issued {
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.0).unwrap();
        (certificate.pem(), key.serialize_pem())
    }

    /// Writes the authority's certificate to a file.
    pub(super) fn write(&self, files: &Files, name: &str) {
        files.write(name, &self.0.pem());
    }
}

/// A folder with a server's certificate (`server.pem`), its key (`server.key`), and the authority's
/// certificate (`one.pem`).
pub(super) struct Files {
    folder: TempDir,
    cert: String,
    key: String,
}

impl Files {
    pub(super) fn new(authority: &Authority) -> Self {
        let folder = TempDir::with_prefix("strongroom-tls-").unwrap();
        let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
        let files = Self {
            cert: path("server.pem"),
            key: path("server.key"),
            folder,
        };
        authority.write(&files, "one.pem");
        files.renew(authority, 2100);
        files
    }

    pub(super) fn path(&self, name: &str) -> String {
        self.folder.path().join(name).to_str().unwrap().to_owned()
    }

    /// Replaces a file atomically; only its owner can read it.
    pub(super) fn write(&self, name: &str, text: &str) {
        let draft = self.path("draft");
        std::fs::write(&draft, text).unwrap();
        std::fs::set_permissions(&draft, std::fs::Permissions::from_mode(0o600)).unwrap();
        std::fs::rename(draft, self.path(name)).unwrap();
    }

    /// Replaces the server's certificate and key.
    pub(super) fn renew(&self, authority: &Authority, until: i32) {
        self.install(authority.issue("server", until));
    }

    /// Replaces the server's certificate and key; the new certificate expires in `left`.
    pub(super) fn expire_in(&self, authority: &Authority, left: Duration) {
        let written = std::fs::metadata(&self.cert).unwrap().modified().unwrap();
        let now = written.duration_since(UNIX_EPOCH).unwrap();
        let mut params = named("server");
        params.not_after = date_time_ymd(1970, 1, 1) + now + left;
        self.install(authority.sign(&params));
    }

    /// Makes the authority's own certificate the server's.
    pub(super) fn use_authority(&self, authority: &Authority) {
        let key = authority.0.key().serialize_pem();
        self.install((authority.0.pem(), key));
    }

    fn install(&self, (cert, key): Issued) {
        self.write("server.pem", &cert);
        self.write("server.key", &key);
    }

    pub(super) fn certificate(&self) -> String {
        std::fs::read_to_string(&self.cert).unwrap()
    }

    /// Copies this server's key into the folder of `other`; returns its path.
    pub(super) fn path_of_copy(&self, other: &Self) -> String {
        other.write("other.key", &std::fs::read_to_string(&self.key).unwrap());
        other.path("other.key")
    }

    pub(super) fn variables(&self) -> Vec<(&str, &str)> {
        vec![
            ("STRONGROOM_TLS_CERT_FILE", &self.cert),
            ("STRONGROOM_TLS_KEY_FILE", &self.key),
        ]
    }
}

/// A TLS client.
pub(super) struct Client {
    roots: RootCertStore,
    versions: Vec<&'static SupportedProtocolVersion>,
    certificate: Option<Issued>,
}

pub(super) type Connected = StreamOwned<ClientConnection, TcpStream>;

impl Client {
    /// A client that only trusts `authority`.
    pub(super) fn new(authority: &Authority) -> Self {
        let mut roots = RootCertStore::empty();
        roots.add(authority.0.der().clone()).unwrap();
        Self {
            roots,
            versions: rustls::DEFAULT_VERSIONS.to_vec(),
            certificate: None,
        }
    }

    pub(super) fn with_versions(mut self, versions: &[&'static SupportedProtocolVersion]) -> Self {
        self.versions = versions.to_vec();
        self
    }

    pub(super) fn with_certificate(mut self, issued: &Issued) -> Self {
        self.certificate = Some(issued.clone());
        self
    }

    fn config(&self) -> ClientConfig {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&self.versions)
            .unwrap()
            .with_root_certificates(self.roots.clone());
        let mut config = match &self.certificate {
            None => builder.with_no_client_auth(),
            Some((cert, key)) => {
                let cert = CertificateDer::from_pem_slice(cert.as_bytes()).unwrap();
                let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap();
                builder.with_client_auth_cert(vec![cert], key).unwrap()
            }
        };
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        config
    }

    /// Opens a connection, and completes the handshake.
    pub(super) fn connect(&self, address: &str) -> Result<Connected> {
        let name = ServerName::try_from("127.0.0.1").unwrap();
        let mut session = ClientConnection::new(Arc::new(self.config()), name).unwrap();
        let mut stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(Duration::from_secs(20)))?;
        while session.is_handshaking() {
            session.complete_io(&mut stream)?;
        }
        Ok(StreamOwned::new(session, stream))
    }

    /// The certificate that the server presents.
    pub(super) fn served(&self, address: &str) -> Result<Vec<u8>> {
        let connected = self.connect(address)?;
        Ok(connected.conn.peer_certificates().unwrap()[0].to_vec())
    }

    /// The answer to a request with this head, whose lines end with CRLF, and this body.
    pub(super) fn exchange(&self, address: &str, head: &str, body: &str) -> Result<String> {
        let mut connected = self.connect(address)?;
        let length = body.len();
        let rest = format!("Host: {address}\r\nConnection: close\r\nContent-Length: {length}");
        connected.write_all(format!("{head}{rest}\r\n\r\n{body}").as_bytes())?;
        let mut answer = String::new();
        connected.read_to_string(&mut answer)?;
        Ok(answer)
    }

    /// The answer to a GET of `path`, and the negotiated protocol.
    pub(super) fn get(&self, address: &str, path: &str) -> Result<(String, Option<String>)> {
        let mut connected = self.connect(address)?;
        let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        connected.write_all(request.as_bytes())?;
        let mut answer = String::new();
        connected.read_to_string(&mut answer)?;
        let alpn = connected.conn.alpn_protocol();
        let alpn = alpn.map(|alpn| String::from_utf8(alpn.to_vec()).unwrap());
        Ok((answer, alpn))
    }
}
