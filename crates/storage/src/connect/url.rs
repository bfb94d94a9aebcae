//! Database URLs.

use std::fmt;
use std::path::{Path, PathBuf};

use percent_encoding::percent_decode_str;
use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode};

use crate::connect::mistakes::misread;
use crate::connect::options::{adapted, named};

/// TLS modes, with libpq's names and meanings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TlsMode {
    Disable,
    Prefer,
    Require,
    VerifyCa,
    VerifyFull,
}

/// A parsed `postgresql://` URL. `Debug` omits the password.
#[derive(Clone)]
pub struct DatabaseUrl {
    pub(crate) config: Config,
    pub(crate) tls: TlsMode,
    pub(crate) root_cert: Option<PathBuf>,
    /// The certificate that authenticates this program, and its key.
    pub(crate) client_cert: Option<(PathBuf, PathBuf)>,
    has_percent_in_password: bool,
}

/// A refused URL. The message never quotes the URL, which may contain a password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct UrlError(String);

impl DatabaseUrl {
    /// Parses `postgresql://user:password@host[:port][,host…]/database[?option=value…]`.
    ///
    /// In addition to the options of `tokio-postgres`, it accepts libpq's `sslmode` up to
    /// `verify-full`, `sslrootcert`: a PEM file, or `system` for the system's root certificates,
    /// `sslcert` and `sslkey`. Other options of libpq are refused by name, unless they ask for what
    /// is done anyway.
    ///
    /// # Errors
    /// [`UrlError`] names the invalid option.
    pub fn parse(text: &str) -> Result<Self, UrlError> {
        if !(text.starts_with("postgresql://") || text.starts_with("postgres://")) {
            return Err(UrlError("must begin with postgresql://".into()));
        }
        if let Some(problem) = misread(text) {
            return Err(UrlError(problem.into()));
        }
        let (base, query) = text.split_once('?').unwrap_or((text, ""));
        let options = Options::parse(query)?;
        let stripped = format!("{base}?{}", options.rest.join("&"));
        let mut config: Config = stripped.parse().map_err(|error| unreadable(&error))?;
        if config.get_hosts().is_empty() {
            return Err(UrlError("names no host".into()));
        }
        let tls = options.tls.unwrap_or(TlsMode::Prefer);
        let tls = effective(tls, options.root_cert.is_some());
        let tls = on_sockets(tls, config.get_hosts())?;
        config.ssl_mode(match tls {
            TlsMode::Disable => SslMode::Disable,
            TlsMode::Prefer => SslMode::Prefer,
            TlsMode::Require | TlsMode::VerifyCa | TlsMode::VerifyFull => SslMode::Require,
        });
        let credentials = base
            .split_once('@')
            .map_or("", |(credentials, _)| credentials);
        Ok(Self {
            config,
            tls,
            root_cert: options.root_cert.clone(),
            client_cert: options.client_cert()?,
            has_percent_in_password: credentials.contains('%'),
        })
    }

    /// What may be wrong with a password that was refused.
    pub(crate) fn password_hint(&self) -> Option<&'static str> {
        let hint = "; if the % in the URL is a part of the password, write it as %25";
        self.has_percent_in_password.then_some(hint)
    }

    /// Whether an attacker on the network could read the traffic or impersonate the server: a
    /// remote host without `sslmode=verify-full`.
    #[must_use]
    pub fn is_exposed(&self) -> bool {
        self.tls != TlsMode::VerifyFull && self.config.get_hosts().iter().any(is_remote)
    }

    /// The file with the root certificates; `None` if the system's certificates are used.
    #[must_use]
    pub fn root_certificate_file(&self) -> Option<&Path> {
        let file = self.root_cert.as_deref();
        file.filter(|file| *file != Path::new("system"))
    }

    /// `host:port/database` for logs.
    #[must_use]
    pub fn redacted(&self) -> String {
        let ports = self.config.get_ports();
        let hosts: Vec<_> = self
            .config
            .get_hosts()
            .iter()
            .enumerate()
            .map(|(at, host)| {
                let port = ports.get(at).or(ports.first()).copied().unwrap_or(5432);
                match host {
                    Host::Tcp(name) => format!("{name}:{port}"),
                    #[cfg(unix)]
                    Host::Unix(path) => format!("{}:{port}", path.display()),
                }
            })
            .collect();
        let database = self.config.get_dbname().unwrap_or_default();
        format!("{}/{database}", hosts.join(","))
    }
}

/// The options of a URL.
#[derive(Default)]
struct Options {
    tls: Option<TlsMode>,
    root_cert: Option<PathBuf>,
    cert: Option<PathBuf>,
    key: Option<PathBuf>,
    /// Those that are left to `tokio-postgres`.
    rest: Vec<String>,
}

impl Options {
    fn parse(query: &str) -> Result<Self, UrlError> {
        let mut options = Self::default();
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = named(pair).map_err(UrlError)?;
            let text = || decoded(name, value);
            match name {
                "sslmode" => options.tls = Some(parse_tls(&text()?)?),
                "sslrootcert" => options.root_cert = Some(PathBuf::from(text()?)),
                "sslcert" => options.cert = Some(PathBuf::from(text()?)),
                "sslkey" => options.key = Some(PathBuf::from(text()?)),
                _ => {
                    let adapted = adapted(name, value).map_err(UrlError)?;
                    options.rest.extend(adapted);
                }
            }
        }
        Ok(options)
    }

    fn client_cert(self) -> Result<Option<(PathBuf, PathBuf)>, UrlError> {
        match (self.cert, self.key) {
            (Some(cert), Some(key)) => Ok(Some((cert, key))),
            (None, None) => Ok(None),
            _ => Err(UrlError(
                "options sslcert and sslkey need each other".into(),
            )),
        }
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DatabaseUrl({})", self.redacted())
    }
}

