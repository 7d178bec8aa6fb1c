// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Operators that work element by element, one or a chain of them ("Chain", made by fuse.cpp), with
// broadcasting. Works through the output in blocks that stay in the first-level cache.
#include "devices/cpu/ops/elementwise.h"

#include "devices/cpu/kernel.h"

#include <algorithm>
#include <numeric>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "devices/cpu/ops/elementwise.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "devices/cpu/math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace infer::cpu::HWY_NAMESPACE {
namespace {

using D = hn::ScalableTag<float>;
constexpr D d;
using V = hn::Vec<D>;

// out = f(a, b) over a block. b is a vector a row, or one number a row.
template <class F> HWY_INLINE void each(const MicroBlock& k, F f) {
    const size_t lanes = hn::Lanes(d), n = size_t(k.n);
    for (int64_t r = 0; r < k.rows; r++) {
        const float* a = k.a + r * k.a_row;
        const float* b = k.b ? k.b + r * k.b_row : nullptr;
        float* out = k.out + r * k.out_row;
        size_t i = 0;
        if (b && k.b_is_vector) {
            for (; i + lanes <= n; i += lanes)
                hn::StoreU(f(hn::LoadU(d, a + i), hn::LoadU(d, b + i)), d, out + i);
            if (i < n)
                store_first(f(load_first(d, a + i, n - i), load_first(d, b + i, n - i)), d, out + i, n - i);
            continue;
        }
        const V same = b ? hn::Set(d, *b) : hn::Zero(d);
        for (; i + lanes <= n; i += lanes)
            hn::StoreU(f(hn::LoadU(d, a + i), same), d, out + i);
        if (i < n)
            store_first(f(load_first(d, a + i, n - i), same), d, out + i, n - i);
    }
}

// Divides or multiplies, so that what lies in the middle of two steps goes the way the plain
// kernels send it.
void to_grid(const MicroOp& op, const MicroBlock& k) {
    const V low = hn::Set(d, op.activation.alpha), high = hn::Set(d, op.activation.beta);
    const V from = hn::Set(d, op.from), step = hn::Set(d, op.step);
    const V out_from = hn::Set(d, op.out_from), out_step = hn::Set(d, op.out_step);
    if (op.kind == MicroOp::Grid)
        return each(k, [&](V a, V) {
            const V inside = hn::Sub(hn::Min(hn::Max(a, low), high), from);
            return hn::MulAdd(hn::Round(hn::Div(inside, step)), out_step, out_from);
        });
    each(k, [&](V a, V) {
        const V inside = hn::Sub(hn::Min(hn::Max(a, low), high), from);
        return hn::MulAdd(hn::Round(hn::Mul(inside, step)), out_step, out_from);
    });
}

void run_micro(const MicroOp& op, const MicroBlock& k) {
    switch (op.kind) {
    case MicroOp::Add: return each(k, [](V a, V b) { return hn::Add(a, b); });
    case MicroOp::Sub: return each(k, [](V a, V b) { return hn::Sub(a, b); });
    case MicroOp::RevSub: return each(k, [](V a, V b) { return hn::Sub(b, a); });
    case MicroOp::Mul: return each(k, [](V a, V b) { return hn::Mul(a, b); });
    case MicroOp::Div: return each(k, [](V a, V b) { return hn::Div(a, b); });
    case MicroOp::RevDiv: return each(k, [](V a, V b) { return hn::Div(b, a); });
    case MicroOp::Min: return each(k, [](V a, V b) { return hn::Min(a, b); });
    case MicroOp::Max: return each(k, [](V a, V b) { return hn::Max(a, b); });
    case MicroOp::PRelu:
        return each(k, [](V a, V b) {
            return hn::IfThenElse(hn::Lt(a, hn::Zero(d)), hn::Mul(a, b), a);
        });
    case MicroOp::Abs: return each(k, [](V a, V) { return hn::Abs(a); });
    case MicroOp::Neg: return each(k, [](V a, V) { return hn::Neg(a); });
    case MicroOp::Sqrt: return each(k, [](V a, V) { return hn::Sqrt(a); });
    case MicroOp::Exp: return each(k, [](V a, V) { return exp_of(d, a); });
    case MicroOp::Reciprocal: return each(k, [](V a, V) { return hn::Div(hn::Set(d, 1.0f), a); });
    case MicroOp::Square: return each(k, [](V a, V) { return hn::Mul(a, a); });
    case MicroOp::Log: return each(k, [](V a, V) { return hn::Log(d, a); });
    case MicroOp::Erf: return each(k, [](V a, V) { return erf_of(d, a); });
    case MicroOp::Floor: return each(k, [](V a, V) { return hn::Floor(a); });
    case MicroOp::Ceil: return each(k, [](V a, V) { return hn::Ceil(a); });
    case MicroOp::Round: return each(k, [](V a, V) { return hn::Round(a); }); // half to even
    case MicroOp::Softsign:
        return each(k, [](V a, V) { return hn::Div(a, hn::Add(hn::Set(d, 1.0f), hn::Abs(a))); });
    case MicroOp::Sin: return each(k, [](V a, V) { return hn::Sin(d, a); });
    case MicroOp::Cos: return each(k, [](V a, V) { return hn::Cos(d, a); });
    case MicroOp::Power: return each(k, [&](V a, V) { return power_of(d, a, op.activation.alpha); });
    case MicroOp::Copy: return each(k, [](V a, V) { return a; });
    case MicroOp::Fill: return each(k, [](V, V b) { return b; });
    case MicroOp::Grid:
    case MicroOp::ScaledGrid:
        return to_grid(op, k);
    case MicroOp::Activate: break;
    }
    const Activation act = op.activation;
    switch (act.kind) { // the commonest without a switch a vector
    case Activation::Relu: return each(k, [](V a, V) { return hn::Max(a, hn::Zero(d)); });
    case Activation::Sigmoid: return each(k, [](V a, V) { return sigmoid_of(d, a); });
    default: return each(k, [&](V a, V) { return activate(d, a, act); });
    }
}

void widen_row(const uint16_t* from, float* to, size_t n) {
    const size_t lanes = hn::Lanes(d);
    for (size_t k = 0; k < n; k += lanes)
        store_some(load_some(d, from + k, n - k), d, to + k, n - k);
}

void narrow_row(const float* from, uint16_t* to, size_t n) {
    const size_t lanes = hn::Lanes(d);
    for (size_t k = 0; k < n; k += lanes)
        store_some(load_some(d, from + k, n - k), d, to + k, n - k);
}

} // namespace
} // namespace infer::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace infer::cpu {
namespace {

HWY_EXPORT(run_micro);
HWY_EXPORT(widen_row);
HWY_EXPORT(narrow_row);

constexpr int64_t block_elements = 2048;

// An operand's strides over the dimensions of the output (0 where it is repeated).
std::vector<int64_t> strides_over(const Operand& x, const Shape& out) {
    std::vector<int64_t> over(out.size(), 0);
    const auto own = strides_of(x);
    const size_t lead = out.size() - x.shape.size();
    for (size_t k = 0; k < x.shape.size(); k++)
        over[lead + k] = x.shape[k] == 1 ? 0 : own[k];
    return over;
}

// The output's dimensions in the order of its memory, merged where all operands allow.
struct Walk {
    std::vector<int64_t> dims;
    std::vector<std::vector<int64_t>> strides; // [operand][dimension]; the last is the output's
};

Walk walk_of(const NodeView& view) {
    const Operand& out = view.out[0];
    std::vector<std::vector<int64_t>> strides;
    for (const Operand& x : view.in)
        strides.push_back(strides_over(x, out.shape));
    strides.push_back(strides_of(out));
    std::vector<size_t> order(out.shape.size());
    std::iota(order.begin(), order.end(), size_t(0));
    std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) {
        return strides.back()[a] > strides.back()[b];
    });
    Walk walk;
    walk.strides.resize(strides.size());
    for (const size_t k : order) {
        const int64_t n = out.shape[k];
        if (n == 1)
            continue;
        bool merges = !walk.dims.empty();
        for (size_t o = 0; merges && o < strides.size(); o++)
            merges = walk.strides[o].back() == strides[o][k] * n;
        if (merges)
            walk.dims.back() *= n;
        else
            walk.dims.push_back(n);
        for (size_t o = 0; o < strides.size(); o++) {
            if (merges)
                walk.strides[o].back() = strides[o][k];
            else
                walk.strides[o].push_back(strides[o][k]);
        }
    }
    // One-channel slices of wider images: rows of one element.
    const bool apart = !walk.dims.empty() && std::any_of(walk.strides.begin(), walk.strides.end(),
                                                         [](const auto& s) { return s.back() > 1; });
    if (apart || walk.dims.empty()) {
        walk.dims.push_back(1);
        for (auto& s : walk.strides)
            s.push_back(1);
    }
    if (walk.dims.size() < 2) {
        walk.dims.insert(walk.dims.begin(), 1);
        for (auto& s : walk.strides)
            s.insert(s.begin(), 0);
    }
    return walk;
}

