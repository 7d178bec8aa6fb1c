// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstddef>

namespace infer::cpu {

// Memory of one lane: zeroed, aligned to 64 bytes at least, in huge pages where it is large
// (measured: CenterFace 480x640 26.6 ms with a buffer a layer, 18.0 ms with one arena in huge pages).
class Arena {
public:
    Arena() = default;
    explicit Arena(size_t bytes); // data() is nullptr if there is no memory left
    ~Arena();
    Arena(Arena&& other) noexcept;
    Arena& operator=(Arena&& other) noexcept;

    std::byte* data() const { return data_; }
    size_t size() const { return bytes_; }

private:
    std::byte* data_ = nullptr;
    size_t bytes_ = 0; // as mapped
};

} // namespace infer::cpu
