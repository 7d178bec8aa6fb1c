// SPDX-License-Identifier: LGPL-2.1-or-later
// An activation that alone uses a convolution or matrix product becomes its last step.
#include "inference/ops/activation.h"
#include "inference/passes/rewrite.h"

#include <limits>

namespace infer {
namespace {

// What devices must be able to fuse (graph.h); other functions stay nodes of their own.
constexpr std::string_view fusable[] = {"Relu",  "LeakyRelu", "Clip",        "Sigmoid",
                                        "Tanh",  "Elu",       "HardSigmoid", "HardSwish",
                                        "Swish", "Mish",      "Gelu"};

struct Bounds {
    float alpha = 0, beta = 0;
};

// The function's parameters, if they are known.
std::optional<Bounds> parameters(const Graph& graph, const Node& node) {
    if (node.op != "Clip") {
        const Activation& f = *find_activation(node.op);
        return Bounds{alpha_of(f, node), beta_of(f, node)};
    }
    Bounds b{-std::numeric_limits<float>::infinity(), std::numeric_limits<float>::infinity()};
    for (size_t k : {size_t(1), size_t(2)}) {
        if (input(node, k) == none)
            continue;
        const auto bound = scalar_of(graph, node.inputs[k]);
        if (!bound)
            return {};
        (k == 1 ? b.alpha : b.beta) = *bound;
    }
    return b;
}

bool fuse(Graph& graph, const Uses& uses, size_t n) {
    Node& node = graph.nodes[n];
    if (std::find(std::begin(fusable), std::end(fusable), node.op) == std::end(fusable))
        return false;
    const ValueId x = node.inputs[0];
    const Node* made = uses.only_user(x) < 0 ? nullptr : uses.made_by(graph, x);
    const auto b = made && !made->has("activation") ? parameters(graph, node) : std::nullopt;
    if (!b || (made->op != "Conv" && made->op != "ConvTranspose" && made->op != "MatMul" &&
               made->op != "Gemm"))
        return false;
    Node& product = graph.nodes[size_t(uses.maker[size_t(x)])];
    const bool is_relu =
        node.op == "Clip" && b->alpha == 0 && b->beta == std::numeric_limits<float>::infinity();
    product.attrs["activation"] = is_relu ? std::string("Relu") : node.op;
    product.attrs["activation_alpha"] = b->alpha;
    product.attrs["activation_beta"] = b->beta;
    product.outputs = node.outputs;
    drop(node);
    return true;
}

void run(Graph& graph) { rewrite_each(graph, fuse); }

} // namespace

extern const PassDef pass_fuse_activation;
const PassDef pass_fuse_activation = {"fuse_activation", run, false};

} // namespace infer
