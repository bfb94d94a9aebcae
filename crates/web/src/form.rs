//! Reading of forms (`application/x-www-form-urlencoded`).

use std::borrow::Cow;

use actix_web::http::StatusCode;
use zeroize::Zeroize;

use crate::refusal::Refusal;

/// The parameters of a form, taken one by one. Unknown ones are ignored (RFC 6749 § 3.2). They
/// borrow from the body where nothing is encoded, as in what this service issues, so that it is not
/// copied. Values that are not taken are wiped.
pub struct Form<'a>(Vec<(Cow<'a, str>, Cow<'a, str>)>);

impl<'a> Form<'a> {
    /// Parses `body`.
    #[must_use]
    pub fn parse(body: &'a [u8]) -> Self {
        Self(form_urlencoded::parse(body).collect())
    }

    /// The parameter `name`, if it was sent. An empty one counts as absent (RFC 6749 § 3.2).
    ///
    /// # Errors
    /// 400 if it was sent twice.
    pub fn take(&mut self, name: &str) -> Result<Option<Cow<'a, str>>, Refusal> {
        let mut values = self.0.extract_if(.., |(key, _)| key == name);
        let value = values.next().map(|(_, value)| value);
        if values.next().is_some() {
            let message = format!("{name} must not be sent twice");
            return Err(Refusal::new(StatusCode::BAD_REQUEST, "duplicate", message));
        }
        Ok(value.filter(|value| !value.is_empty()))
    }
}

impl Drop for Form<'_> {
    fn drop(&mut self) {
        for (_, value) in &mut self.0 {
            if let Cow::Owned(value) = value {
                value.zeroize();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_decoded_and_taken_once() {
        let mut form = Form::parse(b"a=1+2&b=%C3%BC&c=&d=1&d=2&x");
        assert_eq!(form.take("a").unwrap().as_deref(), Some("1 2"));
        assert_eq!(form.take("b").unwrap().as_deref(), Some("\u{fc}"));
        assert_eq!(form.take("c").unwrap(), None);
        assert_eq!(form.take("y").unwrap(), None);
        assert_eq!(form.take("d").unwrap_err().code(), Some("duplicate"));
    }
}
