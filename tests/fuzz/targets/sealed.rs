//! Arbitrary bytes do not open and cause no panic; sealed bytes open only in their context.
#![no_main]

use libfuzzer_sys::fuzz_target;
use strongroom_domain::crypto::{Context, OsRandom, Purpose, SecretKey, open, seal};

fuzz_target!(|data: &[u8]| {
    let Some(key) = SecretKey::from_slice(&[7; 32]) else {
        return;
    };
    let context = Context::new(Purpose::CredentialBlob).bytes(data);
    assert!(open(&key, &context, data).is_err());
    let Ok(sealed) = seal(&key, &context, data, &OsRandom) else {
        return;
    };
    let opened = open(&key, &context, &sealed).expect("a sealed value opens");
    assert_eq!(opened.expose(), data);
    let elsewhere = Context::new(Purpose::DataKey).bytes(data);
    assert!(open(&key, &elsewhere, &sealed).is_err());
});
