// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <gst/gst.h>

// GST_DEBUG=gstinference:6 tells the story of every frame by its pad and number.
GST_DEBUG_CATEGORY_EXTERN(gstinference_debug);
#define GST_CAT_DEFAULT gstinference_debug
