//! Reading of a JSON object's members.

use actix_web::http::StatusCode;
use strongroom_domain::json::value::{Kind, Members, Value};
use strongroom_domain::{FieldError, json};

use crate::refusal::Refusal;

/// The members of a JSON object, taken one by one. A member that is left over is unknown.
pub struct Fields<'a> {
    members: Members<'a>,
    /// The errors that were found so far.
    pub errors: Vec<FieldError>,
}

impl<'a> Fields<'a> {
    /// Parses `body` as one strict JSON object.
    ///
    /// # Errors
    /// 400 if it is not JSON, or not an object.
    pub fn parse(body: &'a [u8]) -> Result<Self, Refusal> {
        let value = json::parse(body)?;
        if value.kind() != Kind::Object {
            let message = format!("the body must be a JSON object, and is {}", value.kind());
            let status = StatusCode::BAD_REQUEST;
            return Err(Refusal::new(status, "wrong_type", message));
        }
        Ok(Self {
            members: value.members().unwrap_or_default(),
            errors: Vec::new(),
        })
    }

    /// The members of `value`, a part of a body that was parsed; `None` if it is no object.
    #[must_use]
    pub fn of(value: Value<'a>) -> Option<Self> {
        Some(Self {
            members: value.members()?,
            errors: Vec::new(),
        })
    }

    /// The member `name`, if it was sent.
    pub fn take(&mut self, name: &str) -> Option<Value<'a>> {
        let at = self.members.iter().position(|(member, _)| member == name)?;
        Some(self.members.remove(at).1)
    }

    /// The member `name`, if it was sent and is not null.
    pub fn take_unless_null(&mut self, name: &str) -> Option<Value<'a>> {
        self.take(name).filter(|value| value.kind() != Kind::Null)
    }

    /// The member `name`. Adds an error if it was not sent.
    pub fn require(&mut self, name: &str) -> Option<Value<'a>> {
        let value = self.take(name);
        if value.is_none() {
            self.errors
                .push(FieldError::new(name, "required", "is required"));
        }
        value
    }

    /// Reads `value` with `read`. Adds the error if that fails.
    pub fn check<T>(
        &mut self,
        value: Option<Value<'a>>,
        read: impl FnOnce(Value<'a>) -> Result<T, FieldError>,
    ) -> Option<T> {
        match read(value?) {
            Ok(read) => Some(read),
            Err(error) => {
                self.errors.push(error);
                None
            }
        }
    }

    /// All errors, including one for each unknown member.
    #[must_use]
    pub fn into_errors(mut self) -> Vec<FieldError> {
        for (name, _) in &self.members {
            let name = strongroom_domain::json::value::printable_name(name);
            let error = FieldError::new(name, "unknown_field", "is not a known field");
            self.errors.push(error);
        }
        self.errors
    }

    /// Ends the reading.
    ///
    /// # Errors
    /// 400 with all errors, if there are any.
    pub fn finish(self) -> Result<(), Refusal> {
        let errors = self.into_errors();
        if errors.is_empty() {
            Ok(())
        } else {
            Err(Refusal::invalid(errors))
        }
    }
}

/// Reads a string with `parse`. The error for any other value names its kind.
pub fn string<T>(
    field: &'static str,
    parse: impl FnOnce(&str) -> Result<T, FieldError>,
) -> impl FnOnce(Value<'_>) -> Result<T, FieldError> {
    move |value| match value.as_string() {
        Some(text) => parse(&text),
        None => {
            let message = format!("must be a string, and is {}", value.kind());
            Err(FieldError::new(field, "wrong_type", message))
        }
    }
}

/// Reads an array of 1 to `max` strings, each with `parse`, whose error is the rule.
pub fn list<T>(
    field: &'static str,
    max: usize,
    parse: impl Fn(&str) -> Result<T, String>,
) -> impl FnOnce(Value<'_>) -> Result<Vec<T>, FieldError> {
    move |value| {
        let error = |code, message: String| FieldError::new(field, code, message);
        let Some(elements) = value.elements() else {
            let message = format!("must be an array, and is {}", value.kind());
            return Err(error("wrong_type", message));
        };
        if elements.is_empty() {
            return Err(error("empty", "must not be empty".into()));
        }
        if elements.len() > max {
            return Err(error(
                "too_long",
                format!("must have at most {max} elements"),
            ));
        }
        let read = elements.into_iter().enumerate().map(|(at, element)| {
            let field = format!("{field}[{at}]");
            let Some(text) = element.as_string() else {
                let message = format!("must be a string, and is {}", element.kind());
                return Err(FieldError::new(field, "wrong_type", message));
            };
            parse(&text).map_err(|rule| FieldError::new(field, "invalid_value", rule))
        });
        read.collect()
    }
}

/// Reads one of an enumeration's names with `parse`. The error lists the `choices`.
pub fn choice<T>(
    field: &'static str,
    parse: impl FnOnce(&str) -> Option<T>,
    choices: fn() -> String,
) -> impl FnOnce(Value<'_>) -> Result<T, FieldError> {
    string(field, move |text| {
        parse(text).ok_or_else(|| {
            FieldError::new(field, "invalid_value", format!("must be {}", choices()))
        })
    })
}