class ElementwiseKernel final : public Kernel {
public:
    // halves: which operands, and last the output, are bf16 in memory.
    ElementwiseKernel(std::vector<MicroOp> ops, Walk walk, std::vector<bool> halves, int threads)
        : ops_(std::move(ops)), walk_(std::move(walk)), halves_(std::move(halves)) {
        split_long_row();
        const int64_t n = walk_.dims.back();
        rows_ = 1;
        for (size_t k = 0; k + 1 < walk_.dims.size(); k++)
            rows_ *= walk_.dims[k];
        rows_a_block_ = std::max<int64_t>(1, block_elements / std::max<int64_t>(n, 1));
        flat_ = can_be_flat();
        slices_ = slices_for(double(rows_ * n) * double(ops_.size()) / 6, rows_, threads);
    }

    std::string_view name() const override { return "elementwise"; }

    size_t scratch_bytes() const override {
        const bool any_half = std::find(halves_.begin(), halves_.end(), true) != halves_.end();
        return flat_ || any_half ? walk_.strides.size() * size_t(block_floats()) * sizeof(float) : 0;
    }

    void run(const Call& call, int slice) const override {
        if (flat_)
            repeat_operands(call);
        const Range range = slice_of(rows_, slices_, slice);
        const int64_t inner = walk_.dims[walk_.dims.size() - 2];
        for (int64_t row = range.begin; row < range.end;) {
            // Rows of one run of the second last dimension.
            const int64_t rows = std::min({rows_a_block_, range.end - row, inner - row % inner});
            run_block(call, row, rows);
            row += rows;
        }
    }

private:
    // Short rows (the 3 colours of a pixel) whose operands are as dense as the output, or the same
    // row again and again: a block of rows is one long row then.
    bool can_be_flat() const {
        const size_t last = walk_.dims.size() - 1;
        const int64_t n = walk_.dims[last];
        if (n < 2 || n > 16 || walk_.dims[last - 1] < 4)
            return false;
        for (size_t o = 0; o < walk_.strides.size(); o++) {
            const auto& s = walk_.strides[o];
            const bool dense = s[last] == 1 && s[last - 1] == n, same = s[last] <= 1 && s[last - 1] == 0;
            if (!dense && !(same && o != 0 && o + 1 != walk_.strides.size()))
                return false;
        }
        for (size_t o = 1; o + 1 < walk_.strides.size(); o++) // one row for the whole step
            for (size_t k = 0; k + 1 < last; k++)
                if (walk_.strides[o][last - 1] == 0 && walk_.strides[o][k] != 0)
                    return false;
        return true;
    }

