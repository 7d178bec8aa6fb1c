#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The layer check itself: this tree passes, and made-up trees with one wrong include each do not."""
import os
import pathlib
import sys
import tempfile
import unittest

import tap

ROOT = pathlib.Path(os.environ["GI_SOURCE_ROOT"])
sys.path.insert(0, str(ROOT / "tools"))
import check_layers  # noqa: E402

LICENCE = f"// {check_layers.LICENCE}\n"

REFUSED = [
    ("inference/batcher.cpp", "<gst/gst.h>"),
    ("inference/batcher.cpp", "<tbb/task_group.h>"),
    ("inference/batcher.cpp", "<google/protobuf/message_lite.h>"),
    ("inference/batcher.cpp", "<immintrin.h>"),
    ("inference/batcher.cpp", '"batcher.h"'),
    ("inference/batcher.cpp", '"devices/cpu/lane.h"'),
    ("inference/formats/onnx.cpp", "<oneapi/dnnl/dnnl.hpp>"),
    ("devices/cpu/cpu.cpp", '"devices/gpu/program.h"'),
    ("devices/multi/multi.cpp", '"devices/cpu/cpu.h"'),
    ("devices/multi/multi.cpp", "<tbb/task_arena.h>"),
    ("devices/gpu/gpu.cpp", "<gst/gst.h>"),
    ("gst/gstinference.cpp", "<tbb/task_arena.h>"),
    ("gst/gstinference.cpp", "<cairo.h>"),
    ("gst/gstinference.cpp", '"devices/cpu/lane.h"'),
    ("tools/benchmark.cpp", "<gst/gst.h>"),
    ("tools/benchmark.cpp", '"gst/gstinference.h"'),
    ("pipelines/demo.cpp", '"inference/session.h"'),
    ("tests/test_x.cpp", "<boost/asio.hpp>"),
]
ALLOWED = [
    ("inference/batcher.cpp", "<vector>"),
    ("inference/batcher.cpp", "<sys/mman.h>"),
    ("inference/batcher.cpp", '"inference/device.h"'),
    ("inference/formats/onnx.cpp", "<google/protobuf/message_lite.h>"),
    ("inference/formats/onnx.cpp", '"onnx.pb.h"'),
    ("inference/preprocess.cpp", "<hwy/highway.h>"),
    ("devices/cpu/cpu.cpp", "<oneapi/dnnl/dnnl.hpp>"),
    ("devices/cpu/cpu.cpp", '"devices/cpu/lane.h"'),
    ("gst/gstinference.cpp", "<gst/video/video.h>"),
    ("gst/inferenceoverlay.cpp", "<cairo.h>"),
    ("tools/play.cpp", '"gst/media/player.h"'),
    ("tests/test_x.cpp", '"devices/cpu/lane.h"'),
]


def complaints(name, text):
    with tempfile.TemporaryDirectory() as folder:
        file = pathlib.Path(folder) / name
        file.parent.mkdir(parents=True)
        file.write_text(text)
        return check_layers.check(pathlib.Path(folder))


class Layers(unittest.TestCase):
    def test_this_tree_keeps_its_layers(self):
        self.assertEqual(check_layers.check(ROOT), [])

    def test_a_wrong_include_is_named_with_its_line(self):
        for name, header in REFUSED:
            with self.subTest(name=name, header=header):
                found = complaints(name, LICENCE + f"#include {header}\n")
                self.assertEqual(len(found), 1)
                self.assertIn(f"{name}:2: ", found[0])

    def test_what_a_folder_may_know_passes(self):
        for name, header in ALLOWED:
            with self.subTest(name=name, header=header):
                self.assertEqual(complaints(name, LICENCE + f"#include {header}\n"), [])

    def test_a_file_without_its_licence_line_is_named(self):
        for name in ("inference/x.cpp", "pipelines/x.py", "tools/x"):
            with self.subTest(name=name):
                found = complaints(name, "#!/bin/sh\necho\n")
                self.assertIn(f"{name}:1: ", " ".join(found))


if __name__ == "__main__":
    tap.main()
