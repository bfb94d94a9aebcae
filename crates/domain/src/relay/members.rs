//! Reading of a policy's JSON, with the path of each error.

use crate::error::FieldError;
use crate::json::value::{Kind, Members, Value, printable_name};

/// The members of an object that is read, and all errors found so far.
pub(super) struct Reader<'e, 'a> {
    path: String,
    members: Members<'a>,
    errors: &'e mut Vec<FieldError>,
}

impl<'e, 'a> Reader<'e, 'a> {
    /// The members of `value`, which stands at `path`.
    pub(super) fn new(path: &str, value: Value<'a>, errors: &'e mut Vec<FieldError>) -> Self {
        if value.kind() != Kind::Object {
            wrong_type(errors, path, "an object", value);
        }
        Self {
            path: path.to_owned(),
            members: value.members().unwrap_or_default(),
            errors,
        }
    }

    fn field(&self, name: &str) -> String {
        match self.path.as_str() {
            "" => name.to_owned(),
            path => format!("{path}.{name}"),
        }
    }

    /// The member `name`; `None` if it is absent or null.
    pub(super) fn take(&mut self, name: &str) -> Option<Value<'a>> {
        let at = self.members.iter().position(|(member, _)| member == name)?;
        let value = self.members.remove(at).1;
        (value.kind() != Kind::Null).then_some(value)
    }

    /// Whether `name` is a member that was not taken, and is not null.
    pub(super) fn has(&self, name: &str) -> bool {
        self.is(name, |value| value.kind() != Kind::Null)
    }

    /// Whether `name` is a member that was not taken, for which `test` is true.
    pub(super) fn is(&self, name: &str, test: impl Fn(Value<'a>) -> bool) -> bool {
        let found = self.members.iter().find(|(member, _)| member == name);
        found.is_some_and(|(_, value)| test(*value))
    }

    /// Adds an error about the member `name`.
    pub(super) fn refuse(&mut self, name: &str, code: &'static str, why: impl Into<String>) {
        let field = self.field(name);
        self.errors.push(FieldError::new(field, code, why));
    }

    /// The text `name`, read with `read`.
    pub(super) fn text<T, E: Into<String>>(
        &mut self,
        name: &str,
        read: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        let value = self.take(name)?;
        let field = self.field(name);
        text(self.errors, &field, value, read)
    }

    /// The truth value `name`.
    pub(super) fn flag(&mut self, name: &str) -> Option<bool> {
        let value = self.take(name)?;
        if value.as_bool().is_none() {
            let field = self.field(name);
            wrong_type(self.errors, &field, "true or false", value);
        }
        value.as_bool()
    }

    /// The whole number `name` between `least` and `most`.
    pub(super) fn number(&mut self, name: &str, least: u64, most: u64) -> Option<u64> {
        let value = self.take(name)?;
        let number = value
            .as_whole()
            .and_then(|number| u64::try_from(number).ok());
        let number = number.filter(|number| (least..=most).contains(number));
        if number.is_none() {
            let why = format!("must be a whole number from {least} to {most}");
            self.refuse(name, "out_of_range", why);
        }
        number
    }

    /// The list `name` of 1 to `most` elements, each read with `read`, which gets its path.
    pub(super) fn list<T>(
        &mut self,
        name: &str,
        most: usize,
        mut read: impl FnMut(&mut Vec<FieldError>, &str, Value<'a>) -> Option<T>,
    ) -> Option<Vec<T>> {
        let value = self.take(name)?;
        let field = self.field(name);
        let Some(elements) = value.elements() else {
            wrong_type(self.errors, &field, "a list", value);
            return None;
        };
        if elements.is_empty() || elements.len() > most {
            let why = format!("must have 1 to {most} elements");
            self.errors
                .push(FieldError::new(field, "invalid_length", why));
            return None;
        }
        let mut list = Vec::new();
        for (at, element) in elements.into_iter().enumerate() {
            list.extend(read(self.errors, &format!("{field}[{at}]"), element));
        }
        Some(list)
    }

    /// The members of the object `name`.
    pub(super) fn object(&mut self, name: &str) -> Option<Reader<'_, 'a>> {
        let value = self.take(name)?;
        let field = self.field(name);
        Some(Reader::new(&field, value, self.errors))
    }

    /// Adds an error for each member that was not taken and is not null.
    pub(super) fn finish(self) {
        for (name, _) in &self.members {
            let field = self.field(&printable_name(name));
            let error = FieldError::new(field, "unknown_member", "is not a member of a policy");
            self.errors.push(error);
        }
    }
}

/// The text `value`, read with `read`.
pub(super) fn text<T, E: Into<String>>(
    errors: &mut Vec<FieldError>,
    field: &str,
    value: Value<'_>,
    read: impl FnOnce(&str) -> Result<T, E>,
) -> Option<T> {
    let Some(text) = value.as_string() else {
        wrong_type(errors, field, "a string", value);
        return None;
    };
    let read = read(&text);
    read.map_err(|why| errors.push(FieldError::new(field, "invalid_value", why)))
        .ok()
}

/// Adds the error that `value` is of another kind.
pub(super) fn wrong_type(
    errors: &mut Vec<FieldError>,
    field: &str,
    expected: &str,
    value: Value<'_>,
) {
    let message = format!("must be {expected}, and is {}", value.kind());
    let field = if field.is_empty() { "policy" } else { field };
    errors.push(FieldError::new(field, "wrong_type", message));
}
