#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Whole pipelines in figures: throughput, latency, start-up and memory of a model with many sources.

  meson devenv -C build -w . tests/bench/pipeline_figures.py --model MODEL.onnx [--part raw,h264,live,limit]

raw    4 and 16 sources of raw I420: CPU time a frame above that of the sources, beside `benchmark`'s; FPS; how
       busy the cores are; the first frame; the most memory. With --peer COMMAND also FPS over the peer's: a program
       that is called as `gst-inference benchmark` is and prints its "fps" as a line of JSON.
h264   16 sources of H.264 (if x264enc and a decoder are installed): FPS over what the CPU time of decoding and of
       the model allow; latency from the element's sink pad to its src pad.
live   one live source of 30 frames a second, hint latency: its latency beside the model's alone.
limit  latency-limit=50 and 8 raw sources: the 99th percentile after 5 s, and FPS over those without limit.
shared two elements with a model each beside one element with all sources: FPS of both.

Every pipeline runs in a process of its own. What is compared takes turns, and medians are printed.
"""
import argparse
import json
import os
import pathlib
import resource
import statistics
import subprocess
import sys
import tempfile
import time

import gi
gi.require_version("Gst", "1.0")
from gi.repository import Gst  # noqa: E402

import pipeline_overhead as overhead  # noqa: E402


def options():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--model", default=str(overhead.ROOT / "pipelines/models/person-detector.onnx"))
    p.add_argument("--tool", default=os.environ.get("GI_TOOL", str(overhead.ROOT / "build/tools/gst-inference")))
    p.add_argument("--precision", default="auto")
    p.add_argument("--shape", default="", help="H,W for models that leave them open")
    p.add_argument("--peer", default="")
    p.add_argument("--part", default="raw,h264,live,limit,shared")
    p.add_argument("--rounds", type=int, default=3)
    p.add_argument("--seconds", type=float, default=2)
    p.add_argument("--child", help=argparse.SUPPRESS)
    return p.parse_args()


# ---- one pipeline, in a process of its own

class Passage:
    """Times from a pad to another by the buffers' time stamps."""

    def __init__(self, element, sources):
        self.times, self.entered = [], {}
        for k in range(sources):
            element.get_static_pad(f"sink_{k}").add_probe(Gst.PadProbeType.BUFFER, self.enter, k)
            element.get_static_pad(f"src_{k}").add_probe(Gst.PadProbeType.BUFFER, self.leave, k)

    def enter(self, _pad, probe, source):
        self.entered[source, probe.get_buffer().pts] = time.monotonic()
        return Gst.PadProbeReturn.OK

    def leave(self, _pad, probe, source):
        entered = self.entered.pop((source, probe.get_buffer().pts), None)
        if entered:
            self.times.append(1000 * (time.monotonic() - entered))
        return Gst.PadProbeReturn.OK

    def percentile(self, share):
        return sorted(self.times)[min(len(self.times) - 1, int(share * len(self.times)))] if self.times else 0


def frames_out(sinks):
    return sum(s.get_property("stats").get_value("rendered") for s in sinks)


def play(job):
    """A pipeline's figures over job["seconds"] after job["warm"]."""
    Gst.init(None)
    pipeline = Gst.parse_launch(job["line"])
    element = pipeline.get_by_name("gi")
    passage = Passage(element, job["sources"]) if element and job["latency"] else None
    sinks = [pipeline.get_by_name(f"sink{k}") for k in range(job["sources"])]
    start = time.monotonic()
    pipeline.set_state(Gst.State.PLAYING)
    while frames_out(sinks) == 0 and time.monotonic() < start + 20:
        time.sleep(0.005)
    first = time.monotonic() - start
    time.sleep(max(0, job["warm"] - first))
    if passage:
        passage.times.clear()
    a = overhead.Reading(pipeline, job["sources"])
    time.sleep(job["seconds"])
    b = overhead.Reading(pipeline, job["sources"])
    problem = pipeline.get_bus().pop_filtered(Gst.MessageType.ERROR)
    stats = element.get_property("stats") if element else None
    figures = {
        "fps": (b.frames - a.frames) / (b.wall - a.wall),
        "cpu_ms": 1000 * (b.cpu - a.cpu) / max(1, b.frames - a.frames),
        "own": (b.cpu - a.cpu) / (b.wall - a.wall) / overhead.CORES,
        "everyone": (b.busy - a.busy) / (b.total - a.total),
        "first_s": first,
        "rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "error": problem.parse_error()[0].message if problem else "",
    }
    if passage:
        figures.update(p50=passage.percentile(0.5), p99=passage.percentile(0.99))
    if stats and stats.has_field("binds"):
        figures.update(limit_p99=stats.get_value("latency-recent-p99") / 1000, binds=stats.get_value("binds"),
                       window=stats.get_value("window"))
    pipeline.set_state(Gst.State.NULL)
    return figures


def run(line, sources, seconds, warm=1.5, latency=False):
    job = {"line": line, "sources": sources, "seconds": seconds, "warm": warm, "latency": latency}
    done = subprocess.run([sys.executable, __file__, "--child", json.dumps(job)], capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"pipeline_figures: {done.stderr[-2000:]}")
    figures = json.loads(done.stdout.splitlines()[-1])
    if figures["error"]:
        sys.exit(f"pipeline_figures: {figures['error']}")
    return figures


def benchmark(o, command, hint):
    words = [*command, o.model, "--hint", hint, "--precision", o.precision, "--seconds", str(o.seconds)]
    if o.shape:
        words += ["--shape", f"1,3,{o.shape}"]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    return json.loads([line for line in done.stdout.splitlines() if line.startswith("{")][-1])


def ours(o, hint):
    return benchmark(o, [o.tool, "benchmark", "--json", "-"], hint)


