// SPDX-License-Identifier: LGPL-2.1-or-later
//
// oneDNN as this device uses it: the one place that knows its versions 2 (2.6 and later) and 3 apart.
#pragma once

#include "devices/cpu/activation.h"

#include <oneapi/dnnl/dnnl.hpp>

namespace infer::cpu::onednn {

inline const dnnl::engine& engine() {
    static const dnnl::engine cpu(dnnl::engine::kind::cpu, 0);
    return cpu;
}

// Matrix units for bf16; bf16 arithmetic at all.
inline bool has_amx() {
    const dnnl::cpu_isa isa = dnnl::get_effective_cpu_isa();
#if DNNL_VERSION_MAJOR >= 3
    if (isa == dnnl::cpu_isa::avx512_core_amx_fp16)
        return true;
#endif
    return isa == dnnl::cpu_isa::avx512_core_amx;
}

inline bool has_bf16() {
    const dnnl::cpu_isa isa = dnnl::get_effective_cpu_isa();
#if DNNL_VERSION_MAJOR >= 3
    if (isa == dnnl::cpu_isa::avx512_core_fp16)
        return true;
#endif
    return has_amx() || isa == dnnl::cpu_isa::avx512_core_bf16;
}

// Appends the activation; false: oneDNN has no such post-operation in both versions.
inline bool append(dnnl::post_ops& ops, const Activation& a) {
    using dnnl::algorithm;
    const auto add = [&](algorithm what, float alpha, float beta) {
#if DNNL_VERSION_MAJOR >= 3
        ops.append_eltwise(what, alpha, beta);
#else
        ops.append_eltwise(1.0f, what, alpha, beta);
#endif
        return true;
    };
    switch (a.kind) {
    case Activation::None: return true;
    case Activation::Relu: return add(algorithm::eltwise_relu, 0, 0);
    case Activation::LeakyRelu: return add(algorithm::eltwise_relu, a.alpha, 0);
    case Activation::Clip: return add(algorithm::eltwise_clip_v2, a.alpha, a.beta);
    case Activation::Sigmoid: return add(algorithm::eltwise_logistic, 0, 0);
    case Activation::Tanh: return add(algorithm::eltwise_tanh, 0, 0);
    case Activation::Elu: return add(algorithm::eltwise_elu, a.alpha, 0);
    case Activation::Swish: return add(algorithm::eltwise_swish, a.alpha, 0);
    case Activation::Mish: return add(algorithm::eltwise_mish, 0, 0);
    // Version 3 takes the line's slope and offset, version 2 has them built in.
    case Activation::HardSwish: return add(algorithm::eltwise_hardswish, 1.0f / 6, 0.5f);
    default: return false;
    }
    return false;
}

struct ConvGeometry {
    dnnl::memory::dims strides, dilations, pads_begin, pads_end; // dilations: 0 is none
};

inline dnnl::convolution_forward::primitive_desc
convolution(const dnnl::memory::desc& src, const dnnl::memory::desc& weights, const dnnl::memory::desc& bias,
            const dnnl::memory::desc& dst, const ConvGeometry& g, const dnnl::primitive_attr& attr) {
    const auto kind = dnnl::prop_kind::forward_inference;
    const auto how = dnnl::algorithm::convolution_direct;
#if DNNL_VERSION_MAJOR >= 3
    return {engine(), kind, how, src, weights, bias, dst, g.strides, g.dilations, g.pads_begin, g.pads_end, attr};
#else
    return {{kind, how, src, weights, bias, dst, g.strides, g.dilations, g.pads_begin, g.pads_end}, attr, engine()};
#endif
}

} // namespace infer::cpu::onednn
