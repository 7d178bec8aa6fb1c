// SPDX-License-Identifier: LGPL-2.1-or-later
//
// ConvBytes through oneDNN, channels last; a slice is a primitive of its own over a band of output
// rows, run by one thread. Bytes of a narrow group would fall to a slow path: such groups are
// computed several together, with weights of 0 between them.
#include "devices/cpu/kernel.h"
#include "devices/cpu/onednn.h"
#include "devices/cpu/ops/conv.h"

#include <algorithm>
#include <cstring>

namespace infer::cpu {
namespace {

using dnnl::memory;

memory::data_type data_type_of(ElementType type) {
    return type == ElementType::U8   ? memory::data_type::u8
           : type == ElementType::I8 ? memory::data_type::s8
                                     : memory::data_type::f32;
}

struct ByteBand {
    int64_t in_offset = 0, out_offset = 0, out_elements = 0;
    dnnl::convolution_forward::primitive_desc desc;
    dnnl::convolution_forward conv;
    size_t weights = 0; // which of the kernel's packed weights
};

// A lane's handles of one band.
struct ByteHandles {
    memory src, dst, scratch;
    std::vector<std::pair<int, memory>> more;
    dnnl::stream stream;
    std::vector<dnnl_exec_arg_t> args;
};

// How many groups are computed as one.
int64_t groups_together(int64_t groups, int64_t in, int64_t out) {
    if (groups == 1 || (in == 1 && out == 1) || (in % 16 == 0 && out % 16 == 0))
        return 1;
    for (int64_t n = 2; n < groups; n++)
        if (groups % n == 0 && in * n % 16 == 0 && out * n % 16 == 0)
            return n;
    return groups;
}

// [groups * out][in] weights of `together` groups as those of one.
Tensor merged(const Tensor& w, int64_t groups, int64_t together) {
    if (together == 1)
        return w;
    const Shape& s = w.shape();
    const int64_t taps = s[2] * s[3], out = s[0] / groups, in = s[1];
    Tensor wide(ElementType::I8, {s[0], in * together, s[2], s[3]});
    for (int64_t m = 0; m < s[0]; m++) {
        const int64_t place = m / out % together; // of its group among those together
        std::copy_n(w.span<int8_t>().data() + m * in * taps, in * taps,
                    wide.span<int8_t>().data() + (m * in * together + place * in) * taps);
    }
    return wide;
}

class OnednnBytesKernel final : public Kernel {
public:
    explicit OnednnBytesKernel(const NodeView& view);

    std::string_view name() const override { return name_; }
    size_t scratch_bytes() const override { return scratch_bytes_; }
    std::shared_ptr<void> make_state() const override;
    void run(const Call& call, int slice) const override;

private:
    ByteBand make_band(int64_t image, Range rows) const;
    dnnl::primitive_attr attributes() const;
    memory::dims weight_dims() const;
    void load_weights(const Tensor& weights);
    void load_bias(const NodeView& view, const Tensor& weights);

