use clap::Args;

use crate::cli::caller::CallerArgs;

#[derive(Debug, Args)]
pub(crate) struct RelayTestArgs {
    #[command(flatten)]
    pub(crate) caller: CallerArgs,
    /// Id of the credential.
    #[arg(value_name = "CREDENTIAL_ID")]
    pub(crate) id: String,
    /// Path and query of the request, such as `/v1/charges?limit=3`.
    #[arg(value_name = "PATH")]
    pub(crate) path: String,
    /// Host of the request, with `:PORT` if it is not the first one of the relay policy [default:
    /// the policy's only host].
    #[arg(long)]
    pub(crate) host: Option<String>,
    /// Method of the request [default: GET].
    #[arg(long)]
    pub(crate) method: Option<String>,
    /// Header of the request, as `NAME: VALUE`. Repeatable.
    #[arg(long = "header", value_name = "HEADER", value_parser = header)]
    pub(crate) headers: Vec<(String, String)>,
}

fn header(text: &str) -> Result<(String, String), &'static str> {
    let (name, value) = text.split_once(':').ok_or("must be NAME: VALUE")?;
    Ok((name.trim().to_owned(), value.trim().to_owned()))
}
