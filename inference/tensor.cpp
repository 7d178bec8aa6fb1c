// SPDX-License-Identifier: LGPL-2.1-or-later
#include "inference/tensor.h"

#include <cassert>
#include <cstring>
#include <functional>
#include <new>
#include <numeric>

namespace infer {
namespace {

struct TypeFacts {
    std::string_view name;
    size_t size;
};

constexpr TypeFacts types[] = {
    {"f32", 4}, {"f16", 2}, {"bf16", 2}, {"f64", 8}, {"i8", 1},  {"u8", 1},   {"i16", 2},
    {"u16", 2}, {"i32", 4}, {"u32", 4},  {"i64", 8}, {"u64", 8}, {"bool", 1},
};

constexpr std::align_val_t alignment{64}; // a cache line, and an AVX-512 register

std::shared_ptr<std::byte[]> allocate(size_t bytes) {
    auto* p = static_cast<std::byte*>(::operator new[](std::max<size_t>(bytes, 1), alignment));
    std::memset(p, 0, bytes);
    return {p, [](std::byte* q) { ::operator delete[](q, alignment); }};
}

} // namespace

size_t size_of(ElementType type) { return types[size_t(type)].size; }
std::string_view name_of(ElementType type) { return types[size_t(type)].name; }

int64_t count(const Shape& shape) {
    return std::accumulate(shape.begin(), shape.end(), int64_t{1}, std::multiplies<>());
}

std::string to_string(const Shape& shape) {
    if (shape.empty())
        return "scalar";
    std::string text;
    for (int64_t d : shape)
        text += (text.empty() ? "" : "x") + (d < 0 ? "?" : std::to_string(d));
    return text;
}

Tensor::Tensor(ElementType type, Shape shape) : view_{type, std::move(shape), nullptr} {
    memory_ = allocate(view_.size_bytes());
    view_.data = memory_.get();
}

Tensor Tensor::borrow(TensorView view) {
    Tensor t;
    t.view_ = std::move(view);
    return t;
}

Tensor Tensor::clone() const {
    Tensor copy(type(), shape());
    std::memcpy(copy.view_.data, view_.data, view_.size_bytes());
    return copy;
}

Tensor Tensor::reshaped(Shape shape) const {
    assert(count(shape) == count(view_.shape));
    Tensor t = *this;
    t.view_.shape = std::move(shape);
    return t;
}

} // namespace infer
