// SPDX-License-Identifier: LGPL-2.1-or-later
// YOLO without anchors: v8, v9, v11, v12.
//
//   output  f32 [1, 4 + classes, cells] (or transposed)  x, y, width, height, class scores of the
//           cells of strides 8, 16, 32 (64 in P6 models, 4 in P2 ones), each level row by row
//
// or, as the heads give them (export with the last layer cut off), joined or separate maps of
// bins.h.
//
// Scores have been through the sigmoid; boxes are in pixels, in some exports (TensorFlow's) in
// fractions of the input. Source: Ultralytics' head.py (Detect) and ops.py.

#include "inference/decode/bins.h"
#include "inference/decode/boxes.h"
#include "inference/decode/coco.h"
#include "inference/decode/pictures.h"

namespace infer {
namespace {

constexpr std::string_view wanted =
    "one output 1x(4 + classes)xN, or 1xNx(4 + classes), N being the cells of strides 8, 16, 32";
constexpr int64_t box = 4;

struct Layout {
    int64_t cells = 0, columns = 0;
    bool transposed = false;        // [cells, columns]
    std::optional<Pyramid> pyramid; // nullopt: no usual one has that many cells
};

// Without a pyramid that fits, the longer side counts the cells.
std::optional<Layout> layout_of(std::span<const Slot> slots, int input_width, int input_height) {
    if (slots.size() != 1 || slots[0].dims.size() != 2)
        return std::nullopt;
    const int64_t a = slots[0].dims[0], b = slots[0].dims[1];
    Layout l{b, a, false, pyramid_with(b, input_width, input_height)};
    if (!l.pyramid)
        if (auto other = pyramid_with(a, input_width, input_height); other || a > b)
            l = {a, b, true, other};
    return l.columns > box && l.cells > 0 ? std::optional(l) : std::nullopt;
}

// Raw heads.
std::optional<BinLayout> maps_of(std::span<const Slot> slots, int input_width, int input_height) {
    const auto layout = bin_layout(slots, input_width, input_height);
    const bool maps =
        layout && (layout->form == BinLayout::Maps || layout->form == BinLayout::JoinedMaps);
    return maps ? layout : std::nullopt;
}

Result<Decoded> decode(std::span<const NamedTensor> outputs, const DecodeOptions& options) {
    const std::vector<Slot> slots = slots_of(outputs);
    if (const auto maps = maps_of(slots, options.input_width, options.input_height))
        return decode_bins("yolov8", *maps, 0.5f, outputs, options);
    const auto layout = layout_of(slots, options.input_width, options.input_height);
    if (!layout)
        return wrong_outputs("yolov8", slots, wanted);
    const auto data = floats(outputs[0], "yolov8");
    if (!data.ok())
        return data.error();
    const float* first = data.value().data();
    const Table all = layout->transposed ? by_rows(first, layout->cells, layout->columns)
                                         : by_columns(first, layout->columns, layout->cells);
    Decoded decoded;
    for (const Best& best :
         best_of_rows(all.part(box, layout->columns - box), {}, options.threshold))
        add_centred_box(decoded.detections, all.at(best.row, 0), all.at(best.row, 1),
                        all.at(best.row, 2), all.at(best.row, 3), best.score, best.label);
    scale_fractions(decoded.detections, options);
    suppress(decoded.detections, options.iou_threshold, options.max_detections);
    return decoded;
}

Fit fit(std::span<const OutputFormat> outputs, int input_width, int input_height) {
    const std::vector<Slot> slots = slots_of(outputs);
    if (const auto maps = maps_of(slots, input_width, input_height)) {
        // Joined maps of other widths are rather those of a head with anchors.
        const bool joined = maps->form == BinLayout::JoinedMaps;
        return {maps->classes == 80 ? 93
                : joined            ? 45
                : maps->bins == 16  ? 85
                                    : 50,
                describe(*maps), int(maps->classes)};
    }
    const auto layout = layout_of(slots, input_width, input_height);
    if (!layout || !layout->pyramid)
        return {0, "yolov8 has " + std::string(wanted), 0};
    const int classes = int(layout->columns - box);
    const std::string why = "a box and " + std::to_string(classes) +
                            (classes == 1 ? " class" : " classes") + " for the " +
                            std::to_string(layout->cells) + " cells of strides " +
                            strides_of(*layout->pyramid);
    // Cell by cell, yolox and nanodet look the same: 80 classes speak for the one that has them.
    if (layout->transposed)
        return {classes == 80 ? 90 : 35, why + ", cell by cell", classes};
    return {90, why, classes};
}

} // namespace

extern const DecoderDef decoder_yolov8;
const DecoderDef decoder_yolov8 = {
    .name = "yolov8",
    .decode = decode,
    .fit = fit,
    .preprocess = ultralytics_picture,
    .threshold = 0.25f,
    .iou_threshold = 0.45f,
    .labels = coco_labels,
    .aliases = "yolov9,yolo11,yolov11,yolo12,yolov12",
};

} // namespace infer
