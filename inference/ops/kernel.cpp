// SPDX-License-Identifier: LGPL-2.1-or-later
#include "inference/ops/kernel.h"

namespace infer {

std::string place(const Node& node) { return "node '" + node.name + "' (" + node.op + ")"; }

Error invalid(const Node& node, std::string what) {
    return {Error::InvalidModel, place(node), std::move(what)};
}

Error unsupported(const Node& node, std::string what) {
    return {Error::Unsupported, place(node), std::move(what)};
}

Result<void> expect_inputs(const Node& node, Facts in, size_t least, size_t most) {
    if (in.size() < least || in.size() > most)
        return invalid(node, "has " + std::to_string(in.size()) + " inputs, takes " +
                                 std::to_string(least) +
                                 (most == least ? "" : " to " + std::to_string(most)));
    for (size_t k = 0; k < least; k++)
        if (!in[k].present)
            return invalid(node, "input " + std::to_string(k) + " is missing");
    for (const ValueFacts& f : in)
        if (f.present && !computable(f.type))
            return unsupported(node, "cannot compute with " + std::string(name_of(f.type)));
    return {};
}

Result<void> expect_f32(const Node& node, Facts in) {
    for (const ValueFacts& f : in)
        if (f.present && f.type != ElementType::F32)
            return unsupported(node, "takes f32, not " + std::string(name_of(f.type)));
    return {};
}

std::optional<int64_t> checked_count(const Shape& shape) {
    int64_t n = 1;
    bool empty = false;
    for (int64_t d : shape) {
        if (d < 0 || d > max_dim)
            return {};
        empty |= d == 0;
        n = empty ? 0 : n * d;
        if (n > max_elements)
            return {};
    }
    return n;
}

std::optional<size_t> axis_of(int64_t axis, size_t rank) {
    const int64_t n = int64_t(rank);
    if (axis < -n || axis >= n)
        return {};
    return size_t(axis < 0 ? axis + n : axis);
}

std::optional<Shape> broadcast(const Shape& a, const Shape& b) {
    Shape out(std::max(a.size(), b.size()));
    for (size_t k = 1; k <= out.size(); k++) {
        const int64_t x = k <= a.size() ? a[a.size() - k] : 1;
        const int64_t y = k <= b.size() ? b[b.size() - k] : 1;
        if (x != y && x != 1 && y != 1)
            return {};
        out[out.size() - k] = x == 1 ? y : x;
    }
    return out;
}

std::vector<int64_t> strides_of(const Shape& shape) {
    std::vector<int64_t> strides(shape.size());
    int64_t step = 1;
    for (size_t d = shape.size(); d-- > 0; step *= shape[d])
        strides[d] = step;
    return strides;
}

std::vector<int64_t> broadcast_strides(const Shape& shape, const Shape& to) {
    const std::vector<int64_t> dense = strides_of(shape);
    std::vector<int64_t> strides(to.size(), 0);
    const size_t lead = to.size() - shape.size();
    for (size_t d = 0; d < shape.size(); d++)
        strides[lead + d] = shape[d] == 1 ? 0 : dense[d];
    return strides;
}

std::optional<std::vector<int64_t>> ints_of(const ValueFacts& fact) {
    if (!fact.constant || !fact.present || fact.constant->shape().size() > 1)
        return {};
    std::vector<int64_t> values;
    const Tensor& t = *fact.constant;
    const auto add = [&](const auto& span) {
        for (auto v : span)
            values.push_back(std::clamp<int64_t>(int64_t(v), -max_dim, max_dim));
    };
    if (t.type() == ElementType::I64)
        add(t.span<int64_t>());
    else if (t.type() == ElementType::I32)
        add(t.span<int32_t>());
    else
        return {};
    return values;
}

std::optional<ElementType> index_type_of(const Node& node, const char* attr) {
    const std::string name = node.attr(attr, "i64");
    if (name == "i64")
        return ElementType::I64;
    return name == "i32" ? std::optional(ElementType::I32) : std::nullopt;
}

Tensor indices_of(ElementType type, Shape shape, const std::vector<int64_t>& values) {
    Tensor t(type, std::move(shape));
    visit(type, [&]<typename T>(std::type_identity<T>) {
        std::transform(values.begin(), values.end(), t.span<T>().begin(),
                       [](int64_t v) { return T(v); });
    });
    return t;
}

FactsResult same_f32(const Node& node, Facts in) {
    if (auto ok = expect_inputs(node, in, 1, 1); !ok.ok())
        return ok.error();
    if (auto ok = expect_f32(node, in); !ok.ok())
        return ok.error();
    return one(in[0].type, in[0].shape);
}

FactsResult same_any(const Node& node, Facts in) {
    if (auto ok = expect_inputs(node, in, 1, 1); !ok.ok())
        return ok.error();
    return one(in[0].type, in[0].shape);
}

bool computable(ElementType type) {
    return type != ElementType::F16 && type != ElementType::BF16 && type != ElementType::F64;
}

} // namespace infer
