//! Groups of boxes to tick, each with a name of its own in the form.

use strongroom_web::form::Form;

use crate::error::PageError;

/// Those of `all` whose box is ticked.
///
/// # Errors
/// 400 if one was sent twice.
pub(crate) fn ticked<T: Copy>(
    form: &mut Form<'_>,
    all: &[T],
    name: impl Fn(T) -> &'static str,
) -> Result<Vec<T>, PageError> {
    let mut found = Vec::new();
    for one in all {
        if form.take(name(*one))?.is_some() {
            found.push(*one);
        }
    }
    Ok(found)
}
