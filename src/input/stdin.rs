//! Standard input that can be given up: a read that waits for a quiet pipe does not keep the program from its report.
//!
//! In: the process's standard input. Out: a [`Read`] that ends when the flag is set.

use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError, bounded};

/// Bytes read at once.
const CHUNK_BYTES: usize = 64 << 10;

/// How often the flag is looked at while nothing comes.
const POLL: Duration = Duration::from_millis(100);

/// Standard input, read by a thread of its own. That thread may be waiting in a read when the program ends; it holds
/// nothing that anyone needs.
#[derive(Debug)]
pub struct Stdin {
    chunks: Receiver<io::Result<Vec<u8>>>,
    current: Vec<u8>,
    at: usize,
    given_up: Arc<AtomicBool>,
}

impl Stdin {
    /// Starts reading. `given_up`: set it to end the stream early.
    pub fn new(given_up: Arc<AtomicBool>) -> Self {
        let (sender, chunks) = bounded(8);
        std::thread::spawn(move || {
            loop {
                let mut chunk = vec![0; CHUNK_BYTES];
                let read = io::stdin().lock().read(&mut chunk);
                let done = !matches!(read, Ok(n) if n > 0);
                let message = read.map(|n| {
                    chunk.truncate(n);
                    chunk
                });
                if sender.send(message).is_err() || done {
                    return;
                }
            }
        });
        Stdin { chunks, current: Vec::new(), at: 0, given_up }
    }
}

impl Read for Stdin {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.at == self.current.len() {
            match self.chunks.recv_timeout(POLL) {
                Ok(chunk) => {
                    self.current = chunk?;
                    self.at = 0;
                    if self.current.is_empty() {
                        return Ok(0);
                    }
                }
                Err(RecvTimeoutError::Timeout) if !self.given_up.load(Ordering::Relaxed) => {}
                Err(_) => return Ok(0),
            }
        }
        let n = buffer.len().min(self.current.len() - self.at);
        buffer[..n].copy_from_slice(&self.current[self.at..self.at + n]);
        self.at += n;
        Ok(n)
    }
}
