//! The parts of an accepted body are valid JSON, and its blob is byte-identical to its text.
#![no_main]

use libfuzzer_sys::fuzz_target;
use strongroom_domain::blob::{BlobRules, JsonBlob};
use strongroom_domain::json;
use strongroom_domain::kinds::{CredentialType, Provider};
use strongroom_domain::pieces::OpenAi;

fuzz_target!(|data: &[u8]| {
    let Ok(value) = json::parse(data) else {
        return;
    };
    assert!(std::str::from_utf8(data).is_ok_and(|text| text.contains(value.text())));
    for (_, member) in value.members().unwrap_or_default() {
        assert!(json::parse(member.text().as_bytes()).is_ok());
    }
    if let Ok(open_ai) = OpenAi::parse(value) {
        let _ = open_ai.blob(Some(data));
    }
    if let Ok(blob) = JsonBlob::new(value) {
        assert_eq!(blob.expose(), value.text().as_bytes());
        for kind in CredentialType::ALL {
            let _ = blob.errors(Provider::Google, *kind, BlobRules::Typed);
        }
    }
});
