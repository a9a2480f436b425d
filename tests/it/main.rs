//! Integration tests: one program, so that they link once.

// What the source tree must look like: floors, module comments, file sizes.
mod tidy;
// Hostile inputs: what is counted, and how the program exits.
mod robustness;
// The verdicts against labelled logs of real servers; skipped where the corpus is absent.
mod accuracy;
// Layouts of Apache's access log that operators write.
mod apache_layouts;
// Logs of AWS services: delivered late, unordered and twice.
mod aws;
// The same logs handed over otherwise: out of order, in pieces, under other names; skipped where the corpus is absent.
mod invariance;
// Personal data is in no output.
mod redact;
// The same logs with something taken away, or with clocks that are off; skipped where the corpus is absent.
mod removal;
// Requests that follow each other at once.
mod repeats;
// What a user types, and what comes back.
mod cli;
// Columns and layouts that look like others.
mod columns;
// Same bytes in, same bytes out, however they are given.
mod determinism;
// Verdicts in situations where a hasty answer would be wrong.
mod origins;
// What the README promises: its commands, and what its example finds.
mod readme;
// Logs of proxies, CDNs and cloud load balancers against their labels; skipped where the corpus is absent.
mod edge;
// IIS logs of the corpus, line by line; skipped where the corpus is absent.
mod iis;
// Shapes in which rows of IIS reach the program: put together, without a header, in JSON.
mod iis_shapes;
// Any split of the inputs over any runs merges to one document.
mod partial;
// Logs of HAProxy and Varnish, and what a lab provoked; in part skipped where the corpus is absent.
mod proxies;
// lighttpd, whose error lines name no request.
mod journals;
mod lighttpd;
// Logs beside each other: what others do not take away, and which of them is in front.
mod neighbours;
// Logs that begin while all is well.
mod calm;
// Servers behind each other, with faults at several of them at once.
mod chains;
// What each line is understood as.
mod parse;
// Lines as people paste them: quoted, cut, alone.
mod pasted;
// What other projects state of public logs; skipped where the corpus is absent.
mod public;
// What stands around lines: syslog, containers, journals, tools.
mod wrappers;
// Every quoted line stands where the document says.
mod evidence;
// Outputs for other programs, held against their rules.
mod exports;
// The schema of the timeline document; what a change may do to it.
mod schema;
// What the timeline tells: onset, spread, relapse, recovery, recurrence.
mod story;
// Logs of load balancers and CDNs as consoles, queries and shippers export them.
mod shapes;
// Several formats in one stream: by source, by turns, and late.
mod streams;
// No tests: a private directory, the program, and what it said.
mod support;