fn is_remote(host: &Host) -> bool {
    match host {
        Host::Tcp(name) => {
            let loopback = name
                .parse::<std::net::IpAddr>()
                .is_ok_and(|address| address.is_loopback());
            !loopback && name != "localhost"
        }
        #[cfg(unix)]
        Host::Unix(_) => false,
    }
}

fn decoded(name: &str, value: &str) -> Result<String, UrlError> {
    percent_decode_str(value)
        .decode_utf8()
        .map(|text| text.into_owned())
        .map_err(|_| UrlError(format!("option {name} is not valid UTF-8")))
}

fn parse_tls(value: &str) -> Result<TlsMode, UrlError> {
    Ok(match value {
        "disable" => TlsMode::Disable,
        "allow" | "prefer" => TlsMode::Prefer,
        "require" => TlsMode::Require,
        "verify-ca" => TlsMode::VerifyCa,
        "verify-full" => TlsMode::VerifyFull,
        _ => {
            let choices = "disable, allow, prefer, require, verify-ca or verify-full";
            return Err(UrlError(format!("option sslmode must be {choices}")));
        }
    })
}

// As in libpq, sslmode does not apply to sockets.
fn on_sockets(tls: TlsMode, hosts: &[Host]) -> Result<TlsMode, UrlError> {
    let sockets = hosts.iter().filter(|host| !matches!(host, Host::Tcp(_)));
    match (sockets.count(), tls) {
        (0, tls) | (_, tls @ (TlsMode::Disable | TlsMode::Prefer)) => Ok(tls),
        (count, _) if count == hosts.len() => Ok(TlsMode::Disable),
        _ => Err(UrlError(
            "names sockets and hosts; this sslmode would apply to the hosts alone".into(),
        )),
    }
}

// As in libpq, `require` with a root certificate verifies the chain.
fn effective(tls: TlsMode, has_root_cert: bool) -> TlsMode {
    if tls == TlsMode::Require && has_root_cert {
        TlsMode::VerifyCa
    } else {
        tls
    }
}

// The source error of tokio-postgres names options, never values.
fn unreadable(error: &tokio_postgres::Error) -> UrlError {
    let why = std::error::Error::source(error).map(ToString::to_string);
    UrlError(match why {
        Some(why) if why.contains("unknown option") => format!("{why} of a database URL"),
        Some(why) if why.contains("invalid value for option") => why,
        _ => "is not of the form postgresql://user:password@host:port/database".into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tls_modes_are_libpqs() {
        let mode = |query: &str| {
            DatabaseUrl::parse(&format!("postgresql://u@h/d{query}"))
                .unwrap()
                .tls
        };
        assert_eq!(mode(""), TlsMode::Prefer);
        assert_eq!(mode("?sslmode=disable"), TlsMode::Disable);
        assert_eq!(mode("?sslmode=require"), TlsMode::Require);
        assert_eq!(mode("?sslmode=require&sslrootcert=/x"), TlsMode::VerifyCa);
        assert_eq!(
            mode("?connect_timeout=3&sslmode=verify-full"),
            TlsMode::VerifyFull
        );
        assert_eq!(mode("?sslmode=verify%2Dfull"), TlsMode::VerifyFull);
    }

    #[test]
    fn errors_never_quote_the_password() {
        for url in [
            "postgresql://u:hunter2@h:notaport/d",
            "postgresql://u:hunter2@h/d?sslmode=hunter2",
            "postgresql://u:hunter2@h/d?nonsense=hunter2",
            "postgresql://u:hunter2@h/d?hunter2",
            "postgresql://u:hunter2@h/d?=hunter2",
            "postgresql://u:hunter2@h/d?hunter2=x",
            "mysql://u:hunter2@h/d",
        ] {
            let error = DatabaseUrl::parse(url).unwrap_err().to_string();
            assert!(!error.contains("hunter2"), "{error}");
        }
        let url = DatabaseUrl::parse("postgresql://u:hunter2@h/d").unwrap();
        assert_eq!(format!("{url:?}"), "DatabaseUrl(h:5432/d)");
    }

    #[test]
    fn only_other_machines_without_verification_are_exposed() {
        let exposed = |url: &str| DatabaseUrl::parse(url).unwrap().is_exposed();
        assert!(exposed("postgresql://u@db.example/d"));
        assert!(exposed("postgresql://u@127.0.0.1,10.0.0.1/d"));
        assert!(!exposed("postgresql://u@db.example/d?sslmode=verify-full"));
        assert!(!exposed("postgresql://u@localhost,[::1],127.0.0.1/d"));
    }

    #[test]
    fn sslmode_does_not_apply_to_sockets() {
        let mode = |url: &str| DatabaseUrl::parse(url).map(|url| url.tls);
        let socket = "postgresql:///d?host=/var/run/postgresql&sslmode=require";
        assert_eq!(mode(socket), Ok(TlsMode::Disable));
        let encoded = "postgresql://u@%2Fvar%2Frun/d?sslmode=verify-full&sslrootcert=/x";
        assert_eq!(mode(encoded), Ok(TlsMode::Disable));
        assert!(mode("postgresql://u@%2Fvar%2Frun,h/d?sslmode=require").is_err());
        assert_eq!(mode("postgresql://u@%2Fvar%2Frun,h/d"), Ok(TlsMode::Prefer));
    }
}
