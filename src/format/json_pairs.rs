//! Reads the keys and values of one JSON object, tolerating what nginx makes of JSON; finds single keys by search.
//!
//! In: one line. Out: raw pairs: strings without quotes, still escaped; numbers, arrays and objects as written.
//! Invariants: no allocation, any bytes are accepted inside strings. [`Pairs`] gives every object as one value; [`Leaves`]
//! looks into objects.
//! Source: nginx `ngx_http_log_module.c`, `escape=json`: a variable without value is empty, so a format that writes
//! numbers bare gives `"urt":,` and `"urt":0.001, 0.002`.

use memchr::memmem::Finder;

use crate::record::Skip;

/// Objects in objects that are looked into; a deeper one is one value.
const MAX_DEPTH: usize = 4;

/// Bytes of the longest path to a leaf.
const MAX_PATH_BYTES: usize = 128;

/// A key that is searched for in raw lines.
#[derive(Debug, Clone)]
pub(in crate::format) struct Key {
    // `"key"`, quotes included.
    quoted: Finder<'static>,
}

impl Key {
    pub(in crate::format) fn new(key: &[u8]) -> Self {
        Key { quoted: Finder::new(&[b"\"", key, b"\""].concat()).into_owned() }
    }

    /// True for the key of this name.
    pub(in crate::format) fn is_of(&self, name: &[u8]) -> bool {
        let quoted = self.quoted.needle();
        quoted.get(1..quoted.len().saturating_sub(1)) == Some(name)
    }

    /// The value of the first such key: inside of a string, or a bare value.
    #[inline]
    pub(in crate::format) fn find<'a>(&self, line: &'a [u8]) -> Option<&'a [u8]> {
        self.find_from(line, 0).map(|(value, _)| value)
    }

    /// The value of the first such key from an offset on, and the offset behind the key.
    #[inline]
    pub(in crate::format) fn find_from<'a>(
        &self,
        line: &'a [u8],
        mut from: usize,
    ) -> Option<(&'a [u8], usize)> {
        loop {
            let hit = from + self.quoted.find(line.get(from..)?)?;
            let mut at = hit + self.quoted.needle().len();
            while is_blank(*line.get(at)?) {
                at += 1;
            }
            // `\"status"` is the end of a longer string; without a colon it is a value.
            if line[at] != b':' || (hit > 0 && line[hit - 1] == b'\\') {
                from = hit + 1;
                continue;
            }
            at += 1;
            while is_blank(*line.get(at)?) {
                at += 1;
            }
            let value = if line[at] == b'"' {
                string_end(line, at + 1).map(|end| &line[at + 1..end])
            } else {
                bare_end(line, at).map(|end| line[at..end].trim_ascii_end())
            };
            return value.map(|value| (value, at));
        }
    }
}

/// A key and its value, raw.
pub(in crate::format) type Pair<'a> = (&'a [u8], &'a [u8]);

/// The pairs of a line, in its order. After an error nothing follows.
#[derive(Debug, Clone)]
pub(in crate::format) struct Pairs<'a> {
    line: &'a [u8],
    at: usize,
    is_done: bool,
}

impl<'a> Pairs<'a> {
    /// Starts before the opening brace.
    pub(in crate::format) fn of(line: &'a [u8]) -> Self {
        let blanks = line.iter().take_while(|byte| is_blank(**byte)).count();
        let is_object = line.get(blanks) == Some(&b'{');
        let at = if is_object { blanks + 1 } else { 0 };
        Pairs { line, at, is_done: false }
    }

    fn skip_blanks(&mut self) {
        while self.line.get(self.at).is_some_and(|byte| is_blank(*byte)) {
            self.at += 1;
        }
    }

    fn next_pair(&mut self) -> Result<Option<Pair<'a>>, Skip> {
        match self.next_key()? {
            Some(key) => self.value().map(|value| Some((key, value))),
            None => self.end().map(|()| None),
        }
    }

    /// Behind the brace that ends the line.
    fn end(&mut self) -> Result<(), Skip> {
        self.skip_blanks();
        if self.at == self.line.len() { Ok(()) } else { Err(Skip::Shape) }
    }

    /// The next key of this object, up to its value; `None` behind its end.
    fn next_key(&mut self) -> Result<Option<&'a [u8]>, Skip> {
        if self.at == 0 {
            return Err(Skip::Shape);
        }
        loop {
            self.skip_blanks();
            match self.line.get(self.at) {
                None => return Err(Skip::Truncated),
                Some(b',') => self.at += 1,
                Some(b'}') => {
                    self.at += 1;
                    return Ok(None);
                }
                Some(b'"') => {
                    let key = self.string()?;
                    self.skip_blanks();
                    if self.line.get(self.at) != Some(&b':') {
                        return Err(if self.at >= self.line.len() {
                            Skip::Truncated
                        } else {
                            Skip::Shape
                        });
                    }
                    self.at += 1;
                    self.skip_blanks();
                    return Ok(Some(key));
                }
                Some(_) => return Err(Skip::Shape),
            }
        }
    }

    /// The inside of the string whose opening quote is here.
    fn string(&mut self) -> Result<&'a [u8], Skip> {
        let start = self.at + 1;
        let end = string_end(self.line, start).ok_or(Skip::Truncated)?;
        self.at = end + 1;
        Ok(&self.line[start..end])
    }

    fn value(&mut self) -> Result<&'a [u8], Skip> {
        let start = self.at;
        match self.line.get(self.at) {
            None => Err(Skip::Truncated),
            Some(b'"') => {
                let value = self.string()?;
                self.skip_blanks();
                match self.line.get(self.at) {
                    Some(b',' | b'}') => Ok(value),
                    Some(_) => Err(Skip::Shape),
                    None => Err(Skip::Truncated),
                }
            }
            Some(b'{' | b'[') => {
                self.skip_nested()?;
                Ok(&self.line[start..self.at])
            }
            Some(_) => {
                self.at = bare_end(self.line, start).ok_or(Skip::Truncated)?;
                let value = self.line[start..self.at].trim_ascii_end();
                Ok(if value == b"null" { &[] } else { value })
            }
        }
    }

    fn skip_nested(&mut self) -> Result<(), Skip> {
        let mut depth = 0usize;
        while let Some(byte) = self.line.get(self.at) {
            match byte {
                b'"' => self.at = string_end(self.line, self.at + 1).ok_or(Skip::Truncated)?,
                b'{' | b'[' => depth += 1,
                b'}' | b']' => depth -= 1,
                _ => {}
            }
            self.at += 1;
            if depth == 0 {
                return Ok(());
            }
        }
        Err(Skip::Truncated)
    }
}

