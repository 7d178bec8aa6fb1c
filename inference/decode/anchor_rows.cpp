// SPDX-License-Identifier: LGPL-2.1-or-later
#include "inference/decode/anchor_rows.h"

#include "inference/decode/boxes.h"
#include "inference/decode/outputs.h"
#include "inference/decode/table.h"

namespace infer {
namespace {

constexpr int64_t objectness = 4, classes_from = 5, anchors_a_cell = 3;

bool are_rows(std::span<const Slot> slots) {
    return slots.size() == 1 && slots[0].dims.size() == 2 && slots[0].dims[1] > classes_from;
}

Result<Decoded> decode_rows(std::string_view name, const NamedTensor& output,
                            const DecodeOptions& options) {
    const auto data = floats(output, name);
    if (!data.ok())
        return data.error();
    const int64_t rows = output.view.shape[1], columns = output.view.shape[2];
    const Table all = by_rows(data.value().data(), rows, columns);
    Decoded decoded;
    for (const Best& best :
         best_of_rows(all.part(objectness, 1), all.part(classes_from, columns - classes_from), {},
                      options.threshold))
        add_centred_box(decoded.detections, all.at(best.row, 0), all.at(best.row, 1),
                        all.at(best.row, 2), all.at(best.row, 3), best.score, best.label);
    scale_fractions(decoded.detections, options);
    suppress(decoded.detections, options.iou_threshold, options.max_detections);
    return decoded;
}

} // namespace

Result<Decoded> decode_anchor_rows(const AnchorRule& rule, std::span<const NamedTensor> outputs,
                                   const DecodeOptions& options) {
    if (are_rows(slots_of(outputs)))
        return decode_rows(rule.name, outputs[0], options);
    return decode_anchor_grids(rule, outputs, options);
}

Fit fit_anchor_rows(const AnchorRule& rule, std::span<const OutputFormat> outputs, int input_width,
                    int input_height) {
    const std::vector<Slot> slots = slots_of(outputs);
    if (!are_rows(slots))
        return fit_anchor_grids(rule, outputs, input_width, input_height);
    const int64_t rows = slots[0].dims[0];
    for (int levels : {3, 4})
        if (const Pyramid p = pyramid(levels, input_width, input_height);
            p.cells * anchors_a_cell == rows && rows > 0) {
            const int classes = int(slots[0].dims[1] - classes_from);
            return {rule.fit,
                    std::to_string(rows) + " rows are three anchors for the cells of strides " +
                        strides_of(p) + "; columns are a box, objectness and " +
                        std::to_string(classes) + (classes == 1 ? " class" : " classes"),
                    classes};
        }
    return {0, std::string(rule.name) + " has " + std::string(rule.wanted), 0};
}

} // namespace infer
