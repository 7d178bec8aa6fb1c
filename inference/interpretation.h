// SPDX-License-Identifier: LGPL-2.1-or-later
// One run of an Interpreter. Only interpreter*.cpp include this.
#pragma once

#include "inference/interpreter.h"

#include <chrono>

namespace infer {

// What a run may use, graphs inside graphs included.
struct RunBudget {
    static constexpr size_t max_bytes = size_t{1} << 31; // of values alive at once
    size_t bytes = 0;
    int64_t steps_left = int64_t{1} << 22; // nodes to run
    static constexpr std::chrono::seconds longest{60};
    // No iteration starts after it.
    std::chrono::steady_clock::time_point end = std::chrono::steady_clock::now() + longest;
};

class Interpretation {
public:
    Interpretation(const Interpreter& program, RunBudget& budget)
        : program_(program), graph_(*program.graph_), budget_(budget),
          values_(graph_.values.size()) {}
    ~Interpretation();

    // An input or output without data is not there.
    Result<std::vector<Tensor>> run(std::vector<Tensor> inputs);

private:
    const Tensor* find(ValueId v) const; // nullptr: an input that is not there
    void hold(const Tensor& t);
    void let_go(Tensor& t);
    Result<void> run_step(const Interpreter::Step& step);
    Result<std::vector<Tensor>> run_op(const Interpreter::Step& step);
    Result<std::vector<Tensor>> make_outputs(const Node& node,
                                             const std::vector<ValueFacts>& facts);

    Result<std::vector<Tensor>> run_flow(const Interpreter::Step& step);
    Result<std::vector<Tensor>> run_loop(const Interpreter::Step& step);
    Result<std::vector<Tensor>> run_scan(const Interpreter::Step& step);
    Result<std::vector<Tensor>> run_body(const Node& node, const Interpreter& body,
                                         std::vector<Tensor> inputs);
    std::vector<Tensor> inputs_from(const Node& node, size_t first, size_t count) const;

    const Interpreter& program_;
    const Graph& graph_;
    RunBudget& budget_;
    std::vector<Tensor> values_; // without data: not made yet, or not needed any more
    std::vector<ValueFacts> facts_;
    std::vector<TensorView> views_;
};

} // namespace infer
