// SPDX-License-Identifier: LGPL-2.1-or-later
#include "inference/preprocess/checks.h"

#include "inference/image_layout.h"

#include <cmath>

namespace infer {
namespace preprocess {
namespace {

// How the planes of a format lie: bytes of one step, pixels in one step, rows of the frame to one
// of the plane.
struct Plane {
    int bytes = 0, pixels = 1, rows = 1;
};
struct Format {
    std::string_view name;
    Plane plane[3];
};

// By PixelFormat.
constexpr Format formats[] = {
    {"I420", {{1}, {1, 2, 2}, {1, 2, 2}}},
    {"NV12", {{1}, {2, 2, 2}, {}}},
    {"YUY2", {{4, 2}, {}, {}}},
    {"RGB", {{3}, {}, {}}},
    {"BGR", {{3}, {}, {}}},
    {"RGBx", {{4}, {}, {}}},
    {"BGRx", {{4}, {}, {}}},
    {"RGBA", {{4}, {}, {}}},
    {"BGRA", {{4}, {}, {}}},
    {"GRAY8", {{1}, {}, {}}},
};

const Format& facts(PixelFormat format) { return formats[size_t(format)]; }

Error frame_error(std::string what) { return {Error::BadConfig, "frame", std::move(what)}; }

std::string size_text(int width, int height) {
    return std::to_string(width) + "x" + std::to_string(height);
}

Error region_error(const Region& r, const std::string& what) {
    return {Error::BadConfig, "region",
            "the region " + size_text(r.width, r.height) + " at " + std::to_string(r.x) + "," +
                std::to_string(r.y) + " " + what};
}

// Texts are made only when needed: this runs for every frame.
Result<void> check_planes(const FrameView& frame) {
    const Format& format = facts(frame.format);
    for (int i = 0; i < 3 && format.plane[i].bytes; i++) {
        const Plane& p = format.plane[i];
        const auto wrong = [&](const std::string& what) {
            return frame_error(std::string(format.name) + " plane " + std::to_string(i) + what);
        };
        if (!frame.plane[i])
            return wrong(" has no memory; map the frame before it is pre-processed");
        const int64_t least = (int64_t(frame.width) + p.pixels - 1) / p.pixels * p.bytes;
        if (frame.stride[i] < least)
            return wrong(" has a stride of " + std::to_string(frame.stride[i]) +
                         " bytes; a width of " + std::to_string(frame.width) +
                         " pixels needs at least " + std::to_string(least));
    }
    return {};
}

} // namespace

Result<void> check(const FrameView& frame, const Region& region) {
    if (frame.width <= 0 || frame.height <= 0)
        return frame_error("its size is " + size_text(frame.width, frame.height) +
                           "; width and height must be 1 or more");
    if (auto planes = check_planes(frame); !planes.ok())
        return planes;
    if (region.width <= 0 || region.height <= 0)
        return region_error(region, "is empty; width and height must be 1 or more, or all four 0 "
                                    "for the whole frame");
    if (region.x < 0 || region.y < 0 || region.x > frame.width - region.width ||
        region.y > frame.height - region.height)
        return region_error(region, "does not lie inside the frame of " +
                                        size_text(frame.width, frame.height) +
                                        "; clip it to the frame");
    return {};
}

Result<void> check(const PreprocessSpec& spec, const InputFormat& input) {
    if (input.type != ElementType::F32 && input.type != ElementType::U8)
        return Error{Error::Unsupported, "input " + input.name,
                     "pictures cannot be written as " + std::string(name_of(input.type)) +
                         "; the input must take f32 or u8"};
    for (size_t c = 0; c < 3; c++)
        if (!std::isfinite(spec.mean[c]) || !std::isfinite(1 / spec.std[c]))
            return Error{Error::BadConfig, "model-config",
                         "mean " + std::to_string(spec.mean[c]) + " and std " +
                             std::to_string(spec.std[c]) + " of channel " + std::to_string(c) +
                             " cannot be used; they must be finite and std not 0"};
    if (!(spec.pad >= 0 && spec.pad <= 255))
        return Error{Error::BadConfig, "model-config",
                     "pad is " + std::to_string(spec.pad) + "; it must lie within 0..255"};
    return {};
}

int first_column(PixelFormat format, int x) {
    const Format& f = facts(format);
    return f.plane[0].pixels == 2 || f.plane[1].pixels == 2 ? x & 1 : 0;
}

Row row_at(const FrameView& frame, int x, int y) {
    const Format& format = facts(frame.format);
    Row row;
    for (int i = 0; i < 3 && format.plane[i].bytes; i++) {
        const Plane& p = format.plane[i];
        row.plane[i] = frame.plane[i] + ptrdiff_t(y / p.rows) * frame.stride[i] +
                       ptrdiff_t(x / p.pixels) * p.bytes;
    }
    return row;
}

} // namespace preprocess

namespace {

Error not_image(const InputFormat& input, const std::string& why) {
    return {Error::Unsupported, "input " + input.name,
            "its shape " + to_string(input.shape) + " is not one of pictures: " + why};
}

bool is_channels(int64_t n) { return n == 1 || n == 3; }

} // namespace

Result<ImageSize> image_size(const InputFormat& input) {
    const Shape& s = input.shape;
    if (s.size() != 4 || input.layout == InputFormat::Plain)
        return not_image(input, "Nx3xHxW, Nx1xHxW, NxHxWx3 or NxHxWx1 is wanted");
    const ImageAxes at = axes_of(input.channels_last);
    const int64_t height = s[at.height], width = s[at.width], channels = s[at.channels];
    if (!is_channels(channels))
        return not_image(input, std::string("there are neither 1 nor 3 channels in ") +
                                    (input.channels_last ? "last" : "second") +
                                    " place; give it its values by model-config");
    if (width < 0 || height < 0)
        return not_image(input, "height or width is open; give the input a fixed shape (shapes in "
                                "model-config, or --shape)");
    if (width == 0 || height == 0 || width > (1 << 15) || height > (1 << 15))
        return not_image(input, "height and width must lie within 1..32768");
    return ImageSize{int(width), int(height), int(channels)};
}

} // namespace infer
