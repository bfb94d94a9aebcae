//! Checks of all values in a text: depth, duplicate members, escapes.

use std::collections::HashSet;
use std::fmt;

use serde_json::value::RawValue;

use crate::json::value::{JsonError, Kind, MAX_DEPTH, Value, printable_name, syntax};

/// The validator of all values in `text`.
pub(super) struct Walk<'a> {
    pub(super) text: &'a str,
}

/// The path of a value, as a linked list.
pub(super) enum Path<'p> {
    Root,
    Member(&'p Path<'p>, &'p str),
    Element(&'p Path<'p>, usize),
}

impl Path<'_> {
    /// The number of enclosing objects and arrays.
    fn depth(&self) -> usize {
        match self {
            Self::Root => 0,
            Self::Member(before, _) | Self::Element(before, _) => before.depth() + 1,
        }
    }
}

impl<'a> Walk<'a> {
    /// Fails on the first error in `value` or its descendants.
    pub(super) fn check(&self, value: Value<'a>, path: &Path<'_>) -> Result<(), JsonError> {
        match value.kind() {
            Kind::Object | Kind::Array if path.depth() >= MAX_DEPTH => {
                let message = format!("JSON nests deeper than {MAX_DEPTH} levels");
                Err(self.refuse("too_deep", path, value, message))
            }
            Kind::Object => self.check_object(value, path),
            Kind::Array => self.check_array(value, path),
            Kind::String => self.check_string(value, path),
            Kind::Number | Kind::Bool | Kind::Null => Ok(()),
        }
    }

    fn check_object(&self, value: Value<'a>, path: &Path<'_>) -> Result<(), JsonError> {
        let members = value.members();
        let members = members.ok_or_else(|| self.bad_escape(path, value))?;
        let mut names = HashSet::with_capacity(members.len());
        for (name, member) in &members {
            let path = Path::Member(path, name);
            if !names.insert(name) {
                let message = "the member appears twice in its object".to_owned();
                return Err(self.refuse("duplicate_member", &path, *member, message));
            }
            self.check(*member, &path)?;
        }
        Ok(())
    }

    fn check_array(&self, value: Value<'a>, path: &Path<'_>) -> Result<(), JsonError> {
        let elements: Vec<&RawValue> =
            serde_json::from_str(value.text()).map_err(|error| syntax(&error))?;
        for (index, element) in elements.into_iter().enumerate() {
            self.check(Value(element), &Path::Element(path, index))?;
        }
        Ok(())
    }

    // The text is UTF-8 and its syntax is valid, so only an escape can be invalid Unicode.
    fn check_string(&self, value: Value<'a>, path: &Path<'_>) -> Result<(), JsonError> {
        if value.text().contains('\\') && value.as_string().is_none() {
            return Err(self.bad_escape(path, value));
        }
        Ok(())
    }

    fn bad_escape(&self, path: &Path<'_>, value: Value<'a>) -> JsonError {
        let message = "malformed JSON: an escape is not valid Unicode (a lone surrogate?)";
        self.refuse("malformed_json", path, value, message.to_owned())
    }

    fn refuse(
        &self,
        code: &'static str,
        path: &Path<'_>,
        at: Value<'a>,
        message: String,
    ) -> JsonError {
        let (line, column) = self.position(at);
        JsonError {
            code,
            field: path.to_string(),
            message: format!("{message} at line {line} column {column}"),
        }
    }

    fn position(&self, at: Value<'a>) -> (usize, usize) {
        let offset = (at.text().as_ptr() as usize).saturating_sub(self.text.as_ptr() as usize);
        let before = self.text.get(..offset).unwrap_or_default();
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().len() + 1;
        (line, column)
    }
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Root => Ok(()),
            Self::Member(Self::Root, name) => f.write_str(&printable_name(name)),
            Self::Member(before, name) => write!(f, "{before}.{}", printable_name(name)),
            Self::Element(before, index) => write!(f, "{before}[{index}]"),
        }
    }
}
