//! Parsers of providers, types and orders.

use clap::builder::{PossibleValuesParser, TypedValueParser};
use strongroom_domain::credential_order::CredentialOrder;
use strongroom_domain::kinds::{CredentialType, Provider};

pub(super) fn provider() -> impl TypedValueParser<Value = Provider> {
    let names = Provider::ALL.iter().map(|provider| provider.as_str());
    PossibleValuesParser::new(names).try_map(|name| Provider::parse(&name).ok_or("unknown"))
}

pub(super) fn kind() -> impl TypedValueParser<Value = CredentialType> {
    let names = CredentialType::ALL.iter().map(|kind| kind.as_str());
    PossibleValuesParser::new(names).try_map(|name| CredentialType::parse(&name).ok_or("unknown"))
}

pub(super) fn order() -> impl TypedValueParser<Value = CredentialOrder> {
    let names = CredentialOrder::ALL.iter().map(|order| order.as_str());
    PossibleValuesParser::new(names).try_map(|name| CredentialOrder::parse(&name).ok_or("unknown"))
}
