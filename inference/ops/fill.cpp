// SPDX-License-Identifier: LGPL-2.1-or-later
// Operators that make tensors of known content: ConstantOfShape, Range, EyeLike, OneHot, Trilu.
//
//   ConstantOfShape  in shape i64 [rank], constant; attr value (tensor of one element, default f32
//   0) Range            in start, limit, delta: constant numbers of one type; out
//   [ceil((limit-start)/delta)] EyeLike          in x 2-D; attr k (diagonal, default 0), dtype
//   (type's name, default x's) OneHot           in indices (integers or f32), depth (constant),
//   values [off, on]; attr axis (default -1) Trilu            in x [..., M, N], k (constant i64,
//   default 0); attr upper (default 1)
//
// ONNX ConstantOfShape-9, Range-11, EyeLike-9, OneHot-11, Trilu-14.
#include "inference/ops/kernel.h"

#include <cmath>
#include <cstring>

namespace infer {
namespace {

const Tensor* value_attr(const Node& node) {
    const auto it = node.attrs.find("value");
    const Tensor* t = it == node.attrs.end() ? nullptr : std::get_if<Tensor>(&it->second);
    return t && count(t->shape()) == 1 ? t : nullptr;
}

FactsResult infer_constant(const Node& node, Facts in) {
    if (auto ok = expect_inputs(node, in, 1, 1); !ok.ok())
        return ok.error();
    const auto shape = ints_of(in[0]);
    if (!shape)
        return unsupported(
            node,
            "its shape is not constant; only shapes that do not depend on the data can be run");
    if (node.has("value") && !value_attr(node))
        return invalid(node, "its value is not a tensor of one element");
    return one(value_attr(node) ? value_attr(node)->type() : ElementType::F32, *shape);
}

void run_constant(const Node& node, Views, Views out) {
    visit_size(out[0].type, [&]<typename T>(std::type_identity<T>) {
        const auto y = out[0].span<T>();
        std::fill(y.begin(), y.end(), value_attr(node) ? value_attr(node)->span<T>()[0] : T(0));
    });
}

FactsResult infer_range(const Node& node, Facts in) {
    if (auto ok = expect_inputs(node, in, 3, 3); !ok.ok())
        return ok.error();
    double bounds[3];
    for (size_t k = 0; k < 3; k++) {
        if (in[k].type != in[0].type || count(in[k].shape) != 1)
            return invalid(node, "takes three numbers of one type");
        if (!in[k].constant)
            return unsupported(node, "its bounds are not constant; only shapes that do not depend "
                                     "on the data can be run");
        visit(in[k].type, [&]<typename T>(std::type_identity<T>) {
            bounds[k] = double(in[k].constant->span<T>()[0]);
        });
    }
    const double n = std::max(std::ceil((bounds[1] - bounds[0]) / bounds[2]), 0.0);
    if (!(n <= double(max_elements)))
        return invalid(node, "counts without end");
    return one(in[0].type, {int64_t(n)});
}

void run_range(const Node&, Views in, Views out) {
    visit(out[0].type, [&]<typename T>(std::type_identity<T>) {
        const T start = in[0].span<T>()[0], delta = in[2].span<T>()[0];
        for (size_t i = 0; i < out[0].span<T>().size(); i++)
            out[0].span<T>()[i] = T(start + T(i) * delta);
    });
}

std::optional<ElementType> dtype_of(const Node& node, ElementType fallback) {
    for (int k = 0; k <= int(ElementType::Bool); k++)
        if (name_of(ElementType(k)) == node.attr("dtype", name_of(fallback).data()))
            return computable(ElementType(k)) ? std::optional(ElementType(k)) : std::nullopt;
    return {};
}

FactsResult infer_eye(const Node& node, Facts in) {
    if (auto ok = expect_inputs(node, in, 1, 1); !ok.ok())
        return ok.error();
    const auto type = dtype_of(node, in[0].type);
    if (in[0].shape.size() != 2 || !type)
        return invalid(node, "takes a matrix and a type that can be computed with, not " +
                                 to_string(in[0].shape));
    return one(*type, in[0].shape);
}

void run_eye(const Node& node, Views, Views out) {
    const int64_t k = node.attr("k", int64_t{0}), rows = out[0].shape[0], columns = out[0].shape[1];
    visit(out[0].type, [&]<typename T>(std::type_identity<T>) {
        for (int64_t i = 0; i < rows; i++)
            for (int64_t j = 0; j < columns; j++)
                out[0].span<T>()[size_t(i * columns + j)] = j == i + k;
    });
}

int64_t number_at(const TensorView& t, size_t i) {
    int64_t n = 0;
    visit(t.type, [&]<typename T>(std::type_identity<T>) { n = int64_t(t.span<T>()[i]); });
    return n;
}

FactsResult infer_one_hot(const Node& node, Facts in) {
    if (auto ok = expect_inputs(node, in, 3, 3); !ok.ok())
        return ok.error();
    if (!in[1].constant || count(in[1].shape) != 1)
        return unsupported(node, "its depth is not one constant number");
    const int64_t depth = number_at(in[1].constant->view(), 0);
    const auto axis = axis_of(node.attr("axis", int64_t{-1}), in[0].shape.size() + 1);
    if (!axis || depth < 1 || depth > max_dim || in[2].shape != Shape{2})
        return invalid(node, "depth, axis or values do not fit indices " + to_string(in[0].shape));
    Shape y = in[0].shape;
    y.insert(y.begin() + int64_t(*axis), depth);
    return one(in[2].type, y);
}

void run_one_hot(const Node& node, Views in, Views out) {
    const Shape& y = out[0].shape;
    const auto axis = int64_t(*axis_of(node.attr("axis", int64_t{-1}), y.size()));
    const int64_t depth = y[size_t(axis)], inner = count({y.begin() + axis + 1, y.end()});
    visit_size(out[0].type, [&]<typename T>(std::type_identity<T>) {
        const T off = in[2].span<T>()[0], on = in[2].span<T>()[1];
        const auto values = out[0].span<T>();
        for (size_t i = 0; i < values.size(); i++) {
            const auto n = int64_t(i);
            const int64_t picked = number_at(in[0], size_t(n / inner / depth * inner + n % inner));
            values[i] = (picked < 0 ? picked + depth : picked) == n / inner % depth ? on : off;
        }
    });
}

FactsResult infer_trilu(const Node& node, Facts in) {
    if (auto ok = expect_inputs(node, in, 1, 2); !ok.ok())
        return ok.error();
    if (in[0].shape.size() < 2 ||
        (given(in, 1) && (in[1].type != ElementType::I64 || count(in[1].shape) != 1)))
        return invalid(node, "takes matrices and one i64, not " + to_string(in[0].shape));
    return one(in[0].type, in[0].shape);
}

void run_trilu(const Node& node, Views in, Views out) {
    const Shape& s = in[0].shape;
    const int64_t rows = s[s.size() - 2], columns = s.back();
    const int64_t k = given(in, 1) ? std::clamp(in[1].span<int64_t>()[0], -max_dim, max_dim) : 0;
    const bool upper = node.attr("upper", int64_t{1}) != 0;
    visit_size(in[0].type, [&]<typename T>(std::type_identity<T>) {
        for (size_t i = 0; i < in[0].span<T>().size(); i++) {
            const int64_t row = int64_t(i) / columns % rows, column = int64_t(i) % columns;
            const bool kept = upper ? column >= row + k : column <= row + k;
            out[0].span<T>()[i] = kept ? in[0].span<T>()[i] : T(0);
        }
    });
}

constexpr OpDef table[] = {{"ConstantOfShape", infer_constant, run_constant},
                           {"Range", infer_range, run_range},
                           {"EyeLike", infer_eye, run_eye},
                           {"OneHot", infer_one_hot, run_one_hot},
                           {"Trilu", infer_trilu, run_trilu, true}};

} // namespace

extern constinit const OpList ops_fill = table;

} // namespace infer
