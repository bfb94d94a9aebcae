//! Hides secrets in what an upstream answers, as it streams by.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use memchr::memmem::Finder;

use crate::relay::encodings::{Needle, forms};

/// What stands for a secret.
const REDACTED: &[u8] = b"[redacted]";

/// Finds secrets in all their [forms](crate::relay::encodings::forms). Each form is looked for by
/// itself: most answers are short, and an automaton for all forms takes longer to build than to
/// run.
#[derive(Clone)]
pub struct Scrubber(Arc<[Needle]>);

impl fmt::Debug for Scrubber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a scrubber")
    }
}

/// How long that is which replaces a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Replacement {
    /// `[redacted]`, whatever it replaces.
    Short,
    /// As many bytes as it replaces, where the length of the whole was announced.
    SameLength,
}

impl Scrubber {
    /// A scrubber for `secrets`. Empty ones are left out.
    #[must_use]
    pub fn new<'a>(secrets: impl IntoIterator<Item = &'a [u8]>) -> Self {
        let present = secrets.into_iter().filter(|secret| !secret.is_empty());
        let mut needles: Vec<Needle> = present.flat_map(forms).collect();
        needles.sort_unstable_by(|one, other| one.as_slice().cmp(other));
        needles.dedup_by(|one, other| one.as_slice() == other.as_slice());
        Self(needles.into())
    }

    /// Scrubs one text from its beginning to its end as a stream.
    #[must_use]
    pub fn stream(&self, replacement: Replacement) -> ScrubStream {
        ScrubStream {
            scrubber: self.clone(),
            replacement,
            pending: Vec::new(),
            covered: 0,
            redactions: 0,
        }
    }

    /// `text` without secrets, if it has any.
    #[must_use]
    pub fn scrubbed(&self, text: &[u8]) -> Option<Vec<u8>> {
        let spans = self.spans(text);
        if spans.is_empty() {
            return None;
        }
        let mut stream = self.stream(Replacement::Short);
        Some(stream.release(text, &spans, text.len()))
    }

    /// Secrets in `text`, as ranges in ascending order that do not overlap.
    fn spans(&self, text: &[u8]) -> Vec<(usize, usize)> {
        let mut found = Vec::new();
        let short = |needle: &&Needle| needle.len() <= text.len();
        for needle in self.0.iter().filter(short) {
            let (finder, mut from) = (Finder::new(needle.as_slice()), 0);
            while let Some(at) = finder.find(&text[from..]) {
                let start = from + at;
                found.push((start, start + needle.len()));
                from = start + 1;
            }
        }
        found.sort_unstable();
        let mut spans: Vec<(usize, usize)> = Vec::new();
        for (start, end) in found {
            match spans.last_mut() {
                Some((_, stop)) if start < *stop => *stop = end.max(*stop),
                _ => spans.push((start, end)),
            }
        }
        spans
    }

    /// How many of the last bytes of `text` may be the beginning of a secret.
    fn may_continue(&self, text: &[u8]) -> usize {
        let Some(last) = text.last() else {
            return 0;
        };
        let open = |needle: &Needle| {
            let most = (needle.len() - 1).min(text.len());
            let is_open =
                |length: &usize| needle[length - 1] == *last && text.ends_with(&needle[..*length]);
            (1..=most).rev().find(is_open)
        };
        self.0.iter().filter_map(open).max().unwrap_or(0)
    }
}

/// A text that is scrubbed as it arrives. What may be the beginning of a secret is held back. If
/// the text is cut, the stream is dropped with what it holds back.
pub struct ScrubStream {
    scrubber: Scrubber,
    replacement: Replacement,
    /// What is held back.
    pending: Vec<u8>,
    /// How many bytes at its beginning belong to a secret whose replacement was passed on.
    covered: usize,
    redactions: u64,
}

impl fmt::Debug for ScrubStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a stream with {} redactions", self.redactions)
    }
}

impl ScrubStream {
    /// How many secrets were hidden.
    #[must_use]
    pub fn redactions(&self) -> u64 {
        self.redactions
    }

    /// Takes the next part of the text, and returns what can be passed on.
    #[must_use]
    pub fn push(&mut self, part: Bytes) -> Bytes {
        let mut text = std::mem::take(&mut self.pending);
        if text.is_empty() {
            let (spans, open) = (
                self.scrubber.spans(&part),
                self.scrubber.may_continue(&part),
            );
            if spans.is_empty() && open == 0 {
                return part;
            }
        }
        text.extend_from_slice(&part);
        let (spans, open) = (
            self.scrubber.spans(&text),
            self.scrubber.may_continue(&text),
        );
        let end = text.len() - open;
        let passed = self.release(&text, &spans, end);
        text.drain(..end);
        self.pending = text;
        passed.into()
    }

    /// What was held back, when the text has ended.
    #[must_use]
    pub fn finish(&mut self) -> Bytes {
        let text = std::mem::take(&mut self.pending);
        let spans = self.scrubber.spans(&text);
        self.release(&text, &spans, text.len()).into()
    }

    /// What of `text` is before `end`, with the secrets at `spans` replaced. A secret that reaches
    /// beyond `end` is replaced once, and its other bytes are `covered`.
    fn release(&mut self, text: &[u8], spans: &[(usize, usize)], end: usize) -> Vec<u8> {
        let mut passed = Vec::with_capacity(end);
        let mut from = self.covered.min(end);
        self.replacement.write_rest(&mut passed, from);
        self.covered -= from;
        for (start, stop) in spans.iter().take_while(|(start, _)| *start < end) {
            let cut = end.min(*stop);
            if *start < from {
                self.replacement
                    .write_rest(&mut passed, cut.saturating_sub(from));
            } else {
                passed.extend_from_slice(&text[from..*start]);
                self.replacement.write(&mut passed, cut - start);
                self.redactions += 1;
            }
            from = from.max(cut);
            self.covered = self.covered.max(stop - cut);
        }
        passed.extend_from_slice(&text[from..end]);
        passed
    }
}

impl Replacement {
    fn write(self, to: &mut Vec<u8>, length: usize) {
        let text = match self {
            Self::SameLength if length < REDACTED.len() => &[],
            _ => REDACTED,
        };
        to.extend_from_slice(text);
        self.write_rest(to, length - text.len().min(length));
    }

    /// Writes what stands for further bytes of a secret that was replaced.
    fn write_rest(self, to: &mut Vec<u8>, length: usize) {
        if self == Self::SameLength {
            to.extend(std::iter::repeat_n(b'*', length));
        }
    }
}

#[cfg(test)]
mod tests;
