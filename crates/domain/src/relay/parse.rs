//! Makes a policy of what a caller sends, and of the preset.

use crate::error::FieldError;
use crate::host_name::HostName;
use crate::ids::KeyId;
use crate::json::value::Value;
use crate::kinds::{CredentialType, Provider};
use crate::oauth::client::parse_client_id;
use crate::relay::hosts::HostPattern;
use crate::relay::members::{Reader, text};
use crate::relay::places::inject;
use crate::relay::policy::{RelayLimits, RelayPolicy, ScrubMode, TokenUrl};
use crate::relay::presets::{GOOGLE_SCOPE, Mint, Preset, preset};
use crate::relay::rules::{PathPattern, REFUSED_METHODS, Rule};

/// Most hosts, rules, keys, and entries of a rule.
const MOST: usize = 100;
/// Most bytes of a body that a policy may allow.
const MOST_BYTES: u64 = 1 << 30;
/// Most seconds of a time that a policy may allow.
const MOST_SECONDS: u64 = 3600;

/// The policy `value` for a credential of this provider and type. What it leaves out is as in the
/// [preset](crate::relay::presets::preset).
///
/// # Errors
/// All errors, each with its field and the rule that it violates.
pub fn parse(
    value: Value<'_>,
    provider: Provider,
    kind: CredentialType,
) -> Result<RelayPolicy, Vec<FieldError>> {
    let (preset, mut errors) = (preset(provider, kind), Vec::new());
    let mut reader = Reader::new("", value, &mut errors);
    let hosts = hosts(&mut reader, &preset);
    let policy = RelayPolicy {
        ports: reader.list("ports", MOST, port).unwrap_or(vec![443]),
        rules: rules(&mut reader, &preset),
        inject: inject(&mut reader, &preset, kind),
        scopes: scopes(&mut reader, &preset),
        token_url: token_url(&mut reader, &preset),
        keys: keys(&mut reader),
        scrub: reader.text("scrub", scrub).unwrap_or(ScrubMode::Full),
        tokens: tokens(&mut reader, &preset),
        limits: limits(&mut reader),
        hosts,
    };
    let has_url = policy.token_url.is_some() || preset.mint != Some(Mint::ClientCredentials);
    if policy.needs_token() && !has_url {
        let why = "is required: the URL at which the client's token is minted";
        reader.refuse("token_url", "required", why);
    }
    reader.finish();
    match errors.is_empty() {
        true => Ok(policy),
        false => Err(errors),
    }
}

fn hosts(reader: &mut Reader<'_, '_>, preset: &Preset) -> Vec<HostPattern> {
    let given = reader.has("hosts");
    let read = reader.list("hosts", MOST, |errors, field, value| {
        text(errors, field, value, host)
    });
    let hosts = match read {
        Some(hosts) => hosts,
        None if given => return Vec::new(),
        None => preset.hosts.clone(),
    };
    if hosts.is_empty() && !given {
        let why = "is required: the exact names of the hosts to which the secret may go";
        reader.refuse("hosts", "required", why);
    } else if let Err(why) = preset.bound.check(&hosts) {
        reader.refuse("hosts", "not_allowed", why);
    }
    hosts
}

fn host(text: &str) -> Result<HostPattern, &'static str> {
    match text.strip_prefix("*.") {
        Some(parent) => HostName::parse(parent).map(HostPattern::Below),
        None => HostName::parse(text).map(HostPattern::Exact),
    }
}

fn port(errors: &mut Vec<FieldError>, field: &str, value: Value<'_>) -> Option<u16> {
    let number = value
        .as_whole()
        .and_then(|number| u16::try_from(number).ok());
    let port = number.filter(|port| *port != 0);
    if port.is_none() {
        let why = "must be a port from 1 to 65535";
        errors.push(FieldError::new(field, "out_of_range", why));
    }
    port
}

fn rules(reader: &mut Reader<'_, '_>, preset: &Preset) -> Vec<Rule> {
    let prefix = preset.path_prefix;
    let rules = reader.list("rules", MOST, |errors, field, value| {
        let mut inner = Reader::new(field, value, errors);
        let methods = inner.list("methods", MOST, |errors, field, value| {
            text(errors, field, value, method)
        });
        let paths = inner.list("paths", MOST, |errors, field, value| {
            text(errors, field, value, |text| path(text, prefix))
        });
        inner.finish();
        let default = || prefix.and_then(|prefix| PathPattern::parse(&format!("{prefix}*")).ok());
        Some(Rule {
            methods: methods.unwrap_or_default(),
            paths: paths.unwrap_or_else(|| default().into_iter().collect()),
        })
    });
    let all = || prefix.and_then(|prefix| PathPattern::parse(&format!("{prefix}*")).ok());
    rules.unwrap_or_else(|| {
        vec![Rule {
            methods: Vec::new(),
            paths: all().into_iter().collect(),
        }]
    })
}

