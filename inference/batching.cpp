// SPDX-License-Identifier: LGPL-2.1-or-later
#include "inference/batching.h"

#include "inference/batch_rules.h"
#include "inference/evaluate.h"
#include "inference/model.h"
#include "inference/ops/kernel.h"
#include "inference/passes/pass.h"
#include "inference/tail.h"

#include <algorithm>

namespace infer {
namespace {

Error cannot(const Error& e, int64_t batch) {
    return {Error::Unsupported, e.where,
            "cannot be batched (" + std::to_string(batch) + " rows): " + e.what};
}

Error other_shape(const BatchTrace& trace, ValueId v, const std::string& where) {
    return {Error::Unsupported, where,
            "'" + trace.graph.value(v).name + "' is " + to_string(trace.single[size_t(v)]) +
                " for one row and " + to_string(trace.graph.value(v).shape) + " then"};
}

// The only dimension that is N times as long as for one row; -1 if it is not so.
int dimension_of_rows(const Shape& single, const Shape& now, int64_t batch) {
    int rows = -1;
    for (size_t d = 0; d < single.size() && now.size() == single.size(); d++) {
        if (now[d] == single[d])
            continue;
        if (rows >= 0 || now[d] != batch * single[d])
            return -1;
        rows = int(d);
    }
    return rows;
}

bool reads_rows(const BatchTrace& trace, const Node& node) {
    return node.op != "Shape" && node.op != "Size" &&
           std::ranges::any_of(node.inputs, [&](ValueId v) { return trace.has_rows(v); });
}

// After the node's shapes were worked out: where its outputs have their rows, and that these are
// kept apart.
Result<void> follow(BatchTrace& trace, const Node& node) {
    for (const ValueId v : node.outputs) {
        if (v == none)
            continue;
        const Shape& now = trace.graph.value(v).shape;
        const bool is_list = image_column(trace.graph, v) >= 0 &&
                             std::ranges::find(now, -1) != now.end();
        trace.axis[size_t(v)] =
            is_list ? 0 : dimension_of_rows(trace.single[size_t(v)], now, trace.batch);
        if (!trace.has_rows(v))
            return other_shape(trace, v, place(node));
    }
    if (const std::string why = mixes_rows(trace, node); !why.empty())
        return unsupported(node, why);
    return {};
}

// Each output has all rows along its first dimension, or says for each of its lines which it is.
Result<void> check_outputs(const BatchTrace& trace) {
    for (const ValueId v : trace.graph.outputs) {
        const std::string where = "output '" + trace.graph.value(v).name + "'";
        if (!trace.has_rows(v))
            return Error{Error::Unsupported, where, "is the same whatever the input"};
        const bool first = trace.axis_of_rows(v) == 0 && trace.single[size_t(v)][0] == 1;
        if (!first && image_column(trace.graph, v) < 0)
            return other_shape(trace, v, where);
    }
    return {};
}

} // namespace

int image_column(const Graph& graph, ValueId output) {
    for (const Node& node : graph.nodes) {
        const auto made = std::ranges::find(node.outputs, output);
        if (made == node.outputs.end())
            continue;
        if (node.op == "Identity" || node.op == "Cast")
            return image_column(graph, node.inputs[0]);
        const bool first = made == node.outputs.begin();
        return first && node.op == "DetectionOutput" ? 0 : -1;
    }
    return -1;
}

Result<void> set_batch(Graph& graph, int batch) {
    if (const Node* tail = tail_of(graph))
        return cannot(
            {Error::Unsupported, place(tail->bodies[0]->nodes[0]),
             "how much it gives depends on the picture, so that rows cannot be told apart"},
            batch);
    // What does not depend on the input is the same for all rows: a constant from here on, whatever
    // it was made of.
    const auto passes = all_passes();
    const auto fold = std::ranges::find(passes, "fold_constants", &PassDef::name);
    (*fold)->run(graph);
    BatchTrace trace{graph, batch, {}, std::vector<int>(graph.values.size(), -1)};
    for (const Value& value : graph.values)
        trace.single.push_back(value.shape);
    for (const ValueId v : graph.inputs) {
        Shape& shape = graph.value(v).shape;
        if (shape.empty() || shape[0] != 1)
            return cannot({Error::Unsupported, "input '" + graph.value(v).name + "'",
                           "its first dimension is not 1 but it is " + to_string(shape)},
                          batch);
        shape[0] = batch;
        trace.axis[size_t(v)] = 0;
    }
    const auto before = [&](Node& node) {
        return reads_rows(trace, node) ? rewrite_for_rows(trace, node) : Result<void>();
    };
    const auto after = [&](const Node& node) {
        return reads_rows(trace, node) ? follow(trace, node) : Result<void>();
    };
    if (auto ok = infer_shapes(graph, before, after); !ok.ok())
        return cannot(ok.error(), batch);
    if (auto ok = check_outputs(trace); !ok.ok())
        return cannot(ok.error(), batch);
    return {};
}

} // namespace infer
