// SPDX-License-Identifier: LGPL-2.1-or-later
#include "inference/formats/format.h"
#include "inference/ops/kernel.h"

#include <algorithm>
#include <set>

namespace infer {
namespace {

struct Waiting {
    std::vector<std::vector<size_t>> users; // by node: nodes that read what it makes
    std::vector<int> inputs;                // by node: how many of its inputs are still to be made
};

Result<Waiting> waiting_for(const Graph& graph, const std::vector<bool>& made,
                            const std::string& where) {
    const size_t n = graph.nodes.size();
    std::vector<int> maker(graph.values.size(), -1);
    for (size_t k = 0; k < n; k++)
        for (ValueId v : graph.nodes[k].outputs)
            if (v != none)
                maker[size_t(v)] = int(k);
    Waiting waiting{std::vector<std::vector<size_t>>(n), std::vector<int>(n, 0)};
    for (size_t k = 0; k < n; k++)
        for (ValueId v : graph.nodes[k].inputs) {
            if (v == none)
                continue;
            if (!made[size_t(v)])
                return Error{Error::InvalidModel, where,
                             place(graph.nodes[k]) + " reads '" + graph.value(v).name +
                                 "', which nothing makes"};
            if (maker[size_t(v)] >= 0) {
                waiting.users[size_t(maker[size_t(v)])].push_back(k);
                waiting.inputs[k]++;
            }
        }
    return waiting;
}

} // namespace

// Kahn's algorithm.
Result<void> sort_nodes(Graph& graph, const std::vector<bool>& made, const std::string& where) {
    auto found = waiting_for(graph, made, where);
    if (!found.ok())
        return found.error();
    Waiting& waiting = found.value();
    std::set<size_t> ready;
    for (size_t k = 0; k < graph.nodes.size(); k++)
        if (waiting.inputs[k] == 0)
            ready.insert(k);
    std::vector<size_t> order;
    while (!ready.empty()) {
        order.push_back(ready.extract(ready.begin()).value());
        for (size_t user : waiting.users[order.back()])
            if (--waiting.inputs[user] == 0)
                ready.insert(user);
    }
    if (order.size() != graph.nodes.size()) {
        const auto left =
            std::find_if(waiting.inputs.begin(), waiting.inputs.end(), [](int w) { return w > 0; });
        return Error{Error::InvalidModel, where,
                     place(graph.nodes[size_t(left - waiting.inputs.begin())]) +
                         " waits for its own result: the graph has a cycle"};
    }
    std::vector<Node> sorted;
    for (size_t k : order)
        sorted.push_back(std::move(graph.nodes[k]));
    graph.nodes = std::move(sorted);
    return {};
}

} // namespace infer
