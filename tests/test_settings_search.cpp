// SPDX-License-Identifier: LGPL-2.1-or-later
//
// How `gst-inference tune` looks for the fastest settings.
#include "tools/settings_search.h"

#include <gtest/gtest.h>

#include <functional>

using namespace infer;
using namespace infer::tools;

namespace {

TimedRun rule_of(Hint hint, std::map<std::string, std::string> facts, int lanes,
                 double frames_per_s) {
    return {{.hint = hint}, std::move(facts), lanes, 1, frames_per_s};
}

// Searches where settings are as fast as `rate` says; how many were tried.
int search(SettingsSearch& search, const std::function<double(const CompileOptions&)>& rate) {
    int trials = 0;
    for (; const auto options = search.next(); trials++)
        search.tell(*options, rate(*options));
    return trials;
}

TEST(SettingsSearch, finds_lanes_batch_and_precision_one_after_the_other) {
    SettingsSearch s(rule_of(Hint::Throughput, {{"threads", "8"}, {"precision", "bf16"}}, 8, 100));
    search(s, [](const CompileOptions& o) {
        return 100.0 + (o.streams == 4) * 10 + (o.batch == 4) * 5 +
               (o.precision == Precision::F32) * 2;
    });
    EXPECT_EQ(s.best().streams, 4);
    EXPECT_EQ(s.best().threads, 8);
    EXPECT_EQ(s.best().batch, 4);
    EXPECT_EQ(s.best().precision, Precision::F32);
}

TEST(SettingsSearch, stays_with_the_rule_if_nothing_is_faster) {
    SettingsSearch s(rule_of(Hint::Throughput, {{"threads", "2"}, {"precision", "f32"}}, 2, 100));
    EXPECT_GT(search(s, [](const CompileOptions&) { return 99; }), 3);
    EXPECT_EQ(s.best().streams, 0);
    EXPECT_EQ(s.best().batch, 0);
}

TEST(SettingsSearch, does_not_try_larger_batches_than_one_that_loses_much) {
    SettingsSearch s(rule_of(Hint::Throughput, {}, 1, 100));
    int largest = 0;
    search(s, [&](const CompileOptions& o) {
        largest = std::max(largest, o.batch);
        return 100.0 / std::max(1, o.batch);
    });
    EXPECT_EQ(largest, 2);
}

TEST(SettingsSearch, of_latency_tries_fewer_threads_and_no_batch) {
    SettingsSearch s(rule_of(Hint::Latency, {{"threads", "4"}, {"precision", "f32"}}, 1, 100));
    const int trials = search(s, [](const CompileOptions& o) {
        EXPECT_EQ(o.batch, 0);
        EXPECT_EQ(o.streams, 1);
        return 100.0 + 5 - o.threads;
    });
    EXPECT_EQ(trials, 2);
    EXPECT_EQ(s.best().threads, 1);
}

TEST(SettingsSearch, tries_no_other_precision_than_the_one_asked_for) {
    TimedRun rule = rule_of(Hint::Latency, {{"precision", "bf16"}}, 1, 100);
    rule.options.precision = Precision::BF16;
    SettingsSearch s(rule);
    EXPECT_EQ(search(s, [](const CompileOptions&) { return 200; }), 0);
}

} // namespace
