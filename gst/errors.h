// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "inference/device.h"

#include <gst/gst.h>

#include <string>

// Posts `error` on the bus: text is what was found and what would be right, `context` (may be
// empty) more of where for whoever debugs it.
void post_error(GstElement* element, const infer::Error& error, const std::string& context);
void post_warning(GstElement* element, const infer::Error& error, const std::string& context);
// A warning, or an info where it is good news.
void post_notice(GstElement* element, const infer::DeviceNotice& notice);
