// SPDX-License-Identifier: LGPL-2.1-or-later
#include "devices/cpu/box_copy.h"

#include "inference/half.h"

#include <algorithm>
#include <cstring>
#include <numeric>

namespace infer::cpu {
namespace {

struct Half {
    uint16_t bits; // bf16
};

template <typename To> To as(To v) { return v; }
template <typename To> To as(Half v) { return from_bf16(v.bits); }
template <typename To>
    requires std::is_same_v<To, Half>
To as(float v) {
    return {to_bf16(v)};
}

// Rows of the output that are pieces of the input. n > 0: their length, known when compiling: no call a row.
template <int n, typename From, typename To>
void copy_rows(const From* in, To* out, int64_t rows, int64_t length, int64_t in_row, int64_t out_row) {
    const int64_t all = n > 0 ? n : length;
    for (int64_t r = 0; r < rows; r++, in += in_row, out += out_row)
        if constexpr (std::is_same_v<From, To>)
            std::memcpy(out, in, size_t(all) * sizeof(To));
        else
            for (int64_t k = 0; k < all; k++)
                out[k] = as<To>(in[k]);
}

// out[r][c] = in[r * in_r + c * in_c], in blocks that stay in the first-level cache.
template <typename From, typename To>
void copy_blocked(const From* in, To* out, int64_t rows, int64_t columns, int64_t in_r, int64_t in_c, int64_t out_r,
                  int64_t out_c) {
    constexpr int64_t block = 16;
    for (int64_t r0 = 0; r0 < rows; r0 += block)
        for (int64_t c0 = 0; c0 < columns; c0 += block) {
            const int64_t r1 = std::min(rows, r0 + block), c1 = std::min(columns, c0 + block);
            for (int64_t r = r0; r < r1; r++)
                for (int64_t c = c0; c < c1; c++)
                    out[r * out_r + c * out_c] = as<To>(in[r * in_r + c * in_c]);
        }
}

template <typename From, typename To> void copy_plane(const Box& b, size_t at, const From* in, To* out, int64_t rows) {
    const int64_t columns = b.dims[at + 1];
    const int64_t in_r = b.in_strides[at], in_c = b.in_strides[at + 1];
    const int64_t out_r = b.out_strides[at], out_c = b.out_strides[at + 1];
    if (in_c != 1 || out_c != 1)
        return copy_blocked(in, out, rows, columns, in_r, in_c, out_r, out_c);
    switch (columns) {
    case 1: return copy_rows<1>(in, out, rows, 1, in_r, out_r);
    case 2: return copy_rows<2>(in, out, rows, 2, in_r, out_r);
    case 3: return copy_rows<3>(in, out, rows, 3, in_r, out_r);
    case 4: return copy_rows<4>(in, out, rows, 4, in_r, out_r);
    case 8: return copy_rows<8>(in, out, rows, 8, in_r, out_r);
    case 16: return copy_rows<16>(in, out, rows, 16, in_r, out_r);
    default: return copy_rows<0>(in, out, rows, columns, in_r, out_r);
    }
}

template <typename From, typename To> void copy_deep(const Box& b, size_t at, const From* in, To* out, int64_t count) {
    if (at + 2 == b.dims.size())
        return copy_plane(b, at, in, out, count);
    for (int64_t k = 0; k < count; k++)
        copy_deep(b, at + 1, in + k * b.in_strides[at], out + k * b.out_strides[at], b.dims[at + 1]);
}

template <typename From, typename To> void copy_as(const Box& b, const void* in, void* out, Range range) {
    const From* from = static_cast<const From*>(in) + b.in_offset + range.begin * b.in_strides[0];
    To* to = static_cast<To*>(out) + b.out_offset + range.begin * b.out_strides[0];
    copy_deep(b, 0, from, to, range.end - range.begin);
}

class CopyKernel final : public Kernel {
public:
    CopyKernel(std::vector<Box> boxes, const NodeView& view) : boxes_(std::move(boxes)) {
        int64_t rows = 1, elements = 0;
        for (const Box& box : boxes_) {
            int64_t n = 1;
            for (const int64_t d : box.dims)
                n *= d;
            elements += n;
            rows = std::max(rows, box.dims[0]);
            const ElementType to = view.out[box.output].type;
            types_.push_back({box.input == Box::zeros ? to : view.in[box.input].type, to});
        }
        slices_ = slices_for(double(elements) / 4, rows, view.threads);
    }

