# SPDX-License-Identifier: LGPL-2.1-or-later
"""Runs a file's unittest cases and reports them as TAP, so that meson counts each one."""
import sys
import unittest


def text_of(problem):
    return "".join(f"#   {line}\n" for line in str(problem).splitlines())


class TapResult(unittest.TestResult):
    count = 0

    def line(self, test, ok, more=""):
        self.count += 1
        name = test.id().split(".", 1)[-1]
        print(f"{'ok' if ok else 'not ok'} {self.count} {name}{more}", flush=True)

    def addSuccess(self, test):
        self.line(test, True)

    def addSkip(self, test, reason):
        self.line(test, True, f" # SKIP {reason}")

    def addSubTest(self, test, subtest, err):
        super().addSubTest(test, subtest, err)
        if err is not None:
            self.line(subtest, False)
            text = (self.failures + self.errors)[-1][1]
            print(text_of(text), end="", flush=True)

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self.line(test, False)
        print(text_of(self.failures[-1][1]), end="", flush=True)

    def addError(self, test, err):
        super().addError(test, err)
        self.line(test, False)
        print(text_of(self.errors[-1][1]), end="", flush=True)


def main():
    suite = unittest.defaultTestLoader.loadTestsFromModule(sys.modules["__main__"])
    result = TapResult()
    suite.run(result)
    print(f"1..{result.count}", flush=True)
