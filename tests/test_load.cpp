// SPDX-License-Identifier: LGPL-2.1-or-later
// The load generator of `gst-inference benchmark`, on executors that do no work.

#include "tools/load.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

using namespace infer;
using namespace infer::tools;

namespace {

// Calls `done` inside submit(), as an executor may: the hardest case for a load that submits again
// from `done`. Fails from submit number `fails_from` on.
class Immediate : public Executor {
public:
    explicit Immediate(int fails_from = 1 << 30) : fails_from_(fails_from) {}

    std::span<const InputFormat> inputs() const override { return {}; }
    std::span<const OutputFormat> outputs() const override { return {}; }
    int batch() const override { return 1; }
    Result<std::vector<Request>> make_requests(int count) override {
        return std::vector<Request>(size_t(count));
    }
    void submit(Request& request) override {
        const Error error{Error::Device, "lane", "it broke"};
        nested_++;
        deepest_ = std::max(deepest_.load(), nested_.load());
        finish(request, ++submitted_ > fails_from_ ? &error : nullptr);
        nested_--;
    }
    int lanes() const override { return 1; }
    std::map<std::string, std::string> describe() const override { return {}; }

    int submitted() const { return submitted_; }
    int deepest() const { return deepest_; } // submits inside submits

protected:
    virtual void finish(Request& request, const Error* error) { request.done(error); }

private:
    const int fails_from_;
    std::atomic<int> submitted_ = 0, nested_ = 0, deepest_ = 0;
};

// Calls `done` on a thread of its own.
class Elsewhere final : public Immediate {
    void finish(Request& request, const Error*) override {
        if (worker_.joinable())
            worker_.join();
        worker_ = std::jthread([&request] { request.done(nullptr); });
    }
    std::jthread worker_;
};

constexpr double short_time = 0.02;

} // namespace

TEST(Load, one_at_a_time_counts_every_request) {
    Immediate executor;
    auto requests = executor.make_requests(1);
    const auto measured = one_at_a_time(executor, requests.value()[0], short_time);
    ASSERT_TRUE(measured.ok());
    EXPECT_EQ(measured.value().latency_ms.size(), size_t(executor.submitted()));
    EXPECT_GE(measured.value().elapsed_s, short_time);
}

TEST(Load, keeps_requests_in_flight_without_nesting_submits) {
    Immediate executor;
    auto requests = executor.make_requests(3);
    const auto measured = keep_in_flight(executor, requests.value(), short_time);
    ASSERT_TRUE(measured.ok());
    EXPECT_EQ(measured.value().latency_ms.size(), size_t(executor.submitted()));
    EXPECT_EQ(executor.deepest(), 1);
}

TEST(Load, works_with_callbacks_on_another_thread) {
    Elsewhere executor;
    auto requests = executor.make_requests(1);
    for (const auto& measured :
         {one_at_a_time(executor, requests.value()[0], short_time),
          at_intervals(executor, requests.value(), short_time, short_time / 10)})
        EXPECT_TRUE(measured.ok());
}

TEST(Load, stops_at_the_first_failure_and_says_which) {
    for (int requests_in_flight : {1, 3}) {
        Immediate executor(5);
        auto requests = executor.make_requests(requests_in_flight);
        const auto one = one_at_a_time(executor, requests.value()[0], 60);
        const auto many = keep_in_flight(executor, requests.value(), 60);
        const auto open = at_intervals(executor, requests.value(), 60, 1e-6);
        for (const auto* measured : {&one, &many, &open}) {
            ASSERT_FALSE(measured->ok());
            EXPECT_EQ(measured->error().text(), "lane: it broke");
        }
    }
}

TEST(Load, sends_at_the_rate_asked_for) {
    Immediate executor;
    auto requests = executor.make_requests(1);
    const auto measured = at_intervals(executor, requests.value(), short_time, short_time / 8);
    ASSERT_TRUE(measured.ok());
    EXPECT_LE(executor.submitted(), 8);
    EXPECT_EQ(size_t(executor.submitted()) + measured.value().late, 8u);
}

TEST(Load, percentiles_are_of_the_sorted_latencies) {
    Measured measured;
    for (int i = 1; i <= 100; i++)
        measured.latency_ms.push_back(i);
    EXPECT_EQ(measured.percentile(0.5), 51);
    EXPECT_EQ(measured.percentile(0.99), 100);
    EXPECT_EQ(measured.percentile(1), 100);
    EXPECT_EQ(Measured{}.percentile(0.5), 0);
}
