// SPDX-License-Identifier: LGPL-2.1-or-later
// SHA-256 (FIPS 180-4) over a model's files: equal keys mean equal content, for sharing and caches.
#include "inference/formats/format.h"
#include "inference/model.h"

#include <array>
#include <bit>
#include <cstdint>

namespace infer {
namespace {

constexpr uint32_t round_constants[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

class Sha256 {
public:
    void add(std::string_view bytes) {
        for (char c : bytes) {
            block_[length_++ % 64] = uint8_t(c);
            if (length_ % 64 == 0)
                mix();
        }
    }

    std::string hex() {
        const uint64_t bits = length_ * 8;
        add("\x80");
        while (length_ % 64 != 56)
            add(std::string_view("\0", 1));
        for (int shift = 56; shift >= 0; shift -= 8) {
            const char byte = char(bits >> shift);
            add({&byte, 1});
        }
        std::string text;
        for (uint32_t word : state_)
            for (int shift = 28; shift >= 0; shift -= 4)
                text += "0123456789abcdef"[(word >> shift) & 15];
        return text;
    }

private:
    void mix() {
        uint32_t w[64];
        for (size_t i = 0; i < 16; i++)
            w[i] = uint32_t(block_[4 * i]) << 24 | uint32_t(block_[4 * i + 1]) << 16 |
                   uint32_t(block_[4 * i + 2]) << 8 | block_[4 * i + 3];
        for (size_t i = 16; i < 64; i++)
            w[i] = w[i - 16] + w[i - 7] +
                   (std::rotr(w[i - 15], 7) ^ std::rotr(w[i - 15], 18) ^ w[i - 15] >> 3) +
                   (std::rotr(w[i - 2], 17) ^ std::rotr(w[i - 2], 19) ^ w[i - 2] >> 10);
        auto [a, b, c, d, e, f, g, h] = state_;
        for (size_t i = 0; i < 64; i++) {
            const uint32_t t1 = h + (std::rotr(e, 6) ^ std::rotr(e, 11) ^ std::rotr(e, 25)) +
                                ((e & f) ^ (~e & g)) + round_constants[i] + w[i];
            const uint32_t t2 = (std::rotr(a, 2) ^ std::rotr(a, 13) ^ std::rotr(a, 22)) +
                                ((a & b) ^ (a & c) ^ (b & c));
            h = g, g = f, f = e, e = d + t1, d = c, c = b, b = a, a = t1 + t2;
        }
        const uint32_t mixed[] = {a, b, c, d, e, f, g, h};
        for (size_t i = 0; i < 8; i++)
            state_[i] += mixed[i];
    }

    std::array<uint32_t, 8> state_ = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                      0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
    std::array<uint8_t, 64> block_ = {};
    uint64_t length_ = 0; // bytes so far
};

std::vector<std::string> files_of(const std::string& path) {
    for (const FormatDef* format : all_formats())
        if (path.ends_with(format->extension))
            return format->files(path);
    return {path};
}

} // namespace

Result<std::string> content_hash(const std::string& path) {
    Sha256 hash;
    for (const std::string& file : files_of(path)) {
        auto bytes = read_file(file);
        if (!bytes.ok())
            return bytes.error();
        hash.add(bytes.value());
    }
    return hash.hex();
}

} // namespace infer
