//! The limits on callers and on the sizes of requests.

use std::num::NonZeroU32;
use std::time::Duration;

use strongroom_web::settings::{LimitSettings, Rate, RequestSizes};

use crate::settings::error::ConfigError;
use crate::settings::setting::Setting;
use crate::settings::sources::Sources;
use crate::settings::table::{
    FAILED_AUTH_BURST, FAILED_AUTH_RATE, KEY_BURST, KEY_RATE, MAX_BODY, MAX_HEADER_BYTES,
    MAX_HEADERS, MAX_URL, ORG_BURST, ORG_RATE, TOKEN_BURST, TOKEN_RATE, TRUSTED_PROXIES,
};

pub(super) fn limits(sources: &Sources) -> Result<LimitSettings, ConfigError> {
    Ok(LimitSettings {
        per_key: rate(sources, &KEY_RATE, &KEY_BURST)?,
        per_organization: rate(sources, &ORG_RATE, &ORG_BURST)?,
        tokens: rate(sources, &TOKEN_RATE, &TOKEN_BURST)?,
        failures: rate(sources, &FAILED_AUTH_RATE, &FAILED_AUTH_BURST)?,
        trusted_proxies: sources.get(&TRUSTED_PROXIES)?,
    })
}

pub(super) fn sizes(sources: &Sources) -> Result<RequestSizes, ConfigError> {
    Ok(RequestSizes {
        url: sources.get(&MAX_URL)?,
        headers: sources.get(&MAX_HEADERS)?,
        header_bytes: sources.get(&MAX_HEADER_BYTES)?,
        body: sources.get(&MAX_BODY)?,
    })
}

fn rate(
    sources: &Sources,
    rate: &Setting<Option<(NonZeroU32, Duration)>>,
    burst: &Setting<Option<NonZeroU32>>,
) -> Result<Option<Rate>, ConfigError> {
    let (rate, burst) = (sources.get(rate)?, sources.get(burst)?);
    Ok(rate.map(|(count, per)| Rate {
        count,
        per,
        burst: burst.unwrap_or(count),
    }))
}
