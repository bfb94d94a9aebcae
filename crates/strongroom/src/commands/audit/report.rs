use strongroom_domain::AuditReport;

use crate::commands::format::{counted, owner};

/// The report on one organization: a line, and one per finding.
pub(crate) fn described(report: &AuditReport) -> String {
    let mut lines = vec![format!(
        "{}: {} in {}: {}",
        owner(report.org_id),
        counted(report.events, "event"),
        counted(report.lanes, "lane"),
        verdict(report.found)
    )];
    lines.extend(report.findings.iter().map(|finding| format!("  {finding}")));
    lines.extend(report.acknowledged.iter().map(|loss| {
        format!(
            "  lane {} up to event {}: acknowledged as lost: {}",
            loss.lane, loss.seq, loss.reason
        )
    }));
    let more = report.found - report.findings.len() as u64;
    if more > 0 {
        lines.push(format!("  and {more} more"));
    }
    lines.join("\n")
}

/// `intact`, or the number of findings.
pub(super) fn verdict(found: u64) -> String {
    match found {
        0 => "intact".to_owned(),
        found => counted(found, "finding"),
    }
}
