// SPDX-License-Identifier: LGPL-2.1-or-later
#include "inference/decode/box_list.h"

#include "inference/decode/boxes.h"
#include "inference/decode/masks.h"
#include "inference/decode/outputs.h"

#include <algorithm>
#include <cmath>

namespace infer {
namespace {

bool is_whole(ElementType type) {
    return type != ElementType::F32 && type != ElementType::F16 && type != ElementType::BF16 &&
           type != ElementType::F64;
}

// Words that people's outputs are called by, which are no part of the result; also the raw lists
// that TensorFlow's exports give besides.
bool is_besides(std::string_view name) {
    return mentions(name, {"raw_", "feature", "saliency", "anchor_ind", "multiclass", "keypoint"});
}

bool same_length(int64_t a, int64_t b) { return a == b || a < 0 || b < 0; }

bool is_mask(const Shape& shape, size_t first, int64_t count) {
    const size_t rank = shape.size() - first;
    return shape.size() > first && (rank == 3 || (rank == 4 && shape[first + 1] == 1)) &&
           same_length(shape[first], count) && shape.back() >= 7 && shape[shape.size() - 2] >= 7;
}

// The boxes: the first output of four or five columns.
void find_boxes(std::span<const OutputFormat> outputs, BoxListRoles& roles) {
    for (size_t i = 0; i < outputs.size() && roles.boxes < 0; i++) {
        const Shape& s = outputs[i].shape;
        if ((s.size() == 2 || s.size() == 3) && (s.back() == 4 || s.back() == 5) &&
            !is_besides(outputs[i].name))
            roles = {.boxes = int(i), .batched = s.size() == 3, .scored_boxes = s.back() == 5};
    }
}

// Of two lists, the labels; by name, else by type, else the first, as torchvision and TensorFlow
// order them.
bool first_is_labels(const OutputFormat& a, const OutputFormat& b) {
    const std::initializer_list<std::string_view> score = {"score", "conf", "prob"},
                                                  label = {"label", "class", "cls", "categor"};
    if (mentions(a.name, score) != mentions(b.name, score))
        return mentions(b.name, score);
    if (mentions(a.name, label) != mentions(b.name, label))
        return mentions(a.name, label);
    return is_whole(a.type) || !is_whole(b.type);
}

// How many classes there are, if an output that is passed over says it.
int classes_of(std::span<const OutputFormat> outputs) {
    for (const OutputFormat& output : outputs)
        if (output.shape.size() == 3 &&
            mentions(output.name, {"raw_detection_scores", "multiclass_scores"}))
            return int(std::max<int64_t>(output.shape.back(), 0));
    return 0;
}

} // namespace

std::optional<BoxListRoles> box_list_roles(std::span<const OutputFormat> outputs) {
    BoxListRoles roles;
    find_boxes(outputs, roles);
    if (roles.boxes < 0)
        return std::nullopt;
    const Shape& boxes = outputs[size_t(roles.boxes)].shape;
    const int64_t count = boxes[boxes.size() - 2];
    const size_t first = roles.batched ? 1 : 0; // dimension that counts the boxes
    std::vector<int> lists;
    for (size_t i = 0; i < outputs.size(); i++) {
        const Shape& s = outputs[i].shape;
        if (int(i) == roles.boxes || is_besides(outputs[i].name))
            continue;
        const bool is_count = mentions(outputs[i].name, {"num", "count"}) ||
                              (s.size() == 1 && (roles.batched || (s[0] == 1 && count != 1)));
        if (is_count && s.size() <= 2)
            roles.count = int(i);
        else if (s.size() == first + 1 && same_length(s[first], count))
            lists.push_back(int(i));
        else if (is_mask(s, first, count))
            roles.masks = int(i);
        else
            return std::nullopt;
    }
    if (lists.size() != (roles.scored_boxes ? 1 : 2))
        return std::nullopt;
    roles.labels = lists[0];
    if (!roles.scored_boxes) {
        roles.scores = lists[1];
        if (!first_is_labels(outputs[size_t(lists[0])], outputs[size_t(lists[1])]))
            std::swap(roles.labels, roles.scores);
    }
    roles.classes = classes_of(outputs);
    return roles;
}

namespace {

struct Lists {
    std::vector<float> boxes, labels, scores;
    int64_t columns = 4, count = 0;
};

Result<Lists> read(std::string_view decoder, const BoxListRoles& roles,
                   std::span<const NamedTensor> outputs) {
    Lists lists;
    const auto take = [&](int output, std::vector<float>& to) -> Result<void> {
        Result<std::vector<float>> read = numbers(outputs[size_t(output)], decoder);
        if (!read.ok())
            return read.error();
        to = std::move(read.value());
        return {};
    };
    std::vector<float> count;
    for (auto& [output, to] :
         {std::pair{roles.boxes, &lists.boxes}, std::pair{roles.labels, &lists.labels},
          std::pair{roles.scores, &lists.scores}, std::pair{roles.count, &count}})
        if (output >= 0)
            if (Result<void> read = take(output, *to); !read.ok())
                return read.error();
    lists.columns = roles.scored_boxes ? 5 : 4;
    lists.count = int64_t(lists.labels.size());
    lists.count = std::min(lists.count, int64_t(lists.boxes.size()) / lists.columns);
    if (!roles.scored_boxes)
        lists.count = std::min(lists.count, int64_t(lists.scores.size()));
    if (!count.empty() && count[0] >= 0 && count[0] < float(lists.count))
        lists.count = int64_t(count[0]);
    return lists;
}

} // namespace

Result<Decoded> decode_box_list(std::string_view decoder, std::string_view wanted, bool y_first,
                                std::span<const NamedTensor> outputs,
                                const DecodeOptions& options) {
    std::vector<OutputFormat> formats;
    for (const NamedTensor& output : outputs)
        formats.push_back({std::string(output.name), output.view.type, output.view.shape});
    const auto roles = box_list_roles(formats);
    if (!roles)
        return wrong_outputs(decoder, slots_of(outputs), wanted);
    const Result<Lists> read_lists = read(decoder, *roles, outputs);
    if (!read_lists.ok())
        return read_lists.error();
    const Lists& lists = read_lists.value();

    Decoded decoded;
    std::vector<int64_t> rows; // of the detections
    for (int64_t i = 0; i < lists.count; i++) {
        const float* b = &lists.boxes[size_t(i * lists.columns)];
        const float score = roles->scored_boxes ? b[4] : lists.scores[size_t(i)];
        const float label = lists.labels[size_t(i)];
        if (!(score >= options.threshold) || !is_label(label))
            continue;
        if (y_first ? add_box(decoded.detections, b[1], b[0], b[3], b[2], score, int(label))
                    : add_box(decoded.detections, b[0], b[1], b[2], b[3], score, int(label)))
            rows.push_back(i);
    }
    scale_fractions(decoded.detections, options);
    const std::vector<size_t> chosen = best_indices(decoded.detections, options.max_detections);
    take(decoded.detections, chosen);
    if (roles->masks < 0)
        return decoded;
    std::vector<int64_t> kept;
    for (size_t i : chosen)
        kept.push_back(rows[i]);
    if (Result<void> put =
            put_masks(decoder, outputs[size_t(roles->masks)], kept, options, decoded.detections);
        !put.ok())
        return put.error();
    return decoded;
}

} // namespace infer
