// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gst/crops.h"

#include <algorithm>
#include <cmath>

namespace {

// The frame's pixels that the box touches half or more; one more to the left or above where it
// begins at an odd one.
infer::Region region_of(const GstInferenceObject& o, const GstVideoInfo& video) {
    const auto within = [](double v, int most) {
        return int(std::lround(std::clamp(v, 0.0, double(most))));
    };
    const int left = within(o.x, video.width) & ~1, top = within(o.y, video.height) & ~1;
    return {left, top, within(o.x + o.width, video.width) - left,
            within(o.y + o.height, video.height) - top};
}

// Bytes of a pixel in plane 0.
int pixel_bytes(infer::PixelFormat format) {
    using infer::PixelFormat;
    switch (format) {
    case PixelFormat::I420:
    case PixelFormat::NV12:
    case PixelFormat::GRAY8:
        return 1;
    case PixelFormat::YUY2:
        return 2;
    case PixelFormat::RGB:
    case PixelFormat::BGR:
        return 3;
    default:
        return 4;
    }
}

} // namespace

bool CropFilter::wants(const GstInferenceObject& o) const {
    return !o.whole_frame && o.confidence >= min_confidence &&
           std::min(o.width, o.height) >= min_size &&
           (classes.empty() || std::ranges::find(classes, o.label) != classes.end());
}

std::vector<Crop> crops_of(GstBuffer* buffer, const GstVideoInfo& video, const CropFilter& filter) {
    std::vector<Crop> crops;
    GPtrArray* objects =
        gst_inference_buffer_get_objects(buffer, guint(video.width), guint(video.height));
    for (guint i = 0; i < objects->len; i++) {
        const auto& o = *static_cast<const GstInferenceObject*>(g_ptr_array_index(objects, i));
        const infer::Region region = region_of(o, video);
        if (filter.wants(o) && region.width > 0 && region.height > 0)
            crops.push_back({i, region, o.track_id});
    }
    g_ptr_array_unref(objects);
    return crops;
}

infer::Result<infer::FrameView> CropFrame::map() {
    auto mapped = whole_.map();
    if (!mapped.ok())
        return mapped;
    infer::FrameView& view = mapped.value();
    const infer::Region& r = crop_.region;
    view.width = r.width;
    view.height = r.height;
    view.plane[0] += ptrdiff_t(r.y) * view.stride[0] + r.x * pixel_bytes(view.format);
    if (view.format == infer::PixelFormat::NV12)
        view.plane[1] += ptrdiff_t(r.y / 2) * view.stride[1] + r.x;
    if (view.format == infer::PixelFormat::I420)
        for (int p : {1, 2})
            view.plane[p] += ptrdiff_t(r.y / 2) * view.stride[p] + r.x / 2;
    return mapped;
}