    ConvPlan plan_; // geometry only
    ElementType in_, out_, residual_;
    int64_t groups_ = 1; // as computed
    float residual_scale_ = 1, out_scale_ = 1, out_shift_ = 0;
    bool rounds_last_ = false; // out_scale_ and out_shift_ come after the activation
    mutable int32_t zero_ = 0; // oneDNN wants a pointer it could write to
    std::optional<onednn::ByteScales> scales_;
    std::vector<ByteBand> bands_;
    onednn::PackedWeights weights_;
    memory bias_;
    std::string name_;
    size_t scratch_bytes_ = 0;
};

// The view as that of a Conv: residual fourth.
ConvPlan plan_of(const NodeView& view) {
    Operand absent;
    absent.present = false;
    const std::vector<Operand> in{view.in[0], view.in[1], view.in[3],
                                  view.in.size() > 4 ? view.in[4] : absent};
    NodeView as_conv = view;
    as_conv.in = in;
    return conv_plan(as_conv, false);
}

OnednnBytesKernel::OnednnBytesKernel(const NodeView& view)
    : plan_(plan_of(view)), in_(view.in[0].type), out_(view.out[0].type),
      residual_(plan_.has_residual ? view.in[4].type : out_) {
    const ConvPlan& p = plan_;
    const Tensor& given = *view.in[1].constant;
    const int64_t together = groups_together(p.groups, p.in_channels, p.out_channels / p.groups);
    const Tensor weights = merged(given, p.groups, together);
    groups_ = p.groups / together;
    plan_.in_channels = weights.shape()[1];
    residual_scale_ = view.node.attr("residual_scale", 1.0f);
    out_scale_ = view.node.attr("out_scale", 1.0f), out_shift_ = view.node.attr("out_shift", 0.0f);
    rounds_last_ = out_ != ElementType::F32 && (out_scale_ != 1 || out_shift_ != 0);
    const auto zero = int32_t(view.node.attr("x_zero", int64_t(0)));
    const ConvBand whole = band_of(p, {0, p.out_height});
    const bool padded = p.pad_y || p.pad_x || whole.pad_bottom > 0 || whole.pad_right > 0;
    zero_ = zero;
    const auto scale = view.in[2].constant->span<float>();
    scales_.emplace(std::vector<float>(scale.begin(), scale.end()), groups_ > 1,
                    zero != 0 && padded);
    const double macs = double(p.batch * p.out_height * p.out_width * p.out_channels) *
                        double(p.in_channels * p.taps());
    const int parts = slices_for(macs / (groups_ > 1 ? 25 : 300), p.out_height, view.threads);
    for (int64_t n = 0; n < p.batch; n++)
        for (int k = 0; k < parts; k++)
            bands_.push_back(make_band(n, slice_of(p.out_height, parts, k)));
    slices_ = int(bands_.size());
    name_ = std::string("onednn int8 ") + bands_[0].desc.impl_info_str();
    for (const ByteBand& band : bands_)
        scratch_bytes_ = std::max(scratch_bytes_, band.desc.scratchpad_desc().get_size());
    load_weights(weights);
    if (zero != 0 && !padded) // the same everywhere: part of the bias
        load_bias(view, weights);
    else
        load_bias(view, Tensor());
}

memory::dims OnednnBytesKernel::weight_dims() const {
    const ConvPlan& p = plan_;
    if (groups_ == 1)
        return {p.out_channels, p.in_channels, p.kernel_y, p.kernel_x};
    return {groups_, p.out_channels / groups_, p.in_channels, p.kernel_y, p.kernel_x};
}

dnnl::primitive_attr OnednnBytesKernel::attributes() const {
    dnnl::primitive_attr attr;
    attr.set_scratchpad_mode(dnnl::scratchpad_mode::user);
    scales_->set(attr);
    dnnl::post_ops after;
    if (plan_.has_residual)
        after.append_sum(residual_scale_, 0, data_type_of(residual_));
    onednn::append(after, plan_.activation);
    if (rounds_last_)
        onednn::append_line(after, out_scale_, out_shift_);
    attr.set_post_ops(after);
    return attr;
}

ByteBand OnednnBytesKernel::make_band(int64_t image, Range rows) const {
    const ConvPlan& p = plan_;
    const int64_t channels = p.in_channels * groups_;
    const ConvBand at = band_of(p, rows);
    const auto image_of = [&](ElementType type, int64_t c, int64_t height, int64_t width) {
        return memory::desc({1, c, height, width}, data_type_of(type), memory::format_tag::nhwc);
    };
    ByteBand band;
    band.in_offset = (image * p.height + at.top) * p.width * channels;
    band.out_offset = (image * p.out_height + rows.begin) * p.out_width * p.out_channels;
    band.out_elements = (rows.end - rows.begin) * p.out_width * p.out_channels;
    const onednn::ConvGeometry geometry{{p.stride_y, p.stride_x},
                                        {p.dilation_y - 1, p.dilation_x - 1},
                                        {at.pad_top, p.pad_x},
                                        {at.pad_bottom, at.pad_right}};
    band.desc = onednn::convolution(
        image_of(in_, channels, at.bottom - at.top, p.width),
        memory::desc(weight_dims(), memory::data_type::s8, memory::format_tag::any),
        memory::desc({p.out_channels}, memory::data_type::f32, memory::format_tag::a),
        image_of(out_, p.out_channels, rows.end - rows.begin, p.out_width), geometry, attributes());
    band.conv = dnnl::convolution_forward(band.desc);
    return band;
}

void OnednnBytesKernel::load_weights(const Tensor& weights) {
    const memory given({weight_dims(), memory::data_type::s8,
                        groups_ == 1 ? memory::format_tag::oihw : memory::format_tag::goihw},
                       onednn::engine(), weights.view().data);
    for (ByteBand& band : bands_)
        band.weights = weights_.add(given, band.desc.weights_desc());
}

// `weights`: those of which the zero point's part goes into the bias; empty: none.
void OnednnBytesKernel::load_bias(const NodeView& view, const Tensor& weights) {
    bias_ = memory(bands_[0].desc.bias_desc(), onednn::engine());
    auto* to = static_cast<float*>(bias_.get_data_handle());
    const auto bias = view.in[3].constant->span<float>(),
               scale = view.in[2].constant->span<float>();
    const size_t each = size_t(plan_.in_channels * plan_.taps());
    for (size_t m = 0; m < bias.size(); m++) {
        int64_t sum = 0;
        for (size_t k = 0; weights.view().data && k < each; k++)
            sum += weights.span<int8_t>()[m * each + k];
        to[m] = scales_->bias(m, bias[m] - scale[m] * float(sum * zero_));
    }
}

std::shared_ptr<void> OnednnBytesKernel::make_state() const {
    auto lane = std::make_shared<std::vector<ByteHandles>>(bands_.size());
    for (size_t k = 0; k < bands_.size(); k++) {
        const ByteBand& band = bands_[k];
        ByteHandles& h = (*lane)[k];
        const auto handle = [&](const memory::desc& desc) {
            return memory(desc, onednn::engine(), nullptr);
        };
        h.stream = dnnl::stream(onednn::engine());
        h.src = handle(band.desc.src_desc());
        h.dst = handle(band.desc.dst_desc());
        h.scratch = handle(band.desc.scratchpad_desc());
        h.args = {{DNNL_ARG_SRC, h.src.get()},
                  {DNNL_ARG_WEIGHTS, weights_[band.weights].get()},
                  {DNNL_ARG_BIAS, bias_.get()},
                  {DNNL_ARG_DST, h.dst.get()},
                  {DNNL_ARG_SCRATCHPAD, h.scratch.get()}};
        h.more = scales_->arguments(&zero_);
        for (const auto& [arg, value] : h.more)
            h.args.push_back({arg, value.get()});
    }
    return lane;
}

void OnednnBytesKernel::run(const Call& call, int slice) const {
    const ByteBand& band = bands_[size_t(slice)];
    ByteHandles& h = (*static_cast<std::vector<ByteHandles>*>(call.state))[size_t(slice)];
    const auto unit = int64_t(size_of(out_));
    std::byte* out = static_cast<std::byte*>(call.out[0]) + band.out_offset * unit;
    if (plan_.has_residual && call.in[4] != call.out[0]) // the sum is made in place
        std::memcpy(out, static_cast<const std::byte*>(call.in[4]) + band.out_offset * unit,
                    size_t(band.out_elements * unit));
    h.src.set_data_handle(static_cast<std::byte*>(call.in[0]) + band.in_offset);
    h.dst.set_data_handle(out);
    h.scratch.set_data_handle(call.scratch);
    dnnl_primitive_execute(band.conv.get(), h.stream.get(), int(h.args.size()), h.args.data());
}

std::optional<Wish> accept(const NodeView& view) {
    if (view.node.op != "ConvBytes" || view.in[0].shape.size() != 4 || !view.in[1].constant ||
        !view.in[2].constant || !view.in[3].constant)
        return std::nullopt;
    const auto activation = activation_of(view.node);
    dnnl::post_ops unused;
    const bool adds = view.in.size() > 4 && view.in[4].present;
    if (!activation || !onednn::append(unused, *activation) || !is_byte(view.in[0].type) ||
        (adds && size_of(view.in[4].type) != size_of(view.out[0].type)))
        return std::nullopt;
    Wish wish = all_in(Layout::Plain, view);
    wish.in[0] = wish.out[0] = Layout::ChannelsLast;
    if (adds)
        wish.in[4] = Layout::ChannelsLast, wish.in_place = 4;
    return wish;
}

Result<std::unique_ptr<Kernel>> make(const NodeView& view) {
    try {
        return std::unique_ptr<Kernel>(std::make_unique<OnednnBytesKernel>(view));
    } catch (const dnnl::error& e) {
        return Error{Error::Device, view.node.name,
                     std::string("oneDNN cannot make this convolution of bytes: ") + e.what()};
    }
}

} // namespace

extern const KernelDef cpu_kernel_onednn_bytes;
const KernelDef cpu_kernel_onednn_bytes = {.name = "onednn bytes", .accept = accept, .make = make};

} // namespace infer::cpu
