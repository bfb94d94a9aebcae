//! The places that a policy names.

use crate::error::FieldError;
use crate::json::value::Value;
use crate::kinds::CredentialType;
use crate::relay::injection::{Injection, MINTED, check_header, check_parameter, check_prefix};
use crate::relay::members::Reader;
use crate::relay::presets::Preset;

/// Most places.
const MOST_PLACES: usize = 8;

/// The places that a policy names, or those of the preset.
pub(super) fn inject(
    reader: &mut Reader<'_, '_>,
    preset: &Preset,
    kind: CredentialType,
) -> Vec<Injection> {
    if reader.has("inject") && !preset.may_inject {
        let fixed = &preset.inject;
        let places = reader.list("inject", MOST_PLACES, |errors, field, value| {
            place(errors, field, value, preset)
        });
        if places.is_some_and(|places| places != *fixed) {
            let why = "is fixed for this provider and type, and is left out";
            reader.refuse("inject", "not_allowed", why);
        }
        return fixed.clone();
    }
    let given = reader.has("inject");
    let places = reader.list("inject", MOST_PLACES, |errors, field, value| {
        place(errors, field, value, preset)
    });
    let places = places.unwrap_or_else(|| {
        if given {
            Vec::new()
        } else {
            preset.inject.clone()
        }
    });
    if places.is_empty() && !given {
        let why = format!("is required for extcred_type {}", kind.as_str());
        reader.refuse("inject", "required", why);
    }
    let is_repeated = |at: usize| {
        let place = |one: &Injection| {
            let header = one.header().map(|name| format!("header {name}"));
            header.or(one
                .parameter()
                .map(|name| format!("query {}", name.to_lowercase())))
        };
        places[..at]
            .iter()
            .any(|one| place(one) == place(&places[at]))
    };
    if (0..places.len()).any(is_repeated) {
        reader.refuse("inject", "duplicate", "must name each place once");
    }
    places
}

fn place(
    errors: &mut Vec<FieldError>,
    field: &str,
    value: Value<'_>,
    preset: &Preset,
) -> Option<Injection> {
    let mut reader = Reader::new(field, value, errors);
    let named = ["header", "basic", "query"]
        .into_iter()
        .filter(|name| reader.has(name));
    let named: Vec<&str> = named.collect();
    let [kind] = named.as_slice() else {
        reader.refuse(
            "header",
            "required",
            "must have one of header, basic and query",
        );
        return None;
    };
    let mints = preset.mint.is_some();
    let place = match *kind {
        "basic" => basic(&mut reader),
        kind => {
            let prefix = reader.text("prefix", |text| checked(text, check_prefix));
            let given = reader.has("from");
            let from = reader.text("from", |text| member(text, mints));
            if !given {
                reader.refuse("from", "required", "must name a member of the credential");
            }
            let from = from.unwrap_or_default();
            if kind == "header" {
                let name = reader.text("header", |text| checked(text, check_header));
                name.map(|name| Injection::Header {
                    name: name.to_ascii_lowercase(),
                    prefix: prefix.unwrap_or_default(),
                    from,
                })
            } else {
                if prefix.is_some() || from == MINTED {
                    let why = "has neither a prefix nor the minted token";
                    reader.refuse("query", "not_allowed", why);
                }
                let name = reader.text("query", |text| checked(text, check_parameter));
                name.map(|name| Injection::Query { name, from })
            }
        }
    };
    reader.finish();
    place
}

fn basic(reader: &mut Reader<'_, '_>) -> Option<Injection> {
    let mut inner = reader.object("basic")?;
    let username = inner.text("username", |text| member(text, false));
    let password = inner.text("password", |text| member(text, false));
    if username.is_none() {
        inner.refuse(
            "username",
            "required",
            "must name a member of the credential",
        );
    }
    inner.finish();
    Some(Injection::Basic {
        username: username?,
        password,
    })
}

fn checked(
    text: &str,
    check: fn(&str) -> Result<(), &'static str>,
) -> Result<String, &'static str> {
    check(text).map(|()| text.to_owned())
}

fn member(text: &str, mints: bool) -> Result<String, &'static str> {
    match text {
        MINTED if !mints => Err("names the minted token, and for this type none is minted"),
        text if text.is_empty() || text.len() > 128 => Err("must have 1 to 128 bytes"),
        text => Ok(text.to_owned()),
    }
}
