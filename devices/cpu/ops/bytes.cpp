// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Elementwise work on bytes: ToBytes, DequantizeLinear, AddBytes, GateBytes. Memory is dense in
// any layout, so a value is one line of numbers, with scales that repeat along it channel by
// channel or change from plane to plane.
#include "devices/cpu/kernel.h"

#include <algorithm>
#include <cstring>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "devices/cpu/ops/bytes.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "devices/cpu/math-inl.h"

#ifndef GI_CPU_BYTES_LINE
#define GI_CPU_BYTES_LINE
namespace infer::cpu {
namespace {

// n numbers; `scale` and `shift` hold one for each, with room for a vector behind.
struct ByteLine {
    size_t n = 0;
    const float *scale = nullptr, *shift = nullptr;
    bool is_signed = false; // the bytes that are read or written
};

} // namespace
} // namespace infer::cpu
#endif

HWY_BEFORE_NAMESPACE();
namespace infer::cpu::HWY_NAMESPACE {
namespace {

using D = hn::ScalableTag<float>;
constexpr D d;
using V = hn::Vec<D>;
using DI = hn::RebindToSigned<D>;
constexpr DI di;

template <class T> HWY_INLINE V load_bytes(const T* from) {
    const hn::Rebind<T, D> db;
    return hn::ConvertTo(d, hn::PromoteTo(di, hn::LoadU(db, from)));
}

template <class T> HWY_INLINE void store_bytes(V v, T* to) {
    const hn::Rebind<T, D> db;
    constexpr float low = std::numeric_limits<T>::min(), high = std::numeric_limits<T>::max();
    const V inside = hn::Min(hn::Max(v, hn::Set(d, low)), hn::Set(d, high));
    hn::StoreU(hn::DemoteTo(db, hn::NearestInt(inside)), db, to);
}

// Calls f(place) for each vector of n numbers; the last goes through `spare` memory where it is not
// whole.
template <class From, class To, class F>
HWY_INLINE void each_vector(size_t n, const From* from, To* to, F f) {
    const size_t lanes = hn::Lanes(d);
    size_t i = 0;
    for (; i + lanes <= n; i += lanes)
        f(i, from + i, to + i);
    if (i < n) {
        From in[hn::MaxLanes(d)] = {};
        To out[hn::MaxLanes(d)];
        std::copy_n(from + i, n - i, in);
        f(i, in, out);
        std::copy_n(out, n - i, to + i);
    }
}

template <class T> void to_bytes(const ByteLine& line, const float* from, T* to) {
    each_vector(line.n, from, to, [&](size_t i, const float* x, T* y) {
        store_bytes(
            hn::MulAdd(hn::LoadU(d, x), hn::LoadU(d, line.scale + i), hn::LoadU(d, line.shift + i)),
            y);
    });
}

template <class T> void from_bytes(const ByteLine& line, const T* from, float* to) {
    each_vector(line.n, from, to, [&](size_t i, const T* x, float* y) {
        hn::StoreU(hn::Mul(hn::Sub(load_bytes(x), hn::LoadU(d, line.shift + i)),
                           hn::LoadU(d, line.scale + i)),
                   d, y);
    });
}

void bytes_of_floats(const ByteLine& line, const float* from, void* to) {
    if (line.is_signed)
        to_bytes(line, from, static_cast<int8_t*>(to));
    else
        to_bytes(line, from, static_cast<uint8_t*>(to));
}

void floats_of_bytes(const ByteLine& line, const void* from, float* to) {
    if (line.is_signed)
        from_bytes(line, static_cast<const int8_t*>(from), to);
    else
        from_bytes(line, static_cast<const uint8_t*>(from), to);
}

template <class A, class T> void gate(const ByteLine& line, const A* from, T* to) {
    each_vector(line.n, from, to, [&](size_t i, const A* x, T* y) {
        store_bytes(
            hn::MulAdd(load_bytes(x), hn::LoadU(d, line.scale + i), hn::LoadU(d, line.shift + i)),
            y);
    });
}

void gate_bytes(bool is_signed, const ByteLine& line, const void* from, void* to) {
    const auto run = [&]<class A>(const A* x) {
        if (line.is_signed)
            gate(line, x, static_cast<int8_t*>(to));
        else
            gate(line, x, static_cast<uint8_t*>(to));
    };
    if (is_signed)
        run(static_cast<const int8_t*>(from));
    else
        run(static_cast<const uint8_t*>(from));
}

template <class A, class B, class T>
void add(const float (&by)[3], size_t n, const A* a, const B* b, T* to) {
    const V scale_a = hn::Set(d, by[0]), scale_b = hn::Set(d, by[1]), shift = hn::Set(d, by[2]);
    const size_t lanes = hn::Lanes(d);
    const auto one = [&](const A* x, const B* y, T* z) {
        store_bytes(hn::MulAdd(load_bytes(x), scale_a, hn::MulAdd(load_bytes(y), scale_b, shift)),
                    z);
    };
    size_t i = 0;
    for (; i + lanes <= n; i += lanes)
        one(a + i, b + i, to + i);
    if (i < n) {
        A x[hn::MaxLanes(d)] = {};
        B y[hn::MaxLanes(d)] = {};
        T z[hn::MaxLanes(d)];
        std::copy_n(a + i, n - i, x);
        std::copy_n(b + i, n - i, y);
        one(x, y, z);
        std::copy_n(z, n - i, to + i);
    }
}

template <class A, class B>
void add_to(bool is_signed, const float (&by)[3], size_t n, const void* a, const void* b,
            void* to) {
    const auto* x = static_cast<const A*>(a);
    const auto* y = static_cast<const B*>(b);
    if (is_signed)
        add(by, n, x, y, static_cast<int8_t*>(to));
    else
        add(by, n, x, y, static_cast<uint8_t*>(to));
}

// `kinds`: whether a, b and the result are signed.
void add_bytes(const bool (&kinds)[3], const float (&by)[3], size_t n, const void* a, const void* b,
               void* to) {
    if (kinds[0])
        (kinds[1] ? add_to<int8_t, int8_t> : add_to<int8_t, uint8_t>)(kinds[2], by, n, a, b, to);
    else
        (kinds[1] ? add_to<uint8_t, int8_t> : add_to<uint8_t, uint8_t>)(kinds[2], by, n, a, b, to);
}

} // namespace
} // namespace infer::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace infer::cpu {
namespace {

HWY_EXPORT(bytes_of_floats);
HWY_EXPORT(floats_of_bytes);
HWY_EXPORT(add_bytes);
HWY_EXPORT(gate_bytes);

constexpr int64_t line_length = 2048; // at least, where scales repeat along memory
constexpr int64_t spare = 64;         // numbers a vector may read behind a line

// ToBytes and DequantizeLinear.
class ScaleKernel final : public Kernel {
public:
    ScaleKernel(const NodeView& view, std::vector<float> scale, std::vector<float> shift)
        : to_bytes_(view.node.op == "ToBytes"),
          is_signed_((to_bytes_ ? view.out[0] : view.in[0]).type == ElementType::I8),
          total_(count(view.in[0].shape)) {
        const Shape& s = view.in[0].shape;
        const auto channels = int64_t(std::max(scale.size(), shift.size()));
        const bool by_plane = channels > 1 && view.in[0].layout == Layout::Plain;
        const int64_t plane = by_plane ? count({s.begin() + 2, s.end()}) : 1;
        planes_ = by_plane ? channels : 1;
        line_ = by_plane ? std::min<int64_t>(plane, line_length)
                         : (line_length + channels - 1) / channels * channels;
        plane_ = by_plane ? plane : std::max<int64_t>(total_, 1);
        for (int64_t p = 0; p < planes_; p++)
            for (int64_t k = 0; k < line_ + spare; k++) {
                const auto c = size_t(by_plane ? p : k % channels);
                scale_.push_back(scale[scale.size() == 1 ? 0 : c]);
                shift_.push_back(shift[shift.size() == 1 ? 0 : c]);
            }
        lines_a_plane_ = (plane_ + line_ - 1) / std::max<int64_t>(line_, 1);
        lines_ = total_ / std::max<int64_t>(plane_, 1) * lines_a_plane_;
        slices_ = slices_for(double(total_) / 4, lines_, view.threads);
    }

