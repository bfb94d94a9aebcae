//! What is wrong with a certificate, in words.

use std::error::Error;
use std::io;

use rustls::CertificateError;

/// Why TLS failed, and how to make a certificate that is accepted.
#[must_use]
pub fn explain_tls(error: &rustls::Error) -> String {
    let rustls::Error::InvalidCertificate(problem) = error else {
        return error.to_string();
    };
    match problem {
        CertificateError::UnknownIssuer => "the server's certificate was issued by an unknown \
             authority; name the file with the authority's certificate (sslrootcert in a \
             database URL, --ca-file of `strongroom health` and `strongroom login`)"
            .into(),
        CertificateError::NotValidForName => not_for_name(""),
        CertificateError::NotValidForNameContext { expected, .. } => {
            not_for_name(&format!(" {}", expected.to_str()))
        }
        // These have no variants of their own.
        other => match format!("{other:?}") {
            debug if debug.contains("CaUsedAsEndEntity") => format!(
                "the server presents the certificate of an authority (CA:TRUE), as `openssl req \
                 -x509` makes it, and not one of a server; {RECIPE}"
            ),
            debug if debug.contains("UnsupportedCertVersion") => format!(
                "the server's certificate has X.509 version 1, which names no host; {RECIPE}"
            ),
            _ => error.to_string(),
        },
    }
}

const RECIPE: &str = "make one with `openssl req -x509 -newkey rsa:3072 -nodes -days 365 -subj \
                      /CN=HOST -addext basicConstraints=critical,CA:FALSE -addext \
                      subjectAltName=DNS:HOST -keyout server.key -out server.crt`, which is its \
                      own authority, or have an authority issue one";

fn not_for_name(host: &str) -> String {
    format!(
        "the server's certificate is not for the host{host}; its subjectAltName must contain the \
         name or address that is connected to (the common name does not count)"
    )
}

/// The error of TLS inside an error of input or output.
pub(crate) fn rustls_error<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a rustls::Error> {
    let error = error.downcast_ref::<io::Error>()?;
    error.get_ref()?.downcast_ref()
}
