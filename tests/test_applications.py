#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The applications of pipelines/apps do what they say, on clips made here and the project's own model."""
import os
import pathlib
import subprocess
import tempfile
import unittest

import media
import tap

APPS = pathlib.Path(os.environ["GI_SOURCE_ROOT"]) / "pipelines/apps"
LIBRARY = next((pathlib.Path(os.environ["GI_BUILD_ROOT"]) / "gst/meta/introspection").glob("*.typelib"), None)


class Talk:
    """A program that is told lines and answers with lines."""

    def __init__(self, *words):
        self.process = subprocess.Popen(list(map(str, words)), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.STDOUT, text=True)

    def tell(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def wait_for(self, beginning):
        """The first line from here on that begins so; the test's own time limit is the only one."""
        seen = []
        for line in self.process.stdout:
            if line.startswith(beginning):
                return line
            seen.append(line)
        raise AssertionError(f"no line begins with '{beginning}' in:\n{''.join(seen)}")

    def end(self):
        self.process.stdin.close()
        rest = self.process.stdout.read()
        self.process.stdout.close()
        return self.process.wait(timeout=60), rest


@unittest.skipUnless(LIBRARY, "built without introspection")
class Cameras(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.clip = "file://" + media.make_clip(f"{folder.name}/clip.avi", 5)
        self.talk = Talk("/usr/bin/python3", APPS / "cameras.py")
        self.addCleanup(self.talk.process.kill)

    def test_they_come_end_and_go_while_others_stay(self):
        for name in "ab":
            self.talk.tell(f"add {name} {self.clip}")
            self.talk.wait_for(f"added {name}")
            self.talk.wait_for(f"ended {name}")
        self.talk.tell("remove a")
        self.talk.wait_for("removed a")
        self.talk.tell(f"add a {self.clip}")
        self.talk.wait_for("added a")
        self.talk.wait_for("ended a")
        self.assertEqual(self.talk.end(), (0, ""))

    def test_one_that_fails_takes_no_other_along(self):
        self.talk.tell("add gone file:///no/such/clip.avi")
        self.assertIn("not", self.talk.wait_for("failed gone"))
        self.talk.tell(f"add there {self.clip}")
        self.talk.wait_for("ended there")
        self.assertEqual(self.talk.end()[0], 0)

    def test_words_it_does_not_know_are_told_what_it_knows(self):
        self.talk.tell("remove nobody")
        self.assertIn("add NAME URI", self.talk.wait_for("cameras.py: not understood: remove nobody"))
        self.assertEqual(self.talk.end()[0], 0)


if __name__ == "__main__":
    tap.main()
