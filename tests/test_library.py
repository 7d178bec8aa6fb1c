#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The metadata library as programs use it: from C over what is installed, from Python by introspection."""
import json
import os
import pathlib
import re
import subprocess
import tempfile
import unittest

import tap

ROOT = pathlib.Path(os.environ["GI_SOURCE_ROOT"])
BUILD = pathlib.Path(os.environ["GI_BUILD_ROOT"])
MODEL = ROOT / "tests/data/brightness.onnx"
LINE = {"source": "cam", "frame": 0, "pts": 0, "width": 320, "height": 240,
        "objects": [{"label": "person", "label_id": 0, "confidence": 0.75, "id": 7,
                     "box": {"x": 12.5, "y": 40.0, "width": 60.0, "height": 121.0},
                     "attributes": [{"name": "color", "label": "white", "confidence": 0.5}],
                     "keypoints": [{"x": 20.0, "y": 44.5, "confidence": 0.25}], "zones": ["door"],
                     "embedding": [0.25, -1.5]}]}
VIDEO = ("videotestsrc num-buffers=1 pattern=white ! video/x-raw,format=RGB,width=320,height=240,framerate=25/1 ! "
         "inferenceattach location={lines} ! gstinference name=gi decoder=none model={model} ! fakesink name=last")


def have_introspection():
    return any((BUILD / "gst/meta/introspection").glob("*.typelib"))


class Library(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        lines = self.folder / "lines.jsonl"
        lines.write_text(json.dumps(LINE) + "\n")
        self.line = VIDEO.format(lines=lines, model=MODEL)

    def run_it(self, *words, **env):
        done = subprocess.run(list(map(str, words)), capture_output=True, text=True, timeout=120,
                              env={**os.environ, **env})
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return done.stdout

    def install(self):
        """Installs below a folder of ours, and gives the flags of its pkg-config file."""
        self.run_it("meson", "install", "-C", BUILD, "--no-rebuild", "--quiet", "--tags", "devel,runtime",
                    "--destdir", self.folder)
        file, = self.folder.rglob("gstinference-1.0.pc")
        text = file.read_text()
        prefix, = re.findall("^prefix=(.*)$", text, re.M)
        file.write_text(re.sub("^prefix=.*$", f"prefix={self.folder}{prefix}", text, flags=re.M))
        flags = self.run_it("pkg-config", "--cflags", "--libs", "gstinference-1.0", PKG_CONFIG_PATH=str(file.parent))
        library, = self.folder.rglob("libgstinferencemeta-1.0.so")
        return flags.split(), str(library.parent)

    def test_a_c_program_reads_everything_with_what_is_installed(self):
        flags, libraries = self.install()
        program = self.folder / "read_metadata"
        self.run_it("cc", "-Wall", "-Werror", "-o", program, ROOT / "tests/read_metadata.c", *flags)
        said = self.run_it(program, self.line, LD_LIBRARY_PATH=libraries).splitlines()
        self.assertEqual(said[:4], ["object person 0 0.75 12.5,40.0 60.0x121.0 track 7", "attribute color white 0.50",
                                    "keypoint 20.0,44.5 0.25", "zone door"])
        self.assertRegex(said[4], r"^tensor \w+ f32 \d dims \d+ bytes$")
        self.assertEqual(said[-1], "frame gi.sink_0 0 inferred")

    @unittest.skipUnless(have_introspection(), "built without introspection")
    def test_python_reads_the_same_and_views_tensors_without_a_copy(self):
        said = json.loads(self.run_it("/usr/bin/python3", ROOT / "tests/read_metadata.py", self.line))
        self.assertEqual(said["objects"], LINE["objects"])
        self.assertEqual(said["frame"], ["gi.sink_0", 0, "inferred"])
        self.assertTrue(said["tensors"])
        for tensor in said["tensors"]:
            self.assertTrue(tensor["same_address"] and not tensor["owns"] and tensor["outlives_its_buffer"], tensor)


if __name__ == "__main__":
    tap.main()
