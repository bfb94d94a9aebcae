//! Hides secrets in what an upstream answers, as it streams by.

use std::fmt;
use std::sync::Arc;

use aho_corasick::Anchored;
use aho_corasick::automaton::{Automaton, StateID};
use aho_corasick::nfa::contiguous::NFA;
use bytes::Bytes;

use crate::error::VaultError;
use crate::relay::encodings::{Needle, forms};

/// What stands for a secret.
const REDACTED: &[u8] = b"[redacted]";

/// Finds secrets in all their [forms](crate::relay::encodings::forms).
#[derive(Clone)]
pub struct Scrubber(Arc<Automata>);

struct Automata {
    nfa: NFA,
    start: StateID,
    needles: Vec<Needle>,
}

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
    ///
    /// # Errors
    /// [`VaultError::Internal`] when they are too large to be looked for.
    pub fn new<'a>(secrets: impl IntoIterator<Item = &'a [u8]>) -> Result<Self, VaultError> {
        let present = secrets.into_iter().filter(|secret| !secret.is_empty());
        let mut needles: Vec<Needle> = present.flat_map(forms).collect();
        needles.sort_unstable_by(|one, other| one.as_slice().cmp(other));
        needles.dedup_by(|one, other| one.as_slice() == other.as_slice());
        let failed = |_| VaultError::Internal("a secret is too large to be looked for".into());
        let nfa = NFA::new(&needles).map_err(failed)?;
        let start = nfa.start_state(Anchored::No);
        let start = start.map_err(|error| VaultError::Internal(error.to_string()))?;
        Ok(Self(Arc::new(Automata {
            nfa,
            start,
            needles,
        })))
    }

    /// Scrubs one text from its beginning to its end as a stream.
    #[must_use]
    pub fn stream(&self, replacement: Replacement) -> ScrubStream {
        ScrubStream {
            state: self.0.start,
            automata: self.0.clone(),
            replacement,
            pending: Vec::new(),
            spans: Vec::new(),
            redactions: 0,
        }
    }

    /// `text` without secrets, if it has any.
    #[must_use]
    pub fn scrubbed(&self, text: &[u8]) -> Option<Vec<u8>> {
        let mut stream = self.stream(Replacement::Short);
        let mut scrubbed = stream.push(Bytes::copy_from_slice(text)).to_vec();
        scrubbed.extend(stream.finish());
        (stream.redactions > 0).then_some(scrubbed)
    }
}

/// A text that is scrubbed as it arrives. What may be the beginning of a secret is held back. If
/// the text is cut, the stream is dropped with what it holds back.
pub struct ScrubStream {
    automata: Arc<Automata>,
    replacement: Replacement,
    state: StateID,
    /// What is held back.
    pending: Vec<u8>,
    /// Secrets in it, as ranges in ascending order that do not overlap.
    spans: Vec<(usize, usize)>,
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
        let held = self.pending.len();
        self.find(&part, held);
        let all = held + part.len();
        let open = self.may_continue(&part);
        if held == 0 && self.spans.is_empty() && open == 0 {
            return part;
        }
        self.pending.extend_from_slice(&part);
        self.release(all - open)
    }

    /// What was held back, when the text has ended.
    #[must_use]
    pub fn finish(&mut self) -> Bytes {
        self.state = self.automata.start;
        self.release(self.pending.len())
    }

    fn find(&mut self, part: &[u8], offset: usize) {
        let nfa = &self.automata.nfa;
        for (at, byte) in part.iter().enumerate() {
            self.state = nfa.next_state(Anchored::No, self.state, *byte);
            if nfa.is_special(self.state) && nfa.is_match(self.state) {
                let count = nfa.match_len(self.state);
                let lengths =
                    (0..count).map(|index| nfa.pattern_len(nfa.match_pattern(self.state, index)));
                let end = offset + at + 1;
                let start = end - lengths.max().unwrap_or(0).min(end);
                mark(&mut self.spans, (start, end));
            }
        }
    }

    /// How many of the last bytes may be the beginning of a secret.
    fn may_continue(&self, part: &[u8]) -> usize {
        if self.state == self.automata.start {
            return 0;
        }
        let tail = Tail(&self.pending, part);
        let open = |needle: &Needle| {
            let most = (needle.len() - 1).min(tail.len());
            (1..=most).rev().find(|length| tail.is(&needle[..*length]))
        };
        let open = self.automata.needles.iter().filter_map(open);
        open.max().unwrap_or(0)
    }

    /// Passes on what is before `end`, but for a secret that reaches beyond it.
    fn release(&mut self, end: usize) -> Bytes {
        let crossing = self
            .spans
            .iter()
            .find(|(start, stop)| *start < end && end < *stop);
        let end = crossing.map_or(end, |(start, _)| *start);
        let mut passed = Vec::with_capacity(end);
        let mut from = 0;
        let whole = self.spans.iter().take_while(|(_, stop)| *stop <= end);
        let count = whole.clone().count();
        for (start, stop) in whole {
            passed.extend_from_slice(&self.pending[from..*start]);
            self.replacement.write(&mut passed, stop - start);
            from = *stop;
        }
        passed.extend_from_slice(&self.pending[from..end]);
        self.redactions += count as u64;
        self.spans.drain(..count);
        for span in &mut self.spans {
            *span = (span.0 - end, span.1 - end);
        }
        self.pending.drain(..end);
        passed.into()
    }
}

/// Adds a span that ends after all others, and joins those that it overlaps.
fn mark(spans: &mut Vec<(usize, usize)>, (mut start, end): (usize, usize)) {
    while let Some((last, stop)) = spans.last().copied() {
        if stop <= start {
            break;
        }
        start = start.min(last);
        spans.pop();
    }
    spans.push((start, end));
}

/// The end of a text in two parts.
struct Tail<'a>(&'a [u8], &'a [u8]);

impl Tail<'_> {
    fn len(&self) -> usize {
        self.0.len() + self.1.len()
    }

    /// Whether the text ends with `end`, which is not longer than the text.
    fn is(&self, end: &[u8]) -> bool {
        let in_second = end.len().min(self.1.len());
        let (first, second) = end.split_at(end.len() - in_second);
        self.1.ends_with(second) && self.0.ends_with(first)
    }
}

impl Replacement {
    fn write(self, to: &mut Vec<u8>, length: usize) {
        let text = match self {
            Self::SameLength if length < REDACTED.len() => &[],
            _ => REDACTED,
        };
        to.extend_from_slice(text);
        if self == Self::SameLength {
            to.extend(std::iter::repeat_n(b'*', length - text.len()));
        }
    }
}

#[cfg(test)]
mod tests;
