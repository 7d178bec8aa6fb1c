// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <gst/gst.h>

#include <memory>
#include <string>

class SourcePads;

// The sink pad of a source, where the source's own properties live.
struct GstInferencePad;
GType gst_inference_pad_get_type();
#define GST_TYPE_INFERENCE_PAD (gst_inference_pad_get_type())

struct PadSettings {
    std::string source_id; // "": element and pad name
    int priority = 0;
    int interval = 0; // 0: the element's
};

// Any thread; copies under the pad's lock.
PadSettings pad_settings(GstPad* sink);

// The flow behind the pad: kept by the pad until it is finalized.
void set_source_pads(GstPad* sink, std::shared_ptr<SourcePads> pads);
const std::shared_ptr<SourcePads>& source_pads(GstPad* sink);
