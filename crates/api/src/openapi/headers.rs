//! Headers of responses.

use utoipa::PartialSchema;
use utoipa::openapi::{Header, HeaderBuilder};

use crate::openapi::schemas::{entity_tag, one_of, schemas, text, uuid, whole};

schemas! {
    /// The value of `SlashID-Replica-Lag`.
    ReplicaLag => text().pattern(Some("^([0-9]+|unknown)$")).description(Some(
        "Seconds by which the region's database is behind the primary, rounded up. Present only if \
         they exceed `max_replica_lag`.",
    ));
    /// The value of `SlashID-Value-Version`.
    ValueVersion => text().pattern(Some("^[0-9]+$")).description(Some(
        "The version of the pending value; only of a request with `stage=pending`.",
    ));
    /// The value of `SlashID-Credential-Expired`.
    Expired => one_of(["true"]).description(Some(
        "Present only if the credential has expired, as its `expires_at` says. It is revealed \
         nevertheless.",
    ));
    /// The value of `ETag`.
    EntityTag => entity_tag().description(Some("The entity tag of the credential's version."));
}

/// The headers of every response.
pub(super) fn common() -> [(&'static str, Header); 3] {
    let header = |schema| HeaderBuilder::new().schema(Some(schema)).build();
    let id = text().min_length(Some(1)).max_length(Some(128));
    [
        ("X-Request-ID", header(id)),
        ("Cache-Control", header(one_of(["no-store"]))),
        ("X-Content-Type-Options", header(one_of(["nosniff"]))),
    ]
}

/// The headers of responses to authenticated callers, if there are rate limits.
pub(super) fn rate_limit() -> [(&'static str, Header); 2] {
    let header = |description: &str, pattern: &str| {
        HeaderBuilder::new()
            .schema(Some(text().pattern(Some(pattern))))
            .description(Some(description))
            .build()
    };
    [
        (
            "RateLimit-Policy",
            header(
                "The limits: `q` requests at once, all of which are available again after `w` \
                 seconds (draft-ietf-httpapi-ratelimit-headers-10). Absent if there is no limit.",
                r#"^"[a-z]+";q=[0-9]+;w=[0-9]+(, "[a-z]+";q=[0-9]+;w=[0-9]+)*$"#,
            ),
        ),
        (
            "RateLimit",
            header(
                "The remaining requests: `r` now, and the whole limit after `t` seconds. Absent if \
                 there is no limit.",
                r#"^"[a-z]+";r=[0-9]+;t=[0-9]+(, "[a-z]+";r=[0-9]+;t=[0-9]+)*$"#,
            ),
        ),
    ]
}

/// `WWW-Authenticate`.
pub(crate) fn challenge() -> Header {
    HeaderBuilder::new().schema(Some(text())).build()
}

/// `SlashID-Operation-ID`.
pub(super) fn operation() -> Header {
    let description = "The operation of a write that regions did not have in time: see \
                       `getOperation`.";
    HeaderBuilder::new()
        .schema(Some(uuid()))
        .description(Some(description))
        .build()
}

/// `SlashID-Replica-Lag`.
pub(super) fn replica_lag() -> Header {
    let description = "Seconds by which the region's database is behind the primary, rounded up, \
                       or `unknown`. Present only if they exceed `max_replica_lag`.";
    HeaderBuilder::new()
        .schema(Some(ReplicaLag::schema()))
        .description(Some(description))
        .build()
}

/// `Retry-After` of a 503.
pub(crate) fn retry_after() -> Header {
    HeaderBuilder::new()
        .schema(Some(whole(1, 1)))
        .description(Some("Seconds after which to try again."))
        .build()
}

/// `Retry-After` of a 429.
pub(crate) fn rate_limit_retry_after() -> Header {
    HeaderBuilder::new()
        .schema(Some(whole(1, i64::from(u32::MAX))))
        .description(Some("Seconds after which to try again."))
        .build()
}