    std::string_view name() const override { return to_bytes_ ? "to bytes" : "from bytes"; }

    void run(const Call& call, int slice) const override {
        const Range range = slice_of(lines_, slices_, slice);
        for (int64_t k = range.begin; k < range.end; k++) {
            const int64_t plane = k / lines_a_plane_, at = k % lines_a_plane_ * line_;
            const int64_t first = plane * plane_ + at, table = plane % planes_ * (line_ + spare);
            const ByteLine line{size_t(std::min(line_, plane_ - at)), scale_.data() + table,
                                shift_.data() + table, is_signed_};
            const auto* from = static_cast<const std::byte*>(call.in[0]);
            auto* to = static_cast<std::byte*>(call.out[0]);
            if (to_bytes_)
                HWY_DYNAMIC_DISPATCH(bytes_of_floats)
            (line, reinterpret_cast<const float*>(from) + first, to + first);
            else HWY_DYNAMIC_DISPATCH(floats_of_bytes)(line, from + first,
                                                       reinterpret_cast<float*>(to) + first);
        }
    }

private:
    bool to_bytes_, is_signed_;
    int64_t total_;
    int64_t planes_ = 1, plane_ = 1, line_ = 1, lines_a_plane_ = 1, lines_ = 1;
    std::vector<float> scale_, shift_; // [planes][line + spare]
};

class AddKernel final : public Kernel {
public:
    explicit AddKernel(const NodeView& view)
        : kinds_{view.in[0].type == ElementType::I8, view.in[1].type == ElementType::I8,
                 view.out[0].type == ElementType::I8},
          by_{view.node.attr("scale_a", 1.0f), view.node.attr("scale_b", 1.0f),
              view.node.attr("shift", 0.0f)},
          total_(count(view.out[0].shape)) {
        slices_ = slices_for(double(total_) / 4, total_ / 64, view.threads);
    }

