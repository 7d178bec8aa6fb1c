// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gst/framemap.h"

#include <optional>

namespace {

std::optional<infer::PixelFormat> pixel_format(GstVideoFormat format) {
    using infer::PixelFormat;
    switch (format) {
    case GST_VIDEO_FORMAT_I420: return PixelFormat::I420;
    case GST_VIDEO_FORMAT_NV12: return PixelFormat::NV12;
    case GST_VIDEO_FORMAT_YUY2: return PixelFormat::YUY2;
    case GST_VIDEO_FORMAT_RGB: return PixelFormat::RGB;
    case GST_VIDEO_FORMAT_BGR: return PixelFormat::BGR;
    case GST_VIDEO_FORMAT_RGBx: return PixelFormat::RGBx;
    case GST_VIDEO_FORMAT_BGRx: return PixelFormat::BGRx;
    case GST_VIDEO_FORMAT_RGBA: return PixelFormat::RGBA;
    case GST_VIDEO_FORMAT_BGRA: return PixelFormat::BGRA;
    case GST_VIDEO_FORMAT_GRAY8: return PixelFormat::GRAY8;
    default: return std::nullopt;
    }
}

infer::ColorMatrix color_matrix(const GstVideoColorimetry& c) {
    switch (c.matrix) {
    case GST_VIDEO_COLOR_MATRIX_BT709: return infer::ColorMatrix::BT709;
    case GST_VIDEO_COLOR_MATRIX_BT2020: return infer::ColorMatrix::BT2020;
    default: return infer::ColorMatrix::BT601;
    }
}

} // namespace

BufferFrame::~BufferFrame() {
    if (buffer_)
        gst_buffer_unref(buffer_);
}

infer::Result<infer::FrameView> BufferFrame::map() {
    const auto format = pixel_format(GST_VIDEO_INFO_FORMAT(&video_));
    if (!format)
        return infer::Error{infer::Error::Unsupported, "caps",
                            std::string("format ") + GST_VIDEO_INFO_NAME(&video_) +
                                " cannot be read; use one of " INFERENCE_VIDEO_FORMATS};
    const auto flags = GstMapFlags(guint(GST_MAP_READ) | GST_VIDEO_FRAME_MAP_FLAG_NO_REF);
    if (!gst_video_frame_map(&mapped_, &video_, buffer_, flags))
        return infer::Error{infer::Error::BadConfig, "buffer",
                            "its memory of " + std::to_string(gst_buffer_get_size(buffer_)) +
                                " bytes cannot be mapped as a picture of " +
                                std::to_string(GST_VIDEO_INFO_SIZE(&video_)) + " bytes"};
    infer::FrameView view;
    view.format = *format;
    view.width = GST_VIDEO_INFO_WIDTH(&video_);
    view.height = GST_VIDEO_INFO_HEIGHT(&video_);
    for (guint p = 0; p < GST_VIDEO_FRAME_N_PLANES(&mapped_); p++) {
        view.plane[p] = static_cast<const uint8_t*>(GST_VIDEO_FRAME_PLANE_DATA(&mapped_, p));
        view.stride[p] = GST_VIDEO_FRAME_PLANE_STRIDE(&mapped_, p);
    }
    view.matrix = color_matrix(video_.colorimetry);
    view.full_range = video_.colorimetry.range == GST_VIDEO_COLOR_RANGE_0_255;
    return view;
}

void BufferFrame::unmap() { gst_video_frame_unmap(&mapped_); }
