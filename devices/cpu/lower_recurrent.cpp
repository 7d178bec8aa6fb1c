// SPDX-License-Identifier: LGPL-2.1-or-later
#include "devices/cpu/lower_recurrent.h"

#include "devices/cpu/activation.h"
#include "inference/passes/rewrite.h"

namespace infer::cpu {

using lowering::Emitter;

namespace {

struct Kind {
    std::string_view op;
    int64_t gates;
    std::vector<std::string> activations; // of one direction
};

const Kind* kind_of(const Node& node) {
    static const Kind kinds[] = {{"RNN", 1, {"Tanh"}},
                                 {"GRU", 3, {"Sigmoid", "Tanh"}},
                                 {"LSTM", 4, {"Sigmoid", "Tanh", "Tanh"}}};
    for (const Kind& kind : kinds)
        if (kind.op == node.op)
            return &kind;
    return nullptr;
}

// [directions * rows, depth] as [depth, directions * rows].
Tensor turned(const Tensor& t) {
    const int64_t depth = t.shape().back(), rows = count(t.shape()) / depth;
    Tensor out(ElementType::F32, {depth, rows});
    for (int64_t r = 0; r < rows; r++)
        for (int64_t k = 0; k < depth; k++)
            out.span<float>()[size_t(k * rows + r)] = t.span<float>()[size_t(r * depth + k)];
    return out;
}

// Parts of the bias [directions][of w, of r][gates][hidden]: what is added to the input's part, and
// what only to the recurrent one (the candidate of a GRU with linear_before_reset).
struct Biases {
    Tensor outer, inner; // [directions * gates * hidden]
};

Biases biases_of(const Tensor* b, int64_t directions, int64_t gates, int64_t hidden,
                 bool inner_last) {
    const int64_t rows = gates * hidden;
    Biases biases{Tensor(ElementType::F32, {directions * rows}),
                  Tensor(ElementType::F32, {directions * rows})};
    for (int64_t k = 0; k < directions * rows; k++) {
        const int64_t at = k / rows * 2 * rows + k % rows;
        const float of_w = b ? b->span<float>()[size_t(at)] : 0,
                    of_r = b ? b->span<float>()[size_t(at + rows)] : 0;
        const bool inner = inner_last && k % rows >= rows - hidden;
        biases.outer.span<float>()[size_t(k)] = inner ? of_w : of_w + of_r;
        biases.inner.span<float>()[size_t(k)] = inner ? of_r : 0;
    }
    return biases;
}

bool are_fast(const std::vector<std::string>& activations) {
    return std::all_of(activations.begin(), activations.end(), [](const std::string& name) {
        return !name.empty() && activation_named(name, 0, 0);
    });
}

} // namespace

bool lower_recurrent(const Graph& graph, const Node& node, Emitter& emit) {
    const Kind* kind = kind_of(node);
    const Tensor* w = kind ? f32_of(graph, node.inputs[1]) : nullptr;
    const Tensor* r = kind ? f32_of(graph, node.inputs[2]) : nullptr;
    const auto known = [&](size_t k) {
        return input(node, k) == none || f32_of(graph, node.inputs[k]);
    };
    if (!w || !r || !known(3) || !known(7) || node.attr("clip", 0.0f) != 0)
        return false;
    const int64_t directions = w->shape()[0], hidden = r->shape()[2],
                  rows = directions * kind->gates * hidden;
    std::vector<std::string> activations = kind->activations;
    if (directions == 2)
        activations.insert(activations.end(), kind->activations.begin(), kind->activations.end());
    if (node.has("activations"))
        if (const auto* names =
                std::get_if<std::vector<std::string>>(&node.attrs.at("activations")))
            activations = *names;
    const Shape& x = graph.value(node.inputs[0]).shape;
    if (!are_fast(activations) || count(x) == 0 || count(w->shape()) == 0 || count(r->shape()) == 0)
        return false;
    const Tensor* b = input(node, 3) == none ? nullptr : f32_of(graph, node.inputs[3]);
    const bool inner_last = node.op == "GRU" && node.attr("linear_before_reset", int64_t(0)) != 0;
    const Biases biases = biases_of(b, directions, kind->gates, hidden, inner_last);
    std::map<std::string, Attr> attrs = node.attrs;
    attrs["cell"] = node.op;
    attrs["activations"] = activations;
    const ValueId sums =
        emit.op("MatMul", {node.inputs[0], emit.constant(turned(*w)), emit.constant(biases.outer)},
                {x[0], x[1], rows});
    std::vector<ValueId> inputs{sums, node.inputs[2], emit.constant(biases.inner)};
    for (size_t k = 4; k < 8; k++) // lengths, first state, first cell, peepholes
        inputs.push_back(input(node, k));
    emit.last_of_many("Recurrence", std::move(inputs), std::move(attrs));
    return true;
}

} // namespace infer::cpu
