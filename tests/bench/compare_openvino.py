#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Ours beside OpenVINO's CPU plugin: same machine, same model, same precision, in turns.

  python3 -m venv peer && peer/bin/pip install openvino
  peer/bin/python tests/bench/compare_openvino.py --tool build/tools/gst-inference MODEL.onnx ...

Prints the medians, and ours over theirs (above 1: ours is faster): frames a second with the hint
throughput, 1 / p50 with the hint latency. Inputs are zeros, filled once: neither side is charged for
its input.
"""
import argparse
import json
import math
import pathlib
import statistics
import subprocess
import time

import openvino


def shapes_of(o, model):
    """What --shape says of this model: [(input, [1, 3, H, W])]"""
    said = (s.partition(":") for s in o.shape)
    pairs = (what.partition("=") for name, _, what in said if name == pathlib.Path(model).stem)
    return [(name, [int(d) for d in dims.split(",")]) for name, _, dims in pairs]


def ours(o, model, hint):
    shapes = [f"--shape={name}=" + ",".join(map(str, dims)) for name, dims in shapes_of(o, model)]
    done = subprocess.run([o.tool, "benchmark", model, "--device", "CPU", "--hint", hint, "--precision", o.precision,
                           "--seconds", str(o.seconds), "--json", "-", *shapes], capture_output=True, text=True, check=True)
    result = json.loads(next(line for line in done.stdout.splitlines() if line.startswith("{")))
    return result["fps"] if hint == "throughput" else 1000 / result["latency_ms"]["p50"]


def compiled(o, model, hint):
    settings = {"PERFORMANCE_HINT": hint.upper()}
    if o.precision != "auto":
        settings["INFERENCE_PRECISION_HINT"] = o.precision
    core = openvino.Core()
    network = core.read_model(model)
    if shapes_of(o, model):
        network.reshape(dict(shapes_of(o, model)))
    return core.compile_model(network, "CPU", settings)


def theirs(o, model, hint):
    network = compiled(o, model, hint)
    if hint == "latency":
        request, times = network.create_infer_request(), []
        request.infer()
        end = time.perf_counter() + o.seconds
        while (start := time.perf_counter()) < end:
            request.infer()
            times.append(time.perf_counter() - start)
        return 1 / statistics.median(times)
    queue = openvino.AsyncInferQueue(network)
    start, frames = time.perf_counter(), 0
    while time.perf_counter() < start + o.seconds:
        queue.start_async()
        frames += 1
    queue.wait_all()
    return frames / (time.perf_counter() - start)


def options():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("models", nargs="+")
    p.add_argument("--tool", default="build/tools/gst-inference")
    p.add_argument("--precision", default="f32", choices=["auto", "f32", "bf16", "f16"])
    p.add_argument("--shape", action="append", default=[], metavar="MODEL:INPUT=1,3,H,W")
    p.add_argument("--hint", default="throughput,latency")
    p.add_argument("--rounds", type=int, default=3)
    p.add_argument("--seconds", type=float, default=2)
    return p.parse_args()


def main():
    o = options()
    for hint in o.hint.split(","):
        ratios = []
        for model in o.models:
            rounds = [(ours(o, model, hint), theirs(o, model, hint)) for _ in range(o.rounds)]
            a, b = (statistics.median(side) for side in zip(*rounds))
            ratios.append(a / b)
            print(f"{pathlib.Path(model).stem:28} {hint:10} {o.precision:4} "
                  f"ours {a:8.1f}/s  OpenVINO {b:8.1f}/s  ratio {a / b:.2f}", flush=True)
        mean = math.exp(statistics.mean(map(math.log, ratios)))
        print(f"geometric mean of {len(ratios)}, {hint}: {mean:.2f}")


if __name__ == "__main__":
    main()
