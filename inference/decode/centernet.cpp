// SPDX-License-Identifier: LGPL-2.1-or-later
// CenterNet: objects as peaks of heat maps, one map a class, at a quarter of the input's size.
//
//   heat maps  f32 [1, classes, height/4, width/4]  probabilities or logits
//   size       f32 [1, 2, height/4, width/4]        width and height in cells of 4 pixels
//   offset     f32 [1, 2, height/4, width/4]        x and y of the centre from the cell's corner
//
// A peak is a cell that no neighbour is higher than. Size and offset are told apart by name (wh,
// size; reg, off), else size comes first. Source: the project's ctdet.py and decode.py.

#include "inference/decode/boxes.h"
#include "inference/decode/coco.h"
#include "inference/decode/outputs.h"
#include "inference/decode/table.h"

#include <algorithm>

namespace infer {
namespace {

constexpr std::string_view wanted =
    "1xC, 1x2 and 1x2 channels at a quarter of the input's size: heat maps, size and offset";
constexpr int cell_size = 4;

struct Roles {
    size_t heat = 0, size = 0, offset = 0;
    int64_t classes = 0;
    Grid grid;
};

std::optional<Roles> roles_of(std::span<const Slot> slots, int input_width, int input_height) {
    if (slots.size() != 3)
        return std::nullopt;
    const Grid grid = pyramid(1, input_width, input_height, cell_size).levels[0];
    std::vector<size_t> heat, twos;
    for (size_t i = 0; i < slots.size(); i++) {
        const auto d = slots[i].dims;
        if (d.size() != 3 || d[0] < 1 || d[1] != grid.height || d[2] != grid.width)
            return std::nullopt;
        const bool named = mentions(slots[i].name, {"hm", "heat", "center", "cls"});
        (d[0] != 2 || named ? heat : twos).push_back(i);
    }
    if (heat.empty() && twos.size() == 3) { // two classes, without names: in the usual order
        heat.push_back(twos[0]);
        twos.erase(twos.begin());
    }
    if (heat.size() != 1 || twos.size() != 2)
        return std::nullopt;
    if (mentions(slots[twos[0]].name, {"reg", "off"}) ||
        mentions(slots[twos[1]].name, {"wh", "size"}))
        std::swap(twos[0], twos[1]);
    return Roles{heat[0], twos[0], twos[1], slots[heat[0]].dims[0], grid};
}

// `map`: of one class. Equal neighbours are peaks both, as a 3x3 maximum leaves them.
bool is_peak(const float* map, const Grid& grid, int64_t x, int64_t y) {
    const float value = map[y * grid.width + x];
    for (int64_t j = std::max<int64_t>(y - 1, 0); j <= std::min<int64_t>(y + 1, grid.height - 1);
         j++)
        for (int64_t i = std::max<int64_t>(x - 1, 0); i <= std::min<int64_t>(x + 1, grid.width - 1);
             i++)
            if (map[j * grid.width + i] > value)
                return false;
    return true;
}

Result<Decoded> decode(std::span<const NamedTensor> outputs, const DecodeOptions& options) {
    const std::vector<Slot> slots = slots_of(outputs);
    const auto roles = roles_of(slots, options.input_width, options.input_height);
    if (!roles)
        return wrong_outputs("centernet", slots, wanted);
    const auto data = all_floats(outputs, "centernet");
    if (!data.ok())
        return data.error();
    const Grid& grid = roles->grid;
    const int64_t cells = grid.cells();
    const float* heat = data.value()[roles->heat];
    const float* size = data.value()[roles->size];
    const float* offset = data.value()[roles->offset];
    const Scale scale = scale_of(by_rows(heat, roles->classes, cells));
    Decoded decoded;
    for (int64_t label = 0; label < roles->classes; label++)
        for (const Best& best :
             best_of_rows(by_columns(heat + label * cells, 1, cells), scale, options.threshold)) {
            const int64_t x = best.row % grid.width, y = best.row / grid.width;
            if (is_peak(heat + label * cells, grid, x, y))
                add_centred_box(decoded.detections, (float(x) + offset[best.row]) * cell_size,
                                (float(y) + offset[cells + best.row]) * cell_size,
                                size[best.row] * cell_size, size[cells + best.row] * cell_size,
                                best.score, int(label));
        }
    suppress(decoded.detections, options.iou_threshold, options.max_detections);
    return decoded;
}

Fit fit(std::span<const OutputFormat> outputs, int input_width, int input_height) {
    const std::vector<Slot> slots = slots_of(outputs);
    const auto roles = roles_of(slots, input_width, input_height);
    if (!roles)
        return {0, "centernet has " + std::string(wanted), 0};
    return {90,
            std::to_string(roles->classes) +
                " heat maps, and size and offset, at a quarter of the input's size",
            int(roles->classes)};
}

} // namespace

extern const DecoderDef decoder_centernet;
const DecoderDef decoder_centernet = {
    .name = "centernet",
    .decode = decode,
    .fit = fit,
    // The project's mean and standard deviation, of COCO, for 0..255.
    .preprocess = {.color = PreprocessSpec::BGR,
                   .resize = PreprocessSpec::LetterboxCenter,
                   .pad = 0,
                   .mean = {104.04f, 113.985f, 119.85f},
                   .std = {73.695f, 69.87f, 70.89f}},
    .threshold = 0.3f,
    .iou_threshold = 0.5f,
    .labels = coco_labels,
};

} // namespace infer
