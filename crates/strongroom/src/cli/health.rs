use clap::Args;

#[derive(Debug, Args)]
pub(crate) struct HealthArgs {
    /// The server, http://host:port. With a path, such as /healthz, that is asked instead of /readyz.
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:8700")]
    pub(crate) url: String,
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
}
