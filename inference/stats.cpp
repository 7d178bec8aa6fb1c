// SPDX-License-Identifier: LGPL-2.1-or-later
#include "inference/stats.h"

#include <algorithm>
#include <bit>

namespace infer {

// Below 2^sub_bits each value has its own bucket; above, the top sub_bits + 1 bits name it.
size_t Histogram::bucket_of(uint64_t us) {
    us = std::min(us, (uint64_t{1} << 40) - 1);
    const int shift = std::max(0, int(std::bit_width(us)) - 1 - sub_bits);
    return (size_t(shift) << sub_bits) + size_t(us >> shift);
}

double Histogram::middle_of(size_t bucket) {
    const size_t steps = size_t{1} << sub_bits;
    if (bucket < 2 * steps)
        return double(bucket);
    const size_t shift = (bucket >> sub_bits) - 1;
    const uint64_t low = uint64_t(bucket - (shift << sub_bits)) << shift;
    return double(low) + double((uint64_t{1} << shift) - 1) / 2;
}

void Histogram::add(int64_t us) {
    const uint64_t value = uint64_t(std::max<int64_t>(us, 0));
    counts_[bucket_of(value)].fetch_add(1, std::memory_order_relaxed);
    sum_us_.fetch_add(value, std::memory_order_relaxed);
}

uint64_t Histogram::count() const {
    uint64_t total = 0;
    for (const auto& c : counts_)
        total += c.load(std::memory_order_relaxed);
    return total;
}

double Histogram::percentile(double share) const {
    const uint64_t total = count();
    if (total == 0)
        return 0;
    const uint64_t wanted =
        std::clamp<uint64_t>(uint64_t(share * double(total) + 0.9999999), 1, total);
    uint64_t seen = 0;
    for (size_t b = 0; b < buckets; b++) {
        seen += counts_[b].load(std::memory_order_relaxed);
        if (seen >= wanted)
            return middle_of(b);
    }
    return middle_of(buckets - 1);
}

double Histogram::mean() const {
    const uint64_t total = count();
    return total ? double(sum_us_.load(std::memory_order_relaxed)) / double(total) : 0;
}

} // namespace infer
