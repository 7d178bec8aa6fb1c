// SPDX-License-Identifier: LGPL-2.1-or-later
#include "pipelines/demo_report.h"

#include "pipelines/demo_line.h"

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <numeric>

namespace demo {
namespace {

uint64_t lines_of(const std::string& file) {
    std::ifstream stream(file);
    return uint64_t(std::count(std::istreambuf_iterator<char>(stream), {}, '\n'));
}

template <typename Get>
std::string list(const std::vector<Counts>& counts, const char* pattern, Get get) {
    std::string text;
    for (const Counts& c : counts) {
        char word[64];
        std::snprintf(word, sizeof word, pattern, get(c));
        text += (text.empty() ? "" : " ") + std::string(word);
    }
    return text;
}

uint64_t sum(const std::vector<Counts>& counts, uint64_t Counts::*member) {
    return std::accumulate(counts.begin(), counts.end(), uint64_t(0),
                           [=](uint64_t n, const Counts& c) { return n + c.*member; });
}

double own_fps(const Counts& c) {
    const std::chrono::duration<double> time = c.last - c.first;
    return c.out > 1 ? double(c.out - 1) / time.count() : 0;
}

void print_objects(const std::vector<Counts>& counts, double frames) {
    std::map<std::string, uint64_t> by_label;
    for (const Counts& c : counts)
        for (const auto& [label, n] : c.objects)
            by_label[label] += n;
    uint64_t all = 0;
    std::string text;
    for (const auto& [label, n] : by_label) {
        all += n;
        text += (text.empty() ? "" : ", ") + label + " " + std::to_string(n);
    }
    std::printf("detections  %llu, %.1f a frame: %s\n", static_cast<unsigned long long>(all),
                double(all) / std::max(1.0, frames), text.c_str());
}

void print_latency(const std::vector<Counts>& counts) {
    std::vector<double> all;
    for (const Counts& c : counts)
        all.insert(all.end(), c.latency_ms.begin(), c.latency_ms.end());
    if (all.empty())
        return;
    std::sort(all.begin(), all.end());
    const auto at = [&](double f) {
        return all[std::min(all.size() - 1, size_t(f * double(all.size())))];
    };
    std::printf("latency     p50 %.1f ms, p99 %.1f ms, from a frame's arrival at gstinference to "
                "its result\n",
                at(0.5), at(0.99));
}

void print_threads(const ThreadTimes& threads, double frames, double seconds) {
    auto times = threads.by_work();
    double total = 0;
    std::vector<std::pair<double, std::string>> sorted;
    for (const auto& [work, time] : times) {
        total += time;
        sorted.emplace_back(time, work);
    }
    std::sort(sorted.rbegin(), sorted.rend());
    std::printf("CPU time    %.2f ms a frame, %.2f cores busy on average:\n",
                total * 1e3 / std::max(1.0, frames), total / seconds);
    for (const auto& [time, work] : sorted)
        std::printf("            %6.2f ms  %4.1f %%  %s\n", time * 1e3 / std::max(1.0, frames),
                    100 * time / total, work.c_str());
}

// One line for each source that lost something.
bool check_all_through(const Options& options, const std::vector<Counts>& counts) {
    bool all = true;
    for (size_t k = 0; k < counts.size(); k++) {
        const uint64_t lines = lines_of(lines_file(options, k));
        const Counts& c = counts[k];
        if (c.in > 0 && c.in == c.out && c.failed == 0 && lines == c.out)
            continue;
        all = false;
        std::printf(
            "source %zu: %llu frames in, %llu out (%llu without a result), %llu lines in %s\n", k,
            static_cast<unsigned long long>(c.in), static_cast<unsigned long long>(c.out),
            static_cast<unsigned long long>(c.failed), static_cast<unsigned long long>(lines),
            lines_file(options, k).c_str());
    }
    return all;
}

} // namespace

void print_progress(const std::vector<Counts>& before, const std::vector<Counts>& now,
                    double seconds, double since_start) {
    std::string each;
    for (size_t k = 0; k < now.size(); k++) {
        char word[32];
        std::snprintf(word, sizeof word, " %.0f", double(now[k].out - before[k].out) / seconds);
        each += word;
    }
    const uint64_t frames = sum(now, &Counts::out);
    std::printf("%5.0f s  %7llu frames  %6.1f a second  by source:%s\n", since_start,
                static_cast<unsigned long long>(frames),
                double(frames - sum(before, &Counts::out)) / seconds, each.c_str());
    std::fflush(stdout);
}

bool print_report(const Options& options, const std::vector<Counts>& counts,
                  const ThreadTimes& threads, double seconds) {
    const uint64_t in = sum(counts, &Counts::in), out = sum(counts, &Counts::out);
    std::printf("\nframes      %llu in, %llu out (by source: %s)\n",
                static_cast<unsigned long long>(in), static_cast<unsigned long long>(out),
                list(counts, "%llu", [](const Counts& c) {
                    return static_cast<unsigned long long>(c.out);
                }).c_str());
    print_objects(counts, double(out));
    std::printf("speed       %.1f frames a second in all, %.1f s (by source: %s)\n",
                double(out) / seconds, seconds, list(counts, "%.1f", own_fps).c_str());
    print_latency(counts);
    print_threads(threads, double(out), seconds);
    const bool all = check_all_through(options, counts);
    std::printf("\n%s\n", video_file(options).c_str());
    for (size_t k = 0; k < counts.size(); k++)
        std::printf("%s\n", lines_file(options, k).c_str());
    return all;
}

} // namespace demo
