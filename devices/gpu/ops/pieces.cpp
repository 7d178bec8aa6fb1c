// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Operators that give elements of their first input another place, or none: by steps through
// memory.
#include "devices/gpu/ops/pieces.h"

#include "inference/ops/kernel.h"

#include <algorithm>
#include <numeric>

namespace infer::gpu {
namespace {

using Ints = std::vector<int64_t>;

Piece whole(const Shape& out) { return {{out, strides_of(out), strides_of(out)}, 0}; }

// The input, taken for one of `shape`, with its dimensions in the order `perm`.
Piece turned(const Shape& shape, const Ints& perm) {
    const Ints steps = strides_of(shape);
    Piece piece;
    for (const int64_t d : perm) {
        piece.move.shape.push_back(shape[size_t(d)]);
        piece.move.from_steps.push_back(steps[size_t(d)]);
    }
    piece.move.to_steps = strides_of(piece.move.shape);
    return piece;
}

Piece transpose(const Node& node, const Shape& x) {
    Ints perm(x.size());
    std::iota(perm.rbegin(), perm.rend(), int64_t(0));
    return turned(x, node.attr("perm", perm));
}

// [N, C, H, W]; DepthToSpace-13, SpaceToDepth-13.
Piece blocks(const Node& node, const Shape& x) {
    const int64_t b = node.attr("blocksize", int64_t(1));
    if (node.op == "SpaceToDepth")
        return turned({x[0], x[1], x[2] / b, b, x[3] / b, b}, {0, 3, 5, 1, 2, 4});
    const int64_t channels = x[1] / (b * b);
    if (node.attr("mode", "DCR") == std::string("CRD"))
        return turned({x[0], channels, b, b, x[2], x[3]}, {0, 1, 4, 2, 5, 3});
    return turned({x[0], b, b, channels, x[2], x[3]}, {0, 3, 4, 1, 5, 2});
}

Piece shuffle(const Node& node, const Shape& x) {
    const int64_t groups = node.attr("groups", int64_t(1));
    return turned({x[0], groups, x[1] / groups, count({x.begin() + 2, x.end()})}, {0, 2, 1, 3});
}

Piece expand(const Shape& x, const Shape& out) {
    return {{out, broadcast_strides(x, out), strides_of(out)}, 0};
}

// [2, 3] three times along the second is [2, 3 times, 3].
Piece tile(const Shape& x, const Shape& out) {
    const Ints steps = strides_of(x);
    Piece piece;
    for (size_t d = 0; d < x.size(); d++) {
        piece.move.shape.insert(piece.move.shape.end(), {x[d] ? out[d] / x[d] : 0, x[d]});
        piece.move.from_steps.insert(piece.move.from_steps.end(), {0, steps[d]});
    }
    piece.move.to_steps = strides_of(piece.move.shape);
    return piece;
}

std::vector<Piece> split(const Node& node, const Shape& x, const std::vector<Shape>& out) {
    const auto axis = axis_of(node.attr("axis", int64_t(0)), x.size());
    std::vector<Piece> pieces;
    int64_t start = 0;
    for (const Shape& shape : out) {
        pieces.push_back({{shape, strides_of(x), strides_of(shape)}, start * strides_of(x)[*axis]});
        start += shape[*axis];
    }
    return pieces;
}

// Slice-13; nothing if its parameters are not known.
std::vector<Piece> slice(const std::vector<ValueFacts>& in, const Shape& out) {
    Ints parameters[4]; // starts, ends, axes, steps
    for (size_t k = 1; k < in.size() && k <= 4; k++) {
        if (!in[k].present)
            continue;
        const auto values = ints_of(in[k]);
        if (!values)
            return {};
        parameters[k - 1] = *values;
    }
    const Shape& x = in[0].shape;
    Piece piece{{out, strides_of(x), strides_of(out)}, 0};
    for (size_t k = 0; k < parameters[0].size(); k++) {
        const size_t d = parameters[2].empty() ? k : *axis_of(parameters[2][k], x.size());
        const int64_t step = parameters[3].empty() ? 1 : parameters[3][k];
        const int64_t start = parameters[0][k] < 0 ? parameters[0][k] + x[d] : parameters[0][k];
        piece.first +=
            std::clamp<int64_t>(start, 0, std::max<int64_t>(x[d] - (step < 0 ? 1 : 0), 0)) *
            piece.move.from_steps[d];
        piece.move.from_steps[d] *= step;
    }
    return {piece};
}

bool keeps_order(const Node& node) {
    constexpr std::string_view ops[] = {"Reshape", "Flatten", "Squeeze", "Unsqueeze", "Identity"};
    return std::ranges::find(ops, node.op) != std::end(ops) ||
           (node.op == "Dropout" && node.outputs.size() == 1);
}

} // namespace

bool Piece::is_view() const {
    int64_t next = 1; // step of the next dimension outwards
    for (size_t d = move.shape.size(); d-- > 0;) {
        if (move.shape[d] != 1 && move.from_steps[d] != next)
            return false;
        next *= move.shape[d];
    }
    return true;
}

std::vector<Piece> pieces_of(const Node& node, const std::vector<ValueFacts>& in,
                             const std::vector<Shape>& out) {
    if (in.empty() || !in[0].present)
        return {};
    const Shape& x = in[0].shape;
    const bool is_image = x.size() == 4;
    if (keeps_order(node))
        return {whole(out[0])};
    if (node.op == "Transpose")
        return {transpose(node, x)};
    if ((node.op == "DepthToSpace" || node.op == "SpaceToDepth") && is_image)
        return {blocks(node, x)};
    if (node.op == "ChannelShuffle")
        return {shuffle(node, x)};
    if (node.op == "Expand")
        return {expand(x, out[0])};
    if (node.op == "Tile" && x.size() == out[0].size())
        return {tile(x, out[0])};
    if (node.op == "Split")
        return split(node, x, out);
    return node.op == "Slice" ? slice(in, out[0]) : std::vector<Piece>();
}

} // namespace infer::gpu
