//! Callers without an API key: the operator at the command line, and the server's own schedule.

use strongroom_domain::OrgId;
use strongroom_domain::caller::{Caller, RequestInfo};

use crate::error::CommandError;

/// The operator in the organization whose id is `org`, the value of `--org`.
pub(crate) fn operator(org: &str) -> Result<Caller, CommandError> {
    let org = OrgId::parse(org).ok_or_else(|| {
        CommandError::Usage(
            "--org must be the id of an organization, as shown by `strongroom org list`".into(),
        )
    })?;
    Ok(operator_of(org))
}

/// The operator in the organization `org`.
pub(crate) fn operator_of(org: OrgId) -> Caller {
    Caller::operator(org, command_line())
}

/// A new request from the command line.
pub(crate) fn command_line() -> RequestInfo {
    request("command-line")
}

/// The caller of background work in the organization `org`.
pub(crate) fn scheduled(org: OrgId) -> Caller {
    Caller::operator(org, request("schedule"))
}

fn request(source: &str) -> RequestInfo {
    RequestInfo {
        id: uuid::Uuid::new_v4().to_string(),
        source: source.into(),
    }
}
