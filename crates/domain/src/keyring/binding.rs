//! What seals and digests bind of a credential's value.

use strongroom_crypto::Context;

use crate::credential::SealedCredential;
use crate::expiry::Expiry;

/// Adds what belongs to the value of a credential: its version, its expiry, and the digest of the
/// other values.
pub(crate) fn bind_value(context: Context, row: &SealedCredential) -> Context {
    let context = bind_expiry(context.i64(row.value_version), row.expiry);
    context.optional(row.history.as_ref(), |context, history| {
        context.bytes(history)
    })
}

/// Adds an expiry.
pub(crate) fn bind_expiry(context: Context, expiry: Option<Expiry>) -> Context {
    context.optional(expiry, |context, expiry| {
        let context = context.i64(expiry.at.timestamp_micros());
        context.u8(expiry.source.code())
    })
}
