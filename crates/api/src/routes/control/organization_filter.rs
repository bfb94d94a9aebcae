//! Filters of organizations, in the syntax of SCIM 2.0 (RFC 7644 § 3.4.2.2).

use strongroom_domain::OrgId;
use strongroom_domain::organization::Organization;

/// What a filter must be.
pub(super) const FORMS: &str =
    r#"name eq "…", name co "…", name sw "…", id eq "…" or parent_org_id eq "…""#;

/// A condition on an organization.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum OrganizationFilter {
    Name(String),
    NameContains(String),
    NameStartsWith(String),
    Id(OrgId),
    Parent(OrgId),
}

impl OrganizationFilter {
    /// Parses an attribute, an operator and a JSON string. Attributes and operators are
    /// case-insensitive.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (attribute, rest) = text.trim().split_once(char::is_whitespace)?;
        let (operator, value) = rest.trim_start().split_once(char::is_whitespace)?;
        let value: String = serde_json::from_str(value.trim()).ok()?;
        let (attribute, operator) = (attribute.to_lowercase(), operator.to_lowercase());
        match (attribute.as_str(), operator.as_str()) {
            ("name", "eq") => Some(Self::Name(value)),
            ("name", "co") => Some(Self::NameContains(value)),
            ("name", "sw") => Some(Self::NameStartsWith(value)),
            ("id", "eq") => OrgId::parse(&value).map(Self::Id),
            ("parent_org_id", "eq") => OrgId::parse(&value).map(Self::Parent),
            _ => None,
        }
    }

    pub(super) fn matches(&self, organization: &Organization) -> bool {
        match self {
            Self::Name(name) => organization.name == *name,
            Self::NameContains(part) => organization.name.contains(part.as_str()),
            Self::NameStartsWith(start) => organization.name.starts_with(start.as_str()),
            Self::Id(id) => organization.id == *id,
            Self::Parent(id) => organization.parent == Some(*id),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_published_forms_parse_and_no_others() {
        let parse = OrganizationFilter::parse;
        let name = |text: &str| Some(OrganizationFilter::Name(text.into()));
        assert_eq!(parse(r#"name eq "Acme \"1\"""#), name("Acme \"1\""));
        assert_eq!(parse(r#"  NAME  Eq  "x y"  "#), name("x y"));
        let id = "0190a1b2-0000-7000-8000-0123456789ab";
        let parent = OrgId::parse(id).map(OrganizationFilter::Parent);
        assert_eq!(parse(&format!("parent_org_id eq \"{id}\"")), parent);
        for wrong in [
            "",
            "name",
            "name eq",
            "name eq x",
            "name eq \"x",
            "name ew \"x\"",
            "name eq \"x\" and id eq \"y\"",
            "id eq \"x\"",
            "id co \"0190a1b2-0000-7000-8000-0123456789ab\"",
            "not (name eq \"x\")",
            "name pr",
        ] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }
}