def in_turns(rounds, *calls):
    """Figures of each call: medians by name over the rounds."""
    results = [[] for _ in calls]
    for _ in range(rounds):
        for call, result in zip(calls, results):
            result.append(call())
    return [{name: statistics.median(r[name] for r in result) for name, value in result[0].items()
             if isinstance(value, (int, float))} for result in results]


def say(what, text):
    print(f"{what:12} {text}", flush=True)


class Figures:
    def __init__(self, o, folder):
        self.o = o
        self.folder = folder
        self.raw = overhead.make_frames(folder)
        self.inference = f"model={o.model} precision={o.precision} hint=throughput"
        if o.shape:
            config = {"shapes": {"": [1, 3, *map(int, o.shape.split(","))]}}
            path = pathlib.Path(folder) / "config.json"
            path.write_text(json.dumps(config))
            self.inference += f" model-config={path}"

    def line(self, source, sources, inference):
        return overhead.launch_line(source, sources, inference)

    def throughput(self, sources):
        o = self.o
        calls = [lambda: run(self.line(self.raw, sources, self.inference), sources, o.seconds),
                 lambda: run(self.line(self.raw, sources, None), sources, o.seconds / 2),
                 lambda: ours(o, "throughput")]
        if o.peer:
            calls.append(lambda: benchmark(o, o.peer.split(), "throughput"))
        whole, alone, model, *peer = in_turns(o.rounds, *calls)
        above = whole["cpu_ms"] - alone["cpu_ms"] - model["cpu_ms_per_frame"]
        say(f"raw {sources}", f"{whole['fps']:7.1f} FPS   {whole['cpu_ms']:.3f} ms of CPU a frame, sources {alone['cpu_ms']:.3f}, "
            f"benchmark {model['cpu_ms_per_frame']:.3f} ({model['fps']:.1f} FPS), above both {above:.3f}   "
            f"cores {100 * whole['own']:.0f} % ours, {100 * whole['everyone']:.0f} % busy   "
            f"first frame {whole['first_s']:.2f} s   {whole['rss_mb']:.0f} MB")
        if peer:
            say("", f"peer {peer[0]['fps']:.1f} FPS; this pipeline {whole['fps'] / peer[0]['fps']:.2f} of it")

    def part_raw(self):
        for sources in (4, 16):
            self.throughput(sources)

    def part_h264(self, sources=16):
        clip = f"{self.folder}/clip.mp4"
        made = subprocess.run(f"gst-launch-1.0 -q {self.raw} ! identity eos-after=3000 ! x264enc speed-preset=ultrafast ! h264parse ! "
                              f"mp4mux ! filesink location={clip}", shell=True, capture_output=True)
        if made.returncode:
            return say("h264", "no x264enc here")
        source = f"filesrc location={clip} ! decodebin"
        whole, alone, model = in_turns(
            self.o.rounds, lambda: run(self.line(source, sources, self.inference), sources, self.o.seconds, latency=True),
            lambda: run(self.line(source, sources, None), sources, self.o.seconds / 4, warm=0.3), lambda: ours(self.o, "throughput"))
        allowed = 1000 * whole["own"] * overhead.CORES / (alone["cpu_ms"] + model["cpu_ms_per_frame"])
        say(f"h264 {sources}", f"{whole['fps']:7.1f} FPS, {whole['fps'] / allowed:.2f} of what decoding ({alone['cpu_ms']:.2f} ms) and "
            f"model ({model['cpu_ms_per_frame']:.2f} ms) allow   latency p50 {whole['p50']:.1f} p99 {whole['p99']:.1f} ms   "
            f"{whole['rss_mb']:.0f} MB")

    def part_live(self):
        source = self.raw + " ! identity sync=true"
        inference = self.inference.replace("throughput", "latency")
        live, model = in_turns(self.o.rounds, lambda: run(self.line(source, 1, inference), 1, self.o.seconds, latency=True),
                               lambda: dict(ours(self.o, "latency")["latency_ms"]))
        say("live", f"p50 {live['p50']:.2f} p99 {live['p99']:.2f} ms, model alone {model['p50']:.2f} ms")

    def part_limit(self):
        free, held = in_turns(self.o.rounds, lambda: run(self.line(self.raw, 8, self.inference), 8, self.o.seconds),
                              lambda: run(self.line(self.raw, 8, self.inference + " latency-limit=50"), 8, self.o.seconds, warm=5))
        say("limit 50", f"p99 {held['limit_p99']:.1f} ms, {held['fps']:.1f} FPS, {held['fps'] / free['fps']:.2f} of those without limit; "
            f"{held['window']:.0f} frames in flight")

    def part_shared(self):
        def several(elements):
            lines = []
            for e in range(elements):
                lines.append(f"gstinference name=gi{e} private=true {self.inference}")
                lines += [f"{self.raw} ! gi{e}.sink_{k}  gi{e}.src_{k} ! fakesink name=sink{e + elements * k} sync=false"
                          for k in range(4 // elements)]
            return "  ".join(lines)
        one, two = in_turns(self.o.rounds, lambda: run(several(1), 4, self.o.seconds), lambda: run(several(2), 4, self.o.seconds))
        say("shared", f"one element {one['fps']:.1f} FPS, two {two['fps']:.1f} FPS ({two['fps'] / one['fps']:.2f})")


def main():
    o = options()
    if o.child:
        return print(json.dumps(play(json.loads(o.child))))
    print(f"{pathlib.Path(o.model).stem}, {o.precision}, {overhead.CORES} cores")
    with tempfile.TemporaryDirectory() as folder:
        figures = Figures(o, folder)
        for part in o.part.split(","):
            getattr(figures, f"part_{part}")()


if __name__ == "__main__":
    main()
