//! Files encrypted with age (age-encryption.org/v1): their recipients and identities, writing, and
//! reading line by line.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Seek, Write};
use std::path::Path;

use age::stream::{StreamReader, StreamWriter};
use age::x25519::Recipient;
use age::{DecryptError, Decryptor, Encryptor, Identity, IdentityFile};
use indicatif::{ProgressBar, ProgressBarIter};
use strongroom_domain::RestoreError;
use strongroom_domain::backup::line::MAX_LINE;

use crate::error::CommandError;

/// A writer that encrypts to all of `recipients`. Call [`StreamWriter::finish`] at the end.
pub(crate) fn encrypt<W: Write>(
    recipients: &[Recipient],
    out: W,
) -> Result<StreamWriter<W>, CommandError> {
    let recipients = recipients
        .iter()
        .map(|recipient| recipient as &dyn age::Recipient);
    let encryptor = Encryptor::with_recipients(recipients)
        .map_err(|error| CommandError::Failed(format!("cannot encrypt the backup: {error}")))?;
    encryptor
        .wrap_output(out)
        .map_err(|error| CommandError::io("cannot write the backup", &error))
}

/// The recipients in `named` and in `file`; at least one.
pub(crate) fn recipients(
    named: &[String],
    file: Option<&Path>,
) -> Result<Vec<Recipient>, CommandError> {
    let text = match file {
        None => String::new(),
        Some(file) => std::fs::read_to_string(file).map_err(|error| {
            CommandError::io(&format!("cannot read {}", file.display()), &error)
        })?,
    };
    let lines = text.lines().map(str::trim);
    let in_file = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
    let all = named.iter().map(String::as_str).chain(in_file);
    let all: Vec<Recipient> = all.map(recipient).collect::<Result<_, _>>()?;
    if all.is_empty() {
        let problem = "the file of --recipients-file contains no recipient";
        return Err(CommandError::Failed(problem.into()));
    }
    Ok(all)
}

fn recipient(text: &str) -> Result<Recipient, CommandError> {
    // A private key that was given by mistake is not shown.
    let shown = if text.to_ascii_uppercase().starts_with("AGE-SECRET-KEY-") {
        "a private key"
    } else {
        text
    };
    text.parse().map_err(|why| {
        CommandError::Failed(format!(
            "{shown} is not a recipient ({why}): give a public key from `age-keygen`, age1…"
        ))
    })
}

/// Private keys, which decrypt a backup.
pub(crate) type Identities = Vec<Box<dyn Identity + Send + Sync>>;

/// The private keys in `file`; at least one.
pub(crate) fn identities(file: &Path) -> Result<Identities, CommandError> {
    let what = format!("cannot read the identity in {}", file.display());
    let open = File::open(file).map_err(|error| CommandError::io(&what, &error))?;
    let none = |why: String| {
        CommandError::Failed(format!(
            "{what}: {why}. It must be a file from `age-keygen`, with a line AGE-SECRET-KEY-1…"
        ))
    };
    let read =
        IdentityFile::from_buffer(BufReader::new(open)).map_err(|error| none(error.to_string()))?;
    let identities = read
        .into_identities()
        .map_err(|error| none(error.to_string()))?;
    if identities.is_empty() {
        return Err(none("it contains no private key".into()));
    }
    Ok(identities)
}

type Encrypted = BufReader<ProgressBarIter<File>>;

/// The lines of an encrypted file.
pub(crate) struct Lines {
    reader: BufReader<StreamReader<Encrypted>>,
    line: Vec<u8>,
}

impl Lines {
    /// Reads `file` from its beginning; `bar` shows the position.
    pub(crate) fn open(
        file: &File,
        identities: &Identities,
        bar: &ProgressBar,
    ) -> Result<Self, CommandError> {
        let failed = |error: std::io::Error| CommandError::io("cannot read the backup", &error);
        let mut file = file.try_clone().map_err(failed)?;
        file.rewind().map_err(failed)?;
        bar.set_position(0);
        let input = BufReader::new(bar.wrap_read(file));
        let decryptor = Decryptor::new_buffered(input).map_err(|error| unreadable(&error))?;
        let identities = identities
            .iter()
            .map(|identity| &**identity as &dyn Identity);
        let reader = decryptor
            .decrypt(identities)
            .map_err(|error| unreadable(&error))?;
        Ok(Self {
            reader: BufReader::new(reader),
            line: Vec::new(),
        })
    }

    /// The next line with its line feed; `None` at the end of the file.
    pub(crate) fn next(&mut self) -> Result<Option<&[u8]>, RestoreError> {
        self.line.clear();
        let limit = MAX_LINE as u64;
        let read = (&mut self.reader)
            .take(limit)
            .read_until(b'\n', &mut self.line);
        let read = read.map_err(|error| {
            RestoreError::Damaged(format!("it was cut short or altered ({error})"))
        })?;
        if read > 0 && self.line.last() != Some(&b'\n') {
            return Err(RestoreError::Damaged(
                "it was cut short, or a line is too long".into(),
            ));
        }
        Ok((read > 0).then_some(self.line.as_slice()))
    }
}

fn unreadable(error: &DecryptError) -> CommandError {
    CommandError::Failed(match error {
        DecryptError::NoMatchingKeys => {
            "the identity does not decrypt the backup: it was encrypted to other recipients. Give \
             the private key of a recipient that was named to `strongroom backup`"
                .into()
        }
        DecryptError::Io(error) if error.kind() != std::io::ErrorKind::UnexpectedEof => {
            format!("cannot read the backup: {error}")
        }
        DecryptError::InvalidMac | DecryptError::DecryptionFailed => {
            "the backup is damaged: its header was altered. Use another copy".into()
        }
        other => format!(
            "the input is not a backup from `strongroom backup`, or it was cut short: {other}"
        ),
    })
}
