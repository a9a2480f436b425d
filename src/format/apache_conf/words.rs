//! The lines and words of Apache configuration.
//!
//! In: text. Out: logical lines (continued ones put together, comments and blank ones left out), and their words.
//! Source: Apache httpd 2.4 `server/util.c` (`ap_cfg_getline`, `ap_getword_conf`).

use nom::branch::alt;
use nom::bytes::complete::{tag, take_while, take_while1};
use nom::character::complete::{char, none_of};
use nom::combinator::{all_consuming, map, value};
use nom::multi::{fold_many0, many0};
use nom::sequence::{delimited, preceded};
use nom::{IResult, Parser};

/// A logical line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line {
    /// Number of its first physical line, from 1.
    pub(super) number: usize,
    /// Its text, without blanks at its ends.
    pub(super) text: String,
}

/// The logical lines of a configuration: `\` at the end of a line continues it.
pub(super) fn lines(text: &str) -> Vec<Line> {
    let mut found: Vec<Line> = Vec::new();
    let mut open: Option<Line> = None;
    for (index, physical) in text.lines().enumerate() {
        let mut line = open.take().unwrap_or(Line { number: index + 1, text: String::new() });
        if let Some(part) = physical.strip_suffix('\\') {
            line.text.push_str(part);
            open = Some(line);
            continue;
        }
        line.text.push_str(physical);
        found.push(line);
    }
    found.extend(open);
    for line in &mut found {
        line.text = line.text.trim().to_owned();
    }
    found.retain(|line| !line.text.is_empty() && !line.text.starts_with('#'));
    found
}

/// The words of a line, their quotes and escapes undone. `None`: a quote is not closed.
pub(super) fn words(line: &str) -> Option<Vec<String>> {
    let blanks = |text| take_while(|letter: char| letter.is_whitespace()).parse(text);
    let bare = map(take_while1(|letter: char| !letter.is_whitespace()), str::to_owned);
    let word = alt((quoted('"', "\"\\"), quoted('\'', "'\\"), bare));
    let parsed: IResult<&str, Vec<String>> =
        all_consuming(delimited(blanks, many0(delimited(blanks, word, blanks)), blanks))
            .parse(line);
    let (_, words) = parsed.ok()?;
    let is_open = |word: &String| {
        word.len() > 1 && word.starts_with('"') && line.matches('"').count() % 2 == 1
    };
    (!words.iter().any(is_open)).then_some(words)
}

/// A quoted word: in it `\` before the quote or before `\` is dropped, and stays before anything else.
fn quoted<'t>(
    quote: char,
    special: &'static str,
) -> impl Parser<&'t str, Output = String, Error = nom::error::Error<&'t str>> {
    let escaped = alt((
        map(preceded(char('\\'), char(quote)), String::from),
        value("\\".to_owned(), tag("\\\\")),
        value("\\".to_owned(), char('\\')),
    ));
    let inside = fold_many0(
        alt((escaped, map(none_of(special), String::from))),
        String::new,
        |word, piece| word + &piece,
    );
    delimited(char(quote), inside, char(quote))
}
