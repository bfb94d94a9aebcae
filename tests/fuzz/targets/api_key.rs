//! A text that parses as an API key is exactly what that key is written as.
#![no_main]

use libfuzzer_sys::fuzz_target;
use strongroom_domain::api_key::ApiKeyToken;

fuzz_target!(|text: &str| {
    if let Some(token) = ApiKeyToken::parse(text) {
        assert_eq!(token.to_text().expose(), text);
    }
});
