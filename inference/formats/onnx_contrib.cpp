// SPDX-License-Identifier: LGPL-2.1-or-later
// Operators of ONNX Runtime (domain com.microsoft) that its optimizer and quantizer write into
// files, in ONNX's own words. Source: its public documentation, ContribOperators.md. The others
// stay as they are and are named as unsupported.
#include "inference/formats/onnx_rewriter.h"

namespace infer::onnx {
namespace {

// The same operator in ONNX's own domain.
void ours(Rewriter& r) { r.node().op.erase(0, r.node().op.rfind('.') + 1); }

// Conv with the last step named: activation (a word), activation_params (alpha, beta).
void fused_conv(Rewriter& r) {
    Node& node = r.node();
    node.op = "Conv";
    if (const auto it = node.attrs.find("activation_params"); it != node.attrs.end()) {
        const auto* given = std::get_if<std::vector<float>>(&it->second);
        const std::vector<float> params = given ? *given : std::vector<float>();
        if (!params.empty())
            node.attrs["activation_alpha"] = params[0];
        if (params.size() > 1)
            node.attrs["activation_beta"] = params[1];
        node.attrs.erase("activation_params");
    }
}

void fused_gemm(Rewriter& r) { r.node().op = "Gemm"; }

void fast_gelu(Rewriter& r) {
    const ValueId x = r.input(1) == none ? r.input(0) : r.emit("Add", {r.input(0), r.input(1)});
    r.become("Gelu", {x}, {{"approximate", std::string("tanh")}});
}

void bias_gelu(Rewriter& r) { r.become("Gelu", {r.emit("Add", {r.input(0), r.input(1)})}); }

void quick_gelu(Rewriter& r) {
    r.become("Swish", {r.input(0)}, {{"alpha", r.node().attr("alpha", 1.702f)}});
}

// input, skip, gamma, beta, bias: y = normalized(input + skip + bias) * gamma + beta
void skip_layer_normalization(Rewriter& r) {
    if (r.node().outputs.size() > 1)
        return; // its mean, deviation and sum are not made here
    ValueId sum = r.emit("Add", {r.input(0), r.input(1)});
    if (r.input(4) != none)
        sum = r.emit("Add", {sum, r.input(4)});
    r.become("LayerNormalization", {sum, r.input(2), r.input(3)},
             {{"epsilon", r.node().attr("epsilon", 1e-12f)}});
}

// Without statistics of its own; ONNX Runtime writes it into ONNX's domain too.
void rms_normalization(Rewriter& r) {
    if (r.node().outputs.size() == 1)
        r.node().op = "RMSNormalization";
}

constexpr Rewrite table[] = {
    {"SimplifiedLayerNormalization", rms_normalization},
    {"com.microsoft.SimplifiedLayerNormalization", rms_normalization},
    {"com.microsoft.FusedConv", fused_conv},
    {"com.microsoft.FusedGemm", fused_gemm},
    {"com.microsoft.Gelu", ours},
    {"com.microsoft.FastGelu", fast_gelu},
    {"com.microsoft.BiasGelu", bias_gelu},
    {"com.microsoft.QuickGelu", quick_gelu},
    {"com.microsoft.QuantizeLinear", ours},
    {"com.microsoft.DequantizeLinear", ours},
    {"com.microsoft.GridSample", ours},
    {"com.microsoft.SkipLayerNormalization", skip_layer_normalization},
};

} // namespace

std::span<const Rewrite> contrib_rewrites() { return table; }

} // namespace infer::onnx
