//! What of a caller's request is sent on.

use strongroom_crypto::SecretBytes;
use zeroize::Zeroizing;

use crate::egress::HeaderField;
use crate::relay::error::RelayError;
use crate::relay::injection::Injection;
use crate::relay::path::{RequestPath, has_parameter};
use crate::relay::secret::Rendered;

/// Headers of one connection (RFC 9110 § 7.6.1), those that frame the message, and those that lead
/// a request elsewhere or say where it comes from.
const DROPPED: &[&str] = &[
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "http2-settings",
    "content-length",
    "host",
    "expect",
    "cookie",
    "cookie2",
    "forwarded",
    "via",
    "x-real-ip",
    "x-client-ip",
    "x-cluster-client-ip",
    "true-client-ip",
    "x-http-method",
    "x-http-method-override",
    "x-method-override",
    "x-original-url",
    "x-original-uri",
    "x-original-host",
    "x-original-method",
    "x-rewrite-url",
    "x-host",
    "accept-encoding",
];
const DROPPED_PREFIXES: &[&str] = &["slashid-", "x-forwarded-", "x-envoy-original-"];
/// Headers that ask for a part of an answer, in which a secret could be cut.
const PARTS: &[&str] = &["range", "if-range"];

/// A header as the caller sent it.
pub type SentHeader = (String, Vec<u8>);

/// The headers that are sent on, and those of the credential after them. `carriers` are the headers
/// with which the caller identified itself.
#[must_use]
pub fn headers(
    sent: &[SentHeader],
    carriers: &[&str],
    (places, rendered): (&[Injection], &Rendered),
    scrubs_body: bool,
) -> Vec<HeaderField> {
    let texts = sent.iter();
    let named = connection_headers(texts.map(|(name, value)| (name.as_str(), value.as_slice())));
    let dropped = |name: &str| {
        let injected = places.iter().filter_map(Injection::header);
        DROPPED.contains(&name)
            || DROPPED_PREFIXES
                .iter()
                .any(|prefix| name.starts_with(prefix))
            || (scrubs_body && PARTS.contains(&name))
            || carriers.contains(&name)
            || named.iter().any(|one| one == name)
            || injected.map(normal).any(|one| one == name)
    };
    let kept = sent.iter().filter(|(name, _)| !dropped(&normal(name)));
    let kept = kept.map(|(name, value)| HeaderField::new(&name.to_ascii_lowercase(), value));
    let identity = HeaderField::new("accept-encoding", b"identity");
    kept.chain([identity])
        .chain(rendered.headers.iter().cloned())
        .collect()
}

// Servers that pass headers on as variables read `_` and `-` as the same.
fn normal(name: &str) -> String {
    name.to_ascii_lowercase().replace('_', "-")
}

/// The headers that `Connection` names.
pub(crate) fn connection_headers<'a>(
    headers: impl Iterator<Item = (&'a str, &'a [u8])>,
) -> Vec<String> {
    let connection = headers.filter(|(name, _)| name.eq_ignore_ascii_case("connection"));
    let names = connection.flat_map(|(_, value)| value.split(|byte| *byte == b','));
    names
        .map(|name| normal(String::from_utf8_lossy(name).trim()))
        .collect()
}

