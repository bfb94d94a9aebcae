use crate::cli::OrgCommand;
use crate::error::CommandError;
use crate::{config, output, vault_access};

/// `strongroom org …`.
pub(super) async fn run(command: OrgCommand) -> Result<(), CommandError> {
    match command {
        OrgCommand::Create { vault, name, json } => {
            let vault = vault_access::open(&config::vault_access(&vault)?).await?;
            let request = vault_access::command_line();
            let organization = vault.create_organization(&name, request).await?;
            let text = format!("created organisation {} ({name})", organization.id);
            output::answer(json, &organization, &text);
        }
        OrgCommand::List { vault, json } => {
            let vault = vault_access::open(&config::vault_access(&vault)?).await?;
            let organizations = vault.organizations().await?;
            let rows: Vec<_> = organizations
                .iter()
                .map(|organization| {
                    [
                        organization.id.to_string(),
                        super::key::shown_time(organization.created_at),
                        organization.name.clone(),
                    ]
                })
                .collect();
            let text = output::table(["ORG_ID", "CREATED", "NAME"], &rows);
            output::answer(json, &organizations, &text);
        }
    }
    Ok(())
}
