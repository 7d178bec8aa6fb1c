#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# A USB camera: boxes in a window, as little delay as can be.
gst-launch-1.0 v4l2src device=/dev/video0 ! decodebin ! videoconvert ! \
    gstinference model=pipelines/models/person-detector.onnx hint=latency ! \
    inferenceoverlay ! videoconvert ! autovideosink sync=false
