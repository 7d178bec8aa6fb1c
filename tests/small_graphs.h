// SPDX-License-Identifier: LGPL-2.1-or-later
// For tests of devices' kernels: small random graphs, run against the reference kernels.
#pragma once

#include "inference/model.h"
#include "tests/cpu_rig.h"

#include <gtest/gtest.h>

#include <cmath>

namespace infer {

using Ints = std::vector<int64_t>;

// Builds graphs in a few words.
class Builder {
public:
    ValueId input(const Shape& shape) {
        const ValueId v =
            graph_.add_value({.name = "x" + std::to_string(graph_.values.size()), .shape = shape});
        graph_.inputs.push_back(v);
        return v;
    }
    ValueId constant(const Shape& shape, float low = -1, float high = 1) {
        Tensor t = random_tensor(shape, unsigned(graph_.values.size()) + 11, low, high);
        return add_constant(std::move(t));
    }
    ValueId numbers(const Ints& values) {
        return add_constant(
            make_tensor<int64_t>(ElementType::I64, {int64_t(values.size())}, values));
    }
    ValueId floats(const std::vector<float>& values) {
        return add_constant(make_tensor<float>(ElementType::F32, {int64_t(values.size())}, values));
    }
    std::vector<ValueId> many(const std::string& op, std::vector<ValueId> in, size_t outputs,
                              std::map<std::string, Attr> attrs = {}) {
        Node node{.op = op,
                  .name = op + std::to_string(graph_.nodes.size()),
                  .attrs = std::move(attrs),
                  .inputs = std::move(in),
                  .outputs = {}};
        for (size_t k = 0; k < outputs; k++)
            node.outputs.push_back(graph_.add_value(
                {.name = "v" + std::to_string(graph_.values.size()), .shape = {}}));
        graph_.nodes.push_back(node);
        return node.outputs;
    }
    ValueId op(const std::string& name, std::vector<ValueId> in,
               std::map<std::string, Attr> attrs = {}) {
        return many(name, std::move(in), 1, std::move(attrs))[0];
    }
    Graph finish(std::vector<ValueId> outputs) {
        graph_.outputs = std::move(outputs);
        const auto done = infer_shapes(graph_);
        EXPECT_TRUE(done.ok()) << (done.ok() ? "" : done.error().text());
        return graph_;
    }

    ValueId add_constant(Tensor t) {
        const std::string name = "c" + std::to_string(graph_.values.size());
        return graph_.add_value(
            {.name = name, .type = t.type(), .shape = t.shape(), .constant = t});
    }

private:
    Graph graph_;
};

inline void expect_near(const Tensor& got, const Tensor& wanted, float tolerance,
                        const std::string& what) {
    ASSERT_EQ(got.shape(), wanted.shape()) << what;
    ASSERT_EQ(got.type(), wanted.type()) << what;
    if (wanted.type() != ElementType::F32) {
        EXPECT_EQ(std::memcmp(got.view().data, wanted.view().data, wanted.view().size_bytes()), 0)
            << what;
        return;
    }
    const auto a = got.span<float>(), b = wanted.span<float>();
    float largest = 1e-3f;
    for (const float v : b)
        largest = std::max(largest, std::abs(v));
    for (size_t k = 0; k < a.size(); k++)
        ASSERT_LE(std::abs(a[k] - b[k]), tolerance * largest)
            << what << ", element " << k << " of " << to_string(got.shape());
}

} // namespace infer
