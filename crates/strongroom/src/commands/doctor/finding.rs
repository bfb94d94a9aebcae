use serde::Serialize;

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Level {
    /// As it should be.
    Ok,
    /// Nothing to do, or not now.
    Note,
    /// Something will go wrong, or was not checked.
    Warning,
    /// Something is wrong.
    Failure,
}

impl Level {
    fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Failure => "FAILURE",
        }
    }
}

/// What one check found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Finding {
    /// The check's name, which stays the same from version to version.
    pub(super) check: &'static str,
    pub(super) level: Level,
    /// What it is about, where a check is about several things: a table, a setting, a region.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) subject: Option<String>,
    pub(super) found: String,
    /// What to do; on every warning and failure.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) advice: Option<String>,
}

impl Finding {
    fn new(check: &'static str, level: Level, found: impl Into<String>) -> Self {
        Self {
            check,
            level,
            subject: None,
            found: found.into(),
            advice: None,
        }
    }

    pub(super) fn ok(check: &'static str, found: impl Into<String>) -> Self {
        Self::new(check, Level::Ok, found)
    }

    pub(super) fn bad(
        check: &'static str,
        level: Level,
        found: impl Into<String>,
        advice: impl Into<String>,
    ) -> Self {
        Self {
            advice: Some(advice.into()),
            ..Self::new(check, level, found)
        }
    }

    pub(super) fn note(check: &'static str, found: impl Into<String>) -> Self {
        Self::new(check, Level::Note, found)
    }

    pub(super) fn warning(
        check: &'static str,
        found: impl Into<String>,
        advice: impl Into<String>,
    ) -> Self {
        Self::bad(check, Level::Warning, found, advice)
    }

    pub(super) fn failure(
        check: &'static str,
        found: impl Into<String>,
        advice: impl Into<String>,
    ) -> Self {
        Self::bad(check, Level::Failure, found, advice)
    }

    /// The same, about `subject`.
    pub(super) fn about(self, subject: impl Into<String>) -> Self {
        Self {
            subject: Some(subject.into()),
            ..self
        }
    }

    /// The check and what it is about.
    fn name(&self) -> String {
        match &self.subject {
            Some(subject) => format!("{} ({subject})", self.check),
            None => self.check.to_owned(),
        }
    }

    /// Whether both say the same of different things.
    fn says_the_same(&self, other: &Self) -> bool {
        (self.level, &self.found, &self.advice) == (other.level, &other.found, &other.advice)
    }
}

/// `findings`, or, when there are none, that all is well.
pub(super) fn or_ok(
    findings: Vec<Finding>,
    check: &'static str,
    found: impl Into<String>,
) -> Vec<Finding> {
    if findings.is_empty() {
        vec![Finding::ok(check, found)]
    } else {
        findings
    }
}

/// How many findings are of `level`.
pub(super) fn count(findings: &[Finding], level: Level) -> usize {
    let same = |finding: &&Finding| finding.level == level;
    findings.iter().filter(same).count()
}

/// All findings for a person to read, the worst and their number last, where a terminal ends.
pub(super) fn shown(findings: &[Finding]) -> String {
    let mut sorted: Vec<&Finding> = findings.iter().collect();
    sorted.sort_by_key(|finding| finding.level);
    let mut lines: Vec<String> = sorted
        .chunk_by(|one, next| one.says_the_same(next))
        .map(group)
        .collect();
    lines.push(format!(
        "{} failure(s), {} warning(s), {} note(s), {} ok",
        count(findings, Level::Failure),
        count(findings, Level::Warning),
        count(findings, Level::Note),
        count(findings, Level::Ok),
    ));
    lines.join("\n")
}

fn group(same: &[&Finding]) -> String {
    let Some(first) = same.first() else {
        return String::new();
    };
    let names: Vec<_> = same.iter().map(|finding| finding.name()).collect();
    let (level, names) = (first.level.word(), names.join(", "));
    let advice = first.advice.as_ref();
    let advice = advice.map_or(String::new(), |advice| format!("\n        -> {advice}"));
    format!("{level:8}{names}: {}{advice}", first.found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_read_what_is_worst_last_and_the_same_once() {
        let findings = [
            Finding::failure("policies", "it is gone", "make it").about("credentials"),
            Finding::ok("database", "it answers"),
            Finding::warning("role", "not checked", "look"),
            Finding::warning("clock", "not checked", "look"),
        ];
        assert_eq!(
            shown(&findings),
            "ok      database: it answers\n\
             warning role, clock: not checked\n        -> look\n\
             FAILURE policies (credentials): it is gone\n        -> make it\n\
             1 failure(s), 2 warning(s), 0 note(s), 1 ok"
        );
    }
}
