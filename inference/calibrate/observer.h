// SPDX-License-Identifier: LGPL-2.1-or-later
// What range of numbers 256 steps should cover.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace infer::calibrate {

// MinMax: all that was seen. Percentile: all but the outermost 0.01 %. MSE: what makes the squared
// error of rounding and cutting off least. KL: what keeps the distribution nearest to itself.
enum class Observer { MinMax, Percentile, MSE, KL };
inline constexpr Observer all_observers[] = {Observer::MinMax, Observer::Percentile, Observer::MSE,
                                             Observer::KL};
std::string_view name_of(Observer observer); // "minmax", ...

struct Range {
    float low = 0, high = 0; // low <= 0 <= high
};

// The numbers of one value over many frames. First all frames go through `widen`, then all through
// `add`.
class Histogram {
public:
    void widen(std::span<const float> numbers);
    void
    add(std::span<const float> numbers); // numbers outside what was widened to count at its ends
    Range range(Observer observer) const;

private:
    static constexpr size_t bins = 2048;

    float centre(size_t bin) const;
    Range percentile() const;
    Range least_squares() const;
    Range nearest() const;
    double squared_error(const Range& range) const;
    double divergence(const Range& range) const;

    Range seen_;
    std::vector<uint64_t> counts_;
};

} // namespace infer::calibrate
