//! If a text parses as an API key, the key's text form is identical to it.
#![no_main]

use libfuzzer_sys::fuzz_target;
use strongroom_domain::api_key::ApiKeyToken;

fuzz_target!(|text: &str| {
    if let Some(token) = ApiKeyToken::parse(text) {
        assert_eq!(token.to_text().expose(), text);
    }
});