    std::string_view name() const override { return "copy"; }

    void run(const Call& call, int slice) const override {
        for (size_t k = 0; k < boxes_.size(); k++) {
            const Box& box = boxes_[k];
            copy_box(box, types_[k].from, types_[k].to, box.input == Box::zeros ? &zero : call.in[box.input],
                     call.out[box.output], slice_of(box.dims[0], slices_, slice));
        }
    }

private:
    static constexpr uint64_t zero = 0;
    struct Types {
        ElementType from, to;
    };
    std::vector<Box> boxes_;
    std::vector<Types> types_; // of each box
};

} // namespace

Box simplified(Box box) {
    std::vector<size_t> order(box.dims.size());
    std::iota(order.begin(), order.end(), size_t(0));
    std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) {
        return std::make_pair(box.out_strides[a], box.in_strides[a]) >
               std::make_pair(box.out_strides[b], box.in_strides[b]);
    });
    Box out = box;
    out.dims.clear(), out.in_strides.clear(), out.out_strides.clear();
    for (const size_t k : order) {
        const int64_t n = box.dims[k], in = box.in_strides[k], to = box.out_strides[k];
        if (n == 1)
            continue;
        if (!out.dims.empty() && out.in_strides.back() == in * n && out.out_strides.back() == to * n) {
            out.dims.back() *= n;
            out.in_strides.back() = in;
            out.out_strides.back() = to;
            continue;
        }
        out.dims.push_back(n), out.in_strides.push_back(in), out.out_strides.push_back(to);
    }
    while (out.dims.size() < 2) { // copy_box() works on planes
        out.dims.insert(out.dims.begin(), 1);
        out.in_strides.insert(out.in_strides.begin(), 0);
        out.out_strides.insert(out.out_strides.begin(), 0);
    }
    // One long run: cut, so that slices have something to share.
    if (out.dims.size() == 2 && out.dims[0] == 1)
        for (const int64_t parts : {16, 8, 4, 2})
            if (out.dims[1] % parts == 0 && out.dims[1] >= parts * 1024) {
                out.dims = {parts, out.dims[1] / parts};
                out.in_strides[0] = out.dims[1] * out.in_strides[1];
                out.out_strides[0] = out.dims[1] * out.out_strides[1];
                break;
            }
    return out;
}

void copy_box(const Box& box, ElementType from, ElementType to, const void* in, void* out, Range range) {
    if (from == ElementType::F32 && to == ElementType::BF16)
        return copy_as<float, Half>(box, in, out, range);
    if (from == ElementType::BF16 && to == ElementType::F32)
        return copy_as<Half, float>(box, in, out, range);
    switch (size_of(to)) {
    case 1: return copy_as<uint8_t, uint8_t>(box, in, out, range);
    case 2: return copy_as<uint16_t, uint16_t>(box, in, out, range);
    case 4: return copy_as<uint32_t, uint32_t>(box, in, out, range);
    case 8: return copy_as<uint64_t, uint64_t>(box, in, out, range);
    }
}

Result<std::unique_ptr<Kernel>> make_copy_kernel(std::vector<Box> boxes, const NodeView& view) {
    for (Box& box : boxes)
        box = simplified(std::move(box));
    return std::unique_ptr<Kernel>(std::make_unique<CopyKernel>(std::move(boxes), view));
}

} // namespace infer::cpu
