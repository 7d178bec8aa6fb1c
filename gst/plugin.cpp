// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gst/element.h"

static gboolean plugin_init(GstPlugin* plugin) { return register_elements(plugin); }

// GStreamer finds it by the file's name, libgstinference.so, without `libgst`.
GST_PLUGIN_DEFINE(GST_VERSION_MAJOR, GST_VERSION_MINOR, inference,
                  "Batched video inference: detection, classification, metadata, overlay",
                  plugin_init, VERSION, "LGPL", PACKAGE, "https://gstreamer.freedesktop.org/")
