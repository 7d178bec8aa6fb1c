// SPDX-License-Identifier: LGPL-2.1-or-later
#include "inference/calibrate/observer.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace infer::calibrate {
namespace {

constexpr int tries = 24;         // of how much of a range is cut off,
constexpr float narrowest = 0.2f; // down to this part of it

float part(int k) { return 1 - (1 - narrowest) * float(k) / float(tries - 1); }

} // namespace

std::string_view name_of(Observer observer) {
    constexpr std::string_view names[] = {"minmax", "percentile", "mse", "kl"};
    return names[size_t(observer)];
}

void Histogram::widen(std::span<const float> numbers) {
    for (const float v : numbers) {
        if (!std::isfinite(v))
            continue;
        seen_.low = std::min(seen_.low, v);
        seen_.high = std::max(seen_.high, v);
    }
}

void Histogram::add(std::span<const float> numbers) {
    counts_.resize(bins);
    const float width = seen_.high - seen_.low;
    const float scale = width > 0 ? float(bins) / width : 0;
    for (const float v : numbers)
        if (std::isfinite(v))
            counts_[size_t(std::clamp((v - seen_.low) * scale, 0.0f, float(bins - 1)))]++;
}

float Histogram::centre(size_t bin) const {
    return seen_.low + (seen_.high - seen_.low) * (float(bin) + 0.5f) / float(bins);
}

Range Histogram::range(Observer observer) const {
    if (counts_.empty() || !(seen_.high > seen_.low))
        return seen_;
    switch (observer) {
    case Observer::MinMax:
        return seen_;
    case Observer::Percentile:
        return percentile();
    case Observer::MSE:
        return least_squares();
    case Observer::KL:
        return nearest();
    }
    return seen_;
}

Range Histogram::percentile() const {
    constexpr double outside = 5e-5; // at each end
    double total = 0;
    for (const uint64_t n : counts_)
        total += double(n);
    size_t first = 0, last = bins - 1;
    for (double n = double(counts_[0]); n <= outside * total && first < last; first++)
        n += double(counts_[first + 1]);
    for (double n = double(counts_[last]); n <= outside * total && last > first; last--)
        n += double(counts_[last - 1]);
    const float half = (seen_.high - seen_.low) / float(bins) / 2;
    return {std::min(0.0f, first == 0 ? seen_.low : centre(first) - half),
            std::max(0.0f, last == bins - 1 ? seen_.high : centre(last) + half)};
}

double Histogram::squared_error(const Range& range) const {
    const double step = double(range.high - range.low) / 255, rounding = step * step / 12;
    double error = 0;
    for (size_t k = 0; k < bins; k++) {
        if (counts_[k] == 0)
            continue;
        const float v = centre(k), cut = v - std::clamp(v, range.low, range.high);
        error += double(counts_[k]) * (cut == 0 ? rounding : double(cut) * double(cut));
    }
    return error;
}

Range Histogram::least_squares() const {
    Range best = seen_;
    double least = squared_error(best);
    for (int low = 0; low < (seen_.low < 0 ? tries : 1); low++)
        for (int high = 0; high < (seen_.high > 0 ? tries : 1); high++) {
            const Range range{seen_.low * part(low), seen_.high * part(high)};
            if (const double error = squared_error(range); error < least)
                best = range, least = error;
        }
    return best;
}

// Kullback-Leibler divergence of what is seen, cut off at the range's ends, from the same spread
// evenly over each of its 256 steps (Migacz, 8-bit inference with TensorRT, 2017). Zeros do not
// count: they are exact in any range.
double Histogram::divergence(const Range& range) const {
    const float step = (range.high - range.low) / 255;
    const auto step_of = [&](size_t bin) {
        return size_t(std::clamp(std::nearbyint((centre(bin) - range.low) / step), 0.0f, 255.0f));
    };
    const auto bin_of = [&](float v) {
        const float at = (v - seen_.low) / (seen_.high - seen_.low) * float(bins);
        return size_t(std::clamp(at, 0.0f, float(bins - 1)));
    };
    const size_t first = bin_of(range.low), last = bin_of(range.high), zero = bin_of(0);
    std::vector<double> cut(bins), seen(256), filled(256);
    double total = 0, inside = 0;
    for (size_t k = 0; k < bins; k++) {
        if (k == zero || counts_[k] == 0)
            continue;
        total += double(counts_[k]);
        cut[std::clamp(k, first, last)] += double(counts_[k]);
        if (k < first || k > last)
            continue;
        inside += double(counts_[k]);
        seen[step_of(k)] += double(counts_[k]);
        filled[step_of(k)]++;
    }
    double sum = 0;
    for (size_t k = first; k <= last; k++) {
        if (cut[k] == 0)
            continue;
        constexpr double never = 1e-9;
        const size_t at = step_of(k);
        const double p = cut[k] / total, q = filled[at] > 0 ? seen[at] / filled[at] / inside : 0;
        sum += p * std::log(p / std::max(q, never));
    }
    return sum;
}

// One end after the other.
Range Histogram::nearest() const {
    Range best = seen_;
    for (float Range::*end : {&Range::high, &Range::low}) {
        double least = std::numeric_limits<double>::infinity();
        const Range whole = best;
        for (int k = 0; k < (whole.*end == 0 ? 1 : tries); k++) {
            Range range = whole;
            range.*end *= part(k);
            if (const double d = divergence(range); d < least)
                best = range, least = d;
        }
    }
    return best;
}

} // namespace infer::calibrate
