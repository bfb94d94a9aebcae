use crate::server::body_framing::BodyFraming;

const UPGRADE: &[u8] = b"upgrade";
const CHUNKED: &[u8] = b"chunked";
/// The length of the longest name in [`Field`], `transfer-encoding`.
const MAX_NAME: usize = 17;

/// Hides from the HTTP library a client's offers to change the protocol, such as
/// `Connection: Upgrade` with `Upgrade: h2c`.
///
/// A server may ignore such an offer (RFC 9110, section 7.8), and this one always does. The
/// library would repeat `Connection: Upgrade` in its response and then close the connection, and
/// would take everything after `Upgrade: websocket` for the request's body.
///
/// The filter changes single bytes in place, and follows the bodies only to find the next head. As
/// soon as a request's framing is not what the library accepts, it changes nothing any more; the
/// library then refuses the request and closes the connection.
#[derive(Debug)]
pub(super) struct UpgradeFilter {
    place: Place,
    head: Head,
}

#[derive(Debug, Clone, Copy)]
enum Place {
    /// Before a request, where empty lines are skipped.
    BeforeRequest,
    RequestLine,
    LineStart,
    Name,
    Value(Field),
    Body(BodyFraming),
}

/// The header fields that matter here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Field {
    Connection,
    Upgrade,
    ContentLength,
    TransferEncoding,
    Other,
}

/// What is known of the head that is being read.
#[derive(Debug, Default)]
struct Head {
    name: [u8; MAX_NAME],
    name_length: usize,
    word: Word,
    content_length: Option<u64>,
    is_chunked: bool,
    is_invalid: bool,
}

/// How far an option of a list agrees with a word.
#[derive(Debug, Default, Clone, Copy)]
enum Word {
    #[default]
    NotBegun,
    Agrees(usize),
    Differs,
}

impl UpgradeFilter {
    pub(super) fn new() -> Self {
        Self {
            place: Place::BeforeRequest,
            head: Head::default(),
        }
    }

    /// Filters the next bytes of the connection.
    pub(super) fn filter(&mut self, bytes: &mut [u8]) {
        let mut at = 0;
        while at < bytes.len() {
            if let Place::Body(framing) = &mut self.place {
                match *framing {
                    BodyFraming::Invalid => return,
                    BodyFraming::Ended => *self = Self::new(),
                    _ => at += framing.advance(&bytes[at..]),
                }
            } else {
                self.place = self.after(&mut bytes[at]);
                at += 1;
            }
        }
    }

    // The place after a byte of a head, which is changed if it belongs to an offer.
    fn after(&mut self, byte: &mut u8) -> Place {
        let head = &mut self.head;
        match (self.place, *byte) {
            (Place::BeforeRequest, b'\r' | b'\n') => Place::BeforeRequest,
            (Place::BeforeRequest, _) => Place::RequestLine,
            (Place::RequestLine | Place::Value(Field::Other), b'\n') => Place::LineStart,
            (Place::LineStart, b'\r') => Place::LineStart,
            (Place::LineStart, b'\n') => Place::Body(head.body()),
            (Place::LineStart, first) => {
                head.name_length = 0;
                head.add_to_name(first);
                Place::Name
            }
            (Place::Name, b':') => Place::Value(head.field()),
            (Place::Name, letter) => {
                head.add_to_name(letter);
                Place::Name
            }
            (Place::Value(field), b'\n') => {
                head.end_value(field);
                Place::LineStart
            }
            (Place::Value(field), _) => {
                head.read_value(field, byte);
                Place::Value(field)
            }
            (place, _) => place,
        }
    }
}

impl Head {
    fn add_to_name(&mut self, letter: u8) {
        if let Some(place) = self.name.get_mut(self.name_length) {
            *place = letter.to_ascii_lowercase();
        }
        self.name_length += 1;
    }

    /// The field whose name has been read.
    fn field(&mut self) -> Field {
        self.word = Word::NotBegun;
        match self.name.get(..self.name_length) {
            Some(b"connection") => Field::Connection,
            Some(b"upgrade") => Field::Upgrade,
            Some(b"content-length") => {
                self.is_invalid |= self.content_length.replace(0).is_some();
                Field::ContentLength
            }
            Some(b"transfer-encoding") => {
                self.is_invalid |= self.is_chunked;
                self.is_chunked = true;
                Field::TransferEncoding
            }
            _ => Field::Other,
        }
    }

    fn read_value(&mut self, field: Field, byte: &mut u8) {
        match (field, *byte) {
            (Field::Connection, b',') => self.word = Word::NotBegun,
            (Field::Connection, letter) => {
                self.word = self.word.after(letter, UPGRADE);
                // The start of the option may have been passed on, but its end makes it another.
                if self.word.is(UPGRADE) && !letter.is_ascii_whitespace() {
                    *byte = b'_';
                }
            }
            (Field::Upgrade, letter) if letter != b'\r' => *byte = b' ',
            (Field::ContentLength, digit @ b'0'..=b'9') => {
                let digit = u64::from(digit - b'0');
                let length = self.content_length.unwrap_or(0);
                let length = length
                    .checked_mul(10)
                    .and_then(|ten| ten.checked_add(digit));
                self.is_invalid |= length.is_none();
                self.content_length = length;
            }
            (Field::ContentLength, other) => self.is_invalid |= !other.is_ascii_whitespace(),
            (Field::TransferEncoding, letter) => self.word = self.word.after(letter, CHUNKED),
            (Field::Upgrade | Field::Other, _) => {}
        }
    }

