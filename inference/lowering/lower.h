// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "inference/graph.h"

#include <functional>

namespace infer::lowering {

class Emitter;

// Emits what stands for `node` in its place; false: nothing, it stays.
using Rule = bool (*)(const Graph& graph, const Node& node, Emitter& emit);

// Writes operators that have no fast kernel of their own as simpler ones that have:
//
//   BatchNormalization that nothing took in   Mul, Add
//   FakeQuantize with a range a channel       Max, Min, Sub, Mul, Round, Mul, Add
//   Max, Min, Sum, Mean of many               pairs
//   Gather of evenly spaced indices           Slice (often only a view)
//   convolution and pooling of one dimension  the same of images one row high
//   ConvTranspose with dilations              without, and weights of 0
//   Einsum of two                             Transpose, MatMul, Transpose
//
// and what `more`, a rule of the device, knows to write; gives constants beside a wider value its rank, so that
// they follow its layout.
void lower(Graph& graph, Rule more = nullptr);

// Nodes in the making: each call adds one.
class Emitter {
public:
    Emitter(Graph& graph, std::vector<Node>& nodes, const Node& from) : graph_(graph), nodes_(nodes), from_(from) {}

    // A node with one output of that shape.
    ValueId op(const std::string& op, std::vector<ValueId> inputs, Shape shape, std::map<std::string, Attr> attrs = {});
    // The same with the output of the node that is replaced; the last call.
    void last(const std::string& op, std::vector<ValueId> inputs, std::map<std::string, Attr> attrs = {});
    // The same with all its outputs.
    void last_of_many(const std::string& op, std::vector<ValueId> inputs, std::map<std::string, Attr> attrs);
    ValueId reshape(ValueId v, const Shape& shape); // itself if it has that shape
    ValueId constant(Tensor tensor);
    ValueId integers(const std::vector<int64_t>& values);

private:
    Graph& graph_;
    std::vector<Node>& nodes_;
    Node from_;
};

// Einsum as a matrix product; false if it is none of two operands, or sums over one alone.
bool lower_einsum(const Graph& graph, const Node& node, Emitter& emit);

} // namespace infer::lowering