fn method(text: &str) -> Result<String, &'static str> {
    let is_plain = !text.is_empty() && text.len() <= 32;
    if !is_plain
        || !text
            .bytes()
            .all(|byte| byte.is_ascii_uppercase() || byte == b'-')
    {
        return Err("must be a method in capital letters");
    }
    match REFUSED_METHODS.contains(&text) {
        true => Err("must not be TRACE, TRACK or CONNECT"),
        false => Ok(text.to_owned()),
    }
}

fn path(text: &str, prefix: Option<&str>) -> Result<PathPattern, String> {
    let pattern = PathPattern::parse(text)?;
    match prefix.filter(|prefix| !pattern.is_below(prefix)) {
        Some(prefix) => Err(format!("must begin with {prefix}")),
        None => Ok(pattern),
    }
}

fn scopes(reader: &mut Reader<'_, '_>, preset: &Preset) -> Vec<String> {
    if reader.has("scopes") && preset.mint.is_none() {
        let why = "is allowed only where a token is minted";
        reader.refuse("scopes", "not_allowed", why);
    }
    let scopes = reader.list("scopes", MOST, |errors, field, value| {
        text(errors, field, value, scope)
    });
    let default = match preset.mint {
        Some(Mint::GoogleJwt) => vec![GOOGLE_SCOPE.to_owned()],
        _ => Vec::new(),
    };
    scopes.unwrap_or(default)
}

// RFC 6749 § 3.3.
fn scope(text: &str) -> Result<String, &'static str> {
    let is_plain = |byte: u8| byte.is_ascii_graphic() && !b"\"\\".contains(&byte);
    match (1..=256).contains(&text.len()) && text.bytes().all(is_plain) {
        true => Ok(text.to_owned()),
        false => Err("must be a scope of 1 to 256 characters without spaces and quotes"),
    }
}

fn token_url(reader: &mut Reader<'_, '_>, preset: &Preset) -> Option<TokenUrl> {
    let url = reader.text("token_url", TokenUrl::parse);
    if url.is_some() && preset.mint != Some(Mint::ClientCredentials) {
        let why = "is allowed only for extcred_type client_credentials of provider generic";
        reader.refuse("token_url", "not_allowed", why);
    }
    url
}

fn tokens(reader: &mut Reader<'_, '_>, preset: &Preset) -> bool {
    let tokens = reader.flag("tokens").unwrap_or(false);
    if tokens && preset.mint.is_none() {
        let why = "is allowed only where a token is minted";
        reader.refuse("tokens", "not_allowed", why);
    }
    tokens
}

fn scrub(text: &str) -> Result<ScrubMode, String> {
    ScrubMode::parse(text).ok_or_else(|| format!("must be {}", ScrubMode::choices()))
}

fn keys(reader: &mut Reader<'_, '_>) -> Option<Vec<KeyId>> {
    let is_any = |value: Value<'_>| value.as_string().is_some_and(|text| *text == "any");
    if reader.is("keys", is_any) {
        reader.take("keys");
        return None;
    }
    let given = reader.has("keys");
    let keys = reader.list("keys", MOST, |errors, field, value| {
        text(errors, field, value, |text| {
            let client = || parse_client_id(text).map(|(_, id)| id);
            let key = KeyId::parse(text).or_else(client);
            key.ok_or("must be the id of an API key, or a client_id")
        })
    });
    // A list that is wrong is refused, and does not stand for any key.
    keys.or_else(|| given.then(Vec::new))
}

fn limits(reader: &mut Reader<'_, '_>) -> RelayLimits {
    let default = RelayLimits::default();
    let Some(mut inner) = reader.object("limits") else {
        return default;
    };
    let limits = RelayLimits {
        request_bytes: inner
            .number("request_bytes", 0, MOST_BYTES)
            .unwrap_or(default.request_bytes),
        answer_bytes: inner
            .number("answer_bytes", 0, MOST_BYTES)
            .unwrap_or(default.answer_bytes),
        head_seconds: inner
            .number("head_seconds", 1, MOST_SECONDS)
            .unwrap_or(default.head_seconds),
        idle_seconds: inner
            .number("idle_seconds", 1, MOST_SECONDS)
            .unwrap_or(default.idle_seconds),
        total_seconds: inner
            .number("total_seconds", 1, MOST_SECONDS)
            .unwrap_or(default.total_seconds),
    };
    inner.finish();
    limits
}

#[cfg(test)]
mod preset_tests;
#[cfg(test)]
mod tests;
