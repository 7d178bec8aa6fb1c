// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gst/element.h"

static gboolean plugin_init(GstPlugin* plugin) { return register_elements(plugin); }

GST_PLUGIN_DEFINE(GST_VERSION_MAJOR, GST_VERSION_MINOR, gstinference,
                  "Batched video inference: detection, classification, metadata, overlay",
                  plugin_init, VERSION, "LGPL", PACKAGE, "https://gstreamer.freedesktop.org/")
