#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# A network camera: boxes in a window, results in a file.
gst-launch-1.0 uridecodebin uri=rtsp://camera.local/stream ! videoconvert ! \
    gstinference model=pipelines/models/person-detector.onnx hint=latency ! \
    inferencepublish location=camera.jsonl ! inferenceoverlay ! videoconvert ! autovideosink
