// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Recurrence (our own, made by lower_recurrent.cpp): what remains of RNN, GRU and LSTM when the
// input's part of all gates is known. A step's recurrent part is a pointwise convolution (conv.h)
// whose pixels are the batch.
//
//   in   sums [T, N, D * G * hidden], r [D, G * hidden, hidden], bias of the recurrent part [D * G
//   * hidden],
//        then as inference/ops/recurrent.cpp has them: lengths, h, c, p
//   attr cell (RNN, GRU, LSTM), and those of the cell
#include "devices/cpu/kernel.h"
#include "devices/cpu/ops/conv.h"

#include <algorithm>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "devices/cpu/ops/recurrence.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "devices/cpu/math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace infer::cpu::HWY_NAMESPACE {
namespace {

void activate_numbers(const Activation& f, float* at, int64_t n) {
    activate_pixels(f, at, 1, n, n);
}

} // namespace
} // namespace infer::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace infer::cpu {
namespace {

HWY_EXPORT(activate_numbers);

enum class Cell { Rnn, Gru, Lstm };

struct RecurrencePlan {
    Cell cell = Cell::Rnn;
    int64_t steps = 1, batch = 1, hidden = 1, gates = 1, directions = 1;
    bool batch_first = false, backwards = false;
    bool linear_before_reset = false,
         coupled = false;             // of GRU; LSTM's forget gate is 1 - input gate
    std::vector<ConvPlan> products;   // of each direction: all gates from h
    std::vector<ConvPlan> candidates; // GRU without linear_before_reset: only these, from reset * h
    std::vector<Activation> activations; // of each direction

    int64_t sums_at(int64_t t, int64_t n, int64_t dir) const {
        return ((batch_first ? n * steps + t : t * batch + n) * directions + dir) * gates * hidden;
    }
    int64_t y_at(int64_t t, int64_t n, int64_t dir) const {
        return (batch_first ? (n * steps + t) * directions + dir
                            : (t * directions + dir) * batch + n) *
               hidden;
    }
    int64_t state_at(int64_t n, int64_t dir) const {
        return (batch_first ? n * directions + dir : dir * batch + n) * hidden;
    }
};

// What one direction works with; h, c, kept: [batch][hidden], recurrent: [batch][gates * hidden].
struct Work {
    const RecurrencePlan& plan;
    int64_t dir;
    const float* peepholes;
    float *h, *c, *kept, *recurrent;

    void activate(size_t k, float* at) const {
        const size_t each = plan.activations.size() / size_t(plan.directions);
        HWY_DYNAMIC_DISPATCH(activate_numbers)
        (plan.activations[size_t(dir) * each + k], at, plan.hidden);
    }
};

void multiply(const ConvPlan& product, const float* in, float* out, int64_t first, int64_t items) {
    for (size_t b = 0; b < product.blocks.size(); b++)
        run_conv_strip(product, {.block = int64_t(b),
                                 .image = in,
                                 .out = out + first * product.out_stride,
                                 .ox = first,
                                 .end = first + items});
}

void step_rnn(const Work& w, int64_t n, const float* sums) {
    float *h = w.h + n * w.plan.hidden, *sum = w.recurrent + n * w.plan.hidden;
    for (int64_t i = 0; i < w.plan.hidden; i++)
        h[i] = sum[i] + sums[i];
    w.activate(0, h);
}

// Gates z and r; then the candidate is multiplied again unless linear_before_reset.
void begin_gru(const Work& w, int64_t n, const float* sums) {
    const int64_t hidden = w.plan.hidden;
    float* z = w.recurrent + n * 3 * hidden;
    for (int64_t i = 0; i < 2 * hidden; i++)
        z[i] += sums[i];
    w.activate(0, z);
    w.activate(0, z + hidden);
    for (int64_t i = 0; i < hidden; i++)
        w.kept[n * hidden + i] = z[hidden + i] * w.h[n * hidden + i];
}

void finish_gru(const Work& w, int64_t n, const float* sums) {
    const int64_t hidden = w.plan.hidden;
    float *z = w.recurrent + n * 3 * hidden, *reset = z + hidden, *candidate = reset + hidden,
          *h = w.h + n * hidden;
    for (int64_t i = 0; i < hidden; i++)
        candidate[i] =
            sums[2 * hidden + i] + (w.plan.linear_before_reset ? reset[i] : 1.0f) * candidate[i];
    w.activate(1, candidate);
    for (int64_t i = 0; i < hidden; i++)
        h[i] = (1 - z[i]) * candidate[i] + z[i] * h[i];
}

void step_lstm(const Work& w, int64_t n, const float* sums) {
    const int64_t hidden = w.plan.hidden;
    float *in = w.recurrent + n * 4 * hidden, *out = in + hidden, *forget = out + hidden,
          *candidate = forget + hidden;
    float *h = w.h + n * hidden, *c = w.c + n * hidden;
    const float* p = w.peepholes;
    for (int64_t i = 0; i < 4 * hidden; i++)
        in[i] += sums[i];
    for (int64_t i = 0; p && i < hidden; i++) {
        in[i] += p[i] * c[i];
        forget[i] += p[2 * hidden + i] * c[i];
    }
    w.activate(0, in);
    w.activate(0, forget);
    w.activate(1, candidate);
    for (int64_t i = 0; i < hidden; i++) {
        c[i] = (w.plan.coupled ? 1 - in[i] : forget[i]) * c[i] + in[i] * candidate[i];
        out[i] += p ? p[hidden + i] * c[i] : 0;
        h[i] = c[i];
    }
    w.activate(0, out);
    w.activate(2, h);
    for (int64_t i = 0; i < hidden; i++)
        h[i] *= out[i];
}

class RecurrenceKernel final : public Kernel {
public:
    RecurrenceKernel(RecurrencePlan plan, const NodeView& view) : plan_(std::move(plan)) {
        for (const Operand& x : view.in)
            has_.push_back(x.present);
        outputs_ = view.out.size();
        slices_ = std::min(int(plan_.directions), std::max(view.threads, 1));
    }

