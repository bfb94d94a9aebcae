use serde::Serialize;
use strongroom_storage::ConnectError;

/// The severity of a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Level {
    /// Nothing is wrong.
    Ok,
    /// Nothing has to be done now.
    Note,
    /// Something may go wrong, or could not be checked.
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

/// The result of one check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Finding {
    /// The check's name; the same in all versions.
    pub(super) check: &'static str,
    pub(super) level: Level,
    /// The subject, when a check has several: a table, a setting, a region.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) subject: Option<String>,
    pub(super) found: String,
    /// What to do; present in every warning and failure.
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

    /// Sets the subject.
    pub(super) fn about(self, subject: impl Into<String>) -> Self {
        Self {
            subject: Some(subject.into()),
            ..self
        }
    }

    /// The check and its subject.
    fn name(&self) -> String {
        match &self.subject {
            Some(subject) => format!("{} ({subject})", self.check),
            None => self.check.to_owned(),
        }
    }

    /// Whether both differ at most in check and subject.
    fn has_same_text(&self, other: &Self) -> bool {
        (self.level, &self.found, &self.advice) == (other.level, &other.found, &other.advice)
    }
}

/// `findings`, or one with level `Ok` when there are none.
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

/// The findings of `judge`, or, when `read` failed, that the check was not done.
pub(super) fn attempt<T>(
    check: &'static str,
    read: Result<T, ConnectError>,
    judge: impl FnOnce(T) -> Vec<Finding>,
) -> Vec<Finding> {
    read.map_or_else(|error| vec![unchecked(check, &error.to_string())], judge)
}

/// That a check was not done.
pub(super) fn unchecked(check: &'static str, why: &str) -> Finding {
    Finding::warning(
        check,
        format!("not checked: {why}"),
        "resolve this, then run `strongroom doctor` again",
    )
}

/// The number of findings with this level.
pub(super) fn count(findings: &[Finding], level: Level) -> usize {
    let same = |finding: &&Finding| finding.level == level;
    findings.iter().filter(same).count()
}

/// All findings as text: the most severe ones and the totals last, where a terminal shows them.
pub(super) fn render(findings: &[Finding]) -> String {
    let mut sorted: Vec<&Finding> = findings.iter().collect();
    sorted.sort_by_key(|finding| finding.level);
    let mut lines: Vec<String> = sorted
        .chunk_by(|one, next| one.has_same_text(next))
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
    fn the_worst_findings_are_last_and_equal_texts_are_merged() {
        let findings = [
            Finding::failure("policies", "it is gone", "make it").about("credentials"),
            Finding::ok("database", "it answers"),
            Finding::warning("role", "not checked", "look"),
            Finding::warning("clock", "not checked", "look"),
        ];
        assert_eq!(
            render(&findings),
            "ok      database: it answers\n\
             warning role, clock: not checked\n        -> look\n\
             FAILURE policies (credentials): it is gone\n        -> make it\n\
             1 failure(s), 2 warning(s), 0 note(s), 1 ok"
        );
    }
}
