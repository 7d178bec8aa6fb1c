// SPDX-License-Identifier: LGPL-2.1-or-later
// Attention. Meaning: OpenVINO's operation sets, "Sequence processing",
// ScaledDotProductAttention-13.
#include "inference/formats/ir_rules.h"

#include <cmath>
#include <limits>
#include <numeric>

namespace infer::ir {
namespace {

constexpr float never = -std::numeric_limits<float>::infinity();

// What is added to the scores: 0 where a row may look, -inf where not. none: no mask.
ValueId mask_of(Call& call) {
    const ValueId given = call.in(3);
    if (!call.flag("causal", false)) {
        if (given == none || call.type(given) != ElementType::Bool)
            return given;
        return call.node("Where", {given, call.add_number(0), call.add_number(never)}, {},
                         ElementType::F32, call.rank(given));
    }
    const Shape q = call.shape(call.in(0)), k = call.shape(call.in(1));
    const int64_t rows = q.size() < 2 ? -1 : q[q.size() - 2],
                  columns = k.size() < 2 ? -1 : k[k.size() - 2];
    constexpr int64_t most = 8192; // tokens
    if (rows < 1 || columns < 1 || rows > most || columns > most) {
        call.unsupported("is causal and its lengths are not known, or above 8192");
        return none;
    }
    Tensor mask(ElementType::F32, {rows, columns});
    for (int64_t i = 0; i < rows; i++)
        for (int64_t j = 0; j < columns; j++)
            mask.span<float>()[size_t(i * columns + j)] = j <= i ? 0 : never;
    return call.add(std::move(mask));
}

// softmax(q k^T * scale + mask) v
void attention(Call& call) {
    call.expect(3, 5);
    const ValueId q = call.in(0), k = call.in(1);
    const size_t rank = call.rank(k);
    if (rank < 2)
        return call.invalid("its keys are " + to_string(call.shape(k)) +
                            ", not [..., tokens, size]");
    std::vector<int64_t> perm(rank);
    std::iota(perm.begin(), perm.end(), 0);
    std::swap(perm[rank - 1], perm[rank - 2]);
    const int64_t size = call.shape(k).back();
    ValueId scale = call.in(4);
    if (scale == none && size < 1)
        return call.unsupported("has no scale, and the size of its keys is not known");
    if (scale == none)
        scale = call.add_number(1 / std::sqrt(float(size)));
    const ElementType f32 = ElementType::F32;
    const ValueId keys = call.node("Transpose", {k}, {{"perm", perm}}, f32, rank);
    const ValueId products = call.node("MatMul", {q, keys}, {}, f32, rank);
    ValueId scores = call.node("Mul", {products, scale}, {}, f32, rank);
    if (const ValueId mask = mask_of(call); mask != none)
        scores = call.node("Add", {scores, mask}, {}, f32, rank);
    const ValueId weights = call.node("Softmax", {scores}, {{"axis", int64_t{-1}}}, f32, rank);
    call.emit("MatMul", {weights, call.in(2)});
}

constexpr Rule table[] = {
    {"ScaledDotProductAttention", 13, 15, "Transpose, MatMul, Mul, Add, Softmax", attention},
};

} // namespace

extern constinit const std::span<const Rule> rules_attention = table;

} // namespace infer::ir