    std::string_view name() const override { return "add bytes"; }

    void run(const Call& call, int slice) const override {
        const Range range = slice_of(total_, slices_, slice);
        const auto at = [&](void* memory) { return static_cast<std::byte*>(memory) + range.begin; };
        HWY_DYNAMIC_DISPATCH(add_bytes)
        (kinds_, by_, size_t(range.end - range.begin), at(call.in[0]), at(call.in[1]),
         at(call.out[0]));
    }

private:
    bool kinds_[3];
    float by_[3];
    int64_t total_;
};

// Channels last. The factors of an image repeat along a line, which each slice writes down for
// itself.
class GateKernel final : public Kernel {
public:
    explicit GateKernel(const NodeView& view)
        : in_signed_(view.in[0].type == ElementType::I8),
          out_signed_(view.out[0].type == ElementType::I8), channels_(view.in[0].shape[1]),
          image_(count(view.in[0].shape) / std::max<int64_t>(view.in[0].shape[0], 1)),
          zero_(float(view.node.attr("zero", int64_t(0)))), scale_(view.node.attr("scale", 1.0f)),
          shift_(view.node.attr("shift", 0.0f)) {
        line_ = (line_length + channels_ - 1) / std::max<int64_t>(channels_, 1) * channels_;
        lines_an_image_ = (image_ + line_ - 1) / std::max<int64_t>(line_, 1);
        lines_ = lines_an_image_ * view.in[0].shape[0];
        slices_ = slices_for(double(count(view.in[0].shape)) / 6, lines_, view.threads);
    }

    std::string_view name() const override { return "gate bytes"; }
    size_t scratch_bytes() const override { return size_t(2 * (line_ + spare)) * sizeof(float); }

