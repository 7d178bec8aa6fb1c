// SPDX-License-Identifier: LGPL-2.1-or-later
// Unique: each element, or each slice along an axis, once.
//
//   in   x               any number type
//   out  y               what there is, ascending, or in order of first appearance
//        indices         i64 [n]: where each appears first, optional
//        inverse         i64 [size of the axis]: which one of y each is, optional
//        counts          i64 [n]: how often each appears, optional
//   attr axis            absent: x is taken as one row of elements;  sorted  default 1
//
// ONNX Unique-11.
#include "inference/ops/kernel.h"

#include <numeric>

namespace infer {
namespace {

FactsResult infer_unique(const Node& node, Facts in) {
    if (auto ok = expect_inputs(node, in, 1, 1); !ok.ok())
        return ok.error();
    const Shape& x = in[0].shape;
    const auto axis = axis_of(node.attr("axis", int64_t{0}), x.size());
    if (node.has("axis") && !axis)
        return invalid(node, "axis is outside the dimensions of " + to_string(x));
    Shape y = node.has("axis") ? x : Shape{-1};
    if (node.has("axis"))
        y[*axis] = -1;
    const int64_t size = node.has("axis") ? x[*axis] : count(x);
    return std::vector{fact(in[0].type, y), fact(ElementType::I64, {-1}),
                       fact(ElementType::I64, {size}), fact(ElementType::I64, {-1})};
}

// Which slice each belongs to, by slices in the order they are to be listed.
struct Classes {
    std::vector<int64_t> first, counts; // by class
    std::vector<int64_t> of;            // by slice
};

// NaN comes last and equals itself.
template <typename T> bool differ(T a, T b) { return a != b && (a == a || b == b); }
template <typename T> bool before(T a, T b) { return a < b || (a == a && b != b); }

// `less` compares slices by content.
template <typename Less> Classes classify(int64_t slices, bool sorted, Less&& less) {
    std::vector<int64_t> order(static_cast<size_t>(slices));
    std::iota(order.begin(), order.end(), 0);
    std::stable_sort(order.begin(), order.end(), less);
    std::vector<std::vector<int64_t>> groups; // equal slices, ascending
    for (size_t k = 0; k < order.size(); k++) {
        if (k == 0 || less(order[k - 1], order[k]))
            groups.emplace_back();
        groups.back().push_back(order[k]);
    }
    if (!sorted)
        std::sort(groups.begin(), groups.end(),
                  [](const auto& a, const auto& b) { return a[0] < b[0]; });
    Classes classes;
    classes.of.resize(order.size());
    for (size_t g = 0; g < groups.size(); g++) {
        classes.first.push_back(groups[g][0]);
        classes.counts.push_back(int64_t(groups[g].size()));
        for (int64_t slice : groups[g])
            classes.of[size_t(slice)] = int64_t(g);
    }
    return classes;
}

std::vector<Tensor> make_unique(const Node& node, Views in) {
    const bool by_axis = node.has("axis");
    const Shape x = by_axis ? in[0].shape : Shape{count(in[0].shape)};
    const size_t axis = *axis_of(by_axis ? node.attr("axis", int64_t{0}) : 0, x.size());
    const int64_t size = x[axis], outer = count({x.begin(), x.begin() + int64_t(axis)}),
                  inner = count({x.begin() + int64_t(axis) + 1, x.end()});
    std::vector<Tensor> out;
    visit(in[0].type, [&]<typename T>(std::type_identity<T>) {
        const T* from = in[0].span<T>().data();
        const auto at = [&](int64_t row, int64_t slice) {
            return from + (row * size + slice) * inner;
        };
        const Classes classes =
            classify(size, node.attr("sorted", int64_t{1}) != 0, [&](int64_t a, int64_t b) {
                for (int64_t row = 0; row < outer; row++) {
                    const T *u = at(row, a), *v = at(row, b);
                    for (int64_t i = 0; i < inner; i++)
                        if (differ(u[i], v[i]))
                            return before(u[i], v[i]);
                }
                return false;
            });
        const auto n = int64_t(classes.first.size());
        Shape y = x;
        y[axis] = n;
        out.emplace_back(in[0].type, y);
        T* to = out[0].span<T>().data();
        for (int64_t row = 0; row < outer; row++)
            for (int64_t slice : classes.first)
                to = std::copy_n(at(row, slice), inner, to);
        out.push_back(indices_of(ElementType::I64, {n}, classes.first));
        out.push_back(indices_of(ElementType::I64, {size}, classes.of));
        out.push_back(indices_of(ElementType::I64, {n}, classes.counts));
    });
    return out;
}

constexpr OpDef table[] = {{"Unique", infer_unique, run_made<make_unique>, false, make_unique}};

} // namespace

extern constinit const OpList ops_unique = table;

} // namespace infer
