// SPDX-License-Identifier: LGPL-2.1-or-later
// What the files of this folder share: checks for shape rules, walks for kernels.
#pragma once

#include "inference/op.h"

#include <cstring>
#include <optional>
#include <string>
#include <type_traits>
#include <vector>

namespace infer {

using Facts = std::span<const ValueFacts>;
using FactsResult = Result<std::vector<ValueFacts>>;
using Views = std::span<const TensorView>;

constexpr int64_t max_dim = int64_t{1} << 30;      // of any dimension, stride, pad or kernel
constexpr int64_t max_elements = int64_t{1} << 30; // of one tensor

// Errors that name the node.
std::string place(const Node& node);
Error invalid(const Node& node, std::string what);
Error unsupported(const Node& node, std::string what);

// At least `least` inputs, all of them present, and at most `most`.
Result<void> expect_inputs(const Node& node, Facts in, size_t least, size_t most);
Result<void> expect_f32(const Node& node, Facts in);

// The number of elements, or nothing if a dimension is negative or there are more than
// max_elements.
std::optional<int64_t> checked_count(const Shape& shape);

// Axis counted from the front, or nothing if it lies outside [-rank, rank).
std::optional<size_t> axis_of(int64_t axis, size_t rank);

// The shape two operands broadcast to (numpy's rule), or nothing if they do not fit.
std::optional<Shape> broadcast(const Shape& a, const Shape& b);

// Steps in elements of a dense row-major tensor.
std::vector<int64_t> strides_of(const Shape& shape);

// Steps in elements of `shape` when it is broadcast to `to`: 0 where it is repeated.
std::vector<int64_t> broadcast_strides(const Shape& shape, const Shape& to);

// Values of an integer constant, clamped to +-max_dim; nothing if it is not known or not integer.
std::optional<std::vector<int64_t>> ints_of(const ValueFacts& fact);

inline bool given(Facts in, size_t k) { return in.size() > k && in[k].present; }
inline bool given(Views in, size_t k) { return in.size() > k && in[k].data; }
inline ValueFacts fact(ElementType type, Shape shape) {
    return {type, std::move(shape), nullptr, true};
}
inline std::vector<ValueFacts> one(ElementType type, Shape shape) {
    return {fact(type, std::move(shape))};
}

// `run` of an operator with a `make`: `out` has the sizes that make() would give it.
template <std::vector<Tensor> (*make)(const Node&, Views)>
void run_made(const Node& node, Views in, Views out) {
    const std::vector<Tensor> made = make(node, in);
    for (size_t k = 0; k < out.size(); k++)
        if (out[k].data)
            std::memcpy(out[k].data, made[k].view().data,
                        std::min(out[k].size_bytes(), made[k].view().size_bytes()));
}

// Type named by an attribute of integers, "i32" or "i64" (default).
std::optional<ElementType> index_type_of(const Node& node, const char* attr);

// `values` in a tensor of an index type.
Tensor indices_of(ElementType type, Shape shape, const std::vector<int64_t>& values);

// Rule of operators whose output looks like their first input, in f32 / in any type.
FactsResult same_f32(const Node& node, Facts in);
FactsResult same_any(const Node& node, Facts in);

// Calls f(std::type_identity<T>()) with the C++ type of `type`; Bool is uint8_t with 0 and 1.
// Half and double precision never reach a kernel: frontends widen or narrow them to f32.
template <typename F> void visit(ElementType type, F&& f) {
    switch (type) {
    case ElementType::F32:
        return f(std::type_identity<float>());
    case ElementType::I8:
        return f(std::type_identity<int8_t>());
    case ElementType::U8:
    case ElementType::Bool:
        return f(std::type_identity<uint8_t>());
    case ElementType::I16:
        return f(std::type_identity<int16_t>());
    case ElementType::U16:
        return f(std::type_identity<uint16_t>());
    case ElementType::I32:
        return f(std::type_identity<int32_t>());
    case ElementType::U32:
        return f(std::type_identity<uint32_t>());
    case ElementType::I64:
        return f(std::type_identity<int64_t>());
    case ElementType::U64:
        return f(std::type_identity<uint64_t>());
    case ElementType::F16:
    case ElementType::BF16:
    case ElementType::F64:
        break;
    }
}

// The same by size alone, for kernels that only move elements.
template <typename F> void visit_size(ElementType type, F&& f) {
    switch (size_of(type)) {
    case 1:
        return f(std::type_identity<uint8_t>());
    case 2:
        return f(std::type_identity<uint16_t>());
    case 4:
        return f(std::type_identity<uint32_t>());
    default:
        return f(std::type_identity<uint64_t>());
    }
}

bool computable(ElementType type); // one that visit() knows

// Walks all positions of `shape` in row-major order, keeping N offsets in step: the innermost
// dimension is given to `row(offsets, length)` whole, so that it can be a plain loop with the last
// entries of `strides` as steps.
template <size_t N, typename Row>
void for_each_row(const Shape& shape, const std::vector<int64_t> (&strides)[N], Row&& row) {
    const size_t rank = shape.size();
    const int64_t length = rank ? shape.back() : 1;
    std::vector<int64_t> index(rank, 0);
    int64_t offsets[N] = {};
    for (int64_t left = count(shape) / std::max<int64_t>(length, 1); left > 0 && length > 0;
         left--) {
        row(offsets, length);
        for (size_t d = rank - 1; d-- > 0 && rank > 1;) {
            for (size_t n = 0; n < N; n++)
                offsets[n] += strides[n][d];
            if (++index[d] < shape[d])
                break;
            for (size_t n = 0; n < N; n++)
                offsets[n] -= strides[n][d] * shape[d];
            index[d] = 0;
        }
    }
}

} // namespace infer
