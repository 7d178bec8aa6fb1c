// SPDX-License-Identifier: LGPL-2.1-or-later
#include "devices/cpu/arena.h"

#include <sys/mman.h>

#include <cstdint>
#include <utility>

namespace infer::cpu {
namespace {

constexpr size_t huge_page = size_t(2) << 20;

size_t round_up(size_t n, size_t to) { return (n + to - 1) / to * to; }

} // namespace

Arena::Arena(size_t bytes) {
    if (bytes == 0)
        return;
    // One page more than needed, so that the start can be moved to a huge page's edge.
    const bool huge = bytes >= huge_page / 2;
    const size_t size = round_up(bytes, huge ? huge_page : 4096);
    const size_t mapped = size + (huge ? huge_page : 0);
    void* base = mmap(nullptr, mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (base == MAP_FAILED)
        return;
    auto* start = static_cast<std::byte*>(base);
    const size_t skip = huge ? round_up(uintptr_t(start), huge_page) - uintptr_t(start) : 0;
    if (skip > 0)
        munmap(start, skip);
    if (mapped > skip + size)
        munmap(start + skip + size, mapped - skip - size);
    data_ = start + skip;
    bytes_ = size;
    if (huge)
        madvise(data_, bytes_, MADV_HUGEPAGE); // a wish: small pages work too
}

Arena::~Arena() {
    if (data_)
        munmap(data_, bytes_);
}

Arena::Arena(Arena&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), bytes_(std::exchange(other.bytes_, 0)) {}

Arena& Arena::operator=(Arena&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(bytes_, other.bytes_);
    return *this;
}

} // namespace infer::cpu
