#!/usr/bin/env python3
"""Compare logscan503 with ripgrep on generated logs, and its verdicts with the truth.

usage: throughput.py BINARY LOGS [--pairs 7] [--max-rss MIB] [--max-ratio X]

LOGS is a directory that the example `generate_logs` wrote. The two programs run in turn, so that a change of the
machine's mood meets both; the first pair only warms the page cache and is not counted. ripgrep counts the 503s of
access.log; logscan503 reads access.log and error.log, classifies every entry and writes the whole report. Quoted are
medians of wall time and of user + system time, and the largest resident set of any run (of the child, as wait4
tells it). Exits 1 when a verdict differs from truth.json, or a limit is given and broken.
"""
import argparse
import collections
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

MARKS = {"combined": '" 503 ', "upstream": '" 503 ', "json": '"status":"503"'}


def measure(command, out):
    """Runs a command with its output in a file; returns wall seconds, CPU seconds, peak KiB."""
    began = time.perf_counter()
    process = subprocess.Popen(command, stdout=out, stdin=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        sys.exit(f"{' '.join(command)}: exit {process.returncode}")
    scale = 1024 if sys.platform == "darwin" else 1
    return wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss // scale


def quote(name, runs, n_bytes):
    wall, cpu = (statistics.median(run[at] for run in runs) for at in (0, 1))
    spread = f"{min(run[0] for run in runs):.3f}-{max(run[0] for run in runs):.3f}"
    peak = max(run[2] for run in runs) / 1024
    print(f"{name:12} wall {wall:.3f} s ({spread})  user+sys {cpu:.3f} s  peak {peak:.1f} MiB  {n_bytes / wall / 1e9:.2f} GB/s")
    return wall, peak


def compare(pairs, ours, theirs, n_ours, n_theirs):
    runs = {"logscan503": [], "ripgrep": []}
    with tempfile.TemporaryFile() as out:
        for nth in range(pairs + 1):
            for name, command in (("ripgrep", theirs), ("logscan503", ours)):
                out.seek(0)
                out.truncate()
                run = measure(command, out)
                if nth > 0:
                    runs[name].append(run)
                if name == "ripgrep":
                    out.seek(0)
                    counted = int(out.read().split()[0])
    print(f"{pairs} interleaved pairs, medians; {platform.machine()}, {os.cpu_count()} cores")
    rg, _ = quote("ripgrep", runs["ripgrep"], n_theirs)
    us, peak = quote("logscan503", runs["logscan503"], n_ours)
    print(f"ratio of medians, logscan503 / ripgrep: {us / rg:.2f}")
    return counted, us / rg, peak


def differences(name, truth, got):
    return [f"{name} {key}: truth {truth.get(key, 0)}, got {got.get(key, 0)}"
            for key in sorted({*truth, *got}, key=str) if truth.get(key, 0) != got.get(key, 0)]


def verdicts(binary, files, truth):
    """Entries by (origin, cause), row by row, and the totals of the document, against the truth."""
    rows = collections.Counter()
    process = subprocess.Popen([binary, "--format", "entries", *files], stdout=subprocess.PIPE)
    for line in process.stdout:
        row = json.loads(line)
        rows[row["origin"], row.get("cause")] += 1
    if process.wait() != 0:
        sys.exit(f"--format entries: exit {process.returncode}")
    wanted = {(entry["origin"], entry["cause"]): entry["count"] for entry in truth["entries"]}
    faults = differences("entries", wanted, rows)
    document = json.loads(subprocess.run([binary, "--format", "json", *files], stdout=subprocess.PIPE, check=True).stdout)
    totals = document["totals"]
    by_status = {status: totals["by_status"].get(status, 0) for status in ("502", "503", "504")}
    faults += differences("status", {status: truth["by_status"].get(status, 0) for status in by_status}, by_status)
    faults += differences("totals", {"requests": truth["lines"]}, {"requests": totals["requests"]})
    for (origin, cause), count in sorted(rows.items(), key=str):
        print(f"  {count:8} {origin} / {cause}")
    return faults


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("binary")
    parser.add_argument("logs")
    parser.add_argument("--pairs", type=int, default=7)
    parser.add_argument("--max-rss", type=float, help="fail above this peak, MiB")
    parser.add_argument("--max-ratio", type=float, help="fail above this ratio of wall times to ripgrep")
    flags = parser.parse_args()
    binary = os.path.abspath(flags.binary)
    files = [os.path.join(flags.logs, name) for name in ("access.log", "error.log")]
    sizes = [os.path.getsize(file) for file in files]
    with open(os.path.join(flags.logs, "truth.json"), encoding="utf-8") as file:
        truth = json.load(file)
    print(f"{truth['format']}: {sizes[0] / 2**20:.0f} + {sizes[1] / 2**20:.0f} MiB, {truth['lines']} requests, {truth['by_status']['503']} of them 503")
    faults = []
    if shutil.which("rg"):
        ours = [binary, "--format", "json", *files]
        # One count, no configuration of the user's: only the search is measured.
        theirs = ["rg", "--no-config", "-c", MARKS[truth["format"]], files[0]]
        counted, ratio, peak = compare(flags.pairs, ours, theirs, sum(sizes), sizes[0])
        faults += differences("ripgrep", {"503": truth["by_status"]["503"]}, {"503": counted})
        if flags.max_rss and peak > flags.max_rss:
            faults.append(f"peak {peak:.1f} MiB, limit {flags.max_rss}")
        if flags.max_ratio and ratio > flags.max_ratio:
            faults.append(f"ratio {ratio:.2f}, limit {flags.max_ratio}")
    else:
        print("skipped: ripgrep (rg) is not installed, so no times are compared")
    faults += verdicts(binary, files, truth)
    print("\n".join(faults) if faults else "verdicts equal the truth")
    sys.exit(1 if faults else 0)


main()
