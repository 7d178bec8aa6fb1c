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
    std::vector<double> values; // finite ones between 0 and 1000
};

// The column of each row, -1 for none: as many pairs as there can be, and of these choices the
// cheapest. Hungarian method with potentials, O(rows^2 * columns).
std::vector<int> assign(const Costs& costs);

} // namespace infer
