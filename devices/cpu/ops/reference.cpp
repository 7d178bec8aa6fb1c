// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The last resort: the plain reference kernel of inference/ops on dense row-major memory.
#include "devices/cpu/kernel.h"
#include "inference/op.h"

namespace infer::cpu {
namespace {

class ReferenceKernel final : public Kernel {
public:
    ReferenceKernel(const NodeView& view, const OpDef& op) : node_(view.node), op_(op) {
        for (const Operand& x : view.in)
            in_.push_back({x.type, x.shape, nullptr});
        for (const Operand& x : view.out)
            out_.push_back({x.type, x.shape, nullptr});
    }

    std::string_view name() const override { return "reference"; }

    void run(const Call& call, int) const override {
        std::vector<TensorView> in = in_, out = out_;
        for (size_t k = 0; k < in.size(); k++)
            in[k].data = call.in[k];
        for (size_t k = 0; k < out.size(); k++)
            out[k].data = call.out[k];
        op_.run(node_, in, out);
    }

private:
    Node node_;
    const OpDef& op_;
    std::vector<TensorView> in_, out_;
};

std::optional<Wish> accept(const NodeView& view) {
    if (!find_op(view.node.op))
        return std::nullopt;
    return all_in(Layout::Plain, view);
}

Result<std::unique_ptr<Kernel>> make(const NodeView& view) {
    return std::unique_ptr<Kernel>(std::make_unique<ReferenceKernel>(view, *find_op(view.node.op)));
}

} // namespace

extern const KernelDef cpu_kernel_reference;
const KernelDef cpu_kernel_reference = {.name = "reference", .accept = accept, .make = make};

} // namespace infer::cpu