    int64_t block_floats() const { return std::max(block_elements, walk_.dims.back()); }

    // Scratch for one block of an operand.
    float* block_of(const Call& call, size_t operand) const {
        return reinterpret_cast<float*>(call.scratch) + operand * size_t(block_floats());
    }

    const char* address(const void* first, size_t operand, int64_t element) const {
        return static_cast<const char*>(first) + element * (halves_[operand] ? 2 : 4);
    }

    // Rows of an operand in f32; `row_stride` in and out: elements from a row to the next.
    const float* values(const Call& call, size_t o, int64_t row, int64_t rows, int64_t n, int64_t& row_stride) const {
        const char* first = address(call.in[o], o, offset_of(o, row));
        if (!halves_[o])
            return reinterpret_cast<const float*>(first);
        float* to = block_of(call, o);
        for (int64_t r = 0; r < rows; r++)
            HWY_DYNAMIC_DISPATCH(widen_row)(reinterpret_cast<const uint16_t*>(first) + r * row_stride, to + r * n, size_t(n));
        row_stride = n;
        return to;
    }

    void repeat_operands(const Call& call) const {
        const size_t last = walk_.dims.size() - 1;
        const int64_t n = walk_.dims[last];
        for (size_t o = 1; o + 1 < walk_.strides.size(); o++) {
            if (walk_.strides[o][last - 1] != 0)
                continue;
            float* to = block_of(call, o);
            for (int64_t k = 0; k < n; k++) {
                const char* from = address(call.in[o], o, k * walk_.strides[o][last]);
                if (halves_[o])
                    HWY_DYNAMIC_DISPATCH(widen_row)(reinterpret_cast<const uint16_t*>(from), to + k, 1);
                else
                    to[k] = *reinterpret_cast<const float*>(from);
            }
            for (int64_t k = n; k < rows_a_block_ * n; k++)
                to[k] = to[k - n];
        }
    }

