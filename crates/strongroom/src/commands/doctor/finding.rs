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

    fn shown(&self) -> String {
        let subject = self.subject.as_ref();
        let subject = subject.map_or(String::new(), |subject| format!(" ({subject})"));
        let (level, check) = (self.level.word(), self.check);
        let mut text = format!("{level:8}{check}{subject}: {}", self.found);
        if let Some(advice) = &self.advice {
            text.push_str("\n        -> ");
            text.push_str(advice);
        }
        text
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

/// All findings for a person to read, with their number at the end.
pub(super) fn shown(findings: &[Finding]) -> String {
    let mut lines: Vec<String> = findings.iter().map(Finding::shown).collect();
    lines.push(format!(
        "{} failure(s), {} warning(s), {} note(s), {} ok",
        count(findings, Level::Failure),
        count(findings, Level::Warning),
        count(findings, Level::Note),
        count(findings, Level::Ok),
    ));
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_read_level_check_subject_and_advice() {
        let findings = [
            Finding::ok("database", "it answers"),
            Finding::failure("policies", "it is gone", "make it").about("credentials"),
        ];
        assert_eq!(
            shown(&findings),
            "ok      database: it answers\n\
             FAILURE policies (credentials): it is gone\n        -> make it\n\
             1 failure(s), 0 warning(s), 0 note(s), 1 ok"
        );
    }
}
