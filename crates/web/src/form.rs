//! Reading of forms (`application/x-www-form-urlencoded`).

use std::borrow::Cow;
use std::fmt;
use std::ops::Deref;

use actix_web::http::StatusCode;
use percent_encoding::percent_decode;
use zeroize::{Zeroize, Zeroizing};

use crate::refusal::Refusal;

/// The parameters of a form, taken one by one. Unknown ones are ignored (RFC 6749 § 3.2).
pub struct Form<'a>(Vec<(FormValue<'a>, FormValue<'a>)>);

/// A value in a form, which may be secret. It borrows from the body where nothing is encoded, as in
/// what this service issues. A value that was decoded is wiped on drop, and has no other copy.
#[derive(Default)]
pub struct FormValue<'a>(Cow<'a, str>);

impl<'a> Form<'a> {
    /// Parses `body`.
    #[must_use]
    pub fn parse(body: &'a [u8]) -> Self {
        let fields = body.split(|byte| *byte == b'&');
        let fields = fields.filter(|field| !field.is_empty()).map(|field| {
            let at = field.iter().position(|byte| *byte == b'=');
            let (name, value) = field.split_at(at.unwrap_or(field.len()));
            let value = value.strip_prefix(b"=").unwrap_or_default();
            (FormValue::decode(name), FormValue::decode(value))
        });
        Self(fields.collect())
    }

    /// The parameter `name`, if it was sent. An empty one counts as absent (RFC 6749 § 3.2).
    ///
    /// # Errors
    /// 400 if it was sent twice.
    pub fn take(&mut self, name: &str) -> Result<Option<FormValue<'a>>, Refusal> {
        let mut values = self.0.extract_if(.., |(key, _)| &**key == name);
        let value = values.next().map(|(_, value)| value);
        if values.next().is_some() {
            let message = format!("{name} must not be sent twice");
            return Err(Refusal::new(StatusCode::BAD_REQUEST, "duplicate", message));
        }
        Ok(value.filter(|value| !value.is_empty()))
    }
}

impl<'a> FormValue<'a> {
    fn decode(text: &'a [u8]) -> Self {
        let is_plain = !text.iter().any(|byte| matches!(byte, b'+' | b'%'));
        if let (true, Ok(text)) = (is_plain, str::from_utf8(text)) {
            return Self(Cow::Borrowed(text));
        }
        // Decoding never lengthens, and growing would leave copies in freed memory.
        let mut decoded = Zeroizing::new(Vec::with_capacity(text.len()));
        for (at, part) in text.split(|byte| *byte == b'+').enumerate() {
            if at > 0 {
                decoded.push(b' ');
            }
            decoded.extend(percent_decode(part));
        }
        let decoded = String::from_utf8(std::mem::take(&mut *decoded));
        Self(Cow::Owned(decoded.unwrap_or_else(|error| {
            let bytes = Zeroizing::new(error.into_bytes());
            String::from_utf8_lossy(&bytes).into_owned()
        })))
    }

    /// A copy that is not wiped, of a value that is not secret.
    #[must_use]
    pub fn to_plain(&self) -> String {
        self.0.clone().into_owned()
    }
}

impl Deref for FormValue<'_> {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for FormValue<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FormValue(…)")
    }
}

impl Drop for FormValue<'_> {
    fn drop(&mut self) {
        if let Cow::Owned(value) = &mut self.0 {
            value.zeroize();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_decoded_and_taken_once() {
        let mut form = Form::parse(b"a=1+2&b=%C3%BC&c=&d=1&d=2&x&&e+f=a=b%2B&g=%zz%4&h=%ff");
        assert_eq!(form.take("a").unwrap().as_deref(), Some("1 2"));
        assert_eq!(form.take("b").unwrap().as_deref(), Some("\u{fc}"));
        assert_eq!(form.take("c").unwrap().as_deref(), None);
        assert_eq!(form.take("y").unwrap().as_deref(), None);
        assert_eq!(form.take("d").unwrap_err().code(), Some("duplicate"));
        assert_eq!(form.take("e f").unwrap().as_deref(), Some("a=b+"));
        assert_eq!(form.take("g").unwrap().as_deref(), Some("%zz%4"));
        assert_eq!(form.take("h").unwrap().as_deref(), Some("\u{fffd}"));
    }

    #[test]
    fn what_is_not_encoded_is_not_copied_and_nothing_is_printed() {
        let body = b"key=srk_a&secret=a%20b".to_vec();
        let mut form = Form::parse(&body);
        let key = form.take("key").unwrap().unwrap();
        assert!(body.as_ptr_range().contains(&key.as_ptr()));
        let secret = form.take("secret").unwrap().unwrap();
        assert!(!format!("{secret:?}").contains("a b"));
    }
}
