// SPDX-License-Identifier: LGPL-2.1-or-later
// Pad: adds a border, or takes one away where a pad is negative.
//
//   in   x      any type
//        pads   i64 [2 n], constant: begins of all axes, then ends
//        value  same type, scalar, optional: what mode constant fills in, default 0
//        axes   i64 [n], optional constant: which dimensions, default all
//   out  y      type of x
//   attr mode   "constant" (default), "edge", "reflect" (border not repeated), "wrap"
//
// ONNX Pad-19.
#include "inference/ops/kernel.h"

namespace infer {
namespace {

struct Border {
    std::vector<int64_t> begin, end;
};

std::optional<Border> border_of(size_t rank, const std::vector<int64_t>& pads,
                                std::vector<int64_t> axes, bool all) {
    if (all)
        for (size_t d = 0; d < rank; d++)
            axes.push_back(int64_t(d));
    if (pads.size() != 2 * axes.size())
        return {};
    Border b{std::vector<int64_t>(rank, 0), std::vector<int64_t>(rank, 0)};
    for (size_t k = 0; k < axes.size(); k++) {
        const auto axis = axis_of(axes[k], rank);
        if (!axis)
            return {};
        b.begin[*axis] = pads[k];
        b.end[*axis] = pads[axes.size() + k];
    }
    return b;
}

// Whether every source position of the mode exists in a dimension of n.
bool reaches(const std::string& mode, int64_t n, int64_t begin, int64_t end) {
    if (mode == "constant" || (begin <= 0 && end <= 0))
        return true;
    return n > 0 && (mode != "reflect" || std::max(begin, end) < n);
}

FactsResult infer(const Node& node, Facts in) {
    if (auto ok = expect_inputs(node, in, 2, 4); !ok.ok())
        return ok.error();
    const auto pads = ints_of(in[1]);
    const auto axes = given(in, 3) ? ints_of(in[3]) : std::vector<int64_t>();
    if (!pads || !axes)
        return unsupported(node, "its pads are not constant");
    const Shape& x = in[0].shape;
    const auto border = border_of(x.size(), *pads, *axes, !given(in, 3));
    if (!border)
        return invalid(node,
                       std::to_string(pads->size()) + " pads do not fit its input " + to_string(x));
    if (given(in, 2) && (in[2].type != in[0].type || count(in[2].shape) != 1))
        return invalid(node, "its value must be one number of the type of x, " +
                                 std::string(name_of(in[0].type)));
    const std::string mode = node.attr("mode", "constant");
    if (mode != "constant" && mode != "edge" && mode != "reflect" && mode != "wrap")
        return invalid(node, "mode is '" + mode + "'; known are constant, edge, reflect, wrap");
    Shape y;
    for (size_t d = 0; d < x.size(); d++) {
        y.push_back(x[d] + border->begin[d] + border->end[d]);
        if (y[d] < 0 || !reaches(mode, x[d], border->begin[d], border->end[d]))
            return invalid(node, "cannot pad dimension " + std::to_string(d) + " of " +
                                     to_string(x) + " by " + std::to_string(border->begin[d]) +
                                     " and " + std::to_string(border->end[d]));
    }
    return one(in[0].type, y);
}

// Where position `at` of the output comes from; -1: from outside.
int64_t source(int64_t at, int64_t n, const std::string& mode) {
    if (at >= 0 && at < n)
        return at;
    if (mode == "edge")
        return std::clamp<int64_t>(at, 0, n - 1);
    if (mode == "wrap")
        return ((at % n) + n) % n;
    if (mode == "reflect")
        return at < 0 ? -at : 2 * (n - 1) - at;
    return -1;
}

std::vector<int64_t> ints(const TensorView& t) {
    std::vector<int64_t> values;
    visit(t.type, [&]<typename T>(std::type_identity<T>) {
        for (T v : t.span<T>())
            values.push_back(int64_t(v));
    });
    return values;
}

// Offsets in x of every position along each axis of y; -1: outside.
std::vector<std::vector<int64_t>> sources(const Node& node, Views in, const Shape& y) {
    const Shape& x = in[0].shape;
    const bool all = !given(in, 3);
    const Border border =
        *border_of(x.size(), ints(in[1]), all ? std::vector<int64_t>() : ints(in[3]), all);
    const std::vector<int64_t> strides = strides_of(x);
    const std::string mode = node.attr("mode", "constant");
    std::vector<std::vector<int64_t>> from(x.size());
    for (size_t d = 0; d < x.size(); d++)
        for (int64_t i = 0; i < y[d]; i++) {
            const int64_t s = source(i - border.begin[d], x[d], mode);
            from[d].push_back(s < 0 ? -1 : s * strides[d]);
        }
    return from;
}

void run(const Node& node, Views in, Views out) {
    const Shape& shape = out[0].shape;
    const auto from = sources(node, in, shape);
    const std::vector<int64_t> strides[] = {strides_of(shape)};
    visit_size(in[0].type, [&]<typename T>(std::type_identity<T>) {
        const T* x = in[0].span<T>().data();
        T* y = out[0].span<T>().data();
        const T fill = given(in, 2) ? in[2].span<T>()[0] : T(0);
        for_each_row(shape, strides, [&](const int64_t* at, int64_t length) {
            int64_t base = 0, left = at[0];
            bool inside = true;
            for (size_t d = 0; d + 1 < shape.size(); d++) {
                const int64_t s = from[d][size_t(left / strides[0][d])];
                left %= strides[0][d];
                inside &= s >= 0;
                base += s;
            }
            for (int64_t i = 0; i < length; i++) {
                const int64_t s = shape.empty() ? 0 : from.back()[size_t(i)];
                y[at[0] + i] = inside && s >= 0 ? x[base + s] : fill;
            }
        });
    });
}

constexpr OpDef table[] = {{"Pad", infer, run}};

} // namespace

extern constinit const OpList ops_pad = table;

} // namespace infer
