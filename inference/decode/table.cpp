// SPDX-License-Identifier: LGPL-2.1-or-later
#include "inference/decode/table.h"

#include "inference/decode/outputs.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace infer {
namespace {

constexpr float lowest = -std::numeric_limits<float>::infinity();

// Adds the row's best column if it is a number.
void add_best(const Table& scores, Scale scale, int64_t row, std::vector<Best>& to) {
    float best = lowest;
    int64_t label = 0;
    for (int64_t column = 0; column < scores.columns; column++)
        if (scores.at(row, column) > best) {
            best = scores.at(row, column);
            label = column;
        }
    if (std::isfinite(best))
        to.push_back({row, int(label), scale.score(best)});
}

// Columns of neighbouring rows lie side by side: the largest of many rows at once, in loops without
// branches.
void search_columns(const Table& scores, Scale scale, float limit, std::vector<Best>& to) {
    constexpr int64_t most = 512;
    float best[most];
    for (int64_t begin = 0; begin < scores.rows; begin += most) {
        const int64_t n = std::min(most, scores.rows - begin);
        std::fill_n(best, n, lowest);
        for (int64_t column = 0; column < scores.columns; column++) {
            const float* values = scores.first + begin + column * scores.column_step;
            for (int64_t i = 0; i < n; i++)
                best[i] = values[i] > best[i] ? values[i] : best[i];
        }
        for (int64_t i = 0; i < n; i++)
            if (best[i] >= limit)
                add_best(scores, scale, begin + i, to);
    }
}

} // namespace

float Scale::limit(float threshold) const {
    return logits ? std::log(threshold / (1 - threshold)) : threshold;
}

float Scale::score(float number) const { return logits ? sigmoid(number) : number; }

Scale scale_of(const Table& scores) {
    const int64_t count = scores.rows * scores.columns;
    const int64_t step = std::max<int64_t>(count / 512, 1) | 1;
    for (int64_t i = 0; i < count; i += step) {
        const float v = scores.at(i / scores.columns, i % scores.columns);
        if (v < 0 || v > 1)
            return {true};
    }
    return {false};
}

std::vector<Best> best_of_rows(const Table& scores, Scale scale, float threshold) {
    std::vector<Best> found;
    const float limit = scale.limit(threshold);
    if (scores.row_step == 1) {
        search_columns(scores, scale, limit, found);
        return found;
    }
    for (int64_t row = 0; row < scores.rows; row++)
        if (scores.column_step != 1 ||
            any_at_least({scores.first + row * scores.row_step, size_t(scores.columns)}, limit))
            add_best(scores, scale, row, found);
    std::erase_if(found, [&](const Best& best) { return !(best.score >= threshold); });
    return found;
}

std::vector<Best> best_of_rows(const Table& objectness, const Table& scores, Scale scale,
                               float threshold) {
    std::vector<Best> found;
    const float limit = scale.limit(threshold);
    for (int64_t row = 0; row < objectness.rows; row++) {
        const float object = objectness.at(row, 0);
        if (!(object >= limit) || !std::isfinite(object)) // class scores are at most 1
            continue;
        add_best(scores, scale, row, found);
        if (!found.empty() && found.back().row == row)
            found.back().score *= scale.score(object);
    }
    std::erase_if(found, [&](const Best& best) { return !(best.score >= threshold); });
    return found;
}

} // namespace infer
