#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""README and docs say what is: links lead somewhere, properties exist, applications run as shown."""
import os
import pathlib
import re
import subprocess
import tempfile
import unittest

import media
import tap

ROOT = pathlib.Path(os.environ["GI_SOURCE_ROOT"])
MODEL = str(ROOT / "pipelines/models/person-detector.onnx")
PYTHON = "/usr/bin/python3"


def documents():
    return [*ROOT.glob("*.md"), *sorted((ROOT / "docs").rglob("*.md"))]


def run(*words):
    return subprocess.run(list(map(str, words)), capture_output=True, text=True, timeout=60,
                          stdin=subprocess.DEVNULL)


class Readme(unittest.TestCase):
    def test_links_lead_to_files(self):
        for document in documents():
            for target in re.findall(r"\]\(([^)#:]+)\)", document.read_text()):
                with self.subTest(document=document.name, target=target):
                    self.assertTrue((document.parent / target).exists())

    def test_the_index_of_docs_names_every_page(self):
        index = (ROOT / "docs/README.md").read_text()
        for page in (ROOT / "docs").glob("*.md"):
            if page.name != "README.md":
                self.assertIn(f"]({page.name})", index)

    def test_its_properties_are_those_of_the_element(self):
        inspected = run("gst-inspect-1.0", "gstinference").stdout
        real = set(re.findall(r"^  ([a-z][a-z-]+)\s*: ", inspected, re.M)) - {"name", "parent"}
        table = (ROOT / "README.md").read_text().split("## Properties")[1].split("\n## ")[0]
        documented = set()
        for row in re.findall(r"^\| (`[^|]+) \|", table, re.M):
            documented |= set(re.findall(r"`([a-z-]+)`", row))
        self.assertEqual(documented, real)

    def test_the_application_builds_as_it_says(self):
        text = (ROOT / "README.md").read_text()
        command, = re.findall(r"^g\+\+ .*$", text, re.M)
        with tempfile.TemporaryDirectory() as folder:
            command = command.replace("pipelines/", f"{ROOT}/pipelines/")
            built = media.launch(command, cwd=folder)
            self.assertEqual(built.returncode, 0, built.stderr)
            self.assertTrue((pathlib.Path(folder) / "watch").exists())

    def test_the_applications_are_short(self):
        for file in (ROOT / "pipelines/apps").glob("watch.*"):
            self.assertLess(len(file.read_text().splitlines()), 40, file)


class Applications(unittest.TestCase):
    """The C++ and the Python application do the same and say the same."""
    programs = {"C++": [os.environ["GI_WATCH"]], "Python": [PYTHON, ROOT / "pipelines/apps/watch.py"]}

    def clip(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        return media.make_clip(f"{folder.name}/clip.avi", 5)

    def test_they_run_to_the_end(self):
        clip = self.clip()
        said = set()
        for language, program in self.programs.items():
            with self.subTest(language=language):
                result = run(*program, clip, MODEL)
                self.assertEqual(result.returncode, 0, result.stderr)
                said.add(result.stdout)
        self.assertEqual(len(said), 1)

    def test_they_say_what_is_wrong(self):
        for language, program in self.programs.items():
            with self.subTest(language=language):
                self.assertNotEqual(run(*program).returncode, 0)
                result = run(*program, self.clip(), "nothing.onnx")
                self.assertEqual(result.returncode, 1)
                self.assertIn("nothing.onnx", result.stderr)


if __name__ == "__main__":
    tap.main()
