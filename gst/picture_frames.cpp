// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gst/picture_frames.h"

#include <cstring>
#include <vector>

GstVideoInfo picture_video(const infer::Picture& picture, const GstVideoInfo& source) {
    GstVideoInfo video;
    gst_video_info_set_format(&video,
                              picture.channels == 1 ? GST_VIDEO_FORMAT_GRAY8 : GST_VIDEO_FORMAT_RGB,
                              guint(picture.width), guint(picture.height));
    video.fps_n = source.fps_n;
    video.fps_d = source.fps_d;
    return video;
}

namespace {

// GStreamer's rows begin at multiples of 4 bytes, the picture's where the last one ended.
std::vector<uint8_t> padded(const infer::Picture& picture, const GstVideoInfo& video) {
    const auto row = size_t(picture.width) * size_t(picture.channels);
    const auto stride = size_t(GST_VIDEO_INFO_PLANE_STRIDE(&video, 0));
    std::vector<uint8_t> pixels(GST_VIDEO_INFO_SIZE(&video));
    for (size_t y = 0; y < size_t(picture.height); y++)
        std::memcpy(pixels.data() + y * stride, picture.pixels.data() + y * row, row);
    return pixels;
}

} // namespace

GstBuffer* picture_buffer(infer::Picture picture, const GstVideoInfo& video, GstBuffer* source) {
    const bool as_it_is = picture.pixels.size() == GST_VIDEO_INFO_SIZE(&video);
    auto* kept =
        new std::vector<uint8_t>(as_it_is ? std::move(picture.pixels) : padded(picture, video));
    GstBuffer* buffer = gst_buffer_new_wrapped_full(
        GstMemoryFlags(0), kept->data(), kept->size(), 0, kept->size(), kept,
        [](gpointer pixels) { delete static_cast<std::vector<uint8_t>*>(pixels); });
    gst_buffer_copy_into(buffer, source,
                         GstBufferCopyFlags(GST_BUFFER_COPY_FLAGS | GST_BUFFER_COPY_TIMESTAMPS), 0,
                         gsize(-1));
    return buffer;
}
