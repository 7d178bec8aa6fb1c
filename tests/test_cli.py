#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""gst-inference as a user calls it: what it prints, what it writes, how it refuses."""
import json
import os
import pathlib
import subprocess
import tempfile
import unittest

import numpy

import onnx_writer
import tap

TOOL = os.environ["GI_TOOL"]
DETECTOR = str(pathlib.Path(os.environ["GI_SOURCE_ROOT"]) / "pipelines/models/person-detector.onnx")


def call(*words):
    return subprocess.run([TOOL, *map(str, words)], capture_output=True, text=True, timeout=100)


class Case(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def done(self, *words):
        result = call(*words)
        self.assertEqual(result.returncode, 0, result.stderr)
        return result.stdout

    def refused(self, words, *parts):
        """Exit status 2, nothing on stdout, one clear message with all of `parts`."""
        result = call(*words)
        self.assertEqual(result.returncode, 2, result.stdout + result.stderr)
        self.assertEqual(result.stdout, "")
        for part in parts:
            self.assertIn(part, result.stderr)

    def file(self, name, content):
        path = self.folder / name
        path.write_bytes(content)
        return str(path)

    def model(self, name="model.onnx", op="Relu", **graph):
        return self.file(name, onnx_writer.model([onnx_writer.node(op, ["x"], ["y/0"])], **graph))


class Usage(Case):
    def test_without_a_command_it_says_how_it_is_used(self):
        self.refused([], "no command is given", "usage: gst-inference COMMAND", "benchmark")

    def test_an_unknown_command_is_named(self):
        self.refused(["bench"], "'bench'", "usage: gst-inference")

    def test_help_is_there_for_all_commands(self):
        self.assertIn("benchmark", self.done("--help"))
        for command in ("info", "run", "benchmark"):
            self.assertIn(f"usage: gst-inference {command} MODEL", self.done(command, "--help"))

    def test_an_unknown_option_is_named_with_those_there_are(self):
        self.refused(["benchmark", DETECTOR, "--secnods", "1"], "--secnods", "--seconds")

    def test_values_out_of_range_are_refused(self):
        for words in (["--seconds", "0"], ["--batch", "-1"], ["--hint", "fast"], ["--precision", "f8"],
                      ["--shape", "x=a,b"], ["--rate", "many"], ["--streams"]):
            with self.subTest(words=words):
                self.refused(["benchmark", DETECTOR, *words], words[0])


class BadModels(Case):
    def test_a_file_that_is_no_model_is_named(self):
        whole = pathlib.Path(DETECTOR).read_bytes()
        files = [str(self.folder / "missing.onnx"), self.file("empty.onnx", b""), str(self.folder),
                 self.file("text.onnx", b"this is no model\n" * 9), self.file("model.txt", whole[:1]),
                 self.file("truncated.onnx", whole[:len(whole) // 2])]
        for file in files:
            for command in ("info", "benchmark"):
                with self.subTest(file=file, command=command):
                    self.refused([command, file], file)

    def test_all_unsupported_operators_are_named_at_once(self):
        nodes = [onnx_writer.node("Frobnicate", ["x"], ["a"], "first"),
                 onnx_writer.node("Transmogrify", ["a"], ["y/0"], "second")]
        self.refused(["info", self.file("odd.onnx", onnx_writer.model(nodes))], "odd.onnx",
                     "Frobnicate", "first", "Transmogrify", "second")


class Info(Case):
    def test_a_model_is_described(self):
        text = self.done("info", DETECTOR)
        for word in ("input", "output", "operators", "Conv x", "parameters", "GFLOP", "decoder", "threshold",
                     "labels", "person"):
            self.assertIn(word, text)

    def line(self, text, word):
        return next(l for l in text.splitlines() if l.startswith(word))

    def test_open_dimensions_are_shown_with_what_they_are_here(self):
        text = self.done("info", self.model(shape=("n", 3, "h", "w")))
        self.assertIn("x  ?x3x?x?  f32  (here 1x3x480x640)", self.line(text, "input"))
        self.assertIn("input-size=source", self.line(text, "size"))
        self.assertIn("1x3x480x640", self.line(text, "output"))
        text = self.done("info", self.model(shape=("n", 3, "h", "w")), "--shape", "x=1,3,64,96")
        self.assertIn("x  1x3x64x96", self.line(text, "input"))
        self.assertNotIn("\nsize", text)

    def test_a_size_that_cannot_be_shown_is_no_fault_of_the_models(self):
        plane = numpy.zeros((1, 3, 64, 96), numpy.float32)
        model = self.file("plane.onnx", onnx_writer.model(
            [onnx_writer.node("Add", ["x", "plane"], ["y/0"])], shape=("n", 3, "h", "w"), constants={"plane": plane}))
        self.refused(["info", model], "input 'x' is 1x3x?x?", "--shape", "cannot run at 640x480 (", "1x3x64x96")
        self.assertIn("1x3x64x96", self.line(self.done("info", model, "--shape", "1,3,64,96"), "output"))

    def test_it_says_whether_frames_can_be_batched_and_why_not(self):
        self.assertIn("yes", self.line(self.done("info", DETECTOR), "batch"))
        found = self.line(self.done("info", self.model(shape=(4, 3, 8, 8))), "batch")
        for part in ("no, because", "input 'x'", "its first dimension is not 1", "one by one"):
            self.assertIn(part, found)

    def test_device_and_precision_say_how_the_model_would_run(self):
        self.assertIn("precision f32", self.line(self.done("info", DETECTOR, "--precision", "f32"), "runs"))
        self.assertIn("device CPU", self.line(self.done("info", DETECTOR, "--device", "CPU"), "runs"))
        result = call("info", DETECTOR, "--device", "TOASTER")
        self.assertEqual(result.returncode, 2)
        self.assertIn("TOASTER", result.stderr)

    def test_it_says_how_much_of_a_quantised_model_is_in_int8(self):
        scale, weights = numpy.full((), 0.5, "f4"), numpy.ones((3, 3, 1, 1), "f4")
        nodes = [onnx_writer.node("QuantizeLinear", ["x", "s"], ["q"]), onnx_writer.node("DequantizeLinear", ["q", "s"], ["d"]),
                 onnx_writer.node("Conv", ["d", "w"], ["c"], "first"), onnx_writer.node("Conv", ["c", "w"], ["y/0"], "second")]
        model = self.file("quantised.onnx", onnx_writer.model(nodes, constants={"s": scale, "w": weights}))
        self.assertRegex(self.line(self.done("info", model), "int8"), "50.0 % .*in float: second")
        self.assertNotIn("int8", self.done("info", self.model()))

    def test_devices_are_listed(self):
        self.assertIn("CPU", self.done("info", "--devices"))


class Run(Case):
    def values(self, shape=(1, 3, 2, 2)):
        values = numpy.linspace(-1, 1, int(numpy.prod(shape)), dtype=numpy.float32).reshape(shape)
        numpy.save(self.folder / "x.npy", values)
        return values, str(self.folder / "x.npy")

    def test_outputs_are_written_under_their_names(self):
        values, file = self.values()
        model, out = self.model(), self.folder / "deep" / "out"
        for words in ([file], ["x=" + file]):
            with self.subTest(words=words):
                self.done("run", model, "--input", *words, "--output-dir", out)
                numpy.testing.assert_array_equal(numpy.load(out / "y_0.npy"), numpy.maximum(values, 0))

    def test_a_model_with_open_dimensions_takes_those_of_its_file(self):
        values, file = self.values((2, 3, 4, 5))
        model = self.model(shape=("n", 3, "h", "w"))
        self.done("run", model, "--input", file, "--output-dir", self.folder)
        numpy.testing.assert_array_equal(numpy.load(self.folder / "y_0.npy"), numpy.maximum(values, 0))

    def test_channels_come_out_where_the_model_has_them(self):
        values, file = self.values((1, 3, 5, 4))
        weights = numpy.eye(3, dtype=numpy.float32)[::-1].reshape(3, 3, 1, 1)  # swaps first and last channel
        nodes = [onnx_writer.node("Conv", ["x", "w"], ["y/0"])]
        model = self.file("conv.onnx", onnx_writer.model(nodes, shape=(1, 3, 5, 4), constants={"w": weights}))
        self.done("run", model, "--input", file, "--output-dir", self.folder)
        numpy.testing.assert_allclose(numpy.load(self.folder / "y_0.npy"), values[:, ::-1], atol=1e-6)

    def test_what_does_not_match_is_explained(self):
        _, wrong_size = self.values((1, 3, 4, 4))
        model, out = self.model(), ["--output-dir", str(self.folder)]
        no_array = self.file("no.npy", b"nothing")
        cases = [
            (["--input", wrong_size, *out], ["x.npy", "1x3x4x4", "1x3x2x2", "--shape x=1x3x4x4"]),
            (["--input", "z=" + wrong_size, *out], ["z=", "no such input", "x (1x3x2x2)"]),
            (["--input", wrong_size, "--input", wrong_size, *out], ["for which input"]),
            (["--input", no_array, *out], [no_array]),
            (["--input", str(self.folder / "none.npy"), *out], ["none.npy"]),
            (out, ["--input", "NAME=FILE.npy"]),
            (["--input", wrong_size], ["--output-dir"]),
            (["--input", wrong_size, "--shape", "x=1,3,4,4", "--output-dir", no_array], ["--output-dir", no_array]),
        ]
        for words, parts in cases:
            with self.subTest(words=words):
                self.refused(["run", model, *words], *parts)

    def test_a_model_runs_at_another_shape_if_asked(self):
        values, file = self.values((1, 3, 4, 4))
        self.done("run", self.model(), "--input", file, "--shape", "x=1,3,4,4", "--output-dir", self.folder)
        numpy.testing.assert_array_equal(numpy.load(self.folder / "y_0.npy"), numpy.maximum(values, 0))


class Benchmark(Case):
    KEYS = {"fps", "latency_ms", "device", "hint", "precision", "streams", "batch", "requests", "compile_ms",
            "rss_mb", "cpu_ms_per_frame"}

    def figures(self, *words):
        text = self.done("benchmark", DETECTOR, "--seconds", "0.2", "--json", "-", *words)
        return json.loads(text)  # nothing else on stdout

    def test_one_line_of_json_has_all_figures(self):
        for hint, precision in (("latency", "f32"), ("throughput", "auto")):
            with self.subTest(hint=hint):
                figures = self.figures("--hint", hint, "--precision", precision, "--device", "CPU")
                self.assertEqual(set(figures), self.KEYS)
                self.assertEqual(figures["hint"], hint)
                self.assertGreater(figures["fps"], 0)
                latency = figures["latency_ms"]
                self.assertTrue(0 < latency["p50"] <= latency["p90"] <= latency["p99"] <= latency["max"])

    def test_latency_is_one_at_a_time(self):
        self.assertEqual(self.figures("--hint", "latency")["requests"], 1)

    def test_lanes_and_requests_are_as_asked(self):
        figures = self.figures("--streams", "1", "--threads", "1", "--requests", "5", "--batch", "2")
        self.assertEqual([figures[k] for k in ("streams", "requests", "batch")], [1, 5, 2])

    def test_a_rate_is_kept(self):
        self.assertLess(self.figures("--rate", "20")["fps"], 30)

    def test_figures_go_to_a_file_and_words_to_stdout(self):
        file = self.folder / "figures.json"
        text = self.done("benchmark", DETECTOR, "--seconds", "0.1", "--layers", "--json", file)
        self.assertIn("frames a second", text)
        self.assertIn("Conv", text)
        self.assertEqual(set(json.loads(file.read_text())), self.KEYS)

    def test_a_limit_that_cannot_be_kept_is_a_failure(self):
        result = call("benchmark", DETECTOR, "--seconds", "0.1", "--latency-limit", "0.001")
        self.assertEqual(result.returncode, 1)
        self.assertIn("--latency-limit", result.stderr)

    def test_a_sweep_goes_up_to_the_throughput(self):
        figures = self.figures("--sweep")
        offered = [point["offered"] for point in figures["sweep"]]
        self.assertEqual(offered, sorted(offered))
        self.assertAlmostEqual(offered[-1], figures["fps"], places=1)

    def test_a_device_that_is_not_there_is_refused(self):
        self.refused(["benchmark", DETECTOR, "--device", "TOASTER"], "TOASTER", "CPU")


class Tune(Case):
    def setUp(self):
        super().setUp()
        before = os.environ.get("XDG_CACHE_HOME")
        os.environ["XDG_CACHE_HOME"] = str(self.folder)
        self.addCleanup(lambda: os.environ.pop("XDG_CACHE_HOME") if before is None else os.environ.update(XDG_CACHE_HOME=before))

    def settings(self, model):
        return next(l for l in self.done("info", model).splitlines() if l.startswith("settings"))

    def test_what_was_found_is_kept_and_used(self):
        model = self.model(shape=(1, 3, 16, 16))
        self.assertIn("throughput: rule (never tuned); latency: rule (never tuned)", self.settings(model))
        self.assertIn("frames/s", self.done("tune", model, "--seconds", "1", "--hint", "throughput"))
        self.assertRegex(self.settings(model), r"throughput: tuned on 20\d\d-.*; latency: rule \(never tuned\)")
        self.assertIn("given", self.done("benchmark", model, "--streams", "1", "--seconds", "0.05"))
        self.assertIn("tuned on", self.done("benchmark", model, "--seconds", "0.05"))

    def test_a_cache_that_cannot_be_written_is_named(self):
        os.environ["XDG_CACHE_HOME"] = self.file("cache", b"no folder")
        result = call("tune", self.model(shape=(1, 3, 16, 16)), "--seconds", "0.5", "--hint", "latency")
        self.assertEqual(result.returncode, 2)
        self.assertIn("XDG_CACHE_HOME", result.stderr)

    def test_what_cannot_be_tuned_is_refused(self):
        self.refused(["tune", DETECTOR, "--device", "TOASTER"], "TOASTER")
        self.refused(["tune", str(self.folder / "none.onnx")], "none.onnx")
        self.refused(["tune", DETECTOR, "--seconds", "0"], "--seconds")
        self.refused(["tune", DETECTOR, "--device", "MULTI:CPU"], "one by one")


if __name__ == "__main__":
    tap.main()
