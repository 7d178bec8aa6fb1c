// SPDX-License-Identifier: LGPL-2.1-or-later
#include "inference/decode/queries.h"

#include "inference/decode/boxes.h"
#include "inference/decode/outputs.h"
#include "inference/decode/table.h"

#include <algorithm>
#include <cmath>

namespace infer {
namespace {

std::optional<QueryRoles> roles_of(std::span<const Slot> slots) {
    if (slots.size() != 2)
        return std::nullopt;
    // Of two outputs with four columns the boxes are the ones called so, else the second.
    const bool first_is_boxes = mentions(slots[0].name, {"box", "dets"});
    for (size_t boxes : {first_is_boxes ? 0u : 1u, first_is_boxes ? 1u : 0u}) {
        const auto b = slots[boxes].dims, l = slots[1 - boxes].dims;
        if (b.size() == 2 && l.size() == 2 && b[1] == 4 && b[0] == l[0] && l[1] >= 1)
            return QueryRoles{1 - boxes, boxes, b[0], l[1],
                              mentions(slots[1 - boxes].name, {"logits", "labels"}) ||
                                  mentions(slots[boxes].name, {"pred_boxes", "dets"})};
    }
    return std::nullopt;
}

// The best class of each query by the softmax over all columns.
std::vector<Best> best_by_softmax(const Table& logits, float threshold) {
    std::vector<Best> found;
    for (int64_t row = 0; row < logits.rows; row++) {
        float top = logits.at(row, 0);
        int label = 0;
        for (int64_t c = 0; c < logits.columns; c++) {
            top = std::max(top, logits.at(row, c));
            if (c + 1 < logits.columns && logits.at(row, c) > logits.at(row, label))
                label = int(c);
        }
        float sum = 0;
        for (int64_t c = 0; c < logits.columns; c++)
            sum += std::exp(logits.at(row, c) - top);
        const float score = std::exp(logits.at(row, label) - top) / sum;
        if (score >= threshold)
            found.push_back({row, label, score});
    }
    return found;
}

} // namespace

std::optional<QueryRoles> query_roles(std::span<const OutputFormat> outputs) {
    return roles_of(slots_of(outputs));
}

std::optional<QueryRoles> query_roles(std::span<const NamedTensor> outputs) {
    return roles_of(slots_of(outputs));
}

Result<Decoded> decode_queries(std::string_view decoder, std::string_view wanted, bool softmax,
                               std::span<const NamedTensor> outputs, const DecodeOptions& options) {
    const auto roles = query_roles(outputs);
    if (!roles || (softmax && roles->columns < 2))
        return wrong_outputs(decoder, slots_of(outputs), wanted);
    const auto data = all_floats(outputs, decoder);
    if (!data.ok())
        return data.error();
    const Table logits = by_rows(data.value()[roles->logits], roles->queries, roles->columns);
    const float* boxes = data.value()[roles->boxes];
    const float width = float(options.input_width), height = float(options.input_height);
    Decoded decoded;
    for (const Best& best : softmax ? best_by_softmax(logits, options.threshold)
                                    : best_of_rows(logits, scale_of(logits), options.threshold)) {
        const float* box = boxes + 4 * best.row;
        add_centred_box(decoded.detections, box[0] * width, box[1] * height, box[2] * width,
                        box[3] * height, best.score, best.label);
    }
    keep_best(decoded.detections, options.max_detections);
    return decoded;
}

} // namespace infer
