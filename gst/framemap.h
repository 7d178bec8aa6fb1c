// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "inference/frame.h"

#include <gst/video/video.h>

#include <optional>
#include <vector>

// The formats gstinference takes, as a caps string for templates.
#define INFERENCE_VIDEO_FORMATS "{ I420, NV12, YUY2, RGB, BGR, RGBx, BGRx, RGBA, BGRA, GRAY8 }"
// Without framerate: a source that does not say one is welcome too.
#define INFERENCE_VIDEO_CAPS                                                                       \
    "video/x-raw, format = (string) " INFERENCE_VIDEO_FORMATS ", width = " GST_VIDEO_SIZE_RANGE    \
    ", height = " GST_VIDEO_SIZE_RANGE

// A GstBuffer on its way through a source. Holds one reference and copies nothing; strides and
// offsets are those of the buffer's GstVideoMeta if it has one.
class BufferFrame final : public infer::Frame {
public:
    BufferFrame(GstBuffer* buffer, const GstVideoInfo& video) : buffer_(buffer), video_(video) {}
    ~BufferFrame() override;

    infer::Result<infer::FrameView> map() override;
    void unmap() override;

    infer::FrameSize size() const override {
        return {GST_VIDEO_INFO_WIDTH(&video_), GST_VIDEO_INFO_HEIGHT(&video_)};
    }

    const GstVideoInfo& video() const { return video_; }
    // Of a frame that follows its crops (region=objects): its number in its source.
    void follow_crops(uint64_t number) { number_ = number; }
    std::optional<uint64_t> number_after_crops() const { return number_; }

    // Objects of it that are not looked at again: their place, and their track's id.
    struct Known {
        guint object;
        int track_id;
    };
    std::vector<Known> known;

    // Gives the reference away; there is none afterwards.
    GstBuffer* take() { return std::exchange(buffer_, nullptr); }

private:
    GstBuffer* buffer_;
    GstVideoInfo video_; // of this frame: sources change their caps while frames are in flight
    GstVideoFrame mapped_ = {};
    std::optional<uint64_t> number_;
};
