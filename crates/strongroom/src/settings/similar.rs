//! "Did you mean": the known name that is most like a wrong one.

/// Names that are less alike have nothing to do with each other. The measure is that of the command
/// line, where `clap` asks the same.
const LEAST_ALIKE: f64 = 0.75;

/// The most similar of `names`, if any is similar.
pub(super) fn similar<'a>(wrong: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let wrong = wrong.to_lowercase();
    let alike = names.map(|name| (strsim::jaro(&wrong, name), name));
    let alike = alike.filter(|(alike, _)| *alike >= LEAST_ALIKE);
    let best = alike.max_by(|(one, _), (other, _)| one.total_cmp(other));
    best.map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_similar_name_is_found() {
        let names = ["pool_size", "listen", "log_level", "database_url"];
        let found = |wrong| similar(wrong, names.into_iter());
        assert_eq!(found("POOLSIZE"), Some("pool_size"));
        assert_eq!(found("pool_szie"), Some("pool_size"));
        assert_eq!(found("zebra"), None);
    }
}
