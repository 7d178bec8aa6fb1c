// SPDX-License-Identifier: LGPL-2.1-or-later
#include "inference/image_layout.h"

#include <algorithm>
#include <array>
#include <string_view>

namespace infer {
namespace {

enum class Says { Nothing, Second, Last }; // where the channels are

constexpr int max_depth = 8; // operators between the input and the one that knows

bool takes_channels_second(const std::string& op) {
    static constexpr std::array<std::string_view, 7> names = {
        "BatchNormalization", "InstanceNormalization", "GroupNormalization", "LRN", "PRelu",
        "DepthToSpace",       "SpaceToDepth"};
    return op.starts_with("Conv") || op.ends_with("Pool") ||
           std::find(names.begin(), names.end(), op) != names.end();
}

// A factor or bias for each channel: the only extent that is not 1.
Says of_constant(const Shape& shape) {
    size_t wide = 0, places = 0;
    for (size_t d = 0; d < shape.size(); d++)
        if (shape[d] != 1) {
            wide = shape.size() - d; // from the end
            places++;
        }
    if (places != 1)
        return Says::Nothing;
    return wide == 1 ? Says::Last : wide == 3 ? Says::Second : Says::Nothing;
}

Says of_node(const Graph& graph, const Node& node) {
    if (takes_channels_second(node.op))
        return Says::Second;
    if (node.op == "Transpose") {
        const auto perm = node.attr("perm", std::vector<int64_t>{});
        return perm == std::vector<int64_t>{0, 3, 1, 2}   ? Says::Last
               : perm == std::vector<int64_t>{0, 2, 3, 1} ? Says::Second
                                                          : Says::Nothing;
    }
    if (node.op == "Add" || node.op == "Sub" || node.op == "Mul" || node.op == "Div")
        for (const ValueId v : node.inputs)
            if (v != none && graph.value(v).constant)
                return of_constant(graph.value(v).constant->shape());
    return Says::Nothing;
}

// Operators that mix positions end the search: what comes after them is no picture.
bool keeps_places(const std::string& op) {
    return op != "Transpose" && op != "Reshape" && op != "Flatten" && op != "MatMul" &&
           op != "Gemm" && op != "Shape" && !op.starts_with("Reduce");
}

Says first_word(const Graph& graph, ValueId v, int depth) {
    for (const Node& node : graph.nodes) {
        if (std::find(node.inputs.begin(), node.inputs.end(), v) == node.inputs.end())
            continue;
        if (const Says says = of_node(graph, node); says != Says::Nothing)
            return says;
        if (depth == max_depth || !keeps_places(node.op))
            continue;
        for (const ValueId out : node.outputs)
            if (out != none)
                if (const Says says = first_word(graph, out, depth + 1); says != Says::Nothing)
                    return says;
    }
    return Says::Nothing;
}

bool is_few(int64_t extent) { return extent >= 1 && extent <= 4; }

} // namespace

bool is_channels_last(const Graph& graph, ValueId input) {
    const Shape& shape = graph.value(input).shape;
    if (shape.size() != 4)
        return false;
    const Says says = first_word(graph, input, 0);
    return says == Says::Nothing ? !is_few(shape[1]) && is_few(shape[3]) : says == Says::Last;
}

FrameSize picture_size(const Shape& shape, const ImageAxes& at, FrameSize picture) {
    const int64_t height = shape[at.height], width = shape[at.width];
    // to the nearest whole pixel
    const auto scaled = [](int64_t of, int64_t by, int64_t to) {
        return int(std::clamp<int64_t>((2 * of * by + to) / (2 * to), 1, 1 << 15));
    };
    if (height < 0 && width < 0)
        return picture;
    if (width < 0)
        return {scaled(picture.width, height, picture.height), int(height)};
    if (height < 0)
        return {int(width), scaled(picture.height, width, picture.width)};
    return {int(width), int(height)};
}

FrameSize picture_size_in_steps(const Shape& shape, const ImageAxes& at, FrameSize picture,
                                int step) {
    FrameSize size = picture_size(shape, at, picture);
    const auto round_up = [step](int extent) { return (extent + step - 1) / step * step; };
    if (shape[at.width] < 0)
        size.width = round_up(size.width);
    if (shape[at.height] < 0)
        size.height = round_up(size.height);
    return size;
}

} // namespace infer
