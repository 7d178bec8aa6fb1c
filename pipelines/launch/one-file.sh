#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# A video file: finds people and writes one line of JSON a frame to standard output.
gst-launch-1.0 --quiet filesrc location=street.avi ! decodebin ! videoconvert ! \
    gstinference model=pipelines/models/person-detector.onnx ! inferencepublish ! fakesink
