// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Operators that only move elements: Reorder (our own: another layout), Concat, Transpose, Slice,
// Split, DepthToSpace, SpaceToDepth, ChannelShuffle (our own). Each is a few boxes.
#include "devices/cpu/box_copy.h"
#include "devices/cpu/kernel.h"

#include <algorithm>

namespace infer::cpu {
namespace {

bool any_channels_last(std::span<const Operand> operands) {
    return std::any_of(operands.begin(), operands.end(),
                       [](const Operand& x) { return x.layout == Layout::ChannelsLast; });
}

Wish anywhere(const NodeView& view, Layout layout) {
    Wish wish = all_in(layout, view);
    wish.strided_in = wish.strided_out = true;
    wish.takes_bf16.assign(view.in.size(), true);
    wish.gives_bf16 = true;
    return wish;
}

std::optional<Wish> accept(const NodeView& view) {
    const std::string& op = view.node.op;
    const bool last = any_channels_last(view.in.first(op == "Concat" ? view.in.size() : 1));
    const Layout layout = last && view.out[0].shape.size() >= 3 ? Layout::ChannelsLast : Layout::Plain;
    if (op == "Concat" || op == "ChannelShuffle")
        return anywhere(view, layout);
    if (op == "DepthToSpace" || op == "SpaceToDepth")
        return view.in[0].shape.size() == 4 ? std::optional(anywhere(view, layout)) : std::nullopt;
    if (op == "Transpose") {
        Wish wish = anywhere(view, Layout::Plain);
        wish.in[0] = view.in[0].layout;
        return wish;
    }
    if (op == "Split" || op == "Slice") {
        for (size_t k = 1; k < view.in.size(); k++)
            if (view.in[k].present && !view.in[k].constant)
                return std::nullopt;
        Wish wish = anywhere(view, layout);
        std::fill(wish.in.begin() + 1, wish.in.end(), Layout::Plain);
        return wish;
    }
    return std::nullopt;
}

std::vector<int64_t> integers(const Operand& x) {
    std::vector<int64_t> values;
    if (!x.present || !x.constant)
        return values;
    if (x.type == ElementType::I64)
        values.assign(x.constant->span<int64_t>().begin(), x.constant->span<int64_t>().end());
    else
        values.assign(x.constant->span<int32_t>().begin(), x.constant->span<int32_t>().end());
    return values;
}

Box whole(const Operand& in, const Operand& out) {
    return {.dims = in.shape, .in_strides = strides_of(in), .out_strides = strides_of(out)};
}

std::vector<Box> concat_boxes(const NodeView& view) {
    const Operand& out = view.out[0];
    const auto rank = int64_t(out.shape.size());
    const auto axis = size_t((view.node.attr("axis", int64_t(0)) + rank) % rank);
    const auto starts = view.node.attr("starts", std::vector<int64_t>{}); // place_concats() adds them
    std::vector<Box> boxes;
    for (size_t k = 0; k < view.in.size(); k++) {
        if (!view.in[k].present)
            continue;
        Box box = whole(view.in[k], out);
        box.input = k;
        box.out_offset = starts[k] * box.out_strides[axis];
        boxes.push_back(std::move(box));
    }
    return boxes;
}

std::vector<Box> split_boxes(const NodeView& view) {
    const auto rank = int64_t(view.in[0].shape.size());
    const auto axis = size_t((view.node.attr("axis", int64_t(0)) + rank) % rank);
    const auto in_strides = strides_of(view.in[0]);
    std::vector<Box> boxes;
    int64_t start = 0;
    for (size_t k = 0; k < view.out.size(); k++) {
        Box box{.dims = view.out[k].shape, .in_strides = in_strides,
                .out_strides = strides_of(view.out[k]), .in_offset = start * in_strides[axis]};
        box.output = k;
        start += view.out[k].shape[axis];
        boxes.push_back(std::move(box));
    }
    return boxes;
}

std::vector<Box> slice_boxes(const NodeView& view) {
    const Shape& shape = view.in[0].shape;
    const auto rank = int64_t(shape.size());
    std::vector<std::vector<int64_t>> p(4); // starts, ends, axes, steps
    for (size_t k = 1; k < view.in.size() && k <= 4; k++)
        p[k - 1] = integers(view.in[k]);
    Box box{.dims = view.out[0].shape, .in_strides = strides_of(view.in[0]),
            .out_strides = strides_of(view.out[0])};
    for (size_t k = 0; k < p[0].size(); k++) {
        const auto axis = size_t(p[2].empty() ? int64_t(k) : (p[2][k] + rank) % rank);
        const int64_t step = p[3].empty() ? 1 : p[3][k], n = shape[axis];
        const int64_t start = p[0][k] < 0 ? p[0][k] + n : p[0][k];
        const int64_t first = step > 0 ? std::clamp<int64_t>(start, 0, n)
                                       : std::clamp<int64_t>(start, -1, n - 1);
        box.in_offset += first * box.in_strides[axis];
        box.in_strides[axis] *= step;
    }
    return {box};
}

std::vector<Box> transpose_boxes(const NodeView& view) {
    const size_t rank = view.in[0].shape.size();
    std::vector<int64_t> perm;
    for (size_t d = rank; d-- > 0;)
        perm.push_back(int64_t(d));
    perm = view.node.attr("perm", perm);
    const auto in_strides = strides_of(view.in[0]);
    Box box{.dims = view.out[0].shape, .in_strides = {}, .out_strides = strides_of(view.out[0])};
    for (size_t d = 0; d < rank; d++)
        box.in_strides.push_back(in_strides[size_t(perm[d])]);
    return {box};
}

// Both as boxes over [n, c, h, by, w, bx]: the small image has channels (by, bx, c) or (c, by, bx).
std::vector<Box> depth_space_boxes(const NodeView& view) {
    const bool to_space = view.node.op == "DepthToSpace";
    const Operand& small = to_space ? view.in[0] : view.out[0];
    const Operand& large = to_space ? view.out[0] : view.in[0];
    const int64_t b = view.node.attr("blocksize", int64_t(1)), c = large.shape[1];
    const bool crd = view.node.attr("mode", "DCR") == "CRD";
    const auto s = strides_of(small), l = strides_of(large);
    const std::vector<int64_t> dims{small.shape[0], c, small.shape[2], b, small.shape[3], b};
    const std::vector<int64_t> of_small{s[0], s[1] * (crd ? b * b : 1), s[2],
                                        s[1] * (crd ? b : b * c), s[3], s[1] * (crd ? 1 : c)};
    const std::vector<int64_t> of_large{l[0], l[1], l[2] * b, l[2], l[3] * b, l[3]};
    return {to_space ? Box{.dims = dims, .in_strides = of_small, .out_strides = of_large}
                     : Box{.dims = dims, .in_strides = of_large, .out_strides = of_small}};
}

// [n, g, k, ...] -> [n, k, g, ...]: channel i of group g goes to i * groups + g.
std::vector<Box> shuffle_boxes(const NodeView& view) {
    const int64_t groups = view.node.attr("groups", int64_t(1));
    const Shape& shape = view.in[0].shape;
    const int64_t each = shape[1] / groups;
    const auto in = strides_of(view.in[0]), out = strides_of(view.out[0]);
    Box box{.dims = {groups, each}, .in_strides = {in[1] * each, in[1]}, .out_strides = {out[1], out[1] * groups}};
    for (size_t d = 0; d < shape.size(); d++)
        if (d != 1) {
            box.dims.push_back(shape[d]);
            box.in_strides.push_back(in[d]);
            box.out_strides.push_back(out[d]);
        }
    return {box};
}

Result<std::unique_ptr<Kernel>> make(const NodeView& view) {
    const std::string& op = view.node.op;
    std::vector<Box> boxes = op == "Reorder"   ? std::vector<Box>{whole(view.in[0], view.out[0])}
                             : op == "Concat"    ? concat_boxes(view)
                             : op == "Split"     ? split_boxes(view)
                             : op == "Slice"     ? slice_boxes(view)
                             : op == "Transpose" ? transpose_boxes(view)
                             : op == "ChannelShuffle" ? shuffle_boxes(view)
                                                      : depth_space_boxes(view);
    return make_copy_kernel(std::move(boxes), view);
}

} // namespace

extern const KernelDef cpu_kernel_copy;
const KernelDef cpu_kernel_copy = {.name = "copy", .accept = accept, .make = make};

} // namespace infer::cpu
