#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# A video file in, the same with boxes drawn out.
gst-launch-1.0 filesrc location=street.avi ! decodebin ! videoconvert ! \
    gstinference model=pipelines/models/person-detector.onnx ! inferenceoverlay ! \
    videoconvert ! x264enc speed-preset=ultrafast key-int-max=50 ! mp4mux ! filesink location=annotated.mp4
