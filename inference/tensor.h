// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace infer {

enum class ElementType { F32, F16, BF16, F64, I8, U8, I16, U16, I32, U32, I64, U64, Bool };

size_t size_of(ElementType type);           // bytes of one element
std::string_view name_of(ElementType type); // "f32", "i64", ... as users write them
inline bool is_byte(ElementType type) { return type == ElementType::U8 || type == ElementType::I8; }

// Outermost dimension first; images are N, C, H, W. -1 is a dimension not known yet.
using Shape = std::vector<int64_t>;

int64_t count(const Shape& shape);         // elements; 1 for a scalar (empty shape)
std::string to_string(const Shape& shape); // "1x3x240x320", "?" for -1, "scalar" for empty

// A view of dense row-major memory that somebody else owns.
struct TensorView {
    ElementType type = ElementType::F32;
    Shape shape;
    void* data = nullptr;

    template <typename T> std::span<T> span() const {
        return {static_cast<T*>(data), size_t(count(shape))};
    }
    size_t size_bytes() const { return size_t(count(shape)) * size_of(type); }
};

// Dense row-major memory with its type and shape. Copies share the memory (constants of a model
// are never written after loading).
class Tensor {
public:
    Tensor() = default;
    Tensor(ElementType type, Shape shape); // zeroed, 64-byte aligned

    static Tensor borrow(TensorView view); // memory of somebody who outlives the tensor

    ElementType type() const { return view_.type; }
    const Shape& shape() const { return view_.shape; }
    bool is_borrowed() const { return view_.data && !memory_; }
    const TensorView& view() const { return view_; }
    template <typename T> std::span<T> span() const { return view_.span<T>(); }

    Tensor clone() const;               // memory of its own
    Tensor reshaped(Shape shape) const; // the same memory under another shape of equal count

private:
    std::shared_ptr<std::byte[]> memory_;
    TensorView view_;
};

template <typename T> Tensor make_tensor(ElementType type, Shape shape, std::span<const T> values) {
    Tensor t(type, std::move(shape));
    std::copy(values.begin(), values.end(), t.span<T>().begin());
    return t;
}

} // namespace infer