    // A block of short rows as one long one: `block` has one row.
    void run_flat(const Call& call, MicroBlock block, int64_t row) const {
        const size_t last = walk_.dims.size() - 1;
        for (const MicroOp& op : ops_) {
            block.b = nullptr;
            if (op.operand >= 0) {
                const auto o = size_t(op.operand);
                const bool same = walk_.strides[o][last - 1] == 0;
                int64_t unused = 0;
                block.b = same ? block_of(call, o) : values(call, o, row, 1, block.n, unused);
                block.b_is_vector = true;
            }
            HWY_DYNAMIC_DISPATCH(run_micro)(op, block);
            block.a = block.out;
        }
    }

    // One row longer than a block: cut it, if it can be cut evenly.
    void split_long_row() {
        int64_t& n = walk_.dims.back();
        if (walk_.dims[walk_.dims.size() - 2] != 1 || n <= block_elements)
            return;
        for (int64_t parts = (n + block_elements - 1) / block_elements; parts < 4 * n / block_elements; parts++)
            if (n % parts == 0) {
                n /= parts;
                walk_.dims[walk_.dims.size() - 2] = parts;
                for (auto& s : walk_.strides)
                    s[s.size() - 2] = s.back() * n;
                return;
            }
    }

    int64_t offset_of(size_t operand, int64_t row) const {
        int64_t offset = 0;
        for (size_t k = walk_.dims.size() - 1; k-- > 0;) {
            offset += row % walk_.dims[k] * walk_.strides[operand][k];
            row /= walk_.dims[k];
        }
        return offset;
    }

    void run_block(const Call& call, int64_t row, int64_t rows) const {
        const size_t last = walk_.dims.size() - 1, output = walk_.strides.size() - 1;
        const int64_t n = walk_.dims[last], out_row = walk_.strides[output][last - 1];
        char* out = const_cast<char*>(address(call.out[0], output, offset_of(output, row)));
        const bool half = halves_[output];
        MicroBlock block{.rows = rows, .n = n, .out = half ? block_of(call, output) : reinterpret_cast<float*>(out),
                         .out_row = half ? n : out_row};
        if (flat_) {
            block.n *= rows, block.rows = 1;
            int64_t unused = 0;
            block.a = values(call, 0, row, 1, block.n, unused);
            run_flat(call, block, row);
        } else {
            run_rows(call, block, row);
        }
        for (int64_t r = 0; half && r < block.rows; r++)
            HWY_DYNAMIC_DISPATCH(narrow_row)
            (block_of(call, output) + r * block.n, reinterpret_cast<uint16_t*>(out) + r * out_row, size_t(block.n));
    }

