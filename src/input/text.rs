//! UTF-16 -> UTF-8, as a stream. Everything else passes through untouched.
//!
//! In: decompressed bytes. Out: bytes in which ASCII is ASCII.
//! Invariants: UTF-16 is told from the first bytes alone: a byte-order mark (PowerShell 5 redirection), or two ASCII
//! characters with zeros between them (exports without a mark). What is no UTF-16 becomes U+FFFD; nothing is refused.

use std::io::{self, Read};

/// Bytes read at once where they are decoded.
const CHUNK_BYTES: usize = 64 << 10;

/// How two bytes make a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ByteOrder {
    Little,
    Big,
}

/// True for the first bytes (4 are enough) of a text in UTF-16.
pub(super) fn is_utf16(head: &[u8]) -> bool {
    byte_order(head).is_some()
}

/// The byte order of a text in UTF-16. `None`: some other text.
fn byte_order(head: &[u8]) -> Option<ByteOrder> {
    let is_text = |byte: u8| byte.is_ascii_graphic() || byte.is_ascii_whitespace();
    match *head {
        // With two zeros behind it, it is UTF-32, which no server writes.
        [0xFF, 0xFE, 0, 0, ..] => None,
        [0xFF, 0xFE, ..] => Some(ByteOrder::Little),
        [0xFE, 0xFF, ..] => Some(ByteOrder::Big),
        [a, 0, b, 0, ..] if is_text(a) && is_text(b) => Some(ByteOrder::Little),
        [0, a, 0, b, ..] if is_text(a) && is_text(b) => Some(ByteOrder::Big),
        _ => None,
    }
}

/// A stream of text in UTF-8, or of anything else, whatever `input` is.
pub(super) fn decode_text(input: impl Read + Send + 'static) -> Box<dyn Read + Send> {
    Box::new(TextReader { input, state: State::Fresh })
}

/// Reads text.
#[derive(Debug)]
struct TextReader<R> {
    input: R,
    state: State,
}

#[derive(Debug)]
enum State {
    /// Nothing was read yet.
    Fresh,
    /// Bytes pass through.
    Through,
    /// Bytes are decoded.
    Utf16(Decoder),
}

/// What stands between encoded and decoded bytes.
#[derive(Debug)]
struct Decoder {
    order: ByteOrder,
    /// Bytes not decoded yet: half a number, or the first half of a pair.
    encoded: Vec<u8>,
    decoded: Vec<u8>,
    /// How much of `decoded` was handed out.
    taken: usize,
    ended: bool,
}

impl<R: Read> Read for TextReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match &mut self.state {
            State::Through => self.input.read(buffer),
            State::Fresh => self.start(buffer),
            State::Utf16(decoder) => decoder.read(&mut self.input, buffer),
        }
    }
}

impl<R: Read> TextReader<R> {
    /// Reads enough to tell what the text is.
    fn start(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut n = 0;
        while n < buffer.len().min(4) {
            match self.input.read(&mut buffer[n..]) {
                Ok(0) => break,
                Ok(more) => n += more,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if n == 0 => return Err(error),
                // It comes again with the next read.
                Err(_) => break,
            }
        }
        let Some(order) = byte_order(&buffer[..n]) else {
            self.state = State::Through;
            return Ok(n);
        };
        let marked = matches!(buffer[..n], [0xFF, 0xFE, ..] | [0xFE, 0xFF, ..]);
        let mut decoder = Decoder {
            order,
            encoded: buffer[if marked { 2 } else { 0 }..n].to_vec(),
            decoded: Vec::new(),
            taken: 0,
            ended: false,
        };
        decoder.decode();
        let n = decoder.read(&mut self.input, buffer);
        self.state = State::Utf16(decoder);
        n
    }
}