/// Path and query, with the credential's parameters at its end.
///
/// # Errors
/// [`RelayError::Path`] if the query has a parameter of the credential, or a byte that may not be
/// there.
pub fn target(
    path: &RequestPath,
    query: Option<&str>,
    places: &[Injection],
    rendered: &Rendered,
) -> Result<SecretBytes, RelayError> {
    let query = query.unwrap_or_default();
    if query
        .bytes()
        .any(|byte| !byte.is_ascii_graphic() || byte == b'#')
    {
        return Err(RelayError::Path(
            "the query has a byte that may not be there",
        ));
    }
    let mut injected = places.iter().filter_map(Injection::parameter);
    if injected.any(|name| has_parameter(query, name)) {
        return Err(RelayError::Path(
            "the query has a parameter of the credential",
        ));
    }
    let mut target = Zeroizing::new(path.as_str().as_bytes().to_vec());
    let own = (!query.is_empty()).then_some(query.as_bytes());
    let parameters = rendered.query.iter().map(SecretBytes::expose);
    for (at, part) in own.into_iter().chain(parameters).enumerate() {
        target.push(if at == 0 { b'?' } else { b'&' });
        target.extend_from_slice(part);
    }
    Ok(SecretBytes::new(target.to_vec()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(names: &[&str]) -> Vec<SentHeader> {
        let header = |name: &&str| ((*name).to_owned(), b"v".to_vec());
        names.iter().map(header).collect()
    }

    fn rendered() -> (Vec<Injection>, Rendered) {
        let place = Injection::Header {
            name: "x-api-key".into(),
            prefix: String::new(),
            from: "api_key".into(),
        };
        let rendered = Rendered {
            headers: vec![HeaderField::new("x-api-key", b"secret")],
            query: vec![SecretBytes::new(b"k=1".to_vec())],
            secrets: Vec::new(),
        };
        (vec![place], rendered)
    }

    fn names(sent: &[SentHeader], scrubs: bool) -> Vec<String> {
        let (places, rendered) = rendered();
        let headers = headers(sent, &["authorization"], (&places, &rendered), scrubs);
        headers.into_iter().map(|header| header.name).collect()
    }

    #[test]
    fn only_what_concerns_the_upstream_is_sent_on() {
        let plain = [
            "Content-Type",
            "Idempotency-Key",
            "User-Agent",
            "X-Request-ID",
            "Accept",
        ];
        let kept = names(&sent(&plain), true);
        let expected = "content-type idempotency-key user-agent x-request-id accept \
                        accept-encoding x-api-key";
        assert_eq!(kept.join(" "), expected);
        let dropped = [
            "Host",
            "Connection",
            "Transfer-Encoding",
            "Content-Length",
            "TE",
            "Trailer",
            "Upgrade",
            "Keep-Alive",
            "Proxy-Authorization",
            "SlashID-OrgID",
            "SlashID-API-Key",
            "Cookie",
            "Forwarded",
            "X-Forwarded-For",
            "X_Forwarded_Host",
            "Expect",
            "X-HTTP-Method-Override",
            "X-Original-URL",
            "X-Rewrite-URL",
            "Range",
            "If-Range",
            "X-API-Key",
            "x_api_key",
            "X-Api_Key",
            "Authorization",
            "Accept-Encoding",
            "X-METHOD-OVERRIDE",
            "Via",
        ];
        assert_eq!(
            names(&sent(&dropped), true),
            ["accept-encoding", "x-api-key"]
        );
        assert_eq!(
            names(&sent(&["Range"]), false),
            ["range", "accept-encoding", "x-api-key"]
        );
    }

    #[test]
    fn what_connection_names_is_dropped_but_never_the_credential() {
        let connection = (
            "connection".to_owned(),
            b"close, X-Api-Key, X_Other ".to_vec(),
        );
        let all = [vec![connection], sent(&["X-Other", "x-third"])].concat();
        assert_eq!(
            names(&all, true),
            ["x-third", "accept-encoding", "x-api-key"]
        );
    }

    #[test]
    fn parameters_of_the_credential_come_last_and_once() {
        let (path, (_, rendered)) = (RequestPath::parse("/a").unwrap(), rendered());
        let places = [Injection::Query {
            name: "k".into(),
            from: "api_key".into(),
        }];
        let target = |query| {
            let target = target(&path, query, &places, &rendered)?;
            Ok::<_, RelayError>(String::from_utf8(target.expose().to_vec()).unwrap())
        };
        assert_eq!(target(None).unwrap(), "/a?k=1");
        assert_eq!(target(Some("")).unwrap(), "/a?k=1");
        assert_eq!(target(Some("b=%20&c")).unwrap(), "/a?b=%20&c&k=1");
        for query in ["k=2", "a&%6b=2", "K=2", "a#b", "a b", "ä"] {
            assert_eq!(
                target(Some(query)).unwrap_err().code(),
                "relay_path",
                "{query}"
            );
        }
    }
}