    void run_rows(const Call& call, MicroBlock block, int64_t row) const {
        const size_t last = walk_.dims.size() - 1;
        const auto is_vector = [&](size_t o) { return walk_.strides[o][last] != 0; };
        const auto micro = [](const MicroOp& op, const MicroBlock& b) { HWY_DYNAMIC_DISPATCH(run_micro)(op, b); };
        block.a_row = walk_.strides[0][last - 1];
        block.a = values(call, 0, row, block.rows, is_vector(0) ? block.n : 1, block.a_row);
        if (!is_vector(0)) { // the first operand is one number a row
            block.b = block.a, block.b_row = block.a_row;
            block.a = block.out, block.a_row = block.out_row;
            MicroOp fill;
            fill.kind = MicroOp::Fill;
            micro(fill, block);
        }
        for (const MicroOp& op : ops_) {
            block.b = nullptr;
            if (op.operand >= 0) {
                const auto o = size_t(op.operand);
                block.b_is_vector = is_vector(o);
                block.b_row = walk_.strides[o][last - 1];
                block.b = values(call, o, row, block.rows, block.b_is_vector ? block.n : 1, block.b_row);
            }
            micro(op, block);
            block.a = block.out, block.a_row = block.out_row;
        }
    }

    std::vector<MicroOp> ops_;
    Walk walk_;
    std::vector<bool> halves_;
    int64_t rows_ = 1, rows_a_block_ = 1;
    bool flat_ = false;
};

bool is_f32(const Operand& x) { return !x.present || x.type == ElementType::F32; }

std::vector<MicroOp> operations_of(const NodeView& view) {
    std::vector<ValueFacts> in;
    for (const Operand& x : view.in)
        in.push_back(x.facts());
    return lowering::micro_ops(view.node, in);
}

// Whether each row of an operand is a vector or one number, with the output in `layout`.
bool has_even_rows(const NodeView& view, Layout layout) {
    const size_t rank = view.out[0].shape.size();
    const size_t inner = layout == Layout::ChannelsLast ? 1 : rank - 1;
    for (size_t k = 0; k < lowering::operands_of(view.node) && rank > 0; k++) {
        Operand x = view.in[k];
        x.layout = x.shape.size() == rank ? layout : Layout::Plain;
        x.pixel_stride = x.layout == Layout::ChannelsLast ? x.shape[1] : 0;
        if (strides_over(x, view.out[0].shape)[inner] > 1)
            return false;
    }
    return true;
}

// Channels last if any picture-like input is and the others can follow; they keep their own
// strides.
std::optional<Wish> accept(const NodeView& view) {
    if (operations_of(view).empty() || !is_f32(view.out[0]) || view.in.empty())
        return std::nullopt;
    const size_t used = lowering::operands_of(view.node);
    const size_t rank = view.out[0].shape.size();
    Layout layout = Layout::Plain;
    for (size_t k = 0; k < used; k++) {
        if (!is_f32(view.in[k]))
            return std::nullopt;
        if (view.in[k].layout == Layout::ChannelsLast && view.in[k].shape.size() == rank)
            layout = Layout::ChannelsLast;
    }
    if (layout == Layout::ChannelsLast && !has_even_rows(view, layout))
        layout = Layout::Plain;
    Wish wish = all_in(Layout::Plain, view);
    wish.out[0] = layout;
    for (size_t k = 0; k < used; k++)
        if (view.in[k].shape.size() == rank)
            wish.in[k] = layout;
    wish.strided_in = wish.strided_out = wish.gives_bf16 = true;
    wish.takes_bf16.assign(used, true);
    const bool again = std::count(view.node.inputs.begin(), view.node.inputs.end(), view.node.inputs[0]) > 1;
    if (view.in[0].shape == view.out[0].shape && !again)
        wish.in_place = 0;
    return wish;
}

Result<std::unique_ptr<Kernel>> make(const NodeView& view) {
    const std::vector<MicroOp> ops = operations_of(view);
    NodeView used = view;
    used.in = view.in.first(lowering::operands_of(view.node));
    std::vector<bool> halves;
    for (const Operand& x : used.in)
        halves.push_back(x.type == ElementType::BF16);
    halves.push_back(view.out[0].type == ElementType::BF16);
    return std::unique_ptr<Kernel>(std::make_unique<ElementwiseKernel>(ops, walk_of(used), std::move(halves), view.threads));
}

} // namespace

extern const KernelDef cpu_kernel_elementwise;
const KernelDef cpu_kernel_elementwise = {.name = "elementwise", .accept = accept, .make = make};

} // namespace infer::cpu
#endif
