// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Convolution by oneDNN: in bf16 where that is asked for (products of bf16, sums in f32; the image
// is rounded to bf16 on the way in), in f32 with the device option kernels=onednn. A slice is a
// primitive of its own over a band of output rows, run by one thread.
#include "devices/cpu/kernel.h"
#include "devices/cpu/onednn.h"
#include "devices/cpu/ops/conv.h"

#include <algorithm>
#include <cstring>

namespace infer::cpu {
namespace {

using dnnl::memory;

constexpr size_t align_bytes = 64;
size_t aligned(size_t n) { return (n + align_bytes - 1) / align_bytes * align_bytes; }

// A band of output rows of one image and what computes it.
struct Band {
    int64_t in_offset = 0, out_offset = 0, residual_offset = 0; // elements
    int64_t in_rows = 0, out_rows = 0;
    dnnl::convolution_forward::primitive_desc desc;
    dnnl::convolution_forward conv;
    dnnl::reorder::primitive_desc round_desc; // f32 to bf16; empty in f32
    dnnl::reorder round;
    size_t weights = 0; // which of the kernel's packed weights
};

// A lane's handles of one band.
struct Handles {
    memory src, rounded, weights, bias, dst, scratch, round_scratch;
    dnnl::stream stream;
    std::vector<dnnl_exec_arg_t> conv_args, round_args;
};

class OnednnConvKernel final : public Kernel {
public:
    OnednnConvKernel(const NodeView& view, bool bf16);

    std::string_view name() const override { return name_; }
    bool is_plain() const { return is_plain_; } // oneDNN has nothing fast for it
    size_t scratch_bytes() const override { return scratch_bytes_; }
    std::shared_ptr<void> make_state() const override;
    void run(const Call& call, int slice) const override;

private:
    Band make_band(int64_t image, Range rows) const;
    memory::desc image_desc(memory::data_type type, int64_t channels, int64_t rows, int64_t width, int64_t stride) const;
    void load_weights(const NodeView& view);

