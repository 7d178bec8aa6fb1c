// SPDX-License-Identifier: LGPL-2.1-or-later
// CenterFace: faces with five landmarks as peaks of a heat map, at a quarter of the input's size.
//
//   heat map   f32 [1, 1, height/4, width/4]   probability that a face's centre is here
//   scale      f32 [1, 2, height/4, width/4]   logarithm of height and width, in cells of 4 pixels
//   offset     f32 [1, 2, height/4, width/4]   y and x of the centre from the cell's middle, in
//   cells landmarks  f32 [1, 10, height/4, width/4]  y and x of five points from the box's corner,
//   as
//              fractions of its height and width: eyes, nose, corners of the mouth
//
// Outputs are told apart by shape; scale and offset by name if it says so, else scale comes first.
// Source: the project's centerface.py.

#include "inference/decode/boxes.h"
#include "inference/decode/outputs.h"

#include <cmath>

namespace infer {
namespace {

constexpr std::string_view wanted =
    "1x1, 1x2 twice and 1x10 channels at a quarter of the input's size";
constexpr int cell_size = 4;
constexpr int landmarks = 5;

struct Roles {
    size_t heat, scale, offset, points;
    int64_t height, width; // cells
};

std::optional<Roles> roles_of(std::span<const Slot> slots, int input_width, int input_height) {
    if (slots.size() != 4)
        return std::nullopt;
    const int64_t h = (input_height + cell_size - 1) / cell_size;
    const int64_t w = (input_width + cell_size - 1) / cell_size;
    std::vector<size_t> ones, twos, tens;
    for (size_t i = 0; i < slots.size(); i++) {
        if (slots[i].is({1, h, w}))
            ones.push_back(i);
        else if (slots[i].is({2, h, w}))
            twos.push_back(i);
        else if (slots[i].is({2 * landmarks, h, w}))
            tens.push_back(i);
    }
    if (ones.size() != 1 || twos.size() != 2 || tens.size() != 1)
        return std::nullopt;
    if (mentions(slots[twos[0]].name, {"off"}) || mentions(slots[twos[1]].name, {"scale", "size"}))
        std::swap(twos[0], twos[1]);
    return Roles{ones[0], twos[0], twos[1], tens[0], h, w};
}

struct Maps {
    const float *heat, *scale, *offset, *points;
    int64_t cells; // of one channel
};

void add(std::vector<Detection>& to, const Maps& maps, int64_t cell, int64_t row, int64_t column) {
    const float height = std::exp(maps.scale[cell]) * cell_size;
    const float width = std::exp(maps.scale[maps.cells + cell]) * cell_size;
    const float y = (float(row) + maps.offset[cell] + 0.5f) * cell_size;
    const float x = (float(column) + maps.offset[maps.cells + cell] + 0.5f) * cell_size;
    const float left = x - width / 2, top = y - height / 2, score = maps.heat[cell];
    Detection* face = add_box(to, left, top, left + width, top + height, score, 0);
    for (int i = 0; face && i < landmarks; i++) {
        const float py = maps.points[2 * i * maps.cells + cell] * height + top;
        const float px = maps.points[(2 * i + 1) * maps.cells + cell] * width + left;
        if (std::isfinite(px) && std::isfinite(py))
            face->keypoints.push_back({px, py, score});
    }
}

Result<Decoded> decode(std::span<const NamedTensor> outputs, const DecodeOptions& options) {
    const std::vector<Slot> slots = slots_of(outputs);
    const auto roles = roles_of(slots, options.input_width, options.input_height);
    if (!roles)
        return wrong_outputs("centerface", slots, wanted);
    std::vector<const float*> data;
    for (const NamedTensor& output : outputs) {
        const auto f32 = floats(output, "centerface");
        if (!f32.ok())
            return f32.error();
        data.push_back(f32.value().data());
    }
    const Maps maps{data[roles->heat], data[roles->scale], data[roles->offset], data[roles->points],
                    roles->height * roles->width};
    Decoded decoded;
    for (int64_t row = 0; row < roles->height; row++) {
        const int64_t first = row * roles->width;
        if (!any_at_least({maps.heat + first, size_t(roles->width)}, options.threshold))
            continue;
        for (int64_t column = 0; column < roles->width; column++)
            if (maps.heat[first + column] >= options.threshold)
                add(decoded.detections, maps, first + column, row, column);
    }
    suppress(decoded.detections, options.iou_threshold, options.max_detections);
    return decoded;
}

Fit fit(std::span<const OutputFormat> outputs, int input_width, int input_height) {
    const std::vector<Slot> slots = slots_of(outputs);
    if (!roles_of(slots, input_width, input_height))
        return {0, "centerface has " + std::string(wanted), 0};
    return {95, "a heat map, two pairs and five points at a quarter of the input's size", 1};
}

} // namespace

extern const DecoderDef decoder_centerface;
const DecoderDef decoder_centerface = {
    .name = "centerface",
    .decode = decode,
    .fit = fit,
    .preprocess = {.color = PreprocessSpec::RGB},
    .threshold = 0.5f,
    .iou_threshold = 0.3f,
    .labels = "face",
};

} // namespace infer
