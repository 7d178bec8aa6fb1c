// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "gst/inferenceoverlay_paint.h"

#include <string>
#include <unordered_map>

// Words as masks, rendered once each and kept. One thread at a time.
class TextMasks {
public:
    // nullptr where the plugin was built without Pango. Valid until the next call.
    const Mask* get(const std::string& text, int size_px);

private:
    static constexpr size_t Most = 1024; // texts kept; all are forgotten when there are more

    std::unordered_map<std::string, Mask> masks_;
    int size_px_ = 0;
};