    void run(const Call& call, int slice) const override {
        const Range range = slice_of(lines_, slices_, slice);
        auto* scale = reinterpret_cast<float*>(call.scratch);
        float* shift = scale + line_ + spare;
        int64_t before = -1;
        for (int64_t k = range.begin; k < range.end; k++) {
            const int64_t image = k / lines_an_image_, at = k % lines_an_image_ * line_;
            if (image != before)
                repeat(static_cast<const float*>(call.in[1]) + image * channels_, scale, shift);
            before = image;
            const ByteLine line{size_t(std::min(line_, image_ - at)), scale, shift, out_signed_};
            const int64_t first = image * image_ + at;
            HWY_DYNAMIC_DISPATCH(gate_bytes)
            (in_signed_, line, static_cast<const std::byte*>(call.in[0]) + first,
             static_cast<std::byte*>(call.out[0]) + first);
        }
    }

private:
    void repeat(const float* gate, float* scale, float* shift) const {
        for (int64_t k = 0; k < line_ + spare; k++) {
            scale[k] = gate[k % channels_] * scale_;
            shift[k] = shift_ - zero_ * scale[k];
        }
    }

    bool in_signed_, out_signed_;
    int64_t channels_, image_; // image_: bytes
    float zero_, scale_, shift_;
    int64_t line_ = 1, lines_an_image_ = 1, lines_ = 1;
};

Layout layout_of(const Operand& x) { return x.shape.size() >= 3 ? x.layout : Layout::Plain; }

// ToBytes and DequantizeLinear whose scales are known, one or one a channel.
bool scales_bytes(const NodeView& view) {
    const bool quantizes = view.node.op == "ToBytes";
    if ((!quantizes && view.node.op != "DequantizeLinear") || view.in[0].constant ||
        !is_byte((quantizes ? view.out[0] : view.in[0]).type) ||
        view.node.attr("block_size", int64_t(0)) != 0)
        return false;
    for (size_t k = 1; k < view.in.size(); k++)
        if (view.in[k].present && !view.in[k].constant)
            return false;
    const auto rank = int64_t(view.in[0].shape.size());
    return count(view.in[1].shape) == 1 || (view.node.attr("axis", int64_t(1)) + rank) % rank == 1;
}

std::optional<Wish> accept(const NodeView& view) {
    const std::string& op = view.node.op;
    Wish wish = all_in(Layout::Plain, view);
    if (op == "GateBytes") {
        wish.in[0] = wish.out[0] = Layout::ChannelsLast;
        wish.in_place = 0;
        return wish;
    }
    if (op != "AddBytes" && !scales_bytes(view))
        return std::nullopt;
    wish.in[0] = wish.out[0] = layout_of(view.in[0]);
    if (op == "AddBytes") {
        wish.in[1] = wish.in[0];
        wish.in_place = 0;
    }
    return wish;
}

// The numbers of a constant; `size` zeros if it is not there.
std::vector<float> numbers_of(const Operand& x, size_t size) {
    if (!x.present)
        return std::vector<float>(size, 0.0f);
    const auto n = size_t(count(x.shape));
    std::vector<float> out(n);
    for (size_t k = 0; k < n; k++)
        out[k] = x.type == ElementType::F32  ? x.constant->span<float>()[k]
                 : x.type == ElementType::U8 ? float(x.constant->span<uint8_t>()[k])
                                             : float(x.constant->span<int8_t>()[k]);
    return out;
}

Result<std::unique_ptr<Kernel>> make(const NodeView& view) {
    if (view.node.op == "AddBytes")
        return std::unique_ptr<Kernel>(std::make_unique<AddKernel>(view));
    if (view.node.op == "GateBytes")
        return std::unique_ptr<Kernel>(std::make_unique<GateKernel>(view));
    Operand absent;
    absent.present = false;
    return std::unique_ptr<Kernel>(std::make_unique<ScaleKernel>(
        view, numbers_of(view.in[1], 1), numbers_of(view.in.size() > 2 ? view.in[2] : absent, 1)));
}

} // namespace

extern const KernelDef cpu_kernel_bytes;
const KernelDef cpu_kernel_bytes = {.name = "bytes", .accept = accept, .make = make};

} // namespace infer::cpu
#endif
