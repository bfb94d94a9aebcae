//! Long lists, a page at a time.

use strongroom_web::query::Params;

/// Rows of a page: the page stays below 60 KiB.
const ROWS: usize = 40;

/// Which part of a list a page shows.
pub(crate) struct Pages {
    /// Such as `1 to 40 of 95`.
    pub(crate) about: String,
    pub(crate) previous: Option<String>,
    pub(crate) next: Option<String>,
}

/// The part of `items` that the parameter `page` names, and the ways to the others, which are at
/// `path` with the further parameters `kept`.
pub(crate) fn cut<T>(
    items: Vec<T>,
    params: &mut Params,
    path: &str,
    kept: &str,
) -> (Vec<T>, Pages) {
    let total = items.len();
    let last = total.div_ceil(ROWS).max(1);
    let wanted = params.take("page").and_then(|text| text.parse().ok());
    let page = wanted.unwrap_or(1).clamp(1, last);
    let shown: Vec<_> = items
        .into_iter()
        .skip((page - 1) * ROWS)
        .take(ROWS)
        .collect();
    let first = (page - 1) * ROWS + 1;
    let link = |page: usize| format!("{path}?page={page}{kept}");
    let pages = Pages {
        about: format!("{first} to {} of {total}", first + shown.len().max(1) - 1),
        previous: (page > 1).then(|| link(page - 1)),
        next: (page < last).then(|| link(page + 1)),
    };
    (shown, pages)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_cut_into_pages() {
        let cut = |count, query| {
            let (shown, pages) = cut(
                (0..count).collect(),
                &mut Params::parse(query),
                "/x",
                "&q=y",
            );
            (shown, pages.about, pages.previous, pages.next)
        };
        let (shown, about, previous, next) = cut(41, "");
        assert_eq!((shown.len(), about.as_str()), (40, "1 to 40 of 41"));
        assert_eq!((previous, next.as_deref()), (None, Some("/x?page=2&q=y")));
        let (shown, about, previous, next) = cut(41, "page=2");
        assert_eq!((shown, about.as_str()), (vec![40], "41 to 41 of 41"));
        assert_eq!((previous.as_deref(), next), (Some("/x?page=1&q=y"), None));
        for odd in ["page=9", "page=0", "page=x", "page=-1"] {
            assert!(!cut(41, odd).0.is_empty(), "{odd}");
        }
        assert_eq!(cut(0, "").3, None);
    }
}
