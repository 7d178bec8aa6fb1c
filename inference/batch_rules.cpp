// SPDX-License-Identifier: LGPL-2.1-or-later
#include "inference/batch_rules.h"

#include "inference/ops/kernel.h"

#include <algorithm>
#include <map>
#include <set>
#include <string_view>

namespace infer {
namespace {

using Names = std::set<std::string_view>;

// Each element of the output comes from the elements at its place.
const Names pointwise = {
    "Relu",      "LeakyRelu",   "Sigmoid",     "Tanh",      "Elu",       "Selu",    "Celu",
    "Mish",      "HardSigmoid", "HardSwish",   "Swish",     "Gelu",      "Shrink",  "Softplus",
    "Softsign",  "Exp",         "Log",         "Sqrt",      "Floor",     "Ceil",    "Round",
    "Erf",       "Sin",         "Cos",         "Tan",       "Asin",      "Acos",    "Atan",
    "Sinh",      "Cosh",        "Asinh",       "Acosh",     "Atanh",     "Neg",     "Abs",
    "Sign",      "Not",         "BitwiseNot",  "IsNaN",     "IsInf",     "Clip",    "Add",
    "Sub",       "Mul",         "Div",         "Pow",       "Mod",       "PRelu",   "And",
    "Or",        "Xor",         "BitwiseAnd",  "BitwiseOr", "BitwiseXor","BitShift","Equal",
    "Less",      "Greater",     "LessOrEqual", "Max",       "Min",       "Sum",     "Mean",
    "Where",     "Identity",    "Dropout",     "Cast",      "CastLike",  "OneHot",  "Expand",
    "GreaterOrEqual",           "ThresholdedRelu",          "Reciprocal",
    "QuantizeLinear",           "DequantizeLinear",         "FakeQuantize"};

// Its shape alone is new, and rewrite_for_rows() saw to that.
const Names reshapes = {"Reshape", "Transpose"};

// Images one by one: [N, C, ...].
const Names image_wise = {"Conv",         "ConvTranspose",    "MaxPool",
                          "AveragePool",  "LpPool",           "GlobalMaxPool",
                          "GlobalAveragePool", "GlobalLpPool", "BatchNormalization",
                          "InstanceNormalization", "GroupNormalization", "LRN",
                          "DepthToSpace", "SpaceToDepth",     "GridSample",
                          "RegionYolo",   "ReorgYolo",        "DetectionOutput", "DeformConv"};

// Those of them that take more than one input by images; else only the first is of images.
const Names paired = {"GridSample", "DetectionOutput", "DeformConv"};

// Along one dimension, the attribute `axis` (with its value where it is not said).
const std::map<std::string_view, int64_t> along_axis = {
    {"Softmax", -1}, {"LogSoftmax", -1}, {"Hardmax", -1}, {"ArgMax", 0},         {"ArgMin", 0},
    {"TopK", -1},    {"Concat", 0},      {"Split", 0},    {"LpNormalization", -1}, {"Gather", 0},
    {"GatherElements", 0}};

std::optional<std::vector<int64_t>> known_ints(const Graph& graph, ValueId v) {
    if (v == none)
        return std::vector<int64_t>{};
    const Value& value = graph.value(v);
    return ints_of({value.type, value.shape, value.constant ? &*value.constant : nullptr, true});
}

ValueId add_ints(Graph& graph, const std::string& name, const std::vector<int64_t>& numbers) {
    const Shape shape = {int64_t(numbers.size())};
    return graph.add_value({name + "/rows" + std::to_string(graph.values.size()), ElementType::I64,
                            shape, make_tensor<int64_t>(ElementType::I64, shape, numbers)});
}

int64_t extent_before(const Shape& shape, size_t axis) {
    int64_t n = 1;
    for (size_t d = 0; d < axis; d++)
        n *= shape[d];
    return n;
}

// ---- Rewriting

// `constant` N times along its dimension `axis`.
ValueId repeated(BatchTrace& trace, ValueId v, size_t axis) {
    const Value old = trace.graph.value(v);
    Shape shape = old.shape;
    shape[axis] *= trace.batch;
    Tensor wide(old.type, shape);
    const size_t outer = size_t(extent_before(old.shape, axis));
    const size_t bytes = old.constant->view().size_bytes() / std::max<size_t>(outer, 1);
    const auto* from = static_cast<const std::byte*>(old.constant->view().data);
    auto* to = static_cast<std::byte*>(wide.view().data);
    for (size_t i = 0; i < outer; i++)
        for (int64_t n = 0; n < trace.batch; n++, to += bytes)
            std::copy_n(from + i * bytes, bytes, to);
    return trace.graph.add_value(
        {old.name + "/rows" + std::to_string(trace.graph.values.size()), old.type, shape, wide});
}

// Constants beside rows: as long as they are there, where they are not 1 and broadcast.
void repeat_constants(BatchTrace& trace, Node& node, bool broadcasts) {
    int from_end = 0;    // of the rows' dimension
    int64_t several = 0; // its length at one row
    for (const ValueId v : node.inputs)
        if (trace.has_rows(v)) {
            const Shape& shape = trace.single[size_t(v)];
            from_end = int(shape.size()) - trace.axis_of_rows(v);
            several = shape[shape.size() - size_t(from_end)];
        }
    for (ValueId& v : node.inputs) {
        if (v == none || trace.has_rows(v) || !trace.graph.value(v).constant)
            continue;
        const Shape& shape = trace.graph.value(v).shape;
        if (int(shape.size()) < from_end || (broadcasts && several == 1))
            continue;
        const size_t axis = shape.size() - size_t(from_end);
        if (shape[axis] == several)
            v = repeated(trace, v, axis);
    }
}

Error cut_across(const Node& node) {
    return unsupported(node, "the rows would not lie together after it");
}

// Turns the node into a Reshape to what its output is at one row, with room for N rows where the
// same number of elements lies outside of them.
Result<void> spell_out(BatchTrace& trace, Node& node) {
    const ValueId in = node.inputs[0];
    Shape to = trace.single[size_t(node.outputs[0])];
    const int64_t outside =
        extent_before(trace.single[size_t(in)], size_t(trace.axis_of_rows(in)));
    size_t axis = 0;
    while (axis < to.size() && extent_before(to, axis) != outside)
        axis++;
    if (axis == to.size())
        return cut_across(node);
    to[axis] *= trace.batch;
    node.op = "Reshape";
    node.attrs.clear();
    node.inputs = {in, add_ints(trace.graph, node.name, to)};
    return {};
}

// The output's shape, as an input of Expand or Resize says it.
void spell_out_sizes(BatchTrace& trace, Node& node, size_t input) {
    const ValueId in = node.inputs[0];
    Shape to = trace.single[size_t(node.outputs[0])];
    const size_t from_end = trace.single[size_t(in)].size() - size_t(trace.axis_of_rows(in));
    to[to.size() - from_end] *= trace.batch;
    node.inputs[input] = add_ints(trace.graph, node.name, to);
}

// A reduction over the dimension of one row does nothing there; over several it would mix them.
void keep_rows_apart(BatchTrace& trace, Node& node) {
    const ValueId in = node.inputs[0];
    const Shape& shape = trace.single[size_t(in)];
    const auto rows = size_t(trace.axis_of_rows(in));
    if (shape[rows] != 1 || !node.attr("keepdims", int64_t{1}))
        return;
    const auto axes = known_ints(trace.graph, node.inputs.size() > 1 ? node.inputs[1] : none);
    if (!axes || (axes->empty() && node.attr("noop_with_empty_axes", int64_t{0})))
        return;
    std::vector<int64_t> others;
    for (size_t d = 0; d < shape.size(); d++)
        if (d != rows && (axes->empty() || std::ranges::any_of(*axes, [&](int64_t a) {
                              return axis_of(a, shape.size()) == d;
                          })))
            others.push_back(int64_t(d));
    node.inputs.resize(2);
    node.inputs[1] = add_ints(trace.graph, node.name, others);
    node.attrs["noop_with_empty_axes"] = int64_t{1};
}

// A cut that keeps the whole dimension of one row keeps all rows.
void keep_all_rows(BatchTrace& trace, Node& node) {
    const Shape& shape = trace.single[size_t(node.inputs[0])];
    const auto rows = size_t(trace.axis_of_rows(node.inputs[0]));
    if (node.inputs.size() < 3 || trace.single[size_t(node.outputs[0])][rows] != shape[rows])
        return;
    auto ends = known_ints(trace.graph, node.inputs[2]);
    const auto axes = known_ints(trace.graph, node.inputs.size() > 3 ? node.inputs[3] : none);
    if (!ends || !axes)
        return;
    for (size_t k = 0; k < ends->size(); k++)
        if (axis_of(axes->empty() ? int64_t(k) : (*axes)[k], shape.size()) == rows)
            (*ends)[k] = INT32_MAX;
    node.inputs[2] = add_ints(trace.graph, node.name, *ends);
}

// Whether the node picks the only row: x[0].
bool picks_the_row(const BatchTrace& trace, const Node& node) {
    const Shape& shape = trace.single[size_t(node.inputs[0])];
    const auto axis = axis_of(node.attr("axis", int64_t{0}), shape.size());
    return axis && int(*axis) == trace.axis_of_rows(node.inputs[0]) && shape[*axis] == 1 &&
           !trace.has_rows(node.inputs[1]) &&
           count(trace.single[size_t(node.inputs[1])]) == 1;
}

// ---- Checking

std::string over_rows(const Node& node) { return node.op + " works across rows"; }

// Where the dimension of rows of the operator's first input is not one that it works along.
std::string not_along(const BatchTrace& trace, const Node& node, int64_t axis) {
    const int rows = trace.axis_of_rows(node.inputs[0]);
    if (rows < 0)
        return {}; // a table that rows look things up in
    const auto along = axis_of(axis, trace.single[size_t(node.inputs[0])].size());
    return along && int(*along) != rows ? "" : over_rows(node);
}

std::string reduces_rows(const BatchTrace& trace, const Node& node) {
    const auto axes = known_ints(trace.graph, node.inputs.size() > 1 ? node.inputs[1] : none);
    if (!axes)
        return "it is not known over which dimensions " + node.op + " works";
    if (axes->empty())
        return node.attr("noop_with_empty_axes", int64_t{0}) ? "" : over_rows(node);
    for (const int64_t axis : *axes)
        if (const std::string bad = not_along(trace, node, axis); !bad.empty())
            return bad;
    return {};
}

// Rows in the batch dimensions of both factors, or in the rows of the first beside constants.
std::string multiplies_rows(const BatchTrace& trace, const Node& node) {
    const auto from_end = [&](size_t k) {
        const ValueId v = node.inputs[k];
        return trace.has_rows(v) ? int(trace.single[size_t(v)].size()) - trace.axis_of_rows(v) : 0;
    };
    const bool gemm = node.op == "Gemm";
    const int a = from_end(0), b = from_end(1);
    const int summed_a = gemm && node.attr("transA", int64_t{0}) ? 2 : 1;
    if (a == summed_a || (b > 0 && b <= 2 && a > 0) || (a > 0 && b > 0 && a != b))
        return over_rows(node);
    const int summed_b = gemm && node.attr("transB", int64_t{0}) ? 1 : 2;
    return b == summed_b ? over_rows(node) : "";
}

std::string one_image_a_row(const BatchTrace& trace, const Node& node) {
    for (size_t k = 0; k < node.inputs.size(); k++) {
        if (!trace.has_rows(node.inputs[k]))
            continue;
        if (trace.axis_of_rows(node.inputs[k]) != 0)
            return node.op + " takes rows in its first dimension only";
        if (k > 0 && !paired.contains(node.op))
            return node.op + " takes weights that are the same for all rows";
    }
    return {};
}

// Operators that resample each dimension: that of rows must stay as it is.
std::string resamples_rows(const BatchTrace& trace, const Node& node) {
    const int rows = trace.axis_of_rows(node.inputs[0]);
    if (rows < 0)
        return over_rows(node);
    const Shape& from = trace.single[size_t(node.inputs[0])];
    const Shape& to = trace.single[size_t(node.outputs[0])];
    const bool stays = from.size() == to.size() && from[size_t(rows)] == to[size_t(rows)] &&
                       trace.axis_of_rows(node.outputs[0]) == rows;
    return stays ? "" : over_rows(node);
}

std::string normalizes_rows(const BatchTrace& trace, const Node& node) {
    const int rows = trace.axis_of_rows(node.inputs[0]);
    const size_t rank = trace.single[size_t(node.inputs[0])].size();
    if (node.op == "MeanVarianceNormalization") {
        for (const int64_t axis : node.attr("axes", std::vector<int64_t>{0, 2, 3}))
            if (axis_of(axis, rank) == size_t(rows))
                return over_rows(node);
        return {};
    }
    const auto axis = axis_of(node.attr("axis", int64_t{-1}), rank); // LayerNormalization
    return axis && rows < int(*axis) ? "" : over_rows(node);
}

} // namespace

Result<void> rewrite_for_rows(BatchTrace& trace, Node& node) {
    const std::string op = node.op;
    const bool first_has_rows = !node.inputs.empty() && trace.has_rows(node.inputs[0]);
    if (op == "Concat" || pointwise.contains(op))
        repeat_constants(trace, node, op != "Concat");
    if (!first_has_rows)
        return {};
    if (op == "Reshape" || op == "Flatten" || op == "Squeeze" || op == "Unsqueeze" ||
        (op == "Gather" && picks_the_row(trace, node)))
        return spell_out(trace, node);
    if (op == "Expand")
        spell_out_sizes(trace, node, 1);
    if (op == "Resize" && node.inputs.size() > 3 && node.inputs[3] != none && !node.has("axes"))
        spell_out_sizes(trace, node, 3);
    if (op == "Slice")
        keep_all_rows(trace, node);
    if (op.starts_with("Reduce"))
        keep_rows_apart(trace, node);
    return {};
}

std::string mixes_rows(const BatchTrace& trace, const Node& node) {
    const std::string& op = node.op;
    if (pointwise.contains(op) || reshapes.contains(op))
        return {};
    if (op == "BatchNormalization" && node.attr("training_mode", int64_t{0}))
        return over_rows(node);
    if (image_wise.contains(op))
        return one_image_a_row(trace, node);
    if (const auto found = along_axis.find(op); found != along_axis.end()) {
        const int64_t axis = node.attr("axis", found->second);
        if (op == "Concat" || op == "GatherElements" || !trace.has_rows(node.inputs[0]))
            for (const ValueId v : node.inputs)
                if (op != "Gather" && trace.has_rows(v) &&
                    axis_of(axis, trace.single[size_t(v)].size()) == size_t(trace.axis_of_rows(v)))
                    return over_rows(node);
        const bool both = op == "Gather" && trace.has_rows(node.inputs[0]) &&
                          trace.has_rows(node.inputs[1]);
        return both ? over_rows(node) : not_along(trace, node, axis);
    }
    if (op.starts_with("Reduce"))
        return reduces_rows(trace, node);
    if (op == "MatMul" || op == "Gemm")
        return multiplies_rows(trace, node);
    if (op == "LayerNormalization" || op == "MeanVarianceNormalization")
        return normalizes_rows(trace, node);
    if (op == "CTCGreedyDecoder")
        return trace.axis_of_rows(node.inputs[0]) == 1 ? "" : over_rows(node);
    if (op == "Slice" || op == "Pad" || op == "Resize" || op == "Tile")
        return resamples_rows(trace, node);
    return op + " is not known to keep rows apart";
}

} // namespace infer
