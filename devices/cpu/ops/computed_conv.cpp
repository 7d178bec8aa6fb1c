// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Conv of images whose weights or bias are computed, as trackers and heads with filters of their
// own have them: packs them for each request, then runs as conv.cpp does.
#include "devices/cpu/kernel.h"
#include "devices/cpu/ops/conv.h"

namespace infer::cpu {
namespace {

class ComputedConvKernel final : public Kernel {
public:
    ComputedConvKernel(ConvPlan plan, bool has_bias)
        : plan_(std::move(plan)), has_bias_(has_bias) {}

    std::string_view name() const override { return "computed conv"; }
    std::shared_ptr<void> make_state() const override { return std::make_shared<ConvPlan>(plan_); }

    void run(const Call& call, int) const override {
        ConvPlan& plan = *static_cast<ConvPlan*>(call.state);
        pack_conv(plan, static_cast<const float*>(call.in[1]),
                  static_cast<const float*>(has_bias_ ? call.in[2] : nullptr));
        const auto* in = static_cast<const float*>(call.in[0]);
        const auto* residual = static_cast<const float*>(plan.has_residual ? call.in[3] : nullptr);
        for (int64_t row = 0; row < plan.batch * plan.out_height; row++) {
            const int64_t pixel = row * plan.out_width;
            for (size_t block = 0; block < plan.blocks.size(); block++)
                run_conv_strip(
                    plan, {.block = int64_t(block),
                           .image = in + row / plan.out_height * plan.height * plan.width *
                                             plan.in_stride,
                           .residual = residual ? residual + pixel * plan.residual_stride : nullptr,
                           .out = static_cast<float*>(call.out[0]) + pixel * plan.out_stride,
                           .oy = row % plan.out_height,
                           .end = plan.out_width});
        }
    }

private:
    ConvPlan plan_;
    bool has_bias_;
};

std::optional<Wish> accept(const NodeView& view) {
    if (view.node.op != "Conv" || view.in[0].shape.size() != 4 || !activation_of(view.node) ||
        count(view.in[1].shape) == 0)
        return std::nullopt;
    for (const Operand& x : view.in)
        if (x.present && x.type != ElementType::F32)
            return std::nullopt;
    Wish wish = all_in(Layout::Plain, view);
    wish.in[0] = wish.out[0] = Layout::ChannelsLast;
    if (view.in.size() > 3 && view.in[3].present)
        wish.in[3] = Layout::ChannelsLast, wish.in_place = 3;
    wish.strided_in = wish.strided_out = true;
    return wish;
}

Result<std::unique_ptr<Kernel>> make(const NodeView& view) {
    const bool has_bias = view.in.size() > 2 && view.in[2].present;
    return std::unique_ptr<Kernel>(std::make_unique<ComputedConvKernel>(conv_plan(view), has_bias));
}

} // namespace

extern const KernelDef cpu_kernel_computed_conv;
const KernelDef cpu_kernel_computed_conv = {
    .name = "computed_conv", .accept = accept, .make = make};

} // namespace infer::cpu