    ConvPlan plan_; // geometry only
    memory::data_type type_;
    std::vector<Band> bands_;
    onednn::PackedWeights weights_;
    memory bias_;
    std::string name_;
    size_t scratch_bytes_ = 0, rounded_bytes_ = 0;
    bool is_plain_ = false;
};

OnednnConvKernel::OnednnConvKernel(const NodeView& view, bool bf16)
    : plan_(conv_plan(view, false)), type_(bf16 ? memory::data_type::bf16 : memory::data_type::f32) {
    const ConvPlan& p = plan_;
    const double macs = double(p.batch * p.out_height * p.out_width * p.out_channels) *
                        double(p.in_channels * p.kernel_y * p.kernel_x);
    const int parts = slices_for(macs / (bf16 ? 200 : 40), p.out_height, view.threads);
    for (int64_t n = 0; n < p.batch; n++)
        for (int k = 0; k < parts; k++)
            bands_.push_back(make_band(n, slice_of(p.out_height, parts, k)));
    slices_ = int(bands_.size());
    name_ = std::string("onednn ") + bands_[0].desc.impl_info_str();
    for (const Band& band : bands_) {
        is_plain_ |= std::string_view(band.desc.impl_info_str()).starts_with("ref");
        const size_t rounded = bf16 ? aligned(band.desc.src_desc().get_size()) : 0;
        rounded_bytes_ = std::max(rounded_bytes_, rounded);
        size_t more = band.desc.scratchpad_desc().get_size();
        if (bf16)
            more = std::max(more, band.round_desc.scratchpad_desc().get_size());
        scratch_bytes_ = std::max(scratch_bytes_, rounded_bytes_ + aligned(more));
    }
    load_weights(view);
}

memory::desc OnednnConvKernel::image_desc(memory::data_type type, int64_t channels, int64_t rows, int64_t width,
                                          int64_t stride) const {
    return {{1, channels, rows, width}, type, memory::dims{rows * width * stride, 1, width * stride, stride}};
}

Band OnednnConvKernel::make_band(int64_t image, Range rows) const {
    const ConvPlan& p = plan_;
    const ConvBand at = band_of(p, rows);
    Band band;
    band.in_rows = at.bottom - at.top, band.out_rows = rows.end - rows.begin;
    band.in_offset = (image * p.height + at.top) * p.width * p.in_stride;
    band.out_offset = (image * p.out_height + rows.begin) * p.out_width * p.out_stride;
    band.residual_offset = (image * p.out_height + rows.begin) * p.out_width * p.residual_stride;

    const onednn::ConvGeometry geometry{{p.stride_y, p.stride_x}, {p.dilation_y - 1, p.dilation_x - 1},
                                        {at.pad_top, p.pad_x}, {at.pad_bottom, at.pad_right}};
    dnnl::primitive_attr attr;
    attr.set_scratchpad_mode(dnnl::scratchpad_mode::user);
    dnnl::post_ops after;
    if (p.has_residual)
        after.append_sum(1.0f);
    onednn::append(after, p.activation);
    attr.set_post_ops(after);
    const auto f32 = memory::data_type::f32;
    const bool rounds = type_ != f32;
    const auto src = image_desc(type_, p.in_channels, band.in_rows, p.width, rounds ? p.in_channels : p.in_stride);
    const memory::desc weights({p.out_channels, p.in_channels, p.kernel_y, p.kernel_x}, type_, memory::format_tag::any);
    const memory::desc bias({p.out_channels}, f32, memory::format_tag::a);
    const auto dst = image_desc(f32, p.out_channels, band.out_rows, p.out_width, p.out_stride);
    band.desc = onednn::convolution(src, weights, bias, dst, geometry, attr);
    band.conv = dnnl::convolution_forward(band.desc);
    if (rounds) {
        dnnl::primitive_attr plain;
        plain.set_scratchpad_mode(dnnl::scratchpad_mode::user);
        const auto from = image_desc(f32, p.in_channels, band.in_rows, p.width, p.in_stride);
        band.round_desc = dnnl::reorder::primitive_desc(onednn::engine(), from, onednn::engine(), src, plain);
        band.round = dnnl::reorder(band.round_desc);
    }
    return band;
}

void OnednnConvKernel::load_weights(const NodeView& view) {
    const ConvPlan& p = plan_;
    const memory::dims dims{p.out_channels, p.in_channels, p.kernel_y, p.kernel_x};
    const memory given({dims, memory::data_type::f32, memory::format_tag::oihw}, onednn::engine(),
                       view.in[1].constant->view().data);
    for (Band& band : bands_)
        band.weights = weights_.add(given, band.desc.weights_desc());
    bias_ = memory(bands_[0].desc.bias_desc(), onednn::engine());
    auto* bias = static_cast<float*>(bias_.get_data_handle());
    std::fill(bias, bias + p.out_channels, 0.0f);
    if (view.in.size() > 2 && view.in[2].present)
        std::ranges::copy(view.in[2].constant->span<float>(), bias);
}

std::shared_ptr<void> OnednnConvKernel::make_state() const {
    auto lane = std::make_shared<std::vector<Handles>>(bands_.size());
    for (size_t k = 0; k < bands_.size(); k++) {
        const Band& band = bands_[k];
        Handles& h = (*lane)[k];
        const auto handle = [&](const memory::desc& desc) { return memory(desc, onednn::engine(), nullptr); };
        h.stream = dnnl::stream(onednn::engine());
        h.rounded = handle(band.desc.src_desc());
        h.dst = handle(band.desc.dst_desc());
        h.scratch = handle(band.desc.scratchpad_desc());
        h.conv_args = {{DNNL_ARG_SRC, h.rounded.get()}, {DNNL_ARG_WEIGHTS, weights_[band.weights].get()}, {DNNL_ARG_BIAS, bias_.get()},
                       {DNNL_ARG_DST, h.dst.get()}, {DNNL_ARG_SCRATCHPAD, h.scratch.get()}};
        if (band.round) {
            h.src = handle(band.round_desc.src_desc());
            h.round_scratch = handle(band.round_desc.scratchpad_desc());
            h.round_args = {{DNNL_ARG_FROM, h.src.get()}, {DNNL_ARG_TO, h.rounded.get()},
                            {DNNL_ARG_SCRATCHPAD, h.round_scratch.get()}};
        }
    }
    return lane;
}

void OnednnConvKernel::run(const Call& call, int slice) const {
    const Band& band = bands_[size_t(slice)];
    Handles& h = (*static_cast<std::vector<Handles>*>(call.state))[size_t(slice)];
    auto* in = static_cast<float*>(call.in[0]) + band.in_offset;
    auto* out = static_cast<float*>(call.out[0]) + band.out_offset;
    if (plan_.has_residual && call.in[3] != call.out[0]) // the sum is made in place
        std::memcpy(out, static_cast<const float*>(call.in[3]) + band.residual_offset,
                    size_t(band.out_rows * plan_.out_width * plan_.out_channels) * sizeof(float));
    h.dst.set_data_handle(out);
    h.scratch.set_data_handle(call.scratch + rounded_bytes_);
    h.rounded.set_data_handle(band.round ? static_cast<void*>(call.scratch) : in);
    if (band.round) {
        h.src.set_data_handle(in);
        h.round_scratch.set_data_handle(call.scratch + rounded_bytes_);
        dnnl_primitive_execute(band.round.get(), h.stream.get(), int(h.round_args.size()), h.round_args.data());
    }
    dnnl_primitive_execute(band.conv.get(), h.stream.get(), int(h.conv_args.size()), h.conv_args.data());
}

// Small convolutions lose more by rounding their image than they gain.
bool pays_in_bf16(const NodeView& view) {
    const Shape& w = view.in[1].shape;
    return w[0] >= 16 && w[1] >= 16;
}

std::optional<Wish> accept(const NodeView& view) {
    if (view.node.op != "Conv" || !is_f32_conv(view) || view.node.attr("group", int64_t(1)) != 1 ||
        !(view.prefers_onednn || (view.native_bf16 && pays_in_bf16(view))))
        return std::nullopt;
    const auto activation = activation_of(view.node);
    dnnl::post_ops unused;
    if (!activation || !onednn::append(unused, *activation))
        return std::nullopt;
    Wish wish = all_in(Layout::Plain, view);
    wish.in[0] = wish.out[0] = Layout::ChannelsLast;
    if (view.in.size() > 3 && view.in[3].present)
        wish.in[3] = Layout::ChannelsLast, wish.in_place = 3;
    // Strided images make oneDNN fall back to its plain kernels; rounding reads them well.
    wish.strided_in = view.native_bf16 && !(view.in.size() > 3 && view.in[3].present);
    return wish;
}

Result<std::unique_ptr<Kernel>> make(const NodeView& view) {
    try {
        auto kernel = std::make_unique<OnednnConvKernel>(view, view.native_bf16);
        if (kernel->is_plain())
            return make_tiled_conv(view);
        return std::unique_ptr<Kernel>(std::move(kernel));
    } catch (const dnnl::error& e) {
        return Error{Error::Device, view.node.name, std::string("oneDNN cannot make this convolution: ") + e.what()};
    }
}

} // namespace

extern const KernelDef cpu_kernel_onednn_conv;
const KernelDef cpu_kernel_onednn_conv = {.name = "onednn conv", .accept = accept, .make = make};

} // namespace infer::cpu
