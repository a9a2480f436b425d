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

/// The reader of a sample, and how many of its lines start an event.
fn reader_of(text: &str) -> (WindowsEvents, usize) {
    let lines: Vec<&[u8]> = text.lines().map(str::as_bytes).collect();
    let shape = Shape::of(&lines).expect("known");
    let is_day_first = shape.is_day_first(&lines);
    let reader = WindowsEvents::new(shape, is_day_first);
    let n_events = lines.iter().filter(|line| reader.parse(line).is_ok()).count();
    (reader, n_events)
}

#[test]
fn a_list_begins_with_any_key() {
    let keys = [
        ("TimeCreated", "3/10/2026 12:26:38 PM"),
        ("ProviderName", WAS),
        ("Id", "5002"),
        ("MachineName", "WEB01"),
        ("Message", "Application pool 'P'\n               is disabled"),
    ];
    for first in 0..keys.len() {
        let row = |index: usize| {
            let (key, value) = keys[(first + index) % keys.len()];
            format!("{key:<13}: {value}\n")
        };
        let block: String = (0..keys.len()).map(row).collect();
        let text = format!("{block}\n\n{block}");
        check(&text, "Format-List", AT, false, WAS, 5002, "is disabled");
        let (reader, n_events) = reader_of(&text);
        assert_eq!(n_events, 2, "{text}");
        let is_left = |line: &&str| {
            let line = line.as_bytes();
            !line.is_empty() && reader.parse(line).is_err() && !reader.continues(line)
        };
        assert_eq!(text.lines().find(is_left), None);
    }
}

#[test]
fn classic_logs_of_powershell() {
    let list = "Index              : 41000\nEntryType          : Error\nInstanceId         : 2147488707\nMessage            : Application pool P has been disabled.\nSource             : WAS\nTimeGenerated      : 3/10/2026 12:26:38 PM\nTimeWritten        : 3/10/2026 12:26:39 PM\n";
    check(&format!("{list}\n{list}"), "Format-List", AT, false, "WAS", 5059, "pool P has");
    let csv = "\"EventID\",\"MachineName\",\"Index\",\"EntryType\",\"Message\",\"Source\",\"InstanceId\",\"TimeGenerated\"\n\"5059\",\"WEB01\",\"1\",\"Error\",\"pool P\nhas\",\"WAS\",\"2147488707\",\"3/10/2026 12:26:38 PM\"\n";
    check(csv, "CSV", AT, false, "WAS", 5059, "pool P");
    let (reader, _) = reader_of(csv);
    let row = csv.split_once('\n').expect("two lines").1;
    assert_eq!(reader.machine(row.as_bytes()), machine_key(Machine::Computer(b"WEB01")));
}

#[test]
fn json_of_shippers() {
    let winlogbeat = r#"{"@timestamp":"2026-03-10T12:26:38.000Z","event":{"code":"5059","provider":"Microsoft-Windows-WAS"},"host":{"name":"other"},"log":{"level":"fehler"},"message":"Der Anwendungspool P wurde deaktiviert.","winlog":{"channel":"System","computer_name":"WEB01","event_data":{"AppPoolID":"P"},"event_id":5059,"provider_name":"Microsoft-Windows-WAS"}}"#;
    let ecs = r#"{"@timestamp":"2026-03-10T12:26:38.000Z","event":{"code":"5059","provider":"Microsoft-Windows-WAS"},"host":{"name":"WEB01"},"message":"Der Anwendungspool P wurde deaktiviert."}"#;
    let nxlog = r#"{"EventTime": "2026-03-10T12:26:38.000000+00:00", "Hostname": "WEB01", "EventID": 5059, "SourceName": "Microsoft-Windows-WAS", "ProcessID": 0, "Message": "Der Anwendungspool P wurde deaktiviert.", "AppPoolID": "P"}"#;
    for (text, data) in
        [(winlogbeat, r#"{"AppPoolID":"P"}"#), (ecs, ""), (nxlog, r#"AppPoolID": "P""#)]
    {
        check(text, "JSON", AT, true, WAS, 5059, "Anwendungspool P");
        let (reader, n_events) = reader_of(&format!("{text}\n{text}"));
        assert_eq!(n_events, 2);
        assert_eq!(reader.machine(text.as_bytes()), machine_key(Machine::Computer(b"WEB01")));
        let Ok(Record::Error(record)) = reader.parse(text.as_bytes()) else { panic!("refused") };
        assert_eq!(record.event.map(|event| event.data), Some(data.as_bytes()));
    }
    let local = nxlog.replace("T12:26:38.000000+00:00", " 12:26:38");
    check(&local, "JSON", AT, false, WAS, 5059, "Anwendungspool P");
}

#[test]
fn exports_in_other_languages() {
    let german = "Ebene,Datum und Uhrzeit,Quelle,Ereignis-ID,Aufgabenkategorie\nFehler,10.03.2026 12:26:38,Microsoft-Windows-WAS,5059,Keine,\"Der Pool P\nwurde\"\n";
    check(german, "CSV", AT, false, WAS, 5059, "wurde");
    // Their dates have the day first.
    let french = "Niveau,Date et heure,Source,ID de l\u{2019}\u{e9}v\u{e9}nement,Cat\u{e9}gorie\nErreur,10/03/2026 12:26:38,Microsoft-Windows-WAS,5059,Aucun,\"Le pool\"\n";
    check(french, "CSV", AT, false, WAS, 5059, "Le pool");
    let spanish = "Nivel;Fecha y hora;Origen;Id. del evento;Categor\u{ed}a de la tarea\nError;10/03/2026 12:26:38;Microsoft-Windows-WAS;5059;Ninguno;El grupo\n";
    check(spanish, "CSV", AT, false, WAS, 5059, "El grupo");
    let chosen = "\"TimeCreated\";\"Id\";\"ProviderName\";\"Message\"\n\"10.03.2026 12:26:38\";\"5059\";\"Microsoft-Windows-WAS\";\"Der Pool\"\n";
    check(chosen, "CSV", AT, false, WAS, 5059, "Der Pool");
    let copied = "Protokollname: System\nQuelle:        Microsoft-Windows-WAS\nDatum:         10.03.2026 12:26:38\nEreignis-ID:   5059\nAufgabenkategorie:Keine\nEbene:         Fehler\nSchl\u{fc}sselw\u{f6}rter:Klassisch\nBenutzer:      Nicht zutreffend\nComputer:      WEB01\nBeschreibung:\nDer Pool P\n";
    let text = format!("{copied}\n{copied}");
    check(&text, "Event Viewer text", AT, false, WAS, 5059, "Der Pool P");
    let (reader, n_events) = reader_of(&text);
    assert_eq!(n_events, 2);
    assert_eq!(reader.machine(copied.as_bytes()), machine_key(Machine::Computer(b"WEB01")));
    // One date of a file tells how the others are written.
    let british = "Level,Date and Time,Source,Event ID,Task Category\nError,10/03/2026 12:26:38,Microsoft-Windows-WAS,5011,None,x\nError,13/03/2026 12:26:38,Microsoft-Windows-WAS,5011,None,x\n";
    check(british, "CSV", AT, false, WAS, 5011, "x");
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
