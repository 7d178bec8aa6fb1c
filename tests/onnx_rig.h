// SPDX-License-Identifier: LGPL-2.1-or-later
// What the tests of the ONNX reader share.
#pragma once

#include "tests/npz.h"
#include "tests/onnx_model.h"

#include "inference/formats/onnx_case.h"
#include "inference/model.h"

#include <gmock/gmock.h>

namespace infer {

// Error text of loading the model, "" if it loads.
inline std::string problem(const std::string& path, const LoadOptions& options = {}) {
    const auto graph = load_model(path, options);
    return graph.ok() ? "" : graph.error().text();
}

inline std::string problem(const OnnxModel& model, const LoadOptions& options = {}) {
    return problem(model.save("model.onnx"), options);
}

inline OnnxModel relu() {
    OnnxModel m;
    m.input("x", {1, 2}).output("y");
    m.node("Relu", {"x"}, {"y"});
    return m;
}

inline Tensor f32(Shape shape, std::vector<float> values) {
    return make_tensor<float>(ElementType::F32, std::move(shape), std::span<const float>(values));
}

// The model's first output for one input, as it is and optimized.
inline Tensor run_model(const OnnxModel& model, const Tensor& input) {
    auto graph = load_model(model.save("run.onnx"));
    EXPECT_TRUE(graph.ok()) << graph.error().text();
    if (!graph.ok())
        return Tensor(ElementType::F32, {0});
    const auto plain = run_reference(graph.value(), {input});
    EXPECT_TRUE(optimize(graph.value()).ok());
    const auto fast = run_reference(graph.value(), {input});
    EXPECT_TRUE(plain.ok() && fast.ok());
    EXPECT_EQ(difference(fast.value()[0], plain.value()[0], 1e-5f, 1e-6f), "")
        << "after optimize()";
    return plain.value()[0];
}

// A graph from "x", f32 2x4 of 0..7, to "y" in the words of some opset, and what "y" is.
struct OldNode {
    const char* what;
    int64_t opset;
    void (*build)(OnnxModel&);
    Shape shape;
    std::vector<float> result;
};

inline void check(const OldNode& row) {
    SCOPED_TRACE(row.what);
    OnnxModel m(row.opset);
    m.input("x", {2, 4}).output("y");
    row.build(m);
    EXPECT_EQ(difference(run_model(m, f32({2, 4}, {0, 1, 2, 3, 4, 5, 6, 7})),
                         f32(row.shape, row.result), 1e-5f, 1e-6),
              "");
}

} // namespace infer