    fn end_value(&mut self, field: Field) {
        self.is_invalid |= field == Field::TransferEncoding && !self.word.is(CHUNKED);
    }

    /// The body that follows the head.
    fn body(&self) -> BodyFraming {
        match (self.is_chunked, self.content_length) {
            _ if self.is_invalid => BodyFraming::Invalid,
            (true, Some(_)) => BodyFraming::Invalid,
            (true, None) => BodyFraming::CHUNKED,
            (false, None | Some(0)) => BodyFraming::Ended,
            (false, Some(length)) => BodyFraming::Length(length),
        }
    }
}

impl Word {
    fn after(self, letter: u8, word: &[u8]) -> Self {
        let agreed = match self {
            Self::Differs => return Self::Differs,
            Self::NotBegun if letter.is_ascii_whitespace() => return Self::NotBegun,
            Self::NotBegun => 0,
            // White space may follow a whole word.
            Self::Agrees(agreed) if agreed == word.len() && letter.is_ascii_whitespace() => {
                return self;
            }
            Self::Agrees(agreed) => agreed,
        };
        match word.get(agreed) {
            Some(next) if next.eq_ignore_ascii_case(&letter) => Self::Agrees(agreed + 1),
            _ => Self::Differs,
        }
    }

    fn is(self, word: &[u8]) -> bool {
        matches!(self, Self::Agrees(agreed) if agreed == word.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the library receives of `sent`, whether it arrives whole or in parts.
    fn filtered(sent: &str) -> String {
        let [whole, bytes] = [sent.len(), 1].map(|size| {
            let (mut filter, mut bytes) = (UpgradeFilter::new(), sent.as_bytes().to_vec());
            for part in bytes.chunks_mut(size) {
                filter.filter(part);
            }
            String::from_utf8(bytes).unwrap()
        });
        assert_eq!(whole, bytes, "it matters how the bytes arrive");
        whole
    }

    fn is_hidden(sent: &str) -> bool {
        let received = filtered(sent).to_ascii_lowercase();
        let connection = received
            .lines()
            .filter_map(|line| line.strip_prefix("connection:"));
        let mut options = connection.flat_map(|value| value.split(','));
        let offered = options.any(|option| option.trim() == "upgrade");
        let mut protocols = received
            .lines()
            .filter_map(|line| line.strip_prefix("upgrade:"));
        assert_eq!(
            offered,
            protocols.any(|value| !value.trim().is_empty()),
            "{received}"
        );
        !offered
    }

    const OFFER: &str = "GET / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade, HTTP2-Settings\r\n\
                         Upgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n\r\n";

    #[test]
    fn offers_are_hidden_and_other_options_kept() {
        assert!(is_hidden(OFFER));
        assert_eq!(filtered(OFFER).len(), OFFER.len());
        for (sent, received) in [
            ("keep-alive, UPGRADE", "keep-alive, UPGRAD_"),
            ("\tupgrade \t,close", "\tupgrad_ \t,close"),
            ("upgrade,upgrade", "upgrad_,upgrad_"),
            ("close, upgrades", "close, upgrad_s"),
            ("close", "close"),
        ] {
            let head = |value| format!("\r\nGET / HTTP/1.1\nconnection: {value}\nx: upgrade\n\n");
            assert_eq!(filtered(&head(sent)), head(received));
        }
    }

    #[test]
    fn offers_after_a_body_are_hidden_and_bodies_kept() {
        for body in [
            "Content-Length: 23\r\n\r\nConnection: upgrade\r\n\r\n",
            "content-length:  0\r\n\r\n",
            "Transfer-Encoding: Chunked\r\n\r\n0\r\n\r\n",
            "Transfer-Encoding: chunked\r\n\r\n18;x=y\r\n\r\nUpgrade: h2c\r\nx: y\r\n\r\n\r\n\
             2 \r\n\r\n\r\n0\r\nUpgrade: h2c\r\n\r\n",
        ] {
            let first = format!("POST / HTTP/1.1\r\nHost: h\r\n{body}");
            let received = filtered(&format!("{first}{OFFER}"));
            let next = received.strip_prefix(&first).expect(&received);
            assert_eq!(next, filtered(OFFER), "{body}");
        }
    }

    #[test]
    fn after_a_request_that_the_library_refuses_nothing_is_changed() {
        for wrong in [
            "Content-Length: 1\r\nContent-Length: 1\r\n\r\nx",
            "Content-Length: +1\r\n\r\nx",
            "Content-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            "Transfer-Encoding: chunked\r\n\r\nx\r\n\r\n",
            "Transfer-Encoding: chunked\r\n\r\n11111111111111111\r\n\r\n",
            "Transfer-Encoding: chunked\r\n\r\n1\r\nxx\r\n0\r\n\r\n",
        ] {
            let sent = format!("POST / HTTP/1.1\r\nHost: h\r\n{wrong}{OFFER}");
            assert_eq!(filtered(&sent), sent);
        }
    }
}
