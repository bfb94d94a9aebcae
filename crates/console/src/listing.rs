//! Long lists, a page at a time.

use strongroom_web::query::Params;

/// The most rows of a page.
const ROWS: usize = 40;
/// Bytes of the texts in the rows of a page, which stays below 60 KiB with them.
pub(crate) const TEXT: usize = 18 << 10;
/// Characters of a text that a list shows.
const SHOWN: usize = 64;

/// The beginning of `text`, for a list: another page shows all of it.
pub(crate) fn short(text: &str) -> String {
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// The beginning of `text` of at most `most` bytes in HTML.
pub(crate) fn within(text: &str, most: usize) -> String {
    let mut bytes = 0;
    let exceeds = |(_, one): &(usize, char)| {
        bytes += html_len(one.encode_utf8(&mut [0; 4]));
        bytes > most
    };
    match text.char_indices().find(exceeds) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// How many of the first `rows`, at least one, have texts of at most `most` bytes.
pub(crate) fn fitting<T>(rows: &[T], weigh: impl Fn(&T) -> usize, most: usize) -> usize {
    let mut text = 0;
    let fits = |row: &&T| {
        text += weigh(row);
        text <= most
    };
    rows.iter().take_while(fits).count().max(1)
}

/// The bytes of `text` in HTML.
pub(crate) fn html_len(text: &str) -> usize {
    let is_escaped = |byte: &u8| matches!(byte, b'"' | b'&' | b'\'' | b'<' | b'>');
    text.len() + 4 * text.bytes().filter(|byte| is_escaped(byte)).count()
}

/// A page of a list.
pub(crate) struct List<T> {
    /// The path of the list.
    pub(crate) path: String,
    pub(crate) rows: Vec<T>,
    /// Such as `1 to 40 of 95`.
    pub(crate) about: String,
    pub(crate) previous: Option<String>,
    pub(crate) next: Option<String>,
}

impl<T> List<T> {
    /// The page of `rows` that the parameter `page` of `query` names. The list is at `path`, and
    /// the ways to its other pages have the further parameters `kept`. `weigh` is the bytes of a
    /// row's texts.
    pub(crate) fn page(
        rows: Vec<T>,
        weigh: impl Fn(&T) -> usize,
        query: &str,
        (path, kept): (String, &str),
    ) -> Self {
        let total = rows.len();
        let starts = starts(rows.iter().map(weigh));
        let last = starts.len();
        let wanted = Params::parse(query).take("page");
        let wanted = wanted.and_then(|text| text.parse().ok());
        let page = wanted.unwrap_or(1).clamp(1, last);
        let first = starts[page - 1];
        let end = starts.get(page).copied().unwrap_or(total);
        let link = |page: usize| format!("{path}?page={page}{kept}");
        Self {
            rows: rows.into_iter().take(end).skip(first).collect(),
            about: format!("{} to {end} of {total}", first + 1),
            previous: (page > 1).then(|| link(page - 1)),
            next: (page < last).then(|| link(page + 1)),
            path,
        }
    }
}

/// Where each page begins; there is at least one.
fn starts(weights: impl Iterator<Item = usize>) -> Vec<usize> {
    let (mut starts, mut text) = (vec![0], 0);
    for (row, weight) in weights.enumerate() {
        let rows = row - starts.last().copied().unwrap_or_default();
        if rows == ROWS || (rows > 0 && text + weight > TEXT) {
            starts.push(row);
            text = 0;
        }
        text += weight;
    }
    starts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_cut_into_pages() {
        let cut = |count, query| {
            let rows: Vec<usize> = (0..count).collect();
            let list = List::page(rows, |_| 1, query, ("/x".into(), "&q=y"));
            (list.rows, list.about, list.previous, list.next)
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

    #[test]
    fn rows_with_long_texts_make_small_pages() {
        assert_eq!(starts([TEXT, 1, TEXT - 1, 1].into_iter()), [0, 1, 3]);
        assert_eq!(starts([2 * TEXT, 2 * TEXT].into_iter()), [0, 1]);
        assert_eq!(starts(std::iter::empty()), [0]);
    }

    #[test]
    fn rows_with_long_texts_end_a_page_early() {
        let fitting = |rows: &[usize]| fitting(rows, |row| *row, 10);
        assert_eq!(fitting(&[4, 6, 1]), 2);
        assert_eq!(fitting(&[4, 6]), 2);
        assert_eq!(fitting(&[11, 1]), 1);
    }

    #[test]
    fn long_texts_are_cut_at_a_character() {
        assert_eq!(short("é"), "é");
        let exact = "é".repeat(SHOWN);
        assert_eq!(short(&exact), exact);
        assert_eq!(short(&format!("{exact}é")), format!("{exact}…"));
        assert_eq!(html_len("a\"<é"), 1 + 5 + 5 + 2);
        assert_eq!(
            (within("a<é", 8), within("a<é", 7)),
            ("a<é".into(), "a<…".into())
        );
    }
}
