// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "gst/framemap.h"
#include "gst/meta/gstinferencemeta.h"

#include <string>
#include <vector>

// Which objects of a frame a model of regions is run on (region=objects).
struct CropFilter {
    std::vector<std::string> classes; // labels; empty: all
    int min_size = 0;                 // pixels of the shorter edge
    double min_confidence = 0;

    bool wants(const GstInferenceObject& object) const;
};

// An object, by its place among those of its buffer, and what of the picture is cut out for it.
struct Crop {
    guint object;
    infer::Region region;
    int track_id; // 0: none
};

// The crops of a buffer: whole pixels within the frame, beginning at even ones, for chroma has no
// others. Objects without a pixel in the frame have none.
std::vector<Crop> crops_of(GstBuffer* buffer, const GstVideoInfo& video, const CropFilter& filter);

// A part of a buffer's picture on its way through a source. Copies nothing; holds a reference.
class CropFrame final : public infer::Frame {
public:
    CropFrame(GstBuffer* buffer, const GstVideoInfo& video, const Crop& crop)
        : whole_(gst_buffer_ref(buffer), video), crop_(crop) {}

    infer::Result<infer::FrameView> map() override;
    void unmap() override { whole_.unmap(); }
    infer::FrameSize size() const override { return {crop_.region.width, crop_.region.height}; }

    const Crop& crop() const { return crop_; }

private:
    BufferFrame whole_;
    const Crop crop_;
};
