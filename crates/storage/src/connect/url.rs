//! Database URLs.

use std::fmt;
use std::path::{Path, PathBuf};

use percent_encoding::percent_decode_str;
use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode};

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
}

/// A refused URL. The message never quotes the URL, which may contain a password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct UrlError(String);

impl DatabaseUrl {
    /// Parses `postgresql://user:password@host[:port][,host…]/database[?option=value…]`.
    ///
    /// In addition to the options of `tokio-postgres`, it accepts libpq's `sslmode` up to
    /// `verify-full`, and `sslrootcert`: a PEM file, or `system` for the system's root
    /// certificates.
    ///
    /// # Errors
    /// [`UrlError`] names the invalid option.
    pub fn parse(text: &str) -> Result<Self, UrlError> {
        if !(text.starts_with("postgresql://") || text.starts_with("postgres://")) {
            return Err(UrlError("must begin with postgresql://".into()));
        }
        let (base, query) = text.split_once('?').unwrap_or((text, ""));
        let mut tls = None;
        let mut root_cert = None;
        let mut rest = Vec::new();
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            match name {
                "sslmode" => tls = Some(parse_tls(&decoded(name, value)?)?),
                "sslrootcert" => root_cert = Some(PathBuf::from(decoded(name, value)?)),
                _ => rest.push(pair),
            }
        }
        let stripped = if rest.is_empty() {
            base.to_owned()
        } else {
            format!("{base}?{}", rest.join("&"))
        };
        let mut config: Config = stripped.parse().map_err(|error| unreadable(&error))?;
        if config.get_hosts().is_empty() {
            return Err(UrlError("names no host".into()));
        }
        let tls = effective(tls.unwrap_or(TlsMode::Prefer), root_cert.is_some());
        config.ssl_mode(match tls {
            TlsMode::Disable => SslMode::Disable,
            TlsMode::Prefer => SslMode::Prefer,
            TlsMode::Require | TlsMode::VerifyCa | TlsMode::VerifyFull => SslMode::Require,
        });
        Ok(Self {
            config,
            tls,
            root_cert,
        })
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
        Some(why) if why.contains("unknown option") || why.contains("invalid value for option") => {
            why
        }
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
}
