// SPDX-License-Identifier: LGPL-2.1-or-later
#include "inference/quantized.h"

#include "inference/multiplications.h"
#include "inference/quantized/steps.h"

#include <algorithm>
#include <cstdio>

namespace infer {
namespace {

ByteWork work_of(const Graph& graph) {
    ByteWork work;
    std::vector<std::pair<int64_t, std::string>> floats;
    for (const Node& node : graph.nodes) {
        const int64_t n = multiplications(graph, node);
        work.total += n;
        if (node.op == "ConvBytes")
            work.in_bytes += n;
        else if (n > 0)
            floats.emplace_back(-n, node.name);
    }
    std::ranges::stable_sort(floats, {}, &std::pair<int64_t, std::string>::first);
    for (auto& [n, name] : floats)
        work.in_float.push_back(std::move(name));
    return work;
}

bool may_be_quantized(const Graph& graph) {
    return std::ranges::any_of(graph.nodes, [](const Node& node) {
        return node.op == "FakeQuantize" || node.op == "DequantizeLinear";
    });
}

} // namespace

std::string ByteWork::share_text() const {
    char text[32];
    std::snprintf(text, sizeof text, "%.1f %%", 100 * share());
    return text;
}

std::string ByteWork::float_layers() const {
    constexpr size_t most = 5;
    std::string list;
    for (size_t k = 0; k < std::min(most, in_float.size()); k++)
        list += (k ? ", " : "") + in_float[k];
    return in_float.size() > most ? list + " and " + std::to_string(in_float.size() - most) + " more" : list;
}

ByteWork run_in_bytes(Graph& graph) {
    if (!may_be_quantized(graph))
        return work_of(graph);
    Graph bytes = graph; // constants are shared, not copied
    quantized::split_quantizers(bytes);
    quantized::drop_inner_roundings(bytes);
    quantized::move_borders(bytes);
    quantized::make_convolutions(bytes);
    quantized::make_lookups(bytes);
    quantized::restore_quantizers(bytes);
    const ByteWork work = work_of(bytes);
    if (work.in_bytes > 0)
        graph = std::move(bytes);
    return work;
}

} // namespace infer
