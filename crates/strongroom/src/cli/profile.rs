use clap::Args;

/// The profile of a caller.
#[derive(Debug, Args)]
pub(crate) struct ProfileArg {
    /// Call a server over HTTP, as the profile that `strongroom login` made under this name
    /// [variable: STRONGROOM_PROFILE] [default: default].
    #[arg(long, value_name = "NAME", help_heading = "Over HTTP")]
    pub(crate) profile: Option<String>,
}
