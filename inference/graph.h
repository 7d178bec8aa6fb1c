// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "inference/tensor.h"

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace infer {

using Attr = std::variant<int64_t, float, std::string, std::vector<int64_t>, std::vector<float>,
                          std::vector<std::string>, Tensor>;

// Index into Graph::values; none = an optional input that is not there.
using ValueId = int;
constexpr ValueId none = -1;

struct Graph;

struct Value {
    std::string name; // from the model file; unique within the graph
    ElementType type = ElementType::F32;
    // -1: before infer_shapes(), left open by the file; after it, known only when the model has run
    // (outputs of a Tail).
    Shape shape;
    std::optional<Tensor> constant = {}; // weights and folded values
};

// One operator of the model. `op` is an ONNX operator name of the default domain, in its newest
// meaning known here (frontends rewrite older opsets), or a name of ours for what a pass made.
//
// Fused forms that passes make, which every Conv, ConvTranspose, Gemm and MatMul kernel handles:
//   Conv inputs: x, weights, bias|none, residual|none      y = activation(conv(x) + bias +
//   residual) "activation": Relu, LeakyRelu, Clip, Sigmoid, Tanh, Elu, HardSigmoid, HardSwish,
//   Swish, Mish... "activation_alpha", "activation_beta": its parameters (Clip: lower and upper
//   bound)
struct Node {
    std::string op;
    std::string name; // from the file, or made from op and output name; for messages
    std::map<std::string, Attr> attrs = {};
    std::vector<ValueId> inputs, outputs;
    // Graphs inside the node (control flow and Tail, see inference/tail.h); their inputs are the
    // node's, their outputs the node's. Never changed once made: copies of a node share them.
    std::vector<std::shared_ptr<const Graph>> bodies = {};

    // The attribute, or `fallback` if it is absent or of another kind.
    int64_t attr(const std::string& key, int64_t fallback) const;
    float attr(const std::string& key, float fallback) const;
    std::string attr(const std::string& key, const char* fallback) const;
    std::vector<int64_t> attr(const std::string& key, std::vector<int64_t> fallback) const;
    bool has(const std::string& key) const { return attrs.contains(key); }
};

// A model: nodes in an order in which they can run.
struct Graph {
    std::vector<Value> values;
    std::vector<Node> nodes;
    std::vector<ValueId> inputs, outputs;        // inputs without constants
    std::map<std::string, std::string> metadata; // the file's own words: producer, labels...
    int64_t opset = 0;                           // of the file, for messages
    // Shapes of the inputs as the file has them, by name; -1 where it leaves them open.
    std::map<std::string, Shape> declared = {};

    ValueId add_value(Value value);
    const Value& value(ValueId id) const { return values[size_t(id)]; }
    Value& value(ValueId id) { return values[size_t(id)]; }
};

} // namespace infer
