//! Commands of earlier versions.

use std::ffi::OsString;

/// Former names, each with the present one.
const FORMER: [(&str, [&str; 2]); 2] = [
    ("key-check", ["root-key", "check"]),
    ("regions", ["region", "list"]),
];

/// `args`, beginning with the program's name, with the present name of the command.
pub(super) fn renamed(args: impl Iterator<Item = OsString>) -> Vec<OsString> {
    let mut args: Vec<OsString> = args.collect();
    let former = FORMER
        .iter()
        .find(|(name, _)| args.get(1).is_some_and(|arg| arg == name));
    if let Some((_, present)) = former {
        args.splice(1..2, present.map(OsString::from));
    }
    args
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_name_of_the_command_is_replaced() {
        let shown = |text: &str| {
            let args = renamed(text.split(' ').map(OsString::from));
            let args: Vec<_> = args.iter().filter_map(|arg| arg.to_str()).collect();
            args.join(" ")
        };
        assert_eq!(shown("s key-check --json"), "s root-key check --json");
        assert_eq!(
            shown("s regions --regions regions"),
            "s region list --regions regions"
        );
        assert_eq!(shown("s region list"), "s region list");
        assert_eq!(shown("s"), "s");
    }
}
