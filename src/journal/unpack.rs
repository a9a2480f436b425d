//! The three packings of data objects: XZ, LZ4, ZSTD, in pure Rust.
//!
//! In: the payload of a packed object. Out: the field `NAME=value`.
//! Invariants: no more than [`MAX_DATA_BYTES`] come out and about twice that is used on the way, whatever goes in.
//! Source: systemd `src/basic/compress.c`: XZ streams hold one block without a check; LZ4 is the raw length in eight
//! bytes and one block; ZSTD is one frame.

use std::fmt;
use std::io;

use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};

use super::fault::FaultKind;
use super::windows::u64_at;

/// The largest field that is given, in bytes.
pub(super) const MAX_DATA_BYTES: u64 = 16 << 20;

/// Undoes any of the packings.
pub(super) struct Unpacker {
    /// Tables and window are kept from one field to the next.
    zstd: FrameDecoder,
}

impl fmt::Debug for Unpacker {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Unpacker").finish_non_exhaustive()
    }
}

impl Unpacker {
    pub(super) fn new() -> Self {
        let mut zstd = FrameDecoder::new();
        zstd.set_max_window_size(MAX_DATA_BYTES);
        Unpacker { zstd }
    }

    /// Appends the unpacked `payload` to `out`, which is unchanged after a fault.
    pub(super) fn unpack(
        &mut self,
        flags: u8,
        payload: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<(), FaultKind> {
        let before = out.len();
        let result = match flags {
            1 => unpack_xz(payload, out),
            2 => unpack_lz4(payload, out),
            4 => self.unpack_zstd(payload, out),
            _ => Err(FaultKind::Compression),
        };
        if result.is_err() {
            out.truncate(before);
        }
        result
    }

    fn unpack_zstd(&mut self, mut frame: &[u8], out: &mut Vec<u8>) -> Result<(), FaultKind> {
        let before = out.len();
        self.zstd.init(&mut frame).map_err(|_| FaultKind::Compression)?;
        if self.zstd.content_size() > MAX_DATA_BYTES {
            return Err(FaultKind::TooLarge);
        }
        while !self.zstd.is_finished() {
            self.zstd
                .decode_blocks(&mut frame, BlockDecodingStrategy::UptoBytes(1 << 20))
                .map_err(|_| FaultKind::Compression)?;
            self.zstd.collect_to_writer(&mut *out).map_err(|_| FaultKind::Compression)?;
            if (out.len() - before) as u64 > MAX_DATA_BYTES {
                return Err(FaultKind::TooLarge);
            }
        }
        self.zstd.collect_to_writer(&mut *out).map_err(|_| FaultKind::Compression)?;
        if (out.len() - before) as u64 > MAX_DATA_BYTES { Err(FaultKind::TooLarge) } else { Ok(()) }
    }
}

fn unpack_lz4(payload: &[u8], out: &mut Vec<u8>) -> Result<(), FaultKind> {
    let size = u64_at(payload, 0);
    let block = payload.get(8..).ok_or(FaultKind::Compression)?;
    if size > MAX_DATA_BYTES {
        return Err(FaultKind::TooLarge);
    }
    let before = out.len();
    out.resize(before + size as usize, 0);
    match lz4_flex::block::decompress_into(block, &mut out[before..]) {
        Ok(n) if n as u64 == size => Ok(()),
        _ => Err(FaultKind::Compression),
    }
}

fn unpack_xz(stream: &[u8], out: &mut Vec<u8>) -> Result<(), FaultKind> {
    let block = xz_block(stream).ok_or(FaultKind::Compression)?;
    let (chunks, size) = lzma2_chunks(block).ok_or(FaultKind::Compression)?;
    if size > MAX_DATA_BYTES {
        return Err(FaultKind::TooLarge);
    }
    lzma_rs::lzma2_decompress(&mut io::Cursor::new(chunks), out).map_err(|_| FaultKind::Compression)
}

/// What follows the headers of the first block of an XZ stream.
fn xz_block(stream: &[u8]) -> Option<&[u8]> {
    let stream = stream.strip_prefix(b"\xfd7zXZ\0")?;
    let after_flags = stream.get(6..)?;
    let header_bytes = (usize::from(*after_flags.first()?) + 1) * 4;
    // One filter.
    if after_flags.get(1)? & 0b11 != 0 {
        return None;
    }
    after_flags.get(header_bytes..)
}

/// The LZMA2 chunks up to their end mark, and how many bytes they announce. The decoder below holds all it unpacks
/// before it hands anything on, so the announced size is what bounds it.
fn lzma2_chunks(block: &[u8]) -> Option<(&[u8], u64)> {
    let u16_at = |at: usize| Some(u64::from(*block.get(at)?) << 8 | u64::from(*block.get(at + 1)?));
    let (mut at, mut size) = (0usize, 0u64);
    loop {
        let control = *block.get(at)?;
        let unpacked = u16_at(at + 1).unwrap_or(0) + 1;
        match control {
            0 => return Some((&block[..=at], size)),
            1 | 2 => {
                size += unpacked;
                at += 3 + unpacked as usize;
            }
            0x80.. => {
                size += unpacked + (u64::from(control & 0x1f) << 16);
                let properties = usize::from(control >= 0xc0);
                at += 5 + properties + u16_at(at + 3)? as usize + 1;
            }
            _ => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(flags: u8, payload: &[u8], expected: Result<&[u8], FaultKind>) {
        let mut out = b"kept".to_vec();
        let result = Unpacker::new().unpack(flags, payload, &mut out);
        match expected {
            Ok(bytes) => assert_eq!((result, &out[4..]), (Ok(()), bytes)),
            Err(kind) => assert_eq!((result, &out[..]), (Err(kind), &b"kept"[..])),
        }
    }

    #[test]
    fn each_packing_is_undone() {
        check(2, b"\x0b\0\0\0\0\0\0\0\xb0MESSAGE=abc", Ok(b"MESSAGE=abc"));
        check(2, b"\x0c\0\0\0\0\0\0\0\xb0MESSAGE=abc", Err(FaultKind::Compression));
        check(2, b"\0\0\0\0\x01\0\0\0\xb0", Err(FaultKind::TooLarge));
        check(4, b"\x28\xb5\x2f\xfd\x20\x0b\x59\0\0MESSAGE=abc", Ok(b"MESSAGE=abc"));
        check(4, b"\x28\xb5\x2f\xfd\x20\x0b\x59\0\0MESSAGE=", Err(FaultKind::Compression));
        check(4, b"", Err(FaultKind::Compression));
        check(1, b"", Err(FaultKind::Compression));
        check(8, b"", Err(FaultKind::Compression));
        // An XZ stream of one block with one uncompressed chunk.
        let mut stream = b"\xfd7zXZ\0\0\0abcd\x02\0\x21\x01\x16\0\0\0crc!".to_vec();
        stream.extend(b"\x01\0\x0aMESSAGE=abc\0");
        check(1, &stream, Ok(b"MESSAGE=abc"));
        stream.pop();
        check(1, &stream, Err(FaultKind::Compression));
    }

    proptest! {
        #[test]
        fn never_panics(flags in 0u8..9, head in 0usize..4, mut bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let heads: [&[u8]; 4] = [b"", b"\x28\xb5\x2f\xfd", b"\xfd7zXZ\0\0\0abcd\x02\0\x21\x01\x16\0\0\0crc!\xe0", b"\xff\0\0\0\0\0\0\0"];
            bytes.splice(0..0, heads[head].iter().copied());
            let mut out = Vec::new();
            let _ = Unpacker::new().unpack(flags, &bytes, &mut out);
            prop_assert!(out.len() as u64 <= MAX_DATA_BYTES);
        }
    }
}
