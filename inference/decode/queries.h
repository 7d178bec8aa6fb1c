// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// Detection transformers: a box and class scores for each of Q queries, in any order:
//
//   logits  f32 [1, Q, classes]  (+ 1 where there is a class for nothing, the last)
//   boxes   f32 [1, Q, 4]        x, y, width, height as fractions of the input
//
// A query has one label at most. There is no suppression: iou-threshold has no effect.

#include "inference/decoder.h"

namespace infer {

// More rows are anchors, not queries.
constexpr int64_t most_queries = 1000;

struct QueryRoles {
    size_t logits = 0, boxes = 0;
    int64_t queries = 0, columns = 0;
    bool named = false; // as the families' exports are
};
std::optional<QueryRoles> query_roles(std::span<const OutputFormat> outputs);
std::optional<QueryRoles> query_roles(std::span<const NamedTensor> outputs);

// `softmax`: columns exclude each other and the last is nothing; else each column has its sigmoid
// (where all lie in 0..1, it has been applied).
Result<Decoded> decode_queries(std::string_view decoder, std::string_view wanted, bool softmax,
                               std::span<const NamedTensor> outputs, const DecodeOptions& options);

} // namespace infer
