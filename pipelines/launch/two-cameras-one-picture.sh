#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Two network cameras side by side in one window.
gst-launch-1.0 compositor name=mix sink_1::xpos=640 ! videoconvert ! autovideosink \
    gstinference name=gi model=pipelines/models/person-detector.onnx \
    uridecodebin uri=rtsp://front.local/stream ! videoconvert ! gi.sink_0 \
    uridecodebin uri=rtsp://back.local/stream ! videoconvert ! gi.sink_1 \
    gi.src_0 ! inferenceoverlay ! videoscale ! video/x-raw,width=640,height=480 ! mix.sink_0 \
    gi.src_1 ! inferenceoverlay ! videoscale ! video/x-raw,width=640,height=480 ! mix.sink_1
