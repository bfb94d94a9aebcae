//! The list of settings in `docs/configuration.md`, made from the table.

use crate::settings::setting::Row;
use crate::settings::table::all;

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/configuration.md");
/// The line of the file after which it is generated.
const MARK: &str = "<!-- Generated: UPDATE_DOCS=1 cargo test -p strongroom documentation -->\n";
/// Longest line, in characters.
const WIDTH: usize = 160;

/// Every setting, under the heading of its section.
fn list() -> String {
    let (mut text, mut section) = (String::new(), "");
    for row in all().map(|setting| setting.row()) {
        if row.section != section {
            section = row.section;
            text += &format!("\n## {section}\n\n");
        }
        text += &item(row);
    }
    text
}

fn item(row: &Row) -> String {
    let mut names = Vec::new();
    if let Some(flag) = &row.flag {
        names.push(format!("`--{} {}`", row.flag_name(), flag.value));
    }
    names.push(format!("`{}`", row.variable()));
    names.extend(row.default.map(|default| format!("default: {default}")));
    let what = row.what;
    let see = row
        .see
        .map_or_else(String::new, |page| format!(" See [{page}]({page})."));
    let head = format!("- **`{}`** ({})", row.key, names.join(", "));
    format!("{head}\n{}", wrapped(&format!("{what}{see}")))
}

/// `text` in lines that belong to an item of a list.
fn wrapped(text: &str) -> String {
    let mut lines = vec![String::from(" ")];
    for word in text.split(' ') {
        let last = lines.last().map_or(0, |line| line.chars().count());
        if last + 1 + word.chars().count() > WIDTH {
            lines.push(String::from(" "));
        }
        if let Some(line) = lines.last_mut() {
            line.push(' ');
            line.push_str(word);
        }
    }
    lines.join("\n") + "\n"
}

#[test]
fn the_list_of_settings_is_that_of_the_table() {
    let file = std::fs::read_to_string(FILE).unwrap();
    let (prose, list_there) = file.split_once(MARK).expect(MARK);
    let list = list();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(FILE, format!("{prose}{MARK}{list}")).unwrap();
        return;
    }
    assert!(
        list_there == list,
        "docs/configuration.md differs from the table of settings; regenerate it with \
         UPDATE_DOCS=1 cargo test -p strongroom documentation"
    );
}
