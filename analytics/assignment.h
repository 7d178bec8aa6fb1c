// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstddef>
#include <limits>
#include <vector>

namespace infer {

// What it costs to give row r the column c; a pair that must not be is `never`.
struct Costs {
    static constexpr double never = std::numeric_limits<double>::infinity();

    Costs(size_t row_count, size_t column_count)
        : rows(row_count), columns(column_count), values(row_count * column_count, never) {}
    double& at(size_t row, size_t column) { return values[row * columns + column]; }
    double at(size_t row, size_t column) const { return values[row * columns + column]; }

    size_t rows, columns;
    std::vector<double> values; // finite ones from 0 to 1000, and below what being alone costs
};

// The column of each row, -1 for none. Minimises the cost of all pairs plus `alone` for each row or
// column (whichever are fewer) without one; by default as many pairs as there can be are made.
// Hungarian method with potentials, O(rows^2 * columns).
std::vector<int> assign(const Costs& costs, double alone = 1e6);

} // namespace infer