    std::string_view name() const override { return "recurrence"; }
    size_t scratch_bytes() const override {
        return size_t(plan_.batch * plan_.hidden * (plan_.gates + 3)) * sizeof(float);
    }

    void run(const Call& call, int slice) const override {
        const Range directions = slice_of(plan_.directions, slices_, slice);
        for (int64_t dir = directions.begin; dir < directions.end; dir++)
            run_direction(call, dir);
    }

private:
    const float* given(const Call& call, size_t k) const {
        return k < has_.size() && has_[k] ? static_cast<const float*>(call.in[k]) : nullptr;
    }

    void run_direction(const Call& call, int64_t dir) const {
        const int64_t state = plan_.batch * plan_.hidden;
        auto* h = reinterpret_cast<float*>(call.scratch);
        const float* peepholes = given(call, 6);
        const Work w{plan_,
                     dir,
                     peepholes ? peepholes + dir * 3 * plan_.hidden : nullptr,
                     h,
                     h + state,
                     h + 2 * state,
                     h + 3 * state};
        start(given(call, 4), dir, w.h);
        start(given(call, 5), dir, w.c);
        const auto* lengths = reinterpret_cast<const int32_t*>(given(call, 3));
        if (!lengths)
            run_items(call, w, 0, plan_.batch, plan_.steps);
        for (int64_t n = 0; lengths && n < plan_.batch; n++)
            run_items(call, w, n, 1, std::clamp<int64_t>(lengths[n], 0, plan_.steps));
        for (size_t k = 1; k < 3; k++)
            for (int64_t n = 0; has_output(call, k) && n < plan_.batch; n++)
                std::copy_n((k == 1 ? w.h : w.c) + n * plan_.hidden, plan_.hidden,
                            static_cast<float*>(call.out[k]) + plan_.state_at(n, dir));
    }

    bool has_output(const Call& call, size_t k) const { return k < outputs_ && call.out[k]; }

    void start(const float* from, int64_t dir, float* to) const {
        for (int64_t n = 0; n < plan_.batch; n++, to += plan_.hidden)
            if (from)
                std::copy_n(from + plan_.state_at(n, dir), plan_.hidden, to);
            else
                std::fill_n(to, plan_.hidden, 0.0f);
    }

