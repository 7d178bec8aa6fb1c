// SPDX-License-Identifier: LGPL-2.1-or-later
#include "inference/image_layout.h"

#include <gtest/gtest.h>

using namespace infer;

namespace {

// An input of `shape` on its way through `nodes`; "x" is the input, "c" the constant.
struct Way {
    Graph graph;
    explicit Way(Shape shape) {
        graph.inputs = {graph.add_value({"x", ElementType::F32, std::move(shape)})};
    }
    Way& then(const char* op, std::map<std::string, Attr> attrs = {}, Shape constant = {}) {
        std::vector<ValueId> inputs = {graph.nodes.empty() ? graph.inputs[0]
                                                           : graph.nodes.back().outputs[0]};
        if (!constant.empty())
            inputs.push_back(graph.add_value(
                {"c", ElementType::F32, constant, Tensor(ElementType::F32, constant)}));
        const ValueId out = graph.add_value({"y", ElementType::F32, {}});
        graph.nodes.push_back({op, op, std::move(attrs), inputs, {out}});
        return *this;
    }
    bool is_last() const { return is_channels_last(graph, graph.inputs[0]); }
};

const std::map<std::string, Attr> to_second = {{"perm", std::vector<int64_t>{0, 3, 1, 2}}};
const std::map<std::string, Attr> to_last = {{"perm", std::vector<int64_t>{0, 2, 3, 1}}};

} // namespace

TEST(ImageLayout, is_what_the_first_operator_that_knows_channels_says) {
    const struct {
        const char* name;
        Way way;
        bool last;
    } cases[] = {
        {"tiny picture", Way({1, 3, 3, 3}).then("Conv"), false},
        {"six channels, three columns", Way({1, 6, 8, 3}).then("Conv"), false},
        {"six channels last", Way({1, 3, 3, 6}).then("Transpose", to_second).then("Conv"), true},
        {"open extents", Way({-1, -1, -1, 3}).then("Transpose", to_second), true},
        {"moved to last place", Way({1, 5, 4, 4}).then("Transpose", to_last), false},
        {"scaled, then transposed",
         Way({1, 4, 4, 5}).then("Div").then("Pad").then("Transpose", to_second), true},
        {"a bias a channel, last", Way({1, 4, 9, 3}).then("Sub", {}, {3}), true},
        {"a bias a channel, second", Way({1, 3, 9, 3}).then("Sub", {}, {1, 3, 1, 1}), false},
        {"one number for all says nothing", Way({1, 4, 4, 5}).then("Mul", {}, {1}).then("Conv"),
         false},
        {"nobody says: by extents", Way({1, 40, 50, 3}).then("Relu"), true},
        {"nobody says: by extents", Way({1, 3, 50, 3}).then("Relu"), false},
        {"no picture", Way({1, 10}).then("Gemm"), false},
    };
    for (const auto& c : cases)
        EXPECT_EQ(c.way.is_last(), c.last) << c.name;
}
