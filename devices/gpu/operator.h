// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What a file of devices/gpu/ops is: it says which nodes it takes, and writes their kernels'
// launches.
#pragma once

#include "devices/gpu/hardware.h"
#include "devices/gpu/launch.h"
#include "inference/lowering/activation.h"
#include "inference/op.h"

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace infer::gpu {

struct Draft;

// Writes the launches of one node.
class Writer {
public:
    Writer(Draft& draft, const Hardware& hardware, bool half, const Node& node,
           std::vector<Place> in, std::vector<Place> out)
        : node(node), in(std::move(in)), out(std::move(out)), hardware(hardware), draft_(draft),
          half_(half) {}

    const Node& node;
    const std::vector<Place> in, out;
    const Hardware& hardware;

    bool has(size_t k) const { return k < in.size() && in[k].present; }
    std::vector<ValueFacts> facts() const; // of the inputs
    // All present inputs and all outputs are numbers with a point.
    bool is_float() const;
    bool is_float_at(size_t input) const;

    // A known input, or numbers of our own, for kernels to read as they do values (`real`).
    Place weights(const Tensor& tensor);
    // The same as it is, in 32 bits.
    Place table(const Tensor& tensor);
    Place table(const std::vector<int64_t>& integers);
    // Memory for this node alone: as values are if F32, or just as said.
    Place scratch(ElementType type, Shape shape);
    Place memory(ElementType type, Shape shape);

    // `source` is the file of kernels/ that has `kernel`; `width`: its N, `options`: more for the
    // compiler.
    struct Kernel {
        std::string name;
        std::string_view source;
        int width = 1;
        std::string options = "";
        int together = 0; // 0: what suits this device
    };
    // `to` is the place among the arguments that it writes, all or part of.
    void launch(const Kernel& kernel, std::array<int64_t, 3> size, std::vector<Argument> arguments,
                const Place& to);
    // The last launch copies the whole of a value to `to`, which nothing else writes: where the
    // value can be made in that place, there is nothing to copy.
    void is_part(const Place& to);

private:
    Place known(const Tensor& tensor, ElementType type);

    Draft& draft_;
    bool half_;
};

struct OperatorDef {
    std::string_view name;
    // Whether it takes the node: if so, it has written it; if not, nothing.
    bool (*write)(Writer& writer);
};

// Made from devices/gpu/meson.build, in order of choice.
std::span<const OperatorDef* const> all_operators();

// More sizes and steps.
void add_numbers(std::initializer_list<int64_t> numbers, std::vector<Argument>& arguments);

// The fused "activation" of a convolution or product as the three last arguments of its kernel.
void add_activation(const lowering::Activation& activation, std::vector<Argument>& arguments);

// Copies elements from place to place with steps for each dimension of `shape`; at most 6 are left
// once those that allow it are one.
struct Move {
    Shape shape;
    std::vector<int64_t> from_steps, to_steps;
};
bool can_move(const Move& move);
void write_move(Writer& writer, const Move& move, const Place& from, const Place& to);

} // namespace infer::gpu
