// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// Numbers of many places, whatever order a model gives them in, and the search for the few places
// that hold something: nearly all of what decoding costs.

#include <cstdint>
#include <vector>

namespace infer {

// A row a place (cell, anchor, query), a column a number of it (score, side of a box).
struct Table {
    const float* first = nullptr;
    int64_t rows = 0, columns = 0;
    int64_t row_step = 0, column_step = 1; // in numbers

    float at(int64_t row, int64_t column) const {
        return first[row * row_step + column * column_step];
    }
    Table part(int64_t column, int64_t count) const {
        return {first + column * column_step, rows, count, row_step, column_step};
    }
    Table slice(int64_t row, int64_t count) const {
        return {first + row * row_step, count, columns, row_step, column_step};
    }
};

// Dense [rows, columns], and [columns, rows].
inline Table by_rows(const float* first, int64_t rows, int64_t columns) {
    return {first, rows, columns, columns, 1};
}
inline Table by_columns(const float* first, int64_t columns, int64_t rows) {
    return {first, rows, columns, 1, rows};
}

// How scores are written: as they are, or before the sigmoid.
struct Scale {
    bool logits = false;
    float limit(float threshold) const; // the number that stands for it
    float score(float number) const;
};
// Nearly all scores are background: as logits those are negative. Up to 512 numbers, taken evenly,
// decide.
Scale scale_of(const Table& scores);

struct Best {
    int64_t row = 0;
    int label = 0; // column; of equal ones the first
    float score = 0;
};

// The best column of each row that reaches `threshold`, in order of rows. Numbers that are not
// finite are never best.
std::vector<Best> best_of_rows(const Table& scores, Scale scale, float threshold);

// The same of objectness (one column) * best class, both on `scale`.
std::vector<Best> best_of_rows(const Table& objectness, const Table& scores, Scale scale,
                               float threshold);

} // namespace infer
