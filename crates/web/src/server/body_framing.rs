/// The place in a request's body, as RFC 9112 frames it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BodyFraming {
    /// In a body with a `Content-Length`, of which these bytes are left.
    Length(u64),
    /// In the size of a chunk, with the digits so far; none at first.
    ChunkSize(Option<u64>),
    /// After the digits of a chunk's size, up to the line feed.
    ChunkExtension(u64),
    ChunkSizeLf(u64),
    /// In a chunk, of which these bytes are left.
    ChunkData(u64),
    ChunkEnd,
    ChunkEndLf,
    /// At the start of a line after the last chunk.
    TrailerStart,
    Trailer,
    TrailerLf,
    LastLf,
    /// The body has ended.
    Ended,
    /// The framing is wrong or unknown, so where the body ends is unknown, too.
    Invalid,
}

impl BodyFraming {
    /// A body in chunks, at its start.
    pub(super) const CHUNKED: Self = Self::ChunkSize(None);

    /// Moves over the next bytes, of which there is at least one, and returns their number.
    pub(super) fn advance(&mut self, bytes: &[u8]) -> usize {
        let (left, next) = match *self {
            Self::Length(left) => (left, Self::Ended),
            Self::ChunkData(left) => (left, Self::ChunkEnd),
            _ => {
                *self = self.after(bytes[0]);
                return 1;
            }
        };
        let moved = usize::try_from(left)
            .unwrap_or(bytes.len())
            .min(bytes.len());
        let left = left - moved as u64;
        *self = match (left, *self) {
            (0, _) => next,
            (_, Self::Length(_)) => Self::Length(left),
            _ => Self::ChunkData(left),
        };
        moved
    }

    fn after(self, byte: u8) -> Self {
        match (self, byte) {
            (Self::ChunkSize(Some(size)), b'\r') => Self::ChunkSizeLf(size),
            (Self::ChunkSize(Some(size)), b';' | b' ' | b'\t') => Self::ChunkExtension(size),
            (Self::ChunkSize(size), digit) => next_digit(size.unwrap_or(0), digit),
            (Self::ChunkExtension(size), b'\r') => Self::ChunkSizeLf(size),
            (Self::ChunkExtension(_), b'\n') => Self::Invalid,
            (Self::ChunkExtension(size), _) => Self::ChunkExtension(size),
            (Self::ChunkSizeLf(0), b'\n') => Self::TrailerStart,
            (Self::ChunkSizeLf(size), b'\n') => Self::ChunkData(size),
            (Self::ChunkEnd, b'\r') => Self::ChunkEndLf,
            (Self::ChunkEndLf, b'\n') => Self::ChunkSize(None),
            (Self::TrailerStart, b'\r') => Self::LastLf,
            (Self::TrailerStart | Self::Trailer, b'\n') => Self::Invalid,
            (Self::Trailer, b'\r') => Self::TrailerLf,
            (Self::TrailerStart | Self::Trailer, _) => Self::Trailer,
            (Self::TrailerLf, b'\n') => Self::TrailerStart,
            (Self::LastLf, b'\n') => Self::Ended,
            _ => Self::Invalid,
        }
    }
}

fn next_digit(size: u64, digit: u8) -> BodyFraming {
    let digit = char::from(digit).to_digit(16).map(u64::from);
    let longer = digit.and_then(|digit| size.checked_mul(16)?.checked_add(digit));
    longer.map_or(BodyFraming::Invalid, |size| {
        BodyFraming::ChunkSize(Some(size))
    })
}
