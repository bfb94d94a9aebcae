//! The report: `report.json`, `report.md` and `report.svg`.

use std::fmt::Write;
use std::path::Path;

use serde_json::json;

use crate::Result;
use crate::figures::Reported;
use crate::threads::Choice;

/// Writes all three files, and returns the text of `report.md`.
pub(crate) fn write(
    folder: &Path,
    figures: &[Reported],
    facts: &[String],
    threads: &[Choice],
) -> Result<String> {
    std::fs::create_dir_all(folder)?;
    let report = json!({"figures": figures, "machine": facts, "threads": threads});
    std::fs::write(
        folder.join("report.json"),
        serde_json::to_vec_pretty(&report)?,
    )?;
    let text = text(figures, facts, threads);
    std::fs::write(folder.join("report.md"), &text)?;
    std::fs::write(folder.join("report.svg"), plot(figures))?;
    Ok(text)
}

fn text(figures: &[Reported], facts: &[String], threads: &[Choice]) -> String {
    let mut text = String::new();
    for fact in facts {
        let _ = writeln!(text, "- {fact}");
    }
    text.push_str("\n| figure | value | spread | must | aim | met | against |\n");
    text.push_str("| --- | --- | --- | --- | --- | --- | --- |\n");
    for one in figures {
        let Reported {
            name,
            value,
            unit,
            baseline,
            must,
            aim,
            spread: [least, most],
            met,
        } = one;
        let must = match must.is_finite() {
            true => must.to_string(),
            false => "none".into(),
        };
        let row = format!(
            "| `{name}` | {value:.2} {unit} | {least:.2} to {most:.2} | {must} | {aim} | {met} \
             | {baseline} |"
        );
        let _ = writeln!(text, "{row}");
    }
    if !threads.is_empty() {
        text.push_str("\n| load | threads | 1 thread | 2 threads |\n| --- | --- | --- | --- |\n");
    }
    for choice in threads {
        let Choice {
            load,
            threads,
            rates: [one, two],
        } = choice;
        let _ = writeln!(text, "| {load} | {threads} | {one:.0}/s | {two:.0}/s |");
    }
    text
}

// Each figure as a share of the value that it must reach; longer bars are better.
fn plot(figures: &[Reported]) -> String {
    const ROW: usize = 26;
    const LEFT: usize = 150;
    let height = figures.len() * ROW + 40;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"760\" height=\"{height}\" \
         font-family=\"sans-serif\" font-size=\"13\">\n"
    );
    for (row, one) in figures.iter().enumerate() {
        let at_least = one.aim >= one.must;
        let share = if at_least {
            one.value / one.must
        } else {
            one.must / one.value
        };
        let width = (share.clamp(0.0, 3.0) * 150.0).round();
        let color = match one.met {
            "aim" => "#2a7f3f",
            "must" => "#4c78a8",
            _ => "#c0392b",
        };
        let y = row * ROW + 10;
        let _ = writeln!(
            svg,
            "<text x=\"8\" y=\"{}\">{}</text>\
             <rect x=\"{LEFT}\" y=\"{y}\" width=\"{width}\" height=\"16\" fill=\"{color}\"/>\
             <text x=\"{}\" y=\"{}\">{:.2} {}</text>",
            y + 13,
            one.name,
            f64::from(u32::try_from(LEFT).unwrap_or(0)) + width + 6.0,
            y + 13,
            one.value,
            one.unit
        );
    }
    let bottom = figures.len() * ROW + 10;
    let _ = writeln!(
        svg,
        "<line x1=\"{0}\" x2=\"{0}\" y1=\"4\" y2=\"{bottom}\" stroke=\"black\" \
         stroke-dasharray=\"3\"/>\
         <text x=\"{0}\" y=\"{1}\" text-anchor=\"middle\">must</text>\n</svg>",
        LEFT + 150,
        bottom + 18
    );
    svg
}
