// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "inference/result.h"

#include <cstdint>
#include <string_view>

namespace infer {

enum class PixelFormat { I420, NV12, YUY2, RGB, BGR, RGBx, BGRx, RGBA, BGRA, GRAY8 };
enum class ColorMatrix { BT601, BT709, BT2020 };

// The pixels of one frame, mapped for reading. Owns nothing.
struct FrameView {
    PixelFormat format = PixelFormat::I420;
    int width = 0, height = 0; // pixels; any parity
    const uint8_t* plane[3] = {};
    int stride[3] = {}; // bytes a row
    ColorMatrix matrix = ColorMatrix::BT601;
    bool full_range = false; // of the YUV formats: false is 16..235
};

// A part of a frame, in its pixels.
struct Region {
    int x = 0, y = 0, width = 0, height = 0;
    bool operator==(const Region&) const = default;
};

struct FrameSize {
    int width = 0, height = 0; // pixels
    bool operator==(const FrameSize&) const = default;
    auto operator<=>(const FrameSize&) const = default;
};

// What travels through a source's queue: a frame, or a marker (an event or query that keeps its
// place between frames). gst/ derives from these; inference/ only carries them.
class Item {
public:
    virtual ~Item() = default;
};

// Held until its result is out, and mapped again on any thread if its work must be redone.
class Frame : public Item {
public:
    // Valid until unmap(). One map at a time.
    virtual Result<FrameView> map() = 0;
    virtual void unmap() = 0;
    virtual FrameSize size() const = 0; // as map() will say, without mapping
};

} // namespace infer
