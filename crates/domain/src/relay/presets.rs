//! What a policy is for a provider and type where it says nothing else, and what it may say.

use crate::host_name::HostName;
use crate::kinds::{CredentialType, Provider};
use crate::relay::hosts::HostPattern;
use crate::relay::injection::{Injection, MINTED};

/// The endpoint at which Google mints tokens for service accounts, whatever their file says.
pub const GOOGLE_TOKEN_URL: &str = "https://oauth2.googleapis.com/token";
/// The path at which a shop mints tokens. Callers never reach it.
pub const SHOPIFY_TOKEN_PATH: &str = "/admin/oauth/access_token";
/// The scope of a service account's token where a policy names none.
pub const GOOGLE_SCOPE: &str = "https://www.googleapis.com/auth/cloud-platform";
/// The paths of a shop that a request may have begin with it.
pub const SHOPIFY_PATHS: &str = "/admin/api/";

/// The defaults and bounds of a policy.
#[derive(Debug)]
pub struct Preset {
    /// The hosts, where the policy names none.
    pub hosts: Vec<HostPattern>,
    /// Which hosts it may name.
    pub bound: HostBound,
    /// Where the secret is put, where the policy does not say it; empty where it must.
    pub inject: Vec<Injection>,
    /// Whether the policy may say it.
    pub may_inject: bool,
    /// What all paths begin with.
    pub path_prefix: Option<&'static str>,
    /// How a token is minted, if one can be.
    pub mint: Option<Mint>,
}

/// Which hosts a policy may name.
#[derive(Debug)]
pub enum HostBound {
    /// Any, each by its exact name.
    Exact,
    /// Those that one of these covers.
    Within(Vec<HostPattern>),
    /// One shop of Shopify.
    Shop,
}

/// How a token is minted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mint {
    /// With a JWT that the private key signs (RFC 7523), at [`GOOGLE_TOKEN_URL`].
    GoogleJwt,
    /// With client id and secret (RFC 6749 § 4.4), at the policy's URL.
    ClientCredentials,
    /// With client id and secret, at the shop.
    Shopify,
}

/// The preset of a provider and type.
#[must_use]
pub fn preset(provider: Provider, kind: CredentialType) -> Preset {
    match (provider, kind) {
        (Provider::Google, CredentialType::JsonCredentials) => Preset {
            mint: Some(Mint::GoogleJwt),
            ..google(bearer(MINTED))
        },
        (Provider::Google, CredentialType::ApiKey) => Preset {
            may_inject: true,
            ..google(header("x-goog-api-key", "", "api_key"))
        },
        (Provider::Onfido, CredentialType::ApiKey) => onfido("api_key"),
        (Provider::Onfido, CredentialType::AccessToken) => onfido("access_token"),
        (Provider::Shopify, CredentialType::ApiKey) => shopify("api_key", None),
        (Provider::Shopify, CredentialType::AccessToken) => shopify("access_token", None),
        (Provider::Shopify, CredentialType::ClientCredentials) => {
            shopify(MINTED, Some(Mint::Shopify))
        }
        (_, kind) => generic(kind),
    }
}

fn generic(kind: CredentialType) -> Preset {
    let basic = |username: &str, password: &str| Injection::Basic {
        username: username.to_owned(),
        password: Some(password.to_owned()),
    };
    Preset {
        hosts: Vec::new(),
        bound: HostBound::Exact,
        inject: match kind {
            CredentialType::ApiKey => vec![bearer("api_key")],
            CredentialType::AccessToken => vec![bearer("access_token")],
            CredentialType::UserPass => vec![basic("username", "password")],
            CredentialType::ApiIdAccess => vec![basic("api_id", "api_key")],
            CredentialType::ClientCredentials => vec![bearer(MINTED)],
            CredentialType::JsonCredentials => Vec::new(),
        },
        may_inject: true,
        path_prefix: None,
        mint: (kind == CredentialType::ClientCredentials).then_some(Mint::ClientCredentials),
    }
}

fn google(inject: Injection) -> Preset {
    let below = named("googleapis.com").map(HostPattern::Below);
    let hosts: Vec<HostPattern> = below.into_iter().collect();
    Preset {
        bound: HostBound::Within(hosts.clone()),
        hosts,
        inject: vec![inject],
        may_inject: false,
        path_prefix: None,
        mint: None,
    }
}

fn onfido(from: &str) -> Preset {
    let regions = [
        "api.eu.onfido.com",
        "api.us.onfido.com",
        "api.ca.onfido.com",
    ];
    let hosts = regions.into_iter().filter_map(named);
    let hosts: Vec<HostPattern> = hosts.map(HostPattern::Exact).collect();
    Preset {
        bound: HostBound::Within(hosts.clone()),
        hosts,
        inject: vec![header("authorization", "Token token=", from)],
        may_inject: false,
        path_prefix: None,
        mint: None,
    }
}

fn shopify(from: &str, mint: Option<Mint>) -> Preset {
    Preset {
        hosts: Vec::new(),
        bound: HostBound::Shop,
        inject: vec![header("x-shopify-access-token", "", from)],
        may_inject: false,
        path_prefix: Some(SHOPIFY_PATHS),
        mint,
    }
}

fn bearer(from: &str) -> Injection {
    header("authorization", "Bearer ", from)
}

fn header(name: &str, prefix: &str, from: &str) -> Injection {
    Injection::Header {
        name: name.to_owned(),
        prefix: prefix.to_owned(),
        from: from.to_owned(),
    }
}

fn named(name: &str) -> Option<HostName> {
    HostName::parse(name).ok()
}

impl HostBound {
    /// Checks the hosts of a policy.
    ///
    /// # Errors
    /// The rule that they violate.
    pub fn check(&self, hosts: &[HostPattern]) -> Result<(), String> {
        let all = |may: &dyn Fn(&HostPattern) -> bool| hosts.iter().all(may);
        let is_exact = |host: &HostPattern| matches!(host, HostPattern::Exact(_));
        match self {
            Self::Exact if all(&is_exact) => Ok(()),
            Self::Exact => Err("must be exact names, without *".into()),
            Self::Within(bounds) => {
                let covered = |host: &HostPattern| bounds.iter().any(|one| one.covers(host));
                let names: Vec<String> = bounds.iter().map(ToString::to_string).collect();
                match all(&covered) {
                    true => Ok(()),
                    false => Err(format!("must be among {}", names.join(", "))),
                }
            }
            Self::Shop => match hosts {
                [HostPattern::Exact(host)] if is_shop(host) => Ok(()),
                _ => Err("must be the one host of the shop, as in shop.myshopify.com".into()),
            },
        }
    }
}

fn is_shop(host: &HostName) -> bool {
    let shop = host.as_str().strip_suffix(".myshopify.com");
    shop.is_some_and(|shop| !shop.contains('.'))
}
