use std::path::Path;

use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use crate::client::answer::Answer;
use crate::error::CommandError;
use crate::output;
use crate::private_file::NewPrivateFile;

/// Where a new API key goes, which the server answers once.
pub(super) struct KeyDestination<'a>(Option<(NewPrivateFile, &'a Path)>);

#[derive(Deserialize)]
struct Issued {
    api_key: Zeroizing<String>,
}

impl<'a> KeyDestination<'a> {
    /// Prepares the file `output`, before the key is requested.
    pub(super) fn prepare(output: Option<&'a Path>) -> Result<Self, CommandError> {
        let prepared =
            output.map(|file| Ok::<_, CommandError>((NewPrivateFile::prepare(file)?, file)));
        Ok(Self(prepared.transpose()?))
    }

    /// Puts the key of `answer` there, and prints `what` was created.
    pub(super) fn put(self, answer: &Answer, json: bool, what: &str) -> Result<(), CommandError> {
        let Issued { api_key } = answer.result()?;
        let Some((file, name)) = self.0 else {
            let text = format!("{}\n\n{what} This key is shown once.", &*api_key);
            output::answer(json, answer.result::<&RawValue>()?, &text);
            return Ok(());
        };
        file.keep(format!("{}\n", &*api_key).as_bytes())?;
        let mut value: Value = answer.result()?;
        if let Some(members) = value.as_object_mut() {
            members.remove("api_key");
            members.insert("file".into(), json!(name));
        }
        let text = format!("{what} Its key is in {}.", name.display());
        output::answer(json, &value, &text);
        Ok(())
    }
}