impl<'a> Iterator for Pairs<'a> {
    type Item = Result<Pair<'a>, Skip>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.is_done {
            return None;
        }
        let pair = self.next_pair().transpose();
        self.is_done = !matches!(pair, Some(Ok(_)));
        pair
    }
}

/// A path, and the raw value at its end.
pub(in crate::format) type Leaf<'p, 'a> = (&'p [u8], &'a [u8]);

/// The values of a line that are no objects, each with its path: the keys that lead to it, with `.` between them.
#[derive(Debug)]
pub(in crate::format) struct Leaves<'a> {
    pairs: Pairs<'a>,
    /// Keys of the objects that are open, each with a `.` behind it.
    path: [u8; MAX_PATH_BYTES],
    /// Length of the path in each of them.
    open: [usize; MAX_DEPTH],
    depth: usize,
}

impl<'a> Leaves<'a> {
    /// Starts before the opening brace.
    pub(in crate::format) fn of(line: &'a [u8]) -> Self {
        Leaves { pairs: Pairs::of(line), path: [0; MAX_PATH_BYTES], open: [0; MAX_DEPTH], depth: 0 }
    }

    /// Path and raw value of the next leaf; `None` at the end of the line.
    pub(in crate::format) fn next(&mut self) -> Result<Option<Leaf<'_, 'a>>, Skip> {
        loop {
            let used = self.depth.checked_sub(1).map_or(0, |last| self.open[last]);
            let Some(key) = self.pairs.next_key()? else {
                if self.depth == 0 {
                    return self.pairs.end().map(|()| None);
                }
                self.depth -= 1;
                continue;
            };
            let is_object = self.pairs.line.get(self.pairs.at) == Some(&b'{');
            let whole = used + key.len();
            if self.depth == 0 && !is_object {
                return self.pairs.value().map(|value| Some((key, value)));
            }
            if whole >= MAX_PATH_BYTES {
                // Of no use, but a value all the same.
                return self.pairs.value().map(|value| Some((&b""[..], value)));
            }
            self.path[used..whole].copy_from_slice(key);
            if !is_object || self.depth == MAX_DEPTH {
                return self.pairs.value().map(|value| Some((&self.path[..whole], value)));
            }
            self.path[whole] = b'.';
            self.open[self.depth] = whole + 1;
            self.depth += 1;
            self.pairs.at += 1;
        }
    }
}

/// The items of a list, raw as values of [`Pairs`] are. What is no list, or is damaged, ends early.
pub(crate) fn items(list: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut walk = Pairs { line: list, at: 1, is_done: false };
    let is_list = list.first() == Some(&b'[');
    std::iter::from_fn(move || {
        if !is_list {
            return None;
        }
        while matches!(walk.line.get(walk.at), Some(byte) if is_blank(*byte) || *byte == b',') {
            walk.at += 1;
        }
        match walk.line.get(walk.at)? {
            b']' => None,
            b'"' => walk.string().ok(),
            b'{' | b'[' => {
                let start = walk.at;
                walk.skip_nested().ok()?;
                Some(&walk.line[start..walk.at])
            }
            _ => {
                let rest = &walk.line[walk.at..];
                let end = memchr::memchr2(b',', b']', rest)?;
                walk.at += end;
                Some(rest[..end].trim_ascii_end())
            }
        }
    })
}

/// True for blanks between JSON tokens.
pub(in crate::format) const fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n')
}

/// Offset of the quote that ends the string whose inside starts at `at`.
pub(in crate::format) fn string_end(line: &[u8], mut at: usize) -> Option<usize> {
    loop {
        at += memchr::memchr2(b'"', b'\\', line.get(at..)?)?;
        if line[at] == b'"' {
            return Some(at);
        }
        at += 2;
    }
}

/// Offset of the end of a value without quotes: a brace, or a comma before a key or at the end.
pub(in crate::format) fn bare_end(line: &[u8], mut at: usize) -> Option<usize> {
    loop {
        at += memchr::memchr2(b',', b'}', line.get(at..)?)?;
        if line[at] == b'}' {
            return Some(at);
        }
        let after = line[at + 1..].iter().find(|byte| !is_blank(**byte));
        if matches!(after, Some(b'"' | b'}')) {
            return Some(at);
        }
        at += 1;
    }
}
