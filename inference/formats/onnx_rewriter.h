// SPDX-License-Identifier: LGPL-2.1-or-later
// How a node of an ONNX file is put into our words: what the tables of onnx_upgrade.cpp,
// onnx_early.cpp, onnx_quantized.cpp and onnx_contrib.cpp do with one node.
#pragma once

#include "inference/graph.h"
#include "inference/result.h"

#include <span>
#include <string_view>

namespace infer::onnx {

class Rewriter {
public:
    Rewriter(Graph& graph, Node& node, int64_t opset) : graph_(graph), node_(node), opset_(opset) {}

    Node& node() { return node_; }
    int64_t opset() const { return opset_; }
    bool is(std::string_view op) const { return node_.op == op; }

    ValueId input(size_t k) const { return k < node_.inputs.size() ? node_.inputs[k] : none; }
    void put(size_t k, ValueId value);
    const Tensor* content(ValueId value) const; // nullptr: not a constant
    // What the file says of a value: of inputs and constants all, of others nothing (an empty
    // shape).
    const Value& value(ValueId v) const { return graph_.value(v); }

    ValueId constant(Tensor tensor);
    ValueId ints(const std::vector<int64_t>& values);
    ValueId floats(const std::vector<float>& values);
    ValueId number(float value);

    // Attributes that have become inputs: where the attribute is there.
    void ints_to_input(const char* attr, size_t input);
    void float_to_input(const char* attr, size_t input);

    // A node before this one; its result.
    ValueId emit(std::string op, std::vector<ValueId> inputs,
                 std::map<std::string, Attr> attrs = {});
    // This node is another one instead, with the same outputs.
    void become(std::string op, std::vector<ValueId> inputs,
                std::map<std::string, Attr> attrs = {});

private:
    Graph& graph_;
    Node& node_;
    const int64_t opset_;
};

// Rows of a table: the operator and what is done with it.
struct Rewrite {
    std::string_view op;
    void (*run)(Rewriter&);
};
std::span<const Rewrite> early_rewrites();     // what opsets before 7 meant
std::span<const Rewrite> upgrade_rewrites();   // what opsets before 21 meant
std::span<const Rewrite> quantized_rewrites(); // operators on integers, in float arithmetic
std::span<const Rewrite> contrib_rewrites();   // ONNX Runtime's operators, com.microsoft

} // namespace infer::onnx
