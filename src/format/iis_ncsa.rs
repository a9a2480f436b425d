//! The NCSA log format of IIS, where Application Request Routing shows that IIS wrote it.
//!
//! In: lines without terminator. Out: records.
//! Invariants: without what ARR adds to queries, such lines are those of any server, and left to others; a few lines do
//! not show it, since clients can send the same.
//! Source: IIS documentation, "IIS Log File Formats"; the layout is the common one, with bytes sent.

use super::iis_arr::take_apart_request;
use super::layout::Layout;
use super::layout_reader::LayoutReader;
use super::{About, Format, FormatBasis, Instant, Proposal, Sample};
use crate::record::{AccessRecord, Escape, Field};
use crate::taxonomy::{LogRole, Server};

/// The layout, in words of nginx.
const COMMON: &str = r#"$remote_addr - $remote_user [$time_local] "$request" $status $bytes_sent"#;

fn finish(record: &mut AccessRecord<'_>) -> bool {
    take_apart_request(record);
    true
}

/// Recognises the NCSA log format by what ARR adds to most queries.
#[derive(Debug, Clone, Copy)]
pub struct IisNcsaFormat;

impl IisNcsaFormat {
    const NAME: &'static str = "iis_ncsa";

    fn reader() -> Option<LayoutReader> {
        let layout = Layout::compile(COMMON, Escape::None).ok()?;
        let about = About {
            format: Self::NAME,
            layout: "common".to_owned(),
            server: Server::Iis,
            role: LogRole::Access,
            notation: layout.notation(),
            instant: Instant::End,
            basis: FormatBasis::Detected,
            ambiguous_with: None,
        };
        Some(LayoutReader { layout, about, finish })
    }
}

impl Format for IisNcsaFormat {
    fn name(&self) -> &'static str {
        Self::NAME
    }

    fn summary(&self) -> &'static str {
        "NCSA log format of IIS with Application Request Routing; recognised by \"X-ARR-LOG-ID\" in most queries"
    }

    fn propose(&self, sample: &Sample<'_>) -> Option<Proposal> {
        let is_marked = |line: &[u8]| memchr::memmem::find(line, b"X-ARR-LOG-ID=").is_some();
        if !sample.lines.iter().any(|line| is_marked(line)) {
            return None;
        }
        let reader = Self::reader()?;
        let (mut n_accepted, mut n_marked) = (0, 0);
        for record in sample.lines.iter().filter_map(|line| reader.parse_access(line).ok()) {
            n_accepted += 1;
            n_marked += usize::from(record.raw(Field::ArrLogId).is_some());
        }
        Proposal::counted(reader, n_accepted).filter(|_| n_marked * 2 > n_accepted)
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::format::detect::{FormatChoice, detect};
    use crate::record::Record;

    #[test]
    fn the_farm_proxy_tells_whose_lines_these_are() {
        let line = |query: &str| {
            format!(
                "192.0.2.7 - - [15/Mar/2026:12:04:00 -0500] \"GET /a{query} HTTP/1.1\" 503 15\n"
            )
        };
        let own = line("?x=1&X-ARR-CACHE-HIT=0&X-ARR-LOG-ID=ab-1&SERVER-STATUS=503");
        let format_of = |text: &str| {
            let plan = detect(Path::new("x"), &[text.as_bytes()], &FormatChoice::default());
            plan.readers[0].about().format
        };
        assert_eq!(format_of(&format!("{own}{own}{}", line(""))), "iis_ncsa");
        assert_eq!(format_of(&format!("{own}{}{}", line(""), line("?x=1"))), "nginx_access");
        let reader = IisNcsaFormat::reader().expect("the layout is valid");
        let record = reader.parse_access(own.trim_end().as_bytes()).expect("a line");
        assert_eq!(record.request(), (&b"GET"[..], &b"/a?x=1"[..]));
        assert_eq!(record.raw(Field::UpstreamStatus), Some(&b"503"[..]));
        let alone = line("?X-ARR-CACHE-HIT=0&X-ARR-LOG-ID=ab-1");
        let Ok(Record::Access(record)) =
            crate::format::Reader::parse(&reader, alone.trim_end().as_bytes())
        else {
            panic!("not read")
        };
        assert_eq!(record.request(), (&b"GET"[..], &b"/a"[..]));
        assert_eq!(record.raw(Field::UpstreamStatus), Some(&b"-"[..]));
    }
}
