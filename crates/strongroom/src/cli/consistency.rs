use clap::Args;
use clap::builder::RangedU64ValueParser;

/// What a write waits for.
#[derive(Debug, Args)]
pub(crate) struct ConsistencyArgs {
    /// Where a write must be readable before the command succeeds: local_region or all_regions
    /// [default: local_region].
    #[arg(
        long,
        value_name = "LEVEL",
        value_parser = ["local_region", "all_regions"],
        hide_possible_values = true,
        help_heading = "Over HTTP"
    )]
    pub(crate) consistency: Option<String>,
    /// How many seconds to wait for all regions, from 1 to 120 [default: 30].
    #[arg(
        long,
        value_name = "SECONDS",
        value_parser = RangedU64ValueParser::<u64>::new().range(1..=120),
        help_heading = "Over HTTP"
    )]
    pub(crate) timeout: Option<u64>,
}

impl ConsistencyArgs {
    /// Each flag, and whether it was given.
    pub(crate) fn flags(&self) -> [(&'static str, bool); 2] {
        [
            ("--consistency", self.consistency.is_some()),
            ("--timeout", self.timeout.is_some()),
        ]
    }
}
