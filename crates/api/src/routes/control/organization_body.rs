//! Organizations in responses.

use serde::Serialize;
use strongroom_domain::OrgId;
use strongroom_domain::organization::Organization;
use utoipa::openapi::{ArrayBuilder, ObjectBuilder};

use crate::openapi::schemas::{object, optional, required, text, uuid};

/// An organization, as responses contain it.
#[derive(Serialize)]
pub(super) struct OrganizationBody<'a> {
    id: OrgId,
    org_name: &'a str,
    tenant_name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    parent_id: Option<OrgId>,
    persons_pool_org_ids: [OrgId; 0],
    group_pool_org_ids: [OrgId; 0],
    /// The first API key of a new organization.
    #[serde(skip_serializing_if = "Option::is_none")]
    api_key: Option<&'a str>,
}

impl<'a> OrganizationBody<'a> {
    pub(super) fn of(organization: &'a Organization, api_key: Option<&'a str>) -> Self {
        Self {
            id: organization.id,
            org_name: &organization.name,
            tenant_name: &organization.name,
            parent_id: organization.parent,
            persons_pool_org_ids: [],
            group_pool_org_ids: [],
            api_key,
        }
    }
}

pub(super) fn schema() -> ObjectBuilder {
    let empty = || {
        ArrayBuilder::new()
            .items(uuid())
            .description(Some("Always empty: the service stores no persons."))
    };
    object([
        ("id", required(uuid())),
        ("org_name", required(text())),
        (
            "tenant_name",
            required(text().description(Some("The same as `org_name`."))),
        ),
        (
            "parent_id",
            optional(uuid().description(Some("A root organization has none."))),
        ),
        ("persons_pool_org_ids", required(empty())),
        ("group_pool_org_ids", required(empty())),
    ])
}
