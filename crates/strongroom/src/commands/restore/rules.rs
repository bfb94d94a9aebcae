use strongroom_domain::backup::rules::RestoreRules;

use crate::cli::RestoreArgs;

/// How rows that differ from the backup are treated.
pub(super) fn rules(args: &RestoreArgs) -> RestoreRules {
    RestoreRules {
        keep_newer: args.keep_newer,
        replace: args.replace,
        despite_findings: args.despite_findings,
        undo: args.undo,
    }
}
