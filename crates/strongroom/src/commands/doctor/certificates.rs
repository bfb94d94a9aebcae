use std::path::Path;

use chrono::{DateTime, TimeDelta, Utc};
use strongroom_domain::{Clock, SystemClock};
use strongroom_storage::doctor::peer_certificates;
use strongroom_storage::{DatabaseSettings, PeerCertificate};
use x509_parser::pem::Pem;
use x509_parser::prelude::{FromDer, X509Certificate};

use super::finding::{Finding, Level, attempt};

const CHECK: &str = "certificate";
/// How long before its expiry a certificate is a warning.
const WARN_BEFORE: TimeDelta = TimeDelta::days(30);

/// A certificate's subject and validity.
struct Certificate {
    subject: String,
    not_before: DateTime<Utc>,
    not_after: DateTime<Utc>,
}

/// Checks the certificates that the database `name` presents.
pub(super) async fn of_database(name: &str, settings: &DatabaseSettings) -> Vec<Finding> {
    attempt(CHECK, peer_certificates(settings).await, |shown| {
        let now = SystemClock.now();
        shown.iter().map(|one| of_peer(name, one, now)).collect()
    })
}

fn of_peer(name: &str, shown: &PeerCertificate, now: DateTime<Utc>) -> Finding {
    let of = format!("{name} at {}", shown.host);
    let judged = match read(&shown.der) {
        Ok(certificate) => judged(&certificate, now),
        Err(why) => unreadable(&why),
    };
    // A certificate within its validity may belong to another host or authority.
    let finding = match &shown.refused {
        Some(why) if judged.level < Level::Failure => Finding::failure(
            CHECK,
            format!("it is not accepted: {why}"),
            "compare its names with the URL's host, and its authority with sslrootcert: \
             `openssl s_client -starttls postgres -connect HOST:PORT | \
             openssl x509 -noout -subject -issuer -ext subjectAltName`",
        ),
        _ => judged,
    };
    finding.about(of)
}

/// Checks all certificates in the PEM file `file`, the value of the setting `of`.
pub(super) fn pem_file(of: &str, file: &Path) -> Vec<Finding> {
    let of = format!("{of}, {}", file.display());
    let now = SystemClock.now();
    let findings = match read_file(file) {
        Ok(certificates) => certificates.iter().map(|one| judged(one, now)).collect(),
        Err(why) => vec![unreadable(&why)],
    };
    let about = |finding: Finding| finding.about(of.clone());
    findings.into_iter().map(about).collect()
}

/// Checks the authorities in the PEM file `file`; one valid authority is enough.
pub(super) fn roots_file(of: &str, file: &Path) -> Vec<Finding> {
    let mut findings = pem_file(of, file);
    if findings.iter().any(|finding| finding.level == Level::Ok) {
        for finding in &mut findings {
            finding.level = finding.level.min(Level::Note);
        }
    }
    findings
}

fn read_file(file: &Path) -> Result<Vec<Certificate>, String> {
    let text = std::fs::read(file).map_err(|error| error.to_string())?;
    let blocks = Pem::iter_from_buffer(&text).collect::<Result<Vec<_>, _>>();
    let blocks = blocks.map_err(|error| format!("it is not a PEM file: {error}"))?;
    let certificates = blocks.iter().filter(|block| block.label == "CERTIFICATE");
    let read: Vec<_> = certificates
        .map(|block| read(&block.contents))
        .collect::<Result<_, _>>()?;
    if read.is_empty() {
        return Err("it contains no certificate".into());
    }
    Ok(read)
}

fn read(der: &[u8]) -> Result<Certificate, String> {
    let (_, certificate) = X509Certificate::from_der(der)
        .map_err(|error| format!("it is not an X.509 certificate: {error}"))?;
    let validity = certificate.validity();
    let time =
        |seconds: i64| DateTime::from_timestamp(seconds, 0).unwrap_or(DateTime::<Utc>::MAX_UTC);
    Ok(Certificate {
        subject: certificate.subject().to_string(),
        not_before: time(validity.not_before.timestamp()),
        not_after: time(validity.not_after.timestamp()),
    })
}

fn unreadable(why: &str) -> Finding {
    Finding::failure(
        CHECK,
        format!("it cannot be read: {why}"),
        "provide a PEM file with certificates that the server may read",
    )
}

fn judged(certificate: &Certificate, now: DateTime<Utc>) -> Finding {
    let subject = match certificate.subject.as_str() {
        "" => "the certificate",
        subject => subject,
    };
    let ends = certificate.not_after.format("%Y-%m-%dT%H:%M:%SZ");
    let renew = "replace it; for the deployment, see docs/operations.md, Rotate";
    if now > certificate.not_after {
        Finding::failure(CHECK, format!("{subject} expired at {ends}"), renew)
    } else if now < certificate.not_before {
        let begins = certificate.not_before.format("%Y-%m-%dT%H:%M:%SZ");
        let found = format!("{subject} is not valid before {begins}");
        Finding::failure(
            CHECK,
            found,
            "check this machine's clock, or replace the certificate",
        )
    } else if now + WARN_BEFORE > certificate.not_after {
        let days = (certificate.not_after - now).num_days();
        let found = format!("{subject} expires in {days} day(s), at {ends}");
        Finding::warning(CHECK, found, renew)
    } else {
        Finding::ok(CHECK, format!("{subject} is valid until {ends}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_expiry_soon_is_a_warning_and_an_expired_certificate_a_failure() {
        let at = |days: i64| DateTime::<Utc>::UNIX_EPOCH + TimeDelta::days(days);
        let level = |now: i64| {
            let certificate = Certificate {
                subject: "CN=db".into(),
                not_before: at(100),
                not_after: at(200),
            };
            judged(&certificate, at(now)).level
        };
        assert_eq!([level(99), level(201)], [Level::Failure; 2]);
        assert_eq!(level(169), Level::Ok);
        assert_eq!(level(171), Level::Warning);
    }
}