    // Items [first, first + items) of the batch, all of the same length.
    void run_items(const Call& call, const Work& w, int64_t first, int64_t items,
                   int64_t length) const {
        const bool backwards = w.dir == 1 || plan_.backwards;
        const auto* sums = static_cast<const float*>(call.in[0]);
        for (int64_t k = 0; k < length; k++) {
            const int64_t t = backwards ? length - 1 - k : k;
            step(w, first, items, sums, t);
            for (int64_t n = first; has_output(call, 0) && n < first + items; n++)
                std::copy_n(w.h + n * plan_.hidden, plan_.hidden,
                            static_cast<float*>(call.out[0]) + plan_.y_at(t, n, w.dir));
        }
        for (int64_t t = length; has_output(call, 0) && t < plan_.steps; t++)
            for (int64_t n = first; n < first + items; n++)
                std::fill_n(static_cast<float*>(call.out[0]) + plan_.y_at(t, n, w.dir),
                            plan_.hidden, 0.0f);
    }

    void step(const Work& w, int64_t first, int64_t items, const float* sums, int64_t t) const {
        const auto each = [&](auto&& f) {
            for (int64_t n = first; n < first + items; n++)
                f(w, n, sums + plan_.sums_at(t, n, w.dir));
        };
        multiply(plan_.products[size_t(w.dir)], w.h, w.recurrent, first, items);
        if (plan_.cell == Cell::Rnn)
            return each(step_rnn);
        if (plan_.cell == Cell::Lstm)
            return each(step_lstm);
        each(begin_gru);
        if (!plan_.candidates.empty())
            multiply(plan_.candidates[size_t(w.dir)], w.kept, w.recurrent + 2 * plan_.hidden, first,
                     items);
        each(finish_gru);
    }

    RecurrencePlan plan_;
    std::vector<bool> has_; // inputs
    size_t outputs_ = 1;
};

std::optional<Wish> accept(const NodeView& view) {
    return view.node.op == "Recurrence" ? std::optional(all_in(Layout::Plain, view)) : std::nullopt;
}

// The product of the batch's h with rows [first, first + rows) of a direction's r.
ConvPlan product_of(const RecurrencePlan& plan, const float* r, const float* bias, int64_t first,
                    int64_t rows) {
    ConvPlan product;
    product.width = product.out_width = plan.batch;
    product.in_channels = product.in_stride = plan.hidden;
    product.out_channels = rows, product.out_stride = plan.gates * plan.hidden;
    product.rows_are_dense = true;
    pack_conv(product, r + first * plan.hidden, bias + first);
    return product;
}

Result<std::unique_ptr<Kernel>> make(const NodeView& view) {
    const Node& node = view.node;
    const Shape &sums = view.in[0].shape, &r = view.in[1].shape;
    RecurrencePlan plan;
    const std::string cell = node.attr("cell", "");
    plan.cell = cell == "LSTM" ? Cell::Lstm : cell == "GRU" ? Cell::Gru : Cell::Rnn;
    plan.batch_first = node.attr("layout", int64_t(0)) != 0;
    plan.backwards = node.attr("direction", "forward") == std::string("reverse");
    plan.steps = sums[plan.batch_first ? 1 : 0], plan.batch = sums[plan.batch_first ? 0 : 1];
    plan.directions = r[0], plan.hidden = r[2], plan.gates = r[1] / r[2];
    plan.linear_before_reset = node.attr("linear_before_reset", int64_t(0)) != 0;
    plan.coupled = node.attr("input_forget", int64_t(0)) != 0;
    for (const std::string& name :
         std::get<std::vector<std::string>>(node.attrs.at("activations"))) {
        const auto [alpha, beta] = activation_defaults(name);
        plan.activations.push_back(*activation_named(name, alpha, beta));
    }
    const bool twice = plan.cell == Cell::Gru && !plan.linear_before_reset;
    for (int64_t dir = 0; dir < plan.directions; dir++) {
        const float* weights = view.in[1].constant->span<float>().data() + dir * r[1] * r[2];
        const float* bias = view.in[2].constant->span<float>().data() + dir * r[1];
        plan.products.push_back(
            product_of(plan, weights, bias, 0, (twice ? 2 : plan.gates) * plan.hidden));
        if (twice)
            plan.candidates.push_back(
                product_of(plan, weights, bias, 2 * plan.hidden, plan.hidden));
    }
    return std::unique_ptr<Kernel>(std::make_unique<RecurrenceKernel>(std::move(plan), view));
}

} // namespace

extern const KernelDef cpu_kernel_recurrence;
const KernelDef cpu_kernel_recurrence = {.name = "recurrence", .accept = accept, .make = make};

} // namespace infer::cpu
#endif
