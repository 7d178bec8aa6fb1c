// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The steps of run_in_bytes(), in the order they run, and what they share.
#pragma once

#include "inference/passes/rewrite.h"
#include "inference/quantized.h"

#include <optional>
#include <vector>

namespace infer::quantized {

// What a byte stands for: (q - zero) * scale of its channel.
struct Grid {
    ElementType type = ElementType::U8;
    std::vector<float> scale{1}; // one for all channels, or one for each
    int zero = 0;

    bool is_single() const { return scale.size() == 1; }
    int lowest() const { return type == ElementType::U8 ? 0 : -128; }
    int highest() const { return lowest() + 255; }
    bool operator==(const Grid&) const = default;
};

// Integers and steps that make up the weights of a convolution, [out channels][...].
struct ByteWeights {
    Tensor bytes;             // i8, shape of the weights
    std::vector<float> scale; // by output channel
};

// q = saturate(round(x * scale + shift)): the numbers of a ToBytes node.
struct Rounding {
    ElementType type = ElementType::U8;
    std::vector<float> scale{1}, shift{0};

    bool is_single() const { return scale.size() == 1 && shift.size() == 1; }
    float scale_of(size_t channel) const { return scale[scale.size() == 1 ? 0 : channel]; }
    float shift_of(size_t channel) const { return shift[shift.size() == 1 ? 0 : channel]; }
    size_t channels() const { return std::max(scale.size(), shift.size()); }
    bool operator==(const Rounding&) const = default;
};

// The weights as integers of 8 bits, exact but for a fiftieth of a step; nothing if they are not.
std::optional<ByteWeights> on_grid(const Tensor& weights);

// Of a DequantizeLinear of bytes with known scales along the channels; nothing for other nodes.
std::optional<Grid> grid_of(const Graph& graph, const Node* node);
// Of the DequantizeLinear that makes `v`.
std::optional<Grid> grid_of(const Graph& graph, const Uses& uses, ValueId v);

std::optional<Rounding> rounding_of(const Graph& graph, const Node* node); // of a ToBytes
Rounding rounding_to(const Grid& grid);
// The grid a ToBytes rounds to, if it does nothing else.
bool rounds_to(const Rounding& rounding, const Grid& grid);

Node to_bytes(Graph& graph, const std::string& name, ValueId x, const Rounding& rounding,
              ValueId out);
Node from_bytes(Graph& graph, const std::string& name, ValueId q, const Grid& grid, ValueId out);
ValueId new_value(Graph& graph, ValueId like, ElementType type); // of its shape

// A number for each channel (dimension 1) of `shape`, or one, from a constant that broadcasts so.
std::optional<std::vector<float>> by_channel(const Graph& graph, ValueId v, const Shape& shape);

// Moves elements, changing none: its first input is the data (all inputs of a Concat are).
bool only_moves(const Node& node);
size_t data_inputs(const Node& node);

// Calls `step` for each node until nothing changes any more. A step says whether it has changed who
// makes and who uses values; it may insert nodes at its own place. For rare changes: each costs a
// walk over the graph.
void repeat(Graph& graph, bool (*step)(Graph& graph, const Uses& uses, size_t node));

// Calls `step` once for each node. It may change that node and drop others, so that what it has
// been told of makers and users stays true of all that later steps ask for.
void sweep(Graph& graph, bool (*step)(Graph& graph, const Uses& uses, size_t node));

// Every quantiser becomes a ToBytes, with DequantizeLinear after it.
void split_quantizers(Graph& graph);
// Drops roundings between a convolution and what can be folded into it.
void drop_inner_roundings(Graph& graph);
// ToBytes moves up, DequantizeLinear down, past what only moves elements.
void move_borders(Graph& graph);
// Convolutions and matrix products of bytes.
void make_convolutions(Graph& graph);
// What works element by element between bytes.
void make_lookups(Graph& graph);
// Roundings whose bytes nobody wants become FakeQuantize, which devices run on floats.
void restore_quantizers(Graph& graph);

} // namespace infer::quantized
