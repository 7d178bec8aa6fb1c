// SPDX-License-Identifier: LGPL-2.1-or-later
#include "tools/cost.h"

#include "inference/multiplications.h"

#include <set>

namespace infer::tools {
namespace {

bool is_weight(const Value& value) {
    return value.constant && (value.type == ElementType::F32 || value.type == ElementType::F16 ||
                              value.type == ElementType::BF16 || value.type == ElementType::I8 ||
                              value.type == ElementType::U8);
}

} // namespace

Cost cost_of(const Graph& graph) {
    Cost cost;
    std::set<ValueId> counted;
    for (const Node& node : graph.nodes) {
        cost.gflop += 2e-9 * double(multiplications(graph, node));
        for (ValueId id : node.inputs)
            if (id != none && is_weight(graph.value(id)) && counted.insert(id).second)
                cost.parameters += count(graph.value(id).shape);
    }
    return cost;
}

} // namespace infer::tools
