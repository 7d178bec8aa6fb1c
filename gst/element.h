// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <gst/gst.h>

// One element of the plugin. Each gst/<name>.cpp defines element_<name>; the list in
// gst/meson.build is the registry.
struct ElementDef {
    const char* name; // what users write in a pipeline
    GType (*type)();
};

// Registers every element; `plugin` nullptr: for this process only (tests).
gboolean register_elements(GstPlugin* plugin);
