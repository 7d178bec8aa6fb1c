// SPDX-License-Identifier: LGPL-2.1-or-later
#include "inference/decode/corner_boxes.h"

#include "inference/decode/boxes.h"
#include "inference/decode/outputs.h"
#include "inference/decode/table.h"

#include <algorithm>
#include <cmath>

namespace infer {
namespace {

std::optional<CornerBoxRoles> roles_of(std::span<const Slot> slots) {
    if (slots.size() != 2)
        return std::nullopt;
    for (size_t boxes :
         {mentions(slots[1].name, {"box"}) ? 1u : 0u, mentions(slots[1].name, {"box"}) ? 0u : 1u}) {
        const auto b = slots[boxes].dims, s = slots[1 - boxes].dims;
        const bool one_anchor = b.size() == 3 && b[1] == 1;
        if (b.size() < 2 || b.back() != 4 || (b.size() != 2 && !one_anchor) || s.size() != 2 ||
            b[0] < 1)
            continue;
        if (s[0] == b[0] && s[1] >= 1)
            return CornerBoxRoles{boxes, 1 - boxes, b[0], s[1], false, one_anchor};
        if (s[1] == b[0] && s[0] >= 1)
            return CornerBoxRoles{boxes, 1 - boxes, b[0], s[0], true, one_anchor};
    }
    return std::nullopt;
}

// True if the scores of each of up to 64 rows, taken evenly, sum up to 1.
bool sum_to_one(const Table& scores) {
    constexpr float tolerance = 0.02f;
    const int64_t step = std::max<int64_t>(scores.rows / 64, 1);
    for (int64_t row = 0; row < scores.rows; row += step) {
        float sum = 0;
        for (int64_t c = 0; c < scores.columns; c++)
            sum += scores.at(row, c);
        if (!(std::abs(sum - 1) <= tolerance))
            return false;
    }
    return scores.columns > 1;
}

} // namespace

std::optional<CornerBoxRoles> corner_box_roles(std::span<const OutputFormat> outputs) {
    return roles_of(slots_of(outputs));
}

Result<Decoded> decode_corner_boxes(std::string_view decoder, std::string_view wanted,
                                    bool background, std::span<const NamedTensor> outputs,
                                    const DecodeOptions& options) {
    const std::vector<Slot> slots = slots_of(outputs);
    const auto roles = roles_of(slots);
    if (!roles)
        return wrong_outputs(decoder, slots, wanted);
    const auto data = all_floats(outputs, decoder);
    if (!data.ok())
        return data.error();
    const float* first = data.value()[roles->scores];
    const Table scores = roles->by_class ? by_columns(first, roles->classes, roles->count)
                                         : by_rows(first, roles->count, roles->classes);
    const int skipped = background && sum_to_one(scores) ? 1 : 0;
    Decoded decoded;
    for (const Best& best :
         best_of_rows(scores.part(skipped, roles->classes - skipped), {}, options.threshold)) {
        const float* b = data.value()[roles->boxes] + 4 * best.row;
        add_box(decoded.detections, b[0], b[1], b[2], b[3], best.score, best.label + skipped);
    }
    scale_fractions(decoded.detections, options);
    suppress(decoded.detections, options.iou_threshold, options.max_detections);
    return decoded;
}

} // namespace infer
