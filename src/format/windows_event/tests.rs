//! One event in every shape.

use super::*;

/// The first event of an export: its time, provider, number, and some of its message.
#[track_caller]
fn check(text: &str, shape: &str, micros: i64, zoned: bool, provider: &str, id: u32, says: &str) {
    let lines: Vec<&[u8]> = text.lines().map(str::as_bytes).collect();
    let proposal = WindowsEventFormat.propose(&Sample::of(lines.clone())).expect("known");
    let reader = proposal.reader;
    assert_eq!(reader.about().layout, shape);
    let first = lines.iter().position(|line| reader.parse(line).is_ok()).expect("an event");
    let next = lines[first + 1..].iter().position(|line| reader.glance(line).is_ok());
    let end = next.map_or(lines.len(), |next| first + 1 + next);
    let record = lines[first..end].join(&b"\r\n"[..]);
    let Ok(Record::Error(event)) = reader.parse(&record) else { panic!("refused") };
    let stamp = event.stamp.expect("a time");
    assert_eq!((stamp.micros, stamp.offset_s.is_some()), (micros, zoned));
    let named =
        event.event.map(|event| (String::from_utf8_lossy(event.provider).into_owned(), event.id));
    assert_eq!(named, Some((provider.to_owned(), id)));
    let message = String::from_utf8_lossy(event.message);
    assert!(message.contains(says), "{message}");
}

const WAS: &str = "Microsoft-Windows-WAS";
/// 2026-03-10T12:26:38
const AT: i64 = 1_773_145_598_000_000;

#[test]
fn wevtutil_and_viewer_texts() {
    let text = "Event[0]:\n  Log Name: System\n  Source: Microsoft-Windows-WAS\n  Date: 2026-03-10T12:26:38.000\n  Event ID: 5011\n  Level: \u{8b66}\u{544a}\n  Computer: W\n  Description: \nA process of 'P'\nfailed.\n\nEvent[1]:\n  Log Name: System\n";
    check(text, "wevtutil text", AT, false, WAS, 5011, "A process of 'P'\r\nfailed.");
    let text = "Log Name:      System\nSource:        Microsoft-Windows-WAS\nDate:          3/10/2026 12:26:38 PM\nEvent ID:      5013\nTask Category: None\nDescription:\nA process\n";
    check(text, "Event Viewer text", AT, false, WAS, 5013, "A process");
}

#[test]
fn xml_whole_and_pasted() {
    let event = "<Event xmlns='http://schemas.microsoft.com/win/2004/08/events/event'><System><Provider Name='Microsoft-Windows-WAS' Guid='{5}' EventSourceName='WAS'/><EventID Qualifiers='32768'>5011</EventID><Level>3</Level><TimeCreated SystemTime='2026-03-10T12:26:38.0000000Z'/><Computer>W</Computer></System><EventData><Data Name='AppPoolID'>Shop</Data></EventData></Event>";
    check(event, "XML", AT, true, WAS, 5011, "AppPoolID'>Shop<");
    check(
        &format!("<?xml version=\"1.0\"?>\n<Events>{event}</Events>"),
        "XML",
        AT,
        true,
        WAS,
        5011,
        "Shop",
    );
    let lines = event.replace("><", ">\n<").replace('\'', "\"");
    check(&lines, "XML", AT, true, WAS, 5011, "Shop");
    let pasted = "  <Provider Name=\"Microsoft-Windows-WAS\" EventSourceName=\"WAS\" /> \n  <EventID Qualifiers=\"32768\">5011</EventID> \n  <TimeCreated SystemTime=\"2026-03-10T12:26:38.000000000Z\" /> ";
    check(pasted, "XML", AT, true, WAS, 5011, "");
}

#[test]
fn powershell() {
    let json = "[\n    {\n        \"Message\":  \"A \\\"Id\\\": 7 of 'P'.\",\n        \"Id\":  5010,\n        \"ProviderName\":  \"Microsoft-Windows-WAS\",\n        \"TimeCreated\":  \"\\/Date(1773145598000)\\/\"\n    },\n    {\n        \"Id\":  1\n    }\n]";
    check(json, "JSON", AT, true, WAS, 5010, "of 'P'.");
    let line = "{\"TimeCreated\":\"2026-03-10T12:26:38Z\",\"ProviderName\":\"Microsoft-Windows-WAS\",\"Id\":5010,\"Message\":\"m\"}";
    check(line, "JSON", AT, true, WAS, 5010, "m");
    let csv = "#TYPE System.Diagnostics.Eventing.Reader.EventLogRecord\n\"Message\",\"Id\",\"Level\",\"ProviderName\",\"TimeCreated\"\n\"pool \"\"A\"\",\nnew line\",\"5059\",\"2\",\"Microsoft-Windows-WAS\",\"3/10/2026 12:26:38 PM\"\n";
    check(csv, "CSV", AT, false, WAS, 5059, "new line");
    let chosen = "\"TimeCreated\",\"ProviderName\",\"Id\",\"Message\"\n\"3/10/2026 12:26:38 PM\",\"Microsoft-Windows-WAS\",\"5002\",\"pool 'P' is disabled\"\n";
    check(chosen, "CSV", AT, false, WAS, 5002, "is disabled");
    let list = "TimeCreated  : 3/10/2026 12:26:38 PM\nProviderName : Microsoft-Windows-WAS\nId           : 5002\nMessage      : Application pool 'P'\n               is disabled\n\n";
    check(list, "Format-List", AT, false, WAS, 5002, "is disabled");
}

#[test]
fn viewer_csv() {
    let csv = "Level,Date and Time,Source,Event ID,Task Category\nError,10.03.2026 12:26:38,Microsoft-Windows-WAS,5011,None,\"A process\nof it\"\n";
    check(csv, "CSV", AT, false, WAS, 5011, "of it");
}

#[test]
fn other_lines_are_no_events() {
    for text in ["Message : x", "{\"level\":\"error\"}", "<html>", "a,b,c", "Source: x"] {
        let sample = Sample::of(vec![text.as_bytes()]);
        assert!(WindowsEventFormat.propose(&sample).is_none(), "{text}");
    }
}
