//! Options of a URL that libpq takes and `tokio-postgres` does not.

/// Options that may only ask for what is done anyway, with these values.
const DONE_ANYWAY: &[(&str, &[&str])] = &[
    ("client_encoding", &["auto", "utf8", "utf-8"]),
    ("gssencmode", &["disable", "prefer"]),
    ("sslcertmode", &["allow"]),
    ("sslcompression", &["0"]),
    ("sslsni", &["1"]),
    ("ssl_min_protocol_version", &["tlsv1", "tlsv1.1", "tlsv1.2"]),
    ("ssl_max_protocol_version", &["tlsv1.3"]),
];

/// Options that are refused, each with what to do.
const REFUSED: &[(&str, &str)] = &[
    (
        "passfile",
        "put the password into the URL, and the URL into a file (database_url_file)",
    ),
    ("service", "put the service's settings into the URL"),
    ("servicefile", "put the service's settings into the URL"),
    ("fallback_application_name", "use application_name"),
    ("requiressl", "use sslmode"),
    (
        "sslpassword",
        "decrypt the key with `openssl pkey`, and name the new file in sslkey",
    ),
    ("sslcrl", "leave it out"),
    ("sslcrldir", "leave it out"),
    ("sslkeylogfile", "leave it out"),
    ("require_auth", "leave it out"),
    ("requirepeer", "leave it out"),
    ("krbsrvname", "leave it out"),
    ("gsslib", "leave it out"),
    ("gssdelegation", "leave it out"),
    ("replication", "leave it out"),
    ("min_protocol_version", "leave it out"),
    ("max_protocol_version", "leave it out"),
    ("scram_client_key", "use a password"),
    ("scram_server_key", "use a password"),
    ("oauth_issuer", "use a password"),
    ("oauth_client_id", "use a password"),
];

/// The option as `tokio-postgres` takes it; `None` if there is nothing to do. The error names the
/// option, and not its value.
pub(super) fn adapted(name: &str, value: &str) -> Result<Option<String>, String> {
    if name == "keepalives_count" {
        return Ok(Some(format!("keepalives_retries={value}")));
    }
    if let Some((_, advice)) = REFUSED.iter().find(|(refused, _)| *refused == name) {
        return Err(format!("option {name} is not supported: {advice}"));
    }
    if let Some((_, values)) = DONE_ANYWAY.iter().find(|(known, _)| *known == name) {
        return match values.contains(&value.to_lowercase().as_str()) {
            true => Ok(None),
            false => Err(format!("option {name} can only be {}", values.join(" or "))),
        };
    }
    Ok(Some(format!("{name}={value}")))
}

/// The name and the value of an option. A part of a password may stand in its place, so the error
/// does not quote it.
pub(super) fn named(pair: &str) -> Result<(&str, &str), String> {
    let problem = "has an option that is not of the form name=value";
    let is_name = |name: &str| {
        let allowed = |byte: u8| byte.is_ascii_lowercase() || byte == b'_';
        !name.is_empty() && name.bytes().all(allowed)
    };
    let named = pair.split_once('=').filter(|(name, _)| is_name(name));
    named.ok_or_else(|| problem.to_owned())
}

#[cfg(test)]
mod tests {
    use crate::connect::url::DatabaseUrl;

    #[test]
    fn options_of_libpq_are_taken_or_refused_by_name() {
        let parse = |query: &str| DatabaseUrl::parse(&format!("postgresql://u@h/d?{query}"));
        let url = parse("sslcert=/c.pem&sslkey=/k%20.pem&keepalives_count=3").unwrap();
        let files = ("/c.pem".into(), "/k .pem".into());
        assert_eq!(url.client_cert, Some(files));
        assert_eq!(url.config.get_keepalives_retries(), Some(3));
        for taken in [
            "client_encoding=UTF8",
            "gssencmode=prefer",
            "sslcompression=0",
            "sslsni=1",
            "ssl_min_protocol_version=TLSv1.2",
        ] {
            assert!(parse(taken).is_ok(), "{taken}");
        }
        for refused in [
            "passfile",
            "service",
            "sslcrl",
            "sslsni",
            "gssencmode",
            "nonsense",
        ] {
            let error = parse(&format!("{refused}=hunter2"))
                .unwrap_err()
                .to_string();
            assert!(
                error.contains(refused) && !error.contains("hunter2"),
                "{error}"
            );
        }
        for lone in ["sslcert=/c", "sslkey=/k"] {
            assert!(parse(lone).unwrap_err().to_string().contains("sslkey"));
        }
    }
}
