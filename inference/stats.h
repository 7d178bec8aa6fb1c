// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

namespace infer {

// Percentiles of times in constant memory: sixteen buckets to each power of two, as HdrHistogram
// does (https://hdrhistogram.org), so a percentile is within 1/32 of the truth. Values from 0 to
// 2^40 microseconds (12 days); more counts as that. Thread-safe without locks: a reader beside
// writers sees each value wholly or not yet.
class Histogram {
public:
    void add(int64_t us);
    uint64_t count() const;
    // `share` 0..1: the smallest value that so large a part does not exceed; 0 while empty.
    double percentile(double share) const;
    double mean() const;

private:
    static constexpr int sub_bits = 4; // 16 buckets an octave
    static constexpr int octaves = 40 - sub_bits;
    static constexpr size_t buckets = size_t(octaves + 1) << sub_bits;

    static size_t bucket_of(uint64_t us);
    static double middle_of(size_t bucket);

    std::array<std::atomic<uint64_t>, buckets> counts_{};
    std::atomic<uint64_t> sum_us_{0};
};

// What a session counts while it runs, and the limit it runs under. Written by device threads, read by anyone.
struct FlowCounters {
    static constexpr size_t max_rows = 64; // Request::rows is a 64 bit mask

    std::atomic<uint64_t> frames{0}, failed{0}, batches{0};
    std::atomic<uint64_t> preprocess_us{0}, inference_us{0}, decode_us{0}, wait_us{0}; // sums
    std::atomic<int64_t> latency_limit_us{0}; // that is asked for now; 0: none
    std::array<std::atomic<uint64_t>, max_rows + 1> batch_fill{};
    Histogram latency;   // a frame: push() to decoded
    Histogram inference; // a batch: submit to done
};

} // namespace infer
