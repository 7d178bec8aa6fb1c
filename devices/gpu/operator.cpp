// SPDX-License-Identifier: LGPL-2.1-or-later
#include "devices/gpu/operator.h"

#include "devices/gpu/draft.h"
#include "devices/gpu/kernels.h"
#include "inference/half.h"

#include <algorithm>
#include <cassert>

namespace infer::gpu {
namespace {

bool is_number(const Place& x) {
    return !x.present || x.type == ElementType::F32 || x.type == ElementType::F16;
}

Tensor in_half(const Tensor& tensor) {
    Tensor half(ElementType::F16, tensor.shape());
    std::ranges::transform(tensor.span<float>(), half.span<uint16_t>().begin(), to_f16);
    return half;
}

} // namespace

std::vector<ValueFacts> Writer::facts() const {
    std::vector<ValueFacts> facts;
    for (const Place& x : in)
        facts.push_back({x.type == ElementType::F16 ? ElementType::F32 : x.type, x.shape,
                         x.constant, x.present});
    return facts;
}

bool Writer::is_float() const {
    return std::ranges::all_of(in, is_number) && std::ranges::all_of(out, is_number);
}

bool Writer::is_float_at(size_t input) const { return is_number(in[input]); }

Place Writer::known(const Tensor& tensor, ElementType type) {
    auto& roots = draft_.roots;
    const auto same = std::ranges::find_if(roots, [&](const Root& root) {
        return root.original && root.constant->type() == type &&
               root.original->view().data == tensor.view().data;
    });
    Place place{.type = type, .shape = tensor.shape(), .root = int(same - roots.begin())};
    if (same == roots.end()) {
        const Tensor stored = tensor.type() == type ? tensor : in_half(tensor);
        roots.push_back({.bytes = stored.view().size_bytes(),
                         .constant = stored,
                         .original = tensor,
                         .on_device = true});
    }
    return place;
}

Place Writer::weights(const Tensor& tensor) {
    return known(tensor,
                 tensor.type() == ElementType::F32 && half_ ? ElementType::F16 : tensor.type());
}

Place Writer::table(const Tensor& tensor) { return known(tensor, tensor.type()); }

Place Writer::table(const std::vector<int64_t>& integers) {
    Tensor tensor(ElementType::I32, {int64_t(integers.size())});
    std::ranges::transform(integers, tensor.span<int32_t>().begin(),
                           [](int64_t v) { return int32_t(v); });
    return table(tensor);
}

Place Writer::scratch(ElementType type, Shape shape) {
    return memory(type == ElementType::F32 && half_ ? ElementType::F16 : type, std::move(shape));
}

Place Writer::memory(ElementType type, Shape shape) {
    Place place{.type = type, .shape = std::move(shape), .root = int(draft_.roots.size())};
    draft_.roots.push_back(
        {.bytes = size_t(count(place.shape)) * size_of(type), .on_device = true});
    return place;
}

void Writer::launch(const Kernel& kernel, std::array<int64_t, 3> size,
                    std::vector<Argument> arguments, const Place& to) {
    if (count({size[0], size[1], size[2]}) == 0)
        return;
    Launch launch{.kernel = kernel.name,
                  .source = program_source(kernel.source),
                  .options = "-DN=" + std::to_string(kernel.width),
                  .size = size,
                  .together = kernel.together > 0 ? kernel.together : 64,
                  .arguments = std::move(arguments),
                  .writes = to.root};
    if (!kernel.options.empty())
        launch.options += " " + kernel.options;
    if (half_)
        launch.options += " -DHALF";
    for (Argument& argument : launch.arguments)
        if (auto* place = std::get_if<Place>(&argument); place && place->root < 0) {
            if (place->constant)
                *place = weights(*place->constant);
            else // an input that is not there: the kernel does not look
                *place = to;
        }
    draft_.steps.push_back({.kind = PlannedStep::Kernel,
                            .name = node.name,
                            .op = node.op,
                            .launch = std::move(launch)});
}

void Writer::is_part(const Place& to) {
    PlannedStep& step = draft_.steps.back();
    const auto& from = std::get<Place>(step.launch.arguments[0]);
    if (from.offset == 0 &&
        size_t(count(from.shape)) * size_of(from.type) == draft_.roots[size_t(from.root)].bytes)
        step.part = to;
}

void add_numbers(std::initializer_list<int64_t> numbers, std::vector<Argument>& arguments) {
    for (const int64_t number : numbers)
        arguments.emplace_back(number);
}

void add_activation(const lowering::Activation& activation, std::vector<Argument>& arguments) {
    arguments.emplace_back(int64_t(activation.kind));
    arguments.emplace_back(activation.alpha);
    arguments.emplace_back(activation.beta);
}

namespace {

// Without dimensions of 1, and with those joined that follow each other in memory on both sides.
Move joined(const Move& move) {
    Move all;
    for (size_t k = 0; k < move.shape.size(); k++) {
        const int64_t n = move.shape[k], from = move.from_steps[k], to = move.to_steps[k];
        if (n == 1)
            continue;
        if (!all.shape.empty() && all.from_steps.back() == from * n &&
            all.to_steps.back() == to * n) {
            all.shape.back() *= n;
            all.from_steps.back() = from;
            all.to_steps.back() = to;
            continue;
        }
        all.shape.push_back(n);
        all.from_steps.push_back(from);
        all.to_steps.push_back(to);
    }
    return all;
}

constexpr size_t move_dimensions = 6; // of kernels/move.cl

} // namespace

bool can_move(const Move& move) { return joined(move).shape.size() <= move_dimensions; }

void write_move(Writer& writer, const Move& given, const Place& from, const Place& to) {
    Move move = joined(given);
    assert(move.shape.size() <= move_dimensions);
    for (auto* side : {&move.shape, &move.from_steps, &move.to_steps}) // innermost first
        std::ranges::reverse(*side);
    const int64_t rows = count(
        {move.shape.begin() + std::min<int64_t>(1, int64_t(move.shape.size())), move.shape.end()});
    move.shape.resize(move_dimensions, 1);
    move.from_steps.resize(move_dimensions, 0);
    move.to_steps.resize(move_dimensions, 0);
    std::vector<Argument> arguments{from, to};
    for (size_t k = 0; k + 1 < move_dimensions; k++) // the kernel needs no size of the outermost
        arguments.emplace_back(move.shape[k]);
    for (const auto* steps : {&move.from_steps, &move.to_steps})
        for (const int64_t step : *steps)
            arguments.emplace_back(step);
    constexpr std::array<std::string_view, 9> types{"", "uchar", "ushort", "",     "uint",
                                                    "", "",      "",       "ulong"}; // by bytes
    const std::string type(types.at(size_of(to.type)));
    writer.launch({.name = "move", .source = kernel_source("move"), .options = "-DT=" + type},
                  {move.shape[0], rows, 1}, std::move(arguments), to);
}

} // namespace infer::gpu
