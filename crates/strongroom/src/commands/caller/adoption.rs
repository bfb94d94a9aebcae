use serde::Deserialize;
use serde_json::value::RawValue;

use super::paths;
use super::session::connect_caller;
use crate::cli::AdoptionArgs;
use crate::client::call::Call;
use crate::commands::format::to_the_second;
use crate::error::CommandError;
use crate::output;

#[derive(Deserialize)]
struct Adoption {
    readers: Vec<Reader>,
}

/// A reader of a credential as the server shows it.
#[derive(Deserialize)]
struct Reader {
    reader: String,
    last_read_at: String,
    /// Null if the audit trail no longer has it.
    last_value_version: Option<i64>,
    behind: bool,
}

/// `strongroom credential adoption`.
pub(crate) fn run(args: &AdoptionArgs) -> Result<(), CommandError> {
    let path = paths::credential(&args.id)?;
    let client = connect_caller(&args.caller)?;
    let answer = client.send(&Call::get(format!("{path}/adoption")))?;
    let Adoption { readers } = answer.result()?;
    let text = match readers.is_empty() {
        true => "no reader has revealed it".to_owned(),
        false => table(&readers),
    };
    output::answer(args.caller.json, answer.result::<&RawValue>()?, &text);
    Ok(())
}

fn table(readers: &[Reader]) -> String {
    let rows: Vec<_> = readers
        .iter()
        .map(|reader| {
            let version = reader.last_value_version;
            [
                reader.reader.clone(),
                to_the_second(&reader.last_read_at),
                version.map_or_else(|| "-".into(), |version| version.to_string()),
                if reader.behind { "behind" } else { "current" }.to_owned(),
            ]
        })
        .collect();
    output::table(["READER", "LAST_READ", "VALUE_VERSION", "STATE"], &rows)
}
