use clap::Args;

/// The organization that a command is about.
#[derive(Debug, Args)]
pub(crate) struct OrganizationArg {
    /// Id of the organization.
    #[arg(
        long = "org",
        value_name = "ORG_ID",
        required_unless_present = "former_org"
    )]
    org: Option<String>,
    // The spelling of earlier versions.
    #[arg(value_name = "ORG_ID", conflicts_with = "org", hide = true)]
    former_org: Option<String>,
}

impl OrganizationArg {
    pub(crate) fn id(&self) -> &str {
        let given = self.org.as_ref().or(self.former_org.as_ref());
        given.map_or("", String::as_str)
    }
}
