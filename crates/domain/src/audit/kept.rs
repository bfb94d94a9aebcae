//! Heads that were kept outside the database.

use serde_json::Value;

use crate::audit::root::{self, AuditRoot};
use crate::audit::signed::{HeadsError, SignedHeads};

/// The start of a signed line, also inside a line of a log in text form.
const START: &str = "{\"format\":\"strongroom-audit-";

/// Heads that were kept outside the database.
#[derive(Debug, Default)]
pub struct KeptHeads {
    /// The lines of `strongroom audit head`, one per organization.
    pub heads: Vec<SignedHeads>,
    /// Signed roots, from the log or from `strongroom audit head`.
    pub roots: Vec<AuditRoot>,
}

impl KeptHeads {
    /// Adds a line of `strongroom audit head`, or of a server's log. Lines of a log without a root
    /// are ignored. Does not verify signatures.
    ///
    /// # Errors
    /// [`HeadsError::Malformed`] if the line is neither.
    pub fn add(&mut self, line: &str) -> Result<(), HeadsError> {
        let object: Option<Value> = serde_json::from_str(line).ok();
        let logged = object.as_ref().and_then(|object| object.get("line"));
        if let Some(logged) = logged.and_then(Value::as_str) {
            return self.add_signed(logged);
        }
        let is_logged = object
            .as_ref()
            .is_some_and(|object| object.get("level").is_some());
        match (object, line.find(START)) {
            (Some(_), _) if is_logged => Ok(()),
            (None, Some(start)) => {
                let end = line.rfind('}').map_or(line.len(), |end| end + 1);
                self.add_signed(&line[start..end.max(start)])
            }
            _ => self.add_signed(line),
        }
    }

    fn add_signed(&mut self, line: &str) -> Result<(), HeadsError> {
        let object: Option<Value> = serde_json::from_str(line).ok();
        let format = object.as_ref().and_then(|object| object.get("format"));
        if format.and_then(Value::as_str) == Some(root::FORMAT) {
            self.roots.push(AuditRoot::parse(line)?);
        } else {
            self.heads.push(SignedHeads::parse(line)?);
        }
        Ok(())
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.heads.is_empty() && self.roots.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use serde_json::json;
    use strongroom_crypto::{SecretKey, Signer};

    use super::*;

    #[test]
    fn a_log_is_read_in_both_forms() {
        let signer = Signer::new(&SecretKey::from_slice(&[1; 32]).unwrap());
        let at = DateTime::UNIX_EPOCH;
        let line = AuditRoot::sign(&signer, at, 0, [1; 32], [0; 32]).to_line();
        let mut kept = KeptHeads::default();
        let logged = json!({"level": "INFO", "message": "audit root", "line": line}).to_string();
        let text = format!("2026-11-29T00:00:00Z  INFO audit root line={line}");
        for line in [
            &line,
            &logged,
            &text,
            r#"{"level":"INFO","message":"ready"}"#,
        ] {
            kept.add(line).unwrap();
        }
        assert_eq!(kept.roots.len(), 3);
        let heads = SignedHeads::sign(&signer, crate::ids::OrgId::INSTALLATION, at, Vec::new());
        kept.add(&heads.to_line()).unwrap();
        assert_eq!(kept.heads.len(), 1);
        for bad in ["x", "[]", r#"{"format":"strongroom-audit-root-1"}"#, "{}"] {
            assert!(kept.add(bad).is_err(), "{bad}");
        }
    }
}
