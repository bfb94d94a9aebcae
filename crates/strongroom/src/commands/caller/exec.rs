use std::collections::{BTreeMap, HashMap};
use std::os::unix::process::CommandExt;
use std::process::Command;

use serde_json::value::RawValue;
use strongroom_domain::CredentialId;
use zeroize::Zeroizing;

use super::paths;
use super::revealed::Revealed;
use super::session::connect;
use crate::cli::ExecArgs;
use crate::client::Client;
use crate::error::CommandError;

/// One value of `--credential`: what a variable gets.
#[derive(Debug, PartialEq, Eq)]
struct Wanted<'a> {
    id: CredentialId,
    field: Option<&'a str>,
    variable: &'a str,
}

/// `strongroom exec`. Returns only if the command could not be started.
pub(crate) fn run(args: &ExecArgs) -> Result<(), CommandError> {
    let wanted = parse_all(&args.credentials)?;
    let (program, rest) = args
        .command
        .split_first()
        .ok_or_else(|| CommandError::Usage("name the command after --".into()))?;
    let client = connect(&args.profile, args.org.as_deref())?;
    let variables = fetch(&client, &wanted)?;
    // The settings of this process's memory are none of the command's.
    #[cfg(target_os = "linux")]
    let _ = nix::sys::prctl::set_thp_disable(false);
    let mut command = Command::new(program);
    command.args(rest);
    for (variable, value) in &variables {
        command.env(variable, value.as_str());
    }
    let error = command.exec();
    let what = format!("cannot start {}", program.to_string_lossy());
    Err(CommandError::io(&what, &error))
}

fn parse_all(texts: &[String]) -> Result<Vec<Wanted<'_>>, CommandError> {
    let mut wanted: Vec<Wanted> = Vec::new();
    for text in texts {
        let one = parse(text)?;
        if wanted.iter().any(|other| other.variable == one.variable) {
            let problem = format!("--credential sets the variable {} twice", one.variable);
            return Err(CommandError::Usage(problem));
        }
        wanted.push(one);
    }
    Ok(wanted)
}

fn parse(text: &str) -> Result<Wanted<'_>, CommandError> {
    let wrong = |rule: &str| CommandError::Usage(format!("--credential {text:?}: {rule}"));
    let (source, variable) = text
        .rsplit_once('=')
        .ok_or_else(|| wrong("must be ID=VAR or ID.FIELD=VAR"))?;
    let mut chars = variable.chars();
    let first = chars.next();
    if !first.is_some_and(|c| c.is_ascii_alphabetic() || c == '_')
        || !chars.all(|c| c.is_ascii_alphanumeric() || c == '_')
    {
        return Err(wrong(
            "a variable's name has letters, digits and '_', and begins with no digit",
        ));
    }
    let (id, field) = match source.split_once('.') {
        Some((id, field)) => (id, Some(field)),
        None => (source, None),
    };
    let id = CredentialId::parse(id).ok_or_else(|| wrong("ID must be the id of a credential"))?;
    Ok(Wanted {
        id,
        field,
        variable,
    })
}

/// The values of all variables, or what is wrong with each credential.
fn fetch<'a>(
    client: &Client,
    wanted: &[Wanted<'a>],
) -> Result<Vec<(&'a str, Zeroizing<String>)>, CommandError> {
    // Every reveal is recorded, so a credential that is named twice is read once.
    let mut revealed = BTreeMap::new();
    for Wanted { id, .. } in wanted {
        revealed.entry(*id).or_insert_with(|| {
            paths::credential(&id.to_string()).and_then(|path| Revealed::fetch(client, &path))
        });
    }
    let (mut values, mut problems) = (Vec::new(), Vec::new());
    for one in wanted {
        match revealed.get(&one.id) {
            Some(Ok(revealed)) => match value(revealed, one.field) {
                Ok(value) => values.push((one.variable, value)),
                Err(problem) => problems.push(format!("credential {}: {problem}", one.id)),
            },
            Some(Err(error)) => {
                let messages = error.messages();
                problems.extend(
                    messages
                        .iter()
                        .map(|why| format!("credential {}: {why}", one.id)),
                );
            }
            None => {}
        }
    }
    if problems.is_empty() {
        return Ok(values);
    }
    problems.dedup();
    Err(CommandError::Server(problems))
}

// The problem is told without the value.
fn value(revealed: &Revealed, field: Option<&str>) -> Result<Zeroizing<String>, String> {
    let blob = revealed.blob().map_err(|error| error.to_string())?;
    let text = match field {
        None => Zeroizing::new(blob.to_owned()),
        Some(field) => member(blob, field)?,
    };
    if text.contains('\0') {
        return Err("contains a NUL character, which a variable cannot contain".into());
    }
    Ok(text)
}

fn member(blob: &str, field: &str) -> Result<Zeroizing<String>, String> {
    let members: HashMap<String, &RawValue> =
        serde_json::from_str(blob).map_err(|_| "is not a JSON object".to_owned())?;
    let value = members
        .get(field)
        .ok_or_else(|| format!("has no member {field:?}"))?;
    let text = serde_json::from_str(value.get());
    let text = text.map_err(|_| format!("its member {field:?} is not a string"))?;
    Ok(Zeroizing::new(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "01a20001-fbb5-7e6b-8a29-eec475269712";

    #[test]
    fn a_credential_is_named_with_its_variable() {
        let id = CredentialId::parse(ID).unwrap();
        let parsed = |text: &str| {
            let text = text.replace("ID", ID);
            let wanted = parse(&text).ok()?;
            assert_eq!(wanted.id, id);
            Some((wanted.field.map(str::to_owned), wanted.variable.to_owned()))
        };
        assert_eq!(parsed("ID=A_1"), Some((None, "A_1".into())));
        assert_eq!(parsed("ID.a.b=_x"), Some((Some("a.b".into()), "_x".into())));
        assert_eq!(parsed("ID.a=b=C"), Some((Some("a=b".into()), "C".into())));
        for bad in [
            "", "ID", "ID=", "ID=1A", "ID=A B", "ID=A-B", "ID=É", "x=A", "=A",
        ] {
            assert_eq!(parsed(bad), None, "{bad}");
        }
        let twice = [format!("{ID}=A"), format!("{ID}.b=A")];
        assert!(parse_all(&twice).is_err());
    }

    #[test]
    fn only_strings_become_values() {
        let blob = r#"{"a":"canary\u00e9","b":["canary"],"n":1}"#;
        assert_eq!(member(blob, "a").unwrap().as_str(), "canaryé");
        for field in ["b", "n", "c", "A"] {
            let problem = member(blob, field).unwrap_err();
            assert!(
                problem.contains(field) && !problem.contains("canary"),
                "{problem}"
            );
        }
    }
}
