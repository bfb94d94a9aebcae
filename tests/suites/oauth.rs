//! OAuth 2.0: clients, access tokens, and callers who use them.

mod callers;
mod changes;
mod clients;
mod introspection;
mod life;
mod published;
mod support;
mod tampering;
mod tokens;
