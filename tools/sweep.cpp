// SPDX-License-Identifier: LGPL-2.1-or-later
#include "tools/sweep.h"

#include <cstdio>

namespace infer::tools {
namespace {

constexpr double shares[] = {0.1, 0.25, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 1.0};

std::string format(const char* pattern, const SweepPoint& p) {
    char text[160];
    std::snprintf(text, sizeof text, pattern, p.offered, p.done, p.p50_ms, p.p90_ms, p.p99_ms);
    return text;
}

} // namespace

Result<std::vector<SweepPoint>> sweep(Executor& executor, std::span<Request> requests,
                                      double capacity, double seconds) {
    std::vector<SweepPoint> curve;
    for (const double share : shares) {
        const double rate = share * capacity;
        const auto measured = at_intervals(executor, requests, seconds, executor.batch() / rate);
        if (!measured.ok())
            return measured.error();
        const Measured& m = measured.value();
        curve.push_back({rate, double(m.latency_ms.size()) * executor.batch() / m.elapsed_s,
                         m.percentile(0.5), m.percentile(0.9), m.percentile(0.99)});
    }
    return curve;
}

std::string text_of(const std::vector<SweepPoint>& curve) {
    std::string text = "   offered/s     done/s     p50 ms     p90 ms     p99 ms\n";
    for (const SweepPoint& point : curve)
        text += format("  %10.2f %10.2f %10.2f %10.2f %10.2f\n", point);
    return text;
}

std::string json_of(const std::vector<SweepPoint>& curve) {
    std::string text;
    for (const SweepPoint& point : curve)
        text +=
            (text.empty() ? "[" : ", ") +
            format(
                "{\"offered\": %.3f, \"fps\": %.3f, \"p50\": %.4f, \"p90\": %.4f, \"p99\": %.4f}",
                point);
    return text + "]";
}

} // namespace infer::tools
