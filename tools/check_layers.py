#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Fails when a file includes what its folder must not know (docs/flow.md draws the picture).

check_layers.py ROOT    runs as a test; prints one line for each wrong include.

Rules: our own headers are included as "folder/file.h"; every other header is either the standard's
(C++, POSIX) or belongs to a library listed below for that folder. The longest matching prefix of
the file's path decides. Every source file names its licence in one of its first two lines.
"""
import pathlib
import re
import sys

GSTREAMER = {"gst", "glib", "glib-object", "gio", "gobject"}
EVERYTHING_OF_OURS = {"inference", "analytics", "devices", "gst", "tools", "pipelines", "tests"}

# path prefix -> (folders of ours, third-party libraries by the first part of the header's name)
RULES = {
    "inference/": ({"inference"}, set()),
    "inference/formats/": ({"inference"}, {"google", "pugixml", "nlohmann"}),
    "inference/preprocess": ({"inference"}, {"hwy"}),
    "analytics/": ({"inference", "analytics"}, set()),
    "devices/": ({"inference"}, set()),
    "devices/lanes/": ({"inference", "devices/lanes"}, set()),
    "devices/cpu/": ({"inference", "devices/lanes", "devices/cpu"}, {"oneapi", "dnnl", "tbb", "omp", "hwy"}),
    "devices/gpu/": ({"inference", "devices/lanes", "devices/gpu"}, {"CL"}),
    "devices/multi/": ({"inference", "devices/multi"}, set()),
    "gst/": ({"inference", "analytics", "gst"}, GSTREAMER),
    "gst/inferenceoverlay": ({"inference", "analytics", "gst"}, GSTREAMER | {"cairo", "pango"}),
    "gst/inferencepublish": ({"inference", "analytics", "gst"}, GSTREAMER | {"MQTTAsync", "librdkafka"}),
    "tools/": ({"inference", "tools", "gst/media"}, set()),
    "pipelines/": ({"pipelines", "gst/meta"}, GSTREAMER | {"glib-unix"}),
    "tests/": (EVERYTHING_OF_OURS,
               GSTREAMER | {"gtest", "gmock", "benchmark", "opencv2", "nlohmann", "google", "hwy",
                            "oneapi", "dnnl", "tbb", "omp", "CL", "librdkafka", "MQTTAsync", "zlib"}),
}

POSIX = {"arpa", "dirent", "dlfcn", "fcntl", "netinet", "poll", "pthread", "sched", "semaphore",
         "signal", "sys", "unistd"}
PROCESSOR = {"immintrin", "cpuid", "x86intrin"}  # intrinsics: kernels only
KERNELS = ("inference/preprocess", "inference/ops/", "devices/cpu/")
C_STANDARD = {"stdint", "stddef", "stdlib", "string", "math", "errno", "stdio", "assert", "limits"}

SOURCES = {".cpp", ".h", ".hpp", ".c", ".cl", ".in", ".proto", ".py", ".sh"}
INCLUDE = re.compile(r'\s*#\s*include\s*([<"])([^">]+)')
LICENCE = "SPDX-License-Identifier: LGPL-2.1-or-later"


def files(root):
    for folder in sorted(EVERYTHING_OF_OURS | {"docs", ".ci"}):
        for path in sorted((root / folder).rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                yield path, path.relative_to(root).as_posix()


def is_source(path):
    if path.suffix in SOURCES:
        return True
    return not path.suffix and path.open("rb").read(2) == b"#!"


def top(header):
    """The name a header's library goes by: "oneapi/dnnl/dnnl.hpp" and "omp.h" give oneapi and omp."""
    return re.split(r"[/.]", header)[0]


def is_standard(header, name):
    if "/" not in header and "." not in header:
        return True
    if top(header) in PROCESSOR:
        return name.startswith(KERNELS) or name.startswith("tests/")
    return top(header) in POSIX or ("/" not in header and top(header) in C_STANDARD)


def is_generated(header, name):
    """protoc's header of our own .proto lies in the build folder."""
    return header.endswith(".pb.h") and name.startswith("inference/formats/")


def is_allowed(quote, header, name, rule):
    ours, libraries = rule
    if quote == '"' and top(header) in EVERYTHING_OF_OURS:
        return any(header.startswith(o + "/") or header.startswith(o + ".") for o in ours)
    if quote == "<" and is_standard(header, name):
        return True
    return is_generated(header, name) or top(header) in libraries


def wrong_includes(text, name):
    prefix = max((p for p in RULES if name.startswith(p)), key=len, default=None)
    if prefix is None:
        return
    for number, line in enumerate(text.splitlines(), 1):
        found = INCLUDE.match(line)
        if found and not is_allowed(found[1], found[2], name, RULES[prefix]):
            yield f"{name}:{number}: {prefix}* may not include {found[2]}"


def check(root):
    complaints = []
    for path, name in files(root):
        if not is_source(path):
            continue
        text = path.read_text(errors="replace")
        if not any(LICENCE in line for line in text.splitlines()[:2]):
            complaints.append(f"{name}:1: no line '{LICENCE}' at the top")
        if path.suffix in {".cpp", ".h", ".hpp", ".c", ".in"}:
            complaints += wrong_includes(text, name)
    return complaints


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: check_layers.py ROOT")
    found = check(pathlib.Path(sys.argv[1]))
    print("\n".join(found) or "all files include only what their folder may know")
    sys.exit(bool(found))
