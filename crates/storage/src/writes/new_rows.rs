//! The rows that a batch inserts.

use strongroom_domain::OrgId;
use strongroom_domain::credential::SealedCredential;

use crate::sql;
use crate::transaction::statement::{NO_TAG, NO_TEXT, NO_TIME, Step, Tag, Value};
use crate::writes::member::Member;
use crate::writes::write::WriteOp;

/// The members of a batch that create credentials, with the new rows.
fn new_credentials<'m, 'a>(
    members: &'m [Member<'a>],
) -> impl Iterator<Item = (&'m Member<'a>, &'a SealedCredential)> + use<'m, 'a> {
    members
        .iter()
        .filter(|member| member.has_written())
        .filter_map(|member| match &member.write.op {
            WriteOp::Insert(row) => Some((member, row)),
            _ => None,
        })
}

/// The generations of the organizations' keys under which the new credentials are sealed.
pub(crate) fn generations(members: &[Member<'_>]) -> impl Iterator<Item = (OrgId, i32)> {
    new_credentials(members).map(|(member, row)| (member.org(), row.key_generation))
}

/// The steps that insert the new credentials, and the operations that regions are watched for.
pub(crate) fn steps<'a>(members: &[Member<'a>]) -> Vec<Step<'a>> {
    let mut credentials = Vec::new();
    for (member, row) in new_credentials(members) {
        let etag = member.etag().map(|etag| Value::Tag(Tag(etag)));
        let expires_at = row.expiry.as_ref().map(|expiry| Value::Ref(&expiry.at));
        let source = row.expiry.map(|expiry| Value::Text(expiry.source.as_str()));
        credentials.extend_from_slice(&[
            Value::Uuid(member.org().0),
            Value::Uuid(row.id.0),
            Value::Text(row.provider.as_str()),
            Value::Text(row.kind.as_str()),
            Value::Text(row.label.as_str()),
            Value::Ref(&row.version),
            Value::Ref(&row.key_generation),
            Value::Ref(&row.wrapped_key),
            Value::Ref(&row.sealed_blob),
            Value::Ref(&row.updated_at),
            Value::Ref(&row.pieces_user),
            etag.unwrap_or(Value::Ref(&NO_TAG)),
            Value::Ref(&row.value_version),
            expires_at.unwrap_or(Value::Ref(&NO_TIME)),
            source.unwrap_or(Value::Ref(&NO_TEXT)),
        ]);
    }
    let mut operations = Vec::new();
    for member in members.iter().filter(|member| member.has_written()) {
        if let Some(operation) = member.write.tracking.operation {
            operations.extend_from_slice(&[Value::Uuid(member.org().0), Value::Uuid(operation.0)]);
        }
    }
    [
        (&sql::CREDENTIALS_INSERT, credentials),
        (&sql::operations::OPERATIONS_INSERT, operations),
    ]
    .into_iter()
    .filter(|(_, values)| !values.is_empty())
    .map(|(insert, values)| Step::Insert(insert, values))
    .collect()
}
