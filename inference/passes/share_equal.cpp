// SPDX-License-Identifier: LGPL-2.1-or-later
// Two nodes that compute the same from the same inputs become one.
#include "inference/passes/rewrite.h"

#include <cstring>

namespace infer {
namespace {

bool equal(const Attr& a, const Attr& b) {
    if (a.index() != b.index())
        return false;
    return std::visit(
        [&]<typename T>(const T& v) {
            if constexpr (std::is_same_v<T, Tensor>)
                return v.view().data == std::get<T>(b).view().data;
            else
                return v == std::get<T>(b);
        },
        a);
}

// Small constants count as equal if their content is.
bool same_value(const Graph& graph, ValueId a, ValueId b) {
    if (a == b)
        return true;
    const Tensor *x = constant_of(graph, a), *y = constant_of(graph, b);
    return x && y && x->type() == y->type() && x->shape() == y->shape() &&
           count(x->shape()) <= 64 &&
           std::memcmp(x->view().data, y->view().data, x->view().size_bytes()) == 0;
}

bool same(const Graph& graph, const Node& a, const Node& b) {
    if (a.op != b.op || a.inputs.size() != b.inputs.size() ||
        a.outputs.size() != b.outputs.size() || a.attrs.size() != b.attrs.size())
        return false;
    for (size_t k = 0; k < a.inputs.size(); k++)
        if (!same_value(graph, a.inputs[k], b.inputs[k]))
            return false;
    return std::equal(a.attrs.begin(), a.attrs.end(), b.attrs.begin(),
                      [](const auto& x, const auto& y) {
                          return x.first == y.first && equal(x.second, y.second);
                      });
}

// Twins share their first input, so they are among its users.
bool share(Graph& graph, const Uses& uses, size_t n) {
    Node& node = graph.nodes[n];
    if (node.inputs.empty() || node.inputs[0] == none || node.outputs.size() != 1 ||
        uses.is_output[size_t(node.outputs[0])])
        return false;
    for (int other : uses.users[size_t(node.inputs[0])]) {
        if (size_t(other) >= n || !same(graph, graph.nodes[size_t(other)], node))
            continue;
        replace_value(graph, uses, node.outputs[0], graph.nodes[size_t(other)].outputs[0]);
        drop(node);
        return true;
    }
    return false;
}

void run(Graph& graph) { rewrite_each(graph, share); }

} // namespace

extern const PassDef pass_share_equal;
const PassDef pass_share_equal = {"share_equal", run};

} // namespace infer
