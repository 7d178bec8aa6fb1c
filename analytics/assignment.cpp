// SPDX-License-Identifier: LGPL-2.1-or-later
#include "analytics/assignment.h"

#include <algorithm>
#include <cmath>

namespace infer {
namespace {

// The Hungarian method for rows <= columns; row and column 0 are its starting points, so that
// rows and columns count from 1 here.
class Solver {
public:
    Solver(const Costs& costs, bool swapped, double alone)
        : costs_(costs), swapped_(swapped), alone_(alone),
          rows_(swapped ? costs.columns : costs.rows),
          columns_(swapped ? costs.rows : costs.columns), row_price_(rows_ + 1),
          column_price_(columns_ + 1), row_of_(columns_ + 1), came_from_(columns_ + 1) {
        for (size_t row = 1; row <= rows_; row++)
            place(row);
    }
    size_t columns() const { return columns_; }
    size_t row_of(size_t column) const { return row_of_[column]; } // 0: none

private:
    double cost(size_t row, size_t column) const {
        const double c = swapped_ ? costs_.at(column - 1, row - 1) : costs_.at(row - 1, column - 1);
        return std::isfinite(c) ? c : alone_;
    }

    // Finds the cheapest chain of exchanges that gives `row` a column.
    void place(size_t row) {
        row_of_[0] = row;
        size_t column = 0;
        std::vector<double> least(columns_ + 1, std::numeric_limits<double>::infinity());
        std::vector<bool> done(columns_ + 1);
        do {
            done[column] = true;
            column = step(column, least, done);
        } while (row_of_[column] != 0);
        for (; column != 0; column = came_from_[column])
            row_of_[column] = row_of_[came_from_[column]];
    }

    size_t step(size_t from, std::vector<double>& least, const std::vector<bool>& done) {
        const size_t row = row_of_[from];
        size_t next = 0;
        double smallest = std::numeric_limits<double>::infinity();
        for (size_t c = 1; c <= columns_; c++) {
            if (done[c])
                continue;
            const double reduced = cost(row, c) - row_price_[row] - column_price_[c];
            if (reduced < least[c])
                least[c] = reduced, came_from_[c] = from;
            if (least[c] < smallest)
                smallest = least[c], next = c;
        }
        for (size_t c = 0; c <= columns_; c++) {
            if (done[c])
                row_price_[row_of_[c]] += smallest, column_price_[c] -= smallest;
            else
                least[c] -= smallest;
        }
        return next;
    }

    const Costs& costs_;
    const bool swapped_;
    const double alone_;
    const size_t rows_, columns_;
    std::vector<double> row_price_, column_price_;
    std::vector<size_t> row_of_, came_from_;
};

} // namespace

std::vector<int> assign(const Costs& costs, double alone) {
    std::vector<int> chosen(costs.rows, -1);
    const bool swapped = costs.rows > costs.columns;
    const Solver solver(costs, swapped, alone);
    for (size_t c = 1; c <= solver.columns(); c++) {
        if (solver.row_of(c) == 0)
            continue;
        const size_t row = swapped ? c - 1 : solver.row_of(c) - 1;
        const size_t column = swapped ? solver.row_of(c) - 1 : c - 1;
        if (std::isfinite(costs.at(row, column)))
            chosen[row] = int(column);
    }
    return chosen;
}

} // namespace infer
