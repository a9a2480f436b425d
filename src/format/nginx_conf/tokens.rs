//! The words of nginx configuration.
//!
//! In: the text of one file. Out: words, `;`, `{` and `}` with their lines.
//! Source: nginx `ngx_conf_file.c`, `ngx_conf_read_token`.

use nom::branch::alt;
use nom::bytes::complete::{tag, take};
use nom::character::complete::{anychar, char, none_of};
use nom::combinator::{cut, eof, map, peek, value, verify};
use nom::multi::fold_many0;
use nom::sequence::{delimited, preceded, terminated};
use nom::{IResult, Parser};

/// A token of a configuration file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Token {
    /// A word, without its quotes, its escapes undone.
    Word(String),
    /// `;`
    End,
    /// `{`
    Open,
    /// `}`
    Close,
    /// A quoted word that does not end, or that something follows: its directive cannot be read.
    Broken,
}

/// Splits a file into tokens, each with the number of its line, from 0.
pub(super) fn tokens(text: &str) -> Vec<(usize, Token)> {
    let mut tokens = Vec::new();
    let mut rest = text;
    let (mut counted, mut line) = (0, 0);
    let mut opens_lua = None;
    loop {
        rest = skip_blanks(rest);
        let at = text.len() - rest.len();
        line += text[counted..at].matches('\n').count();
        counted = at;
        if rest.is_empty() {
            return tokens;
        }
        let (after, token) = token(rest).unwrap_or_else(|_| {
            // Only a quoted word can fail. Go on behind its line: the quote may be a stray one.
            (rest.find('\n').map_or("", |end| &rest[end..]), Token::Broken)
        });
        rest = after;
        match &token {
            Token::Word(word) => {
                opens_lua.get_or_insert_with(|| word.ends_with("_by_lua_block"));
            }
            Token::Open if opens_lua == Some(true) => {
                rest = skip_lua(rest);
                tokens.push((line, Token::Open));
                tokens.push((line, Token::Close));
                opens_lua = None;
                continue;
            }
            _ => opens_lua = None,
        }
        tokens.push((line, token));
    }
}

fn skip_blanks(text: &str) -> &str {
    let mut rest = text;
    loop {
        rest = rest.trim_start_matches([' ', '\t', '\r', '\n']);
        match rest.strip_prefix('#') {
            Some(comment) => rest = comment.find('\n').map_or("", |end| &comment[end..]),
            None => return rest,
        }
    }
}

fn token(text: &str) -> IResult<&str, Token> {
    alt((
        value(Token::End, char(';')),
        value(Token::Open, char('{')),
        value(Token::Close, char('}')),
        map(quoted('"', "\"\\"), Token::Word),
        map(quoted('\'', "'\\"), Token::Word),
        map(bare, Token::Word),
    ))
    .parse(text)
}

/// A quoted word. What opens with a quote must close with it: there is no second reading.
fn quoted<'t>(
    quote: char,
    special: &'static str,
) -> impl Parser<&'t str, Output = String, Error = nom::error::Error<&'t str>> {
    let inside = fold_many0(
        alt((escaped, map(none_of(special), String::from))),
        String::new,
        |word, piece| word + &piece,
    );
    let boundary = peek(alt((
        value(
            (),
            verify(take(1usize), |next: &str| {
                next.contains([' ', '\t', '\r', '\n', ';', '{', ')'])
            }),
        ),
        eof.map(|_: &str| ()),
    )));
    delimited(char(quote), cut(inside), cut(terminated(char(quote), boundary)))
}

/// `\"`, `\'` and `\\` lose the backslash, `\t`, `\r` and `\n` become control characters, any other pair stays.
fn escaped(text: &str) -> IResult<&str, String> {
    preceded(
        char('\\'),
        map(anychar, |letter| match letter {
            '"' | '\'' | '\\' => letter.to_string(),
            't' => "\t".to_owned(),
            'r' => "\r".to_owned(),
            'n' => "\n".to_owned(),
            other => format!("\\{other}"),
        }),
    )
    .parse(text)
}

/// A word without quotes: up to a blank, `;`, or a `{` that does not belong to `${`.
fn bare(text: &str) -> IResult<&str, String> {
    let variable = map(tag("${"), str::to_owned);
    let plain = map(none_of(" \t\r\n;{"), String::from);
    let mut first = alt((escaped, variable, map(none_of(" \t\r\n;{}"), String::from)));
    let (rest, start) = first.parse(text)?;
    fold_many0(
        alt((escaped, map(tag("${"), str::to_owned), plain)),
        move || start.clone(),
        |word, piece| word + &piece,
    )
    .parse(rest)
}

/// The text behind the `}` that closes a block of Lua, whose strings and comments may hold braces.
fn skip_lua(text: &str) -> &str {
    let mut depth = 1;
    let mut rest = text;
    while let Some(at) = rest.find(['{', '}', '"', '\'', '-']) {
        let (found, after) = (rest.as_bytes()[at], &rest[at + 1..]);
        rest = after;
        match found {
            b'{' => depth += 1,
            b'}' if depth == 1 => return after,
            b'}' => depth -= 1,
            b'-' => {
                if let Some(comment) = after.strip_prefix('-') {
                    rest = comment.find('\n').map_or("", |end| &comment[end..]);
                }
            }
            quote => rest = after_lua_string(after, quote),
        }
    }
    ""
}

fn after_lua_string(text: &str, quote: u8) -> &str {
    let mut bytes = text.bytes().enumerate();
    while let Some((at, byte)) = bytes.next() {
        if byte == b'\\' {
            bytes.next();
        } else if byte == quote || byte == b'\n' {
            return &text[at + 1..];
        }
    }
    ""
}
