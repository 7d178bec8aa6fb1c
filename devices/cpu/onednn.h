// SPDX-License-Identifier: LGPL-2.1-or-later
//
// oneDNN as this device uses it: the one place that knows its versions 2 (2.6 and later) and 3
// apart.
#pragma once

#include "devices/cpu/activation.h"

#include <oneapi/dnnl/dnnl.hpp>

#include <algorithm>
#include <utility>
#include <vector>

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

// Products of bytes that cannot overflow on the way: older instructions add pairs of them in 16
// bits.
inline bool has_vnni() {
    const dnnl::cpu_isa isa = dnnl::get_effective_cpu_isa();
#if DNNL_VERSION_MAJOR >= 3
    if (isa == dnnl::cpu_isa::avx2_vnni_2)
        return true;
#endif
    return has_bf16() || isa == dnnl::cpu_isa::avx512_core_vnni || isa == dnnl::cpu_isa::avx2_vnni;
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
    case Activation::None:
        return true;
    case Activation::Relu:
        return add(algorithm::eltwise_relu, 0, 0);
    case Activation::LeakyRelu:
        return add(algorithm::eltwise_relu, a.alpha, 0);
    case Activation::Clip:
        return add(algorithm::eltwise_clip_v2, a.alpha, a.beta);
    case Activation::Sigmoid:
        return add(algorithm::eltwise_logistic, 0, 0);
    case Activation::Tanh:
        return add(algorithm::eltwise_tanh, 0, 0);
    case Activation::Elu:
        return add(algorithm::eltwise_elu, a.alpha, 0);
    case Activation::Swish:
        return add(algorithm::eltwise_swish, a.alpha, 0);
    case Activation::Mish:
        return add(algorithm::eltwise_mish, 0, 0);
    // Version 3 takes the line's slope and offset, version 2 has them built in.
    case Activation::HardSwish:
        return add(algorithm::eltwise_hardswish, 1.0f / 6, 0.5f);
    default:
        return false;
    }
    return false;
}

struct ConvGeometry {
    dnnl::memory::dims strides, dilations, pads_begin, pads_end; // dilations: 0 is none
};

inline dnnl::convolution_forward::primitive_desc
convolution(const dnnl::memory::desc& src, const dnnl::memory::desc& weights,
            const dnnl::memory::desc& bias, const dnnl::memory::desc& dst, const ConvGeometry& g,
            const dnnl::primitive_attr& attr) {
    const auto kind = dnnl::prop_kind::forward_inference;
    const auto how = dnnl::algorithm::convolution_direct;
#if DNNL_VERSION_MAJOR >= 3
    return {engine(), kind,      how,         src,          weights,    bias,
            dst,      g.strides, g.dilations, g.pads_begin, g.pads_end, attr};
#else
    return {{kind, how, src, weights, bias, dst, g.strides, g.dilations, g.pads_begin, g.pads_end},
            attr,
            engine()};
#endif
}

// The same weights in each of the orders that primitives ask for: bands of different height may want
// different ones.
class PackedWeights {
public:
    // Which of them is `given` as `wanted`.
    size_t add(const dnnl::memory& given, const dnnl::memory::desc& wanted) {
        for (size_t k = 0; k < packed_.size(); k++)
            if (packed_[k].get_desc() == wanted)
                return k;
        packed_.emplace_back(wanted, engine());
        dnnl::stream stream(engine());
        dnnl::reorder(given, packed_.back())
            .execute(stream, const_cast<dnnl::memory&>(given), packed_.back());
        stream.wait();
        return packed_.size() - 1;
    }
    const dnnl::memory& operator[](size_t k) const { return packed_[k]; }

private:
    std::vector<dnnl::memory> packed_;
};

// A convolution of bytes: y = activations((scale of the channel) * (sum - zero point's part) +
// bias). Version 2 knows the scales when it is made and adds the bias to the sum, version 3 takes
// them with each call.
class ByteScales {
public:
    ByteScales(std::vector<float> scales, bool grouped, bool has_zero_point)
        : scales_(std::move(scales)), grouped_(grouped), has_zero_(has_zero_point) {}

    void set(dnnl::primitive_attr& attr) const {
#if DNNL_VERSION_MAJOR >= 3
        attr.set_scales_mask(DNNL_ARG_WEIGHTS, grouped_ ? 3 : 1);
        if (has_zero_)
            attr.set_zero_points_mask(DNNL_ARG_SRC, 0);
#else
        attr.set_output_scales(2, scales_); // by dimension 1 of the result
        if (has_zero_)
            attr.set_zero_points(DNNL_ARG_SRC, 0, {DNNL_RUNTIME_S32_VAL});
#endif
    }

    // What to give as the bias of a channel.
    float bias(size_t channel, float bias) const {
        return DNNL_VERSION_MAJOR >= 3 ? bias : bias / scales_[channel];
    }

    // Arguments of each call besides the usual; `zero_point` outlives them.
    std::vector<std::pair<int, dnnl::memory>> arguments(int32_t* zero_point) const {
        std::vector<std::pair<int, dnnl::memory>> out;
        const auto vector = [](int64_t n, dnnl::memory::data_type type) {
            return dnnl::memory::desc({n}, type, dnnl::memory::format_tag::a);
        };
        if (has_zero_)
            out.emplace_back(
                DNNL_ARG_ATTR_ZERO_POINTS | DNNL_ARG_SRC,
                dnnl::memory(vector(1, dnnl::memory::data_type::s32), engine(), zero_point));
        if (DNNL_VERSION_MAJOR >= 3) {
            dnnl::memory scales(vector(int64_t(scales_.size()), dnnl::memory::data_type::f32),
                                engine());
            std::copy(scales_.begin(), scales_.end(),
                      static_cast<float*>(scales.get_data_handle()));
            out.emplace_back(scales_argument, std::move(scales));
        }
        return out;
    }

private:
#if DNNL_VERSION_MAJOR >= 3
    static constexpr int scales_argument = DNNL_ARG_ATTR_SCALES | DNNL_ARG_WEIGHTS;
#else
    static constexpr int scales_argument = 0;
#endif
    std::vector<float> scales_;
    bool grouped_, has_zero_;
};

// Appends y * scale + shift.
inline void append_line(dnnl::post_ops& ops, float scale, float shift) {
#if DNNL_VERSION_MAJOR >= 3
    ops.append_eltwise(dnnl::algorithm::eltwise_linear, scale, shift);
#else
    ops.append_eltwise(1.0f, dnnl::algorithm::eltwise_linear, scale, shift);
#endif
}

} // namespace infer::cpu::onednn
