// SPDX-License-Identifier: LGPL-2.1-or-later
// Runs small random graphs on the CPU device, against the reference kernels.
#pragma once

#include "devices/cpu/simd.h"
#include "inference/op.h"
#include "tests/small_graphs.h"

namespace infer {

// In throughput, in slices of three threads; `kernel` must have run if it is not empty.
inline void check_kernels(const Graph& graph, const std::string& kernel, float tolerance, const char* kernels);

inline void check(const Graph& graph, const std::string& kernel = "", float tolerance = 1e-5f) {
    const auto sets = cpu::instruction_sets();
    for (const std::string& set : sets) {
        SCOPED_TRACE(set);
        cpu::use_instruction_set(set);
        check_kernels(graph, kernel, tolerance, "own");
    }
    cpu::use_instruction_set("");
    if (graph.nodes.back().op == "Conv")
        check_kernels(graph, "", 3e-5f, "onednn");
}

inline void check_kernels(const Graph& graph, const std::string& kernel, float tolerance, const char* kernels) {
    std::vector<Tensor> inputs;
    for (const ValueId v : graph.inputs)
        inputs.push_back(random_tensor(graph.value(v).shape, unsigned(v) + 3));
    const auto wanted = run_reference(graph, inputs);
    ASSERT_TRUE(wanted.ok()) << wanted.error().text();
    for (const int threads : {1, 3}) {
        CompileOptions options{.hint = Hint::Latency, .precision = Precision::F32, .threads = threads};
        options.extra = {{"profile", "1"}, {"kernels", kernels}};
        auto executor = find_device("CPU")->compile(graph, options);
        ASSERT_TRUE(executor.ok()) << executor.error().text();
        for (int again = 0; again < 2; again++) { // the second time over used memory
            const auto got = run_once(*executor.value(), inputs);
            for (size_t k = 0; k < got.size(); k++)
                expect_near(got[k], wanted.value()[k], tolerance,
                            graph.nodes.back().op + " output " + std::to_string(k) + " threads " + std::to_string(threads) + " " + kernels);
        }
        bool ran = kernel.empty();
        std::string all;
        for (const auto& layer : executor.value()->layer_times()) {
            ran |= layer.kernel.find(kernel) != std::string::npos;
            all += layer.op + ":" + layer.kernel + " ";
        }
        EXPECT_TRUE(ran) << kernel << " did not run, but " << all;
    }
}

// After a convolution, so that it works on a channels-last image.
inline ValueId image(Builder& b, const Shape& shape) {
    return b.op("Conv", {b.input(shape), b.constant({shape[1], shape[1], 1, 1}), none});
}

} // namespace infer
