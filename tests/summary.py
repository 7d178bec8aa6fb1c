#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""summary.py BUILD ... : counts the cases of each build folder's last `meson test`.

Cases come from meson's testlog.junit.xml (GoogleTest and TAP tests are many cases each), verdicts
of whole programs from testlog.json: a program that crashed, ran out of time or failed without
naming a case is one failed case. Prints what failed with its output, then `N passed, N failed`.
"""
import json
import pathlib
import sys
import xml.etree.ElementTree as xml


def short(name):
    return name.split(" / ")[-1]  # meson writes "project:suite / name" or only the name


def programs(build):
    """name -> the record meson kept of it."""
    log = build / "meson-logs" / "testlog.json"
    if not log.exists():
        return {}
    records = [json.loads(line) for line in log.read_text().splitlines()]
    return {short(r["name"]): r for r in records}


def suites(build):
    log = build / "meson-logs" / "testlog.junit.xml"
    return xml.parse(log).getroot().iter("testsuite") if log.exists() else []


def state_of(case):
    if case.find("failure") is not None or case.find("error") is not None:
        return "failed"
    return "skipped" if case.find("skipped") is not None else "passed"


def cases(build, names):
    """(program, case, state) of each case. A suite is named "project.program.group"; one named by
    the project alone holds programs that are one case each."""
    for suite in suites(build):
        program = short(suite.get("name").partition(".")[2]).partition(".")[0]
        for case in suite.findall("testcase"):
            if case.get("status") == "notrun":
                continue
            if program not in names:
                yield short(case.get("name")), "", state_of(case)
                continue
            group = short(case.get("classname", ""))
            is_group = group and "." not in group and group != program  # TAP has none
            yield program, f"{group}.{case.get('name')}" if is_group else case.get("name"), state_of(case)


def summarize(build):
    """Counts by state, and the failed cases by program."""
    names = programs(build)
    counts = {"passed": 0, "failed": 0, "skipped": 0}
    failed, skipped = {}, []
    for program, case, state in cases(build, names):
        counts[state] += 1
        if state == "failed":
            failed.setdefault(program, []).append(case)
        elif state == "skipped":
            skipped.append(f"{program} {case}".strip())
    for name, record in names.items():
        if record["result"] in ("FAIL", "ERROR", "TIMEOUT", "INTERRUPT") and name not in failed:
            counts["failed"] += 1
            failed[name] = [f"the program ended with {record['result']}, status {record['returncode']}"]
    return counts, failed, skipped


def report(build, failed, skipped):
    records = programs(build)
    for name, which in failed.items():
        record = records.get(name, {})
        print(f"\n--- failed: {name} ({build})")
        print((record.get("stdout", "") + record.get("stderr", ""))[-12000:].rstrip())
    for name, which in failed.items():
        for case in which:
            print(f"failed: {name} {case}".rstrip())
    for case in skipped:
        print(f"skipped: {case}")


def main():
    total = {"passed": 0, "failed": 0, "skipped": 0}
    for build in map(pathlib.Path, sys.argv[1:]):
        counts, failed, skipped = summarize(build)
        report(build, failed, skipped)
        for state, n in counts.items():
            total[state] += n
    line = f"{total['passed']} passed, {total['failed']} failed"
    print(line + (f", {total['skipped']} skipped" if total["skipped"] else ""))
    return total["failed"] > 0 or total["passed"] == 0


if __name__ == "__main__":
    sys.exit(main())
