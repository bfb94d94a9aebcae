use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use super::paths;
use super::session::connect_caller;
use crate::cli::RelayTestArgs;
use crate::client::call::Call;
use crate::error::CommandError;
use crate::output;

/// What would be sent, or why nothing would.
#[derive(Deserialize)]
struct Tested {
    request: Option<Sent>,
    problem: Option<Problem>,
}

#[derive(Deserialize)]
struct Sent {
    host: String,
    port: u16,
    method: String,
    target: String,
    headers: Vec<(String, String)>,
}

#[derive(Deserialize)]
struct Problem {
    code: String,
    message: String,
}

/// `strongroom credential relay-test`.
pub(crate) fn run(args: &RelayTestArgs) -> Result<(), CommandError> {
    let path = paths::credential(&args.id)?;
    let body = described(args).to_string();
    let client = connect_caller(&args.caller)?;
    // The server sends nothing either, so a repetition does no harm.
    let call = Call::post(format!("{path}/relay-policy/test"), body.as_bytes());
    let answer = client.send(&call)?;
    let tested: Tested = answer.result()?;
    let mut text = tested.request.as_ref().map(shown).unwrap_or_default();
    if tested.problem.is_none() {
        text += "nothing was sent; the host resolves to addresses that requests may go to";
    }
    output::answer(
        args.caller.json,
        answer.result::<&RawValue>()?,
        text.trim_end(),
    );
    match tested.problem {
        None => Ok(()),
        Some(Problem { code, message }) => {
            let why = format!("the request would be refused: {code}: {message}");
            Err(CommandError::Failed(why))
        }
    }
}

fn described(args: &RelayTestArgs) -> Value {
    let (path, query) = match args.path.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (args.path.as_str(), None),
    };
    let headers = args.headers.iter();
    let headers: Map<_, _> = headers
        .map(|(name, value)| (name.clone(), json!(value)))
        .collect();
    json!({
        "host": args.host,
        "method": args.method,
        "path": path,
        "query": query,
        "headers": headers,
    })
}

fn shown(sent: &Sent) -> String {
    let Sent {
        host,
        port,
        method,
        target,
        headers,
    } = sent;
    let mut text = format!("{method} https://{host}:{port}{target}\n");
    for (name, value) in headers {
        text += &format!("{name}: {value}\n");
    }
    text + "\n"
}
