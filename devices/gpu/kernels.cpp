// SPDX-License-Identifier: LGPL-2.1-or-later
#include "devices/gpu/kernels.h"

#include "inference/lowering/activation.h"

#include <cassert>
#include <utility>

namespace infer::gpu {
namespace {

using lowering::Activation;

// The files are text in the form of a C++ string.
constexpr const char* common =
#include "devices/gpu/kernels/common.cl"
    ;
constexpr std::pair<std::string_view, const char*> files[] = {
    {
        "conv",
#include "devices/gpu/kernels/conv.cl"
    },
    {
        "conv_transpose",
#include "devices/gpu/kernels/conv_transpose.cl"
    },
    {
        "convert",
#include "devices/gpu/kernels/convert.cl"
    },
    {
        "move",
#include "devices/gpu/kernels/move.cl"
    },
    {
        "normalize",
#include "devices/gpu/kernels/normalize.cl"
    },
    {
        "pool",
#include "devices/gpu/kernels/pool.cl"
    },
    {
        "product",
#include "devices/gpu/kernels/product.cl"
    },
    {
        "reduce",
#include "devices/gpu/kernels/reduce.cl"
    },
    {
        "resize",
#include "devices/gpu/kernels/resize.cl"
    },
    {
        "softmax",
#include "devices/gpu/kernels/softmax.cl"
    },
};

constexpr std::pair<const char*, Activation::Kind> activations[] = {
    {"ACT_RELU", Activation::Relu},
    {"ACT_LEAKY_RELU", Activation::LeakyRelu},
    {"ACT_CLIP", Activation::Clip},
    {"ACT_SIGMOID", Activation::Sigmoid},
    {"ACT_TANH", Activation::Tanh},
    {"ACT_ELU", Activation::Elu},
    {"ACT_HARD_SIGMOID", Activation::HardSigmoid},
    {"ACT_HARD_SWISH", Activation::HardSwish},
    {"ACT_SWISH", Activation::Swish},
    {"ACT_MISH", Activation::Mish},
    {"ACT_GELU", Activation::Gelu},
    {"ACT_SOFTPLUS", Activation::Softplus},
    {"ACT_SELU", Activation::Selu},
    {"ACT_CELU", Activation::Celu},
    {"ACT_THRESHOLDED_RELU", Activation::ThresholdedRelu},
};

} // namespace

std::string_view kernel_source(std::string_view name) {
    for (const auto& [known, text] : files)
        if (known == name)
            return text;
    assert(!"kernels/<name>.cl is in the list");
    return "";
}

std::string program_source(std::string_view text) {
    std::string source = "#define SLACK " + std::to_string(slack) + "\n";
    for (const auto& [name, kind] : activations)
        source += "#define " + std::string(name) + " " + std::to_string(int(kind)) + "\n";
    return source + common + std::string(text);
}

} // namespace infer::gpu
