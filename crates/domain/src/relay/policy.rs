//! The policy of a credential: which requests may carry it, and where in them it is put.

use serde_json::{Map, Value, json};

use crate::host_name::HostName;
use crate::ids::KeyId;
use crate::kinds::wire_enum;
use crate::relay::hosts::HostPattern;
use crate::relay::injection::Injection;
use crate::relay::path::RequestPath;
use crate::relay::rules::{PathPattern, Rule};

wire_enum! {
    /// Where secrets are looked for in an answer.
    ScrubMode {
        /// In headers, trailers and the body.
        Full = 1 => "full",
        /// In headers and trailers.
        Headers = 2 => "headers",
        /// Nowhere.
        Off = 3 => "off",
    }
}

/// A policy, in which nothing is left to a default.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RelayPolicy {
    /// The hosts to which requests go.
    pub hosts: Vec<HostPattern>,
    /// The ports at them. Without a choice by the caller, the first one.
    pub ports: Vec<u16>,
    /// What is allowed; a request that no rule allows is refused.
    pub rules: Vec<Rule>,
    /// Where the secret is put.
    pub inject: Vec<Injection>,
    /// The scopes of a minted token.
    pub scopes: Vec<String>,
    /// Where a token is minted; `None` where the provider's own endpoint is known.
    pub token_url: Option<TokenUrl>,
    /// The API keys and OAuth 2.0 clients that may use it; `None` for any with the permission.
    pub keys: Option<Vec<KeyId>>,
    /// Where secrets are looked for in answers.
    pub scrub: ScrubMode,
    /// Whether a caller may have the minted token.
    pub tokens: bool,
    /// Sizes and times.
    pub limits: RelayLimits,
}

/// Sizes and times of a policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RelayLimits {
    /// Most bytes of a request's body.
    pub request_bytes: u64,
    /// Most bytes of an answer's body.
    pub answer_bytes: u64,
    /// Seconds until the head of the answer.
    pub head_seconds: u64,
    /// Seconds between two parts of a body.
    pub idle_seconds: u64,
    /// Seconds until the end of the answer.
    pub total_seconds: u64,
}

impl Default for RelayLimits {
    fn default() -> Self {
        Self {
            request_bytes: 10 * 1024 * 1024,
            answer_bytes: 10 * 1024 * 1024,
            head_seconds: 30,
            idle_seconds: 60,
            total_seconds: 600,
        }
    }
}

/// The URL at which a token is minted: `https`, a host, and a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenUrl {
    /// The host.
    pub host: HostName,
    /// The port.
    pub port: u16,
    /// The path.
    pub path: RequestPath,
}

impl TokenUrl {
    /// Parses a URL without user, query and fragment.
    ///
    /// # Errors
    /// The rule that `text` violates.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let rest = text
            .strip_prefix("https://")
            .ok_or("must begin with https://")?;
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let (host, port) = match authority.split_once(':') {
            Some((host, port)) => {
                let is_number = port.bytes().all(|byte| byte.is_ascii_digit());
                let port = port.parse().ok().filter(|port| *port != 0 && is_number);
                (host, port.ok_or("must have a port from 1 to 65535")?)
            }
            None => (authority, 443),
        };
        let path = if path.is_empty() { "/" } else { path };
        if path.contains('?') {
            return Err("must have no query");
        }
        Ok(Self {
            host: HostName::parse(host)?,
            port,
            path: RequestPath::parse(path).map_err(|_| "must have a path without dot segments")?,
        })
    }

    /// The URL.
    #[must_use]
    pub fn text(&self) -> String {
        match self.port {
            443 => format!("https://{}{}", self.host, self.path.as_str()),
            port => format!("https://{}:{port}{}", self.host, self.path.as_str()),
        }
    }
}

impl RelayPolicy {
    /// The only host, if there is one.
    #[must_use]
    pub fn only_host(&self) -> Option<&HostName> {
        match self.hosts.as_slice() {
            [HostPattern::Exact(host)] => Some(host),
            _ => None,
        }
    }

    /// Whether a token must be minted for a request.
    #[must_use]
    pub fn needs_token(&self) -> bool {
        self.inject.iter().any(Injection::needs_token)
    }

    /// The policy as JSON, from which [`parse`](crate::relay::parse::parse) makes the same policy.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let mut policy = json!({
            "hosts": self.hosts.iter().map(ToString::to_string).collect::<Vec<_>>(),
            "ports": self.ports,
            "rules": self.rules.iter().map(rule).collect::<Vec<_>>(),
            "inject": self.inject.iter().map(injection).collect::<Vec<_>>(),
            "keys": self.keys.as_ref().map_or(json!("any"), |keys| json!(keys)),
            "scrub": self.scrub.as_str(),
            "tokens": self.tokens,
            "limits": {
                "request_bytes": self.limits.request_bytes,
                "answer_bytes": self.limits.answer_bytes,
                "head_seconds": self.limits.head_seconds,
                "idle_seconds": self.limits.idle_seconds,
                "total_seconds": self.limits.total_seconds,
            },
        });
        if !self.scopes.is_empty() {
            policy["scopes"] = json!(self.scopes);
        }
        if let Some(url) = &self.token_url {
            policy["token_url"] = json!(url.text());
        }
        policy
    }
}

// A list that is absent stands for all.
fn rule(rule: &Rule) -> Value {
    let mut members = Map::new();
    if !rule.methods.is_empty() {
        members.insert("methods".into(), json!(rule.methods));
    }
    if !rule.paths.is_empty() {
        let paths: Vec<String> = rule.paths.iter().map(PathPattern::text).collect();
        members.insert("paths".into(), json!(paths));
    }
    Value::Object(members)
}

fn injection(injection: &Injection) -> Value {
    match injection {
        Injection::Header { name, prefix, from } => {
            json!({ "header": name, "prefix": prefix, "from": from })
        }
        Injection::Basic { username, password } => match password {
            Some(password) => json!({ "basic": { "username": username, "password": password } }),
            None => json!({ "basic": { "username": username } }),
        },
        Injection::Query { name, from } => json!({ "query": name, "from": from }),
    }
}
