// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "inference/graph.h"
#include "inference/result.h"

#include <span>
#include <string_view>

namespace infer {

// What is known of a value when shapes are worked out.
struct ValueFacts {
    ElementType type = ElementType::F32;
    Shape shape;
    const Tensor* constant = nullptr; // set when the value is known already
    bool present = true;              // false: an optional input that is not there
};

// One operator: its rules and a plain reference kernel on dense row-major memory (images are
// N, C, H, W). Devices may run a faster kernel of their own, which must agree with `run`
// (tests/ops checks).
struct OpDef {
    std::string_view name; // as in ONNX, e.g. "LeakyRelu"

    // Types and shapes of the outputs. Refuses what `run` could not do, so that `run` cannot fail.
    // A dimension that only the content of the inputs decides is -1; then there must be a `make`.
    Result<std::vector<ValueFacts>> (*infer)(const Node&, std::span<const ValueFacts> in);

    // in[k].data is nullptr for an optional input that is not there.
    void (*run)(const Node&, std::span<const TensorView> in, std::span<const TensorView> out);

    bool in_place = false; // out[0] may be the memory of in[0] if shapes and types are equal

    // Operators whose outputs' size depends on the data: runs and makes all outputs of the node.
    // `run` gives the same into memory that somebody who knew the size has made.
    std::vector<Tensor> (*make)(const Node&, std::span<const TensorView> in) = nullptr;
};

// What a file of inference/ops defines: one operator, or a family that shares its rule.
using OpList = std::span<const OpDef>;

const OpDef* find_op(std::string_view name); // nullptr: this build has no such operator
std::span<const OpDef* const> all_ops();

} // namespace infer