impl Decoder {
    fn read(&mut self, input: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
        while self.taken == self.decoded.len() && !self.ended {
            let have = self.encoded.len();
            self.encoded.resize(have + CHUNK_BYTES, 0);
            let result = input.read(&mut self.encoded[have..]);
            self.encoded.truncate(have + *result.as_ref().unwrap_or(&0));
            self.ended = result? == 0;
            self.decode();
        }
        let rest = &self.decoded[self.taken..];
        let n = rest.len().min(buffer.len());
        buffer[..n].copy_from_slice(&rest[..n]);
        self.taken += n;
        Ok(n)
    }

    /// Decodes what is whole; at the end, all.
    fn decode(&mut self) {
        self.decoded.drain(..self.taken);
        self.taken = 0;
        let number = |pair: &[u8]| match self.order {
            ByteOrder::Little => u16::from_le_bytes([pair[0], pair[1]]),
            ByteOrder::Big => u16::from_be_bytes([pair[0], pair[1]]),
        };
        let mut whole = self.encoded.len() / 2 * 2;
        if !self.ended && whole >= 2 {
            let last = number(&self.encoded[whole - 2..whole]);
            whole -= if (0xD800..0xDC00).contains(&last) { 2 } else { 0 };
        }
        let numbers = self.encoded[..whole].chunks_exact(2).map(number);
        let mut utf8 = [0; 4];
        for symbol in char::decode_utf16(numbers) {
            let symbol = symbol.unwrap_or(char::REPLACEMENT_CHARACTER);
            self.decoded.extend_from_slice(symbol.encode_utf8(&mut utf8).as_bytes());
        }
        self.encoded.drain(..whole);
        if self.ended && !self.encoded.is_empty() {
            self.encoded.clear();
            self.decoded.extend_from_slice("\u{fffd}".as_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Hands out bytes a few at a time.
    struct Trickle {
        bytes: Vec<u8>,
        at: usize,
        step: usize,
    }

    impl Read for Trickle {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let n = self.step.min(buffer.len()).min(self.bytes.len() - self.at);
            buffer[..n].copy_from_slice(&self.bytes[self.at..self.at + n]);
            self.at += n;
            Ok(n)
        }
    }

    fn decoded(bytes: Vec<u8>, step: usize) -> Vec<u8> {
        let mut out = Vec::new();
        decode_text(Trickle { bytes, at: 0, step }).read_to_end(&mut out).unwrap();
        out
    }

    fn encoded(text: &str, order: ByteOrder, mark: bool) -> Vec<u8> {
        let mark = mark.then_some(0xFEFF);
        let numbers = mark.into_iter().chain(text.encode_utf16());
        let bytes = numbers.map(|number| match order {
            ByteOrder::Little => number.to_le_bytes(),
            ByteOrder::Big => number.to_be_bytes(),
        });
        bytes.flatten().collect()
    }

    proptest! {
        #[test]
        fn utf16_becomes_utf8_and_the_rest_stays(
            text in "[#a-z\u{e9}\u{1f600}\r\n]{0,300}",
            bytes in proptest::collection::vec(any::<u8>(), 0..300),
            step in 1usize..70,
        ) {
            for order in [ByteOrder::Little, ByteOrder::Big] {
                prop_assert_eq!(decoded(encoded(&text, order, true), step), text.as_bytes());
                let text = format!("#F{text}");
                prop_assert_eq!(decoded(encoded(&text, order, false), step), text.as_bytes());
            }
            prop_assert_eq!(decoded(text.clone().into_bytes(), step), text.as_bytes());
            if is_utf16(&bytes) {
                decoded(bytes, step);
            } else {
                prop_assert_eq!(decoded(bytes.clone(), step), bytes);
            }
        }
    }

    #[test]
    fn broken_utf16_is_marked() {
        let mut bytes = encoded("ab", ByteOrder::Little, true);
        bytes.extend([0x00, 0xD8, b'c', 0, 0x01]);
        assert_eq!(decoded(bytes, 3), "ab\u{fffd}c\u{fffd}".as_bytes());
    }
}
