// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Operators that only move elements (pieces.h), Concat, and Pad with a constant.
#include "devices/gpu/kernels.h"
#include "devices/gpu/ops/pieces.h"
#include "inference/ops/kernel.h"

#include <algorithm>

namespace infer::gpu {
namespace {

bool write_pieces(Writer& writer) {
    std::vector<Shape> shapes;
    for (const Place& out : writer.out)
        shapes.push_back(out.present ? out.shape : Shape{0});
    const auto pieces = pieces_of(writer.node, writer.facts(), shapes);
    if (pieces.size() != writer.out.size() ||
        !std::ranges::all_of(pieces, [](const Piece& p) { return can_move(p.move); }))
        return false;
    Place from = writer.in[0];
    if (from.constant)
        from = writer.weights(*from.constant);
    for (size_t k = 0; k < pieces.size(); k++)
        if (writer.out[k].present) {
            Place begin = from;
            begin.offset += pieces[k].first;
            write_move(writer, pieces[k].move, begin, writer.out[k]);
        }
    return true;
}

bool write_concat(Writer& writer) {
    const Place& out = writer.out[0];
    const auto axis = axis_of(writer.node.attr("axis", int64_t(0)), out.shape.size());
    const auto steps = strides_of(out.shape);
    const int64_t outer = count({out.shape.begin(), out.shape.begin() + int64_t(*axis)});
    int64_t start = 0;
    for (const Place& in : writer.in) {
        const Place from = in.constant ? writer.weights(*in.constant) : in;
        Place to = out;
        to.offset += start * steps[*axis];
        start += in.shape[*axis];
        if (count(in.shape) == 0)
            continue;
        // [outer, axis and the rest]
        const int64_t row = count(in.shape) / outer, out_row = count(out.shape) / outer;
        write_move(writer, {{outer, row}, {row, 1}, {out_row, 1}}, from, to);
        if (outer == 1 && !in.constant)
            writer.is_part(to);
    }
    return true;
}

// Pad-19, mode constant, with pads that are known and none negative.
bool write_pad(Writer& writer) {
    const auto facts = writer.facts();
    const bool has_value = writer.has(2);
    if (!writer.is_float_at(0) || writer.node.attr("mode", "constant") != std::string("constant") ||
        facts.size() < 2 || (has_value && !facts[2].constant))
        return false;
    const auto pads = ints_of(facts[1]);
    const auto given_axes =
        writer.has(3) ? ints_of(facts[3]) : std::optional(std::vector<int64_t>());
    if (!pads || !given_axes || std::ranges::any_of(*pads, [](int64_t p) { return p < 0; }))
        return false;
    const Place& out = writer.out[0];
    const auto steps = strides_of(out.shape);
    Place inside = out;
    for (size_t k = 0; k < pads->size() / 2; k++) {
        const size_t axis = writer.has(3) ? *axis_of((*given_axes)[k], out.shape.size()) : k;
        inside.offset += (*pads)[k] * steps[axis];
    }
    const Move move{writer.in[0].shape, strides_of(writer.in[0].shape), steps};
    if (!can_move(move))
        return false;
    const float value = has_value ? facts[2].constant->span<float>()[0] : 0.0f;
    writer.launch({.name = "fill", .source = kernel_source("convert")}, {count(out.shape), 1, 1},
                  {out, count(out.shape), value}, out);
    write_move(writer, move, writer.in[0], inside);
    return true;
}

bool write(Writer& writer) {
    if (writer.node.op == "Concat")
        return write_concat(writer);
    return writer.node.op == "Pad" ? write_pad(writer) : write_pieces(writer);
}

} // namespace

extern const OperatorDef gpu_operator_move;
const OperatorDef gpu_operator_move = {.name = "move", .write = write};

} // namespace infer::gpu
