// SPDX-License-Identifier: LGPL-2.1-or-later
#include "analytics/assignment.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <random>

using namespace infer;

namespace {

struct Sum {
    int pairs = 0;
    double cost = 0;
};

Sum sum_of(const Costs& costs, const std::vector<int>& columns) {
    Sum sum;
    for (size_t r = 0; r < costs.rows; r++)
        if (columns[r] >= 0)
            sum.pairs++, sum.cost += costs.at(r, size_t(columns[r]));
    return sum;
}

// All ways to give rows columns, by trying them.
void try_all(const Costs& costs, std::vector<int>& columns, size_t row, Sum& best) {
    if (row == costs.rows) {
        const Sum sum = sum_of(costs, columns);
        if (sum.pairs > best.pairs || (sum.pairs == best.pairs && sum.cost < best.cost))
            best = sum;
        return;
    }
    columns[row] = -1;
    try_all(costs, columns, row + 1, best);
    for (size_t c = 0; c < costs.columns; c++)
        if (std::isfinite(costs.at(row, c)) &&
            std::count(columns.begin(), columns.begin() + long(row), int(c)) == 0) {
            columns[row] = int(c);
            try_all(costs, columns, row + 1, best);
        }
    columns[row] = -1;
}

} // namespace

TEST(Assignment, finds_the_best_of_all_choices) {
    std::mt19937 random(7);
    std::uniform_real_distribution<double> any(0, 1);
    for (int round = 0; round < 300; round++) {
        Costs costs(random() % 6, random() % 6);
        for (double& c : costs.values)
            c = any(random) < 0.3 ? Costs::never : any(random);
        std::vector<int> columns(costs.rows, -1);
        Sum best;
        try_all(costs, columns, 0, best);
        const Sum found = sum_of(costs, assign(costs));
        EXPECT_EQ(found.pairs, best.pairs) << "round " << round;
        EXPECT_NEAR(found.cost, best.cost, 1e-9) << "round " << round;
    }
}

TEST(Assignment, gives_no_column_where_none_may_be) {
    EXPECT_EQ(assign(Costs(2, 3)), (std::vector<int>{-1, -1}));
    EXPECT_EQ(assign(Costs(2, 0)), (std::vector<int>{-1, -1}));
    EXPECT_EQ(assign(Costs(0, 2)), std::vector<int>{});
}

TEST(Assignment, rather_leaves_a_row_alone_than_pay_more_for_it) {
    // Two pairs would cost 1.8, the one good pair and a row alone 1.1.
    Costs costs(2, 2);
    costs.at(0, 0) = 0.9, costs.at(1, 0) = 0.1, costs.at(1, 1) = 0.9;
    EXPECT_EQ(assign(costs), (std::vector<int>{0, 1}));
    EXPECT_EQ(assign(costs, 1), (std::vector<int>{-1, 0}));
}
