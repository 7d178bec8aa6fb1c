// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Elementwise operators as lists of small operations on one running value, for devices to run in one go.
#pragma once

#include "inference/lowering/activation.h"
#include "inference/op.h"

#include <optional>
#include <span>
#include <string>
#include <vector>

namespace infer::lowering {

// One operation of a chain on the running value a: a = f(a) or a = f(a, b).
struct MicroOp {
    enum Kind {
        Add,
        Sub,
        RevSub,
        Mul,
        Div,
        RevDiv,
        Min,
        Max,
        PRelu, // with b
        Abs,
        Neg,
        Sqrt,
        Exp,
        Reciprocal,
        Square,
        Copy, // without
        Log,
        Erf,
        Floor,
        Ceil,
        Round,
        Softsign,
        Sin,
        Cos,
        Power, // a = a^alpha, alpha of `activation`
        Grid,
        ScaledGrid, // see below
        Fill,       // a = b
        Activate,
    };
    Kind kind = Copy;
    int operand = -1; // the step's input that is b; -1: none
    Activation activation; // or the parameters of Power and Grid
    // Grid, what a quantizer leaves of a number: a = round((clamp(a, alpha, beta) - from) / step) *
    // out_step + out_from; halves go to even. ScaledGrid: ... * step, as FakeQuantize has it.
    float from = 0, step = 1, out_from = 0, out_step = 1;
};

// The operations of an elementwise node, or of a "Chain": its inputs are the first value and the
// operands; "ops" their names, "operands" the input each takes (-1: none), "reversed" (1: the running
// value is the right-hand side), "alphas", "betas", "grids" (4 an operation: from, step, out_from,
// out_step). Empty: not an elementwise node we know.
std::vector<MicroOp> micro_ops(const Node& node, std::span<const ValueFacts> in);

// How many of the node's inputs are operands; the rest are parameters.
size_t operands_of(const Node& node);

// The operation an ONNX operator is; `reversed`: the running value is its second input.
std::optional<MicroOp> micro_op(const std::string& op, bool reversed, float alpha, float beta);

} // namespace infer::lowering
