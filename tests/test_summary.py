#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""How tests/run counts: from the records meson leaves of a test run."""
import json
import pathlib
import subprocess
import sys
import tempfile
import unittest

import tap

SUMMARY = pathlib.Path(__file__).with_name("summary.py")
PASSED = '<testcase name="a" status="run" classname="Flow"/>'
FAILED = '<testcase name="b" status="run" classname="Flow"><failure message=""/></testcase>'
SKIPPED = '<testcase name="c" status="run" classname="Flow"><skipped message=""/></testcase>'
DISABLED = '<testcase name="d" status="notrun" classname="Flow"/>'


def summary(result, *cases, output=""):
    """What is printed, and the exit status, for one program with these cases."""
    record = {"name": "gi:unit+flow / flow", "result": result, "returncode": 0 if result == "OK" else 1,
              "stdout": output, "stderr": ""}
    suite = f'<testsuite name="gi.gi:unit+flow / flow.Flow">{"".join(cases)}</testsuite>' if cases else ""
    with tempfile.TemporaryDirectory() as build:
        logs = pathlib.Path(build) / "meson-logs"
        logs.mkdir()
        (logs / "testlog.json").write_text(json.dumps(record) + "\n")
        (logs / "testlog.junit.xml").write_text(f"<testsuites>{suite}</testsuites>")
        run = subprocess.run([sys.executable, SUMMARY, build], capture_output=True, text=True)
    return run.stdout, run.returncode


class Summary(unittest.TestCase):
    def test_the_last_line_counts_cases(self):
        for result, cases, line, status in [
                ("OK", [PASSED, PASSED], "2 passed, 0 failed", 0),
                ("OK", [PASSED, SKIPPED], "1 passed, 0 failed, 1 skipped", 0),
                ("OK", [PASSED, DISABLED], "1 passed, 0 failed", 0),
                ("FAIL", [PASSED, FAILED], "1 passed, 1 failed", 1)]:
            with self.subTest(line=line):
                text, code = summary(result, *cases)
                self.assertEqual((text.splitlines()[-1], code), (line, status))

    def test_a_program_that_fails_without_naming_a_case_is_a_failed_case(self):
        for result, cases in [("TIMEOUT", []), ("ERROR", []), ("FAIL", [PASSED])]:
            with self.subTest(result=result):
                text, code = summary(result, *cases)
                self.assertIn("1 failed", text.splitlines()[-1])
                self.assertIn(result, text)
                self.assertEqual(code, 1)

    def test_what_failed_is_named_and_shown(self):
        text, _ = summary("FAIL", FAILED, output="Expected equality of these values")
        self.assertIn("failed: flow Flow.b", text)
        self.assertIn("Expected equality", text)

    def test_nothing_run_is_no_success(self):
        with tempfile.TemporaryDirectory() as build:
            run = subprocess.run([sys.executable, SUMMARY, build], capture_output=True, text=True)
        self.assertEqual((run.stdout, run.returncode), ("0 passed, 0 failed\n", 1))


if __name__ == "__main__":
    tap.main()
