// SPDX-License-Identifier: LGPL-2.1-or-later
// What `stats` and messages tell of frames.
#include "gst/rate.h"
#include "gst/skips.h"
#include "tests/gst/gate_device.h"
#include "tests/gst/support.h"

#include <gtest/gtest.h>

namespace {

const std::string gated = "gstinference name=gi device=GATE private=true batch-size=1 decoder=ultraface model=" + test_data("brightness.onnx");

// The `stats` of an element or pad.
class Stats {
public:
    explicit Stats(gpointer of) { g_object_get(of, "stats", &stats_, nullptr); }
    ~Stats() { gst_structure_free(stats_); }
    Stats(const Stats&) = delete;

    guint64 count(const char* name) const {
        guint64 n = 0;
        EXPECT_TRUE(gst_structure_get_uint64(stats_, name, &n)) << name;
        return n;
    }
    double figure(const std::string& name) const {
        double v = -1;
        EXPECT_TRUE(gst_structure_get_double(stats_, name.c_str(), &v)) << name;
        return v;
    }
    int depth() const {
        int n = -1;
        EXPECT_TRUE(gst_structure_get_int(stats_, "queue-depth", &n));
        return n;
    }
    double share(const char* device) const {
        GstStructure* devices = nullptr;
        double share = -1;
        EXPECT_TRUE(gst_structure_get(stats_, "device-shares", GST_TYPE_STRUCTURE, &devices, nullptr));
        gst_structure_get_double(devices, device, &share);
        gst_structure_free(devices);
        return share;
    }
    std::vector<guint64> batch_fill() const {
        const GValue* array = gst_structure_get_value(stats_, "batch-fill");
        std::vector<guint64> fill;
        for (guint k = 0; array && k < gst_value_array_get_size(array); k++)
            fill.push_back(g_value_get_uint64(gst_value_array_get_value(array, k)));
        return fill;
    }

private:
    GstStructure* stats_ = nullptr;
};

void expect_counts(const Stats& s, guint64 in, guint64 inferred, guint64 skipped, guint64 failed) {
    EXPECT_EQ(s.count("frames-in"), in);
    EXPECT_EQ(s.count("frames-out"), in);
    EXPECT_EQ(s.count("inferred"), inferred);
    EXPECT_EQ(s.count("skipped"), skipped);
    EXPECT_EQ(s.count("dropped"), 0u);
    EXPECT_EQ(s.count("failed"), failed);
    EXPECT_EQ(s.depth(), 0);
}

struct StatsOf : testing::Test {
    void TearDown() override { gate::open(); }
};

} // namespace

TEST_F(StatsOf, an_element_are_the_sum_of_its_pads) {
    Element gi(gated + " interval=2");
    Wire a(gi.get(), 0), b(gi.get(), 1);
    ASSERT_TRUE(gi.set_state(GST_STATE_PLAYING));
    a.start();
    b.start();
    for (guint64 n = 0; n < 10; n++)
        EXPECT_EQ(a.frame(n, 10), GST_FLOW_OK);
    for (guint64 n = 0; n < 4; n++)
        EXPECT_EQ(b.frame(n, 10), GST_FLOW_OK);
    EXPECT_EQ(gst_pad_push(b.camera(), gst_buffer_new_allocate(nullptr, 10, nullptr)), GST_FLOW_OK); // too small
    // The event leaves behind the frames, when they have been counted.
    a.event(gst_event_new_eos());
    b.event(gst_event_new_eos());
    ASSERT_TRUE(a.wait_for("eos", 1));
    ASSERT_TRUE(b.wait_for("eos", 1));
    expect_counts(Stats(a.sink()), 10, 5, 5, 0);
    expect_counts(Stats(b.sink()), 5, 2, 2, 1);
    const Stats all(gi.get());
    expect_counts(all, 15, 7, 7, 1);
    EXPECT_EQ(all.count("frames"), 8u); // 7 in batches, and one that reached none
    EXPECT_EQ(all.count("batches"), 7u);
    EXPECT_EQ(all.batch_fill(), (std::vector<guint64>{0, 7}));
    EXPECT_EQ(all.share("GATE"), 1.0);
}

TEST_F(StatsOf, stages_add_up_to_the_latency) {
    Element gi(gated);
    Wire w(gi.get(), 0);
    ASSERT_TRUE(gi.set_state(GST_STATE_PLAYING));
    w.start();
    EXPECT_EQ(w.frame(0, 10), GST_FLOW_OK);
    w.event(gst_event_new_eos());
    ASSERT_TRUE(w.wait_for("eos", 1));
    for (gpointer of : {static_cast<gpointer>(gi.get()), static_cast<gpointer>(w.sink())}) {
        const Stats s(of);
        double sum = 0;
        for (const char* stage : {"queue", "preprocess", "inference", "postprocess", "output"}) {
            const double p50 = s.figure(stage + std::string("-p50"));
            EXPECT_GE(p50, 0);
            EXPECT_EQ(p50, s.figure(stage + std::string("-p99"))); // of one frame all are the same
            sum += p50;
        }
        const double latency = s.figure("latency-p50");
        EXPECT_GT(latency, 0);
        EXPECT_NEAR(sum, latency, 5 + latency / 16); // a histogram's steps are a sixteenth
        EXPECT_EQ(s.figure("latency-p95"), latency);
        EXPECT_GT(s.figure("fps"), 0);
    }
}

TEST_F(StatsOf, a_source_say_how_many_frames_it_holds) {
    Element gi(gated);
    Wire w(gi.get(), 0);
    ASSERT_TRUE(gi.set_state(GST_STATE_PLAYING));
    w.start();
    EXPECT_EQ(w.frame(0, 10), GST_FLOW_OK);
    ASSERT_TRUE(w.wait_for("frame", 1));
    gate::close();
    EXPECT_EQ(w.frame(1, 10), GST_FLOW_OK);
    EXPECT_EQ(w.frame(2, 10), GST_FLOW_OK);
    EXPECT_EQ(Stats(w.sink()).depth(), 2);
    EXPECT_EQ(Stats(gi.get()).depth(), 2);
    EXPECT_EQ(Stats(w.sink()).count("frames-in"), 3u);
    gate::open();
    w.event(gst_event_new_eos());
    ASSERT_TRUE(w.wait_for("eos", 1));
    EXPECT_EQ(Stats(w.sink()).depth(), 0);
}

TEST_F(StatsOf, nothing_that_ran_yet_are_there_and_zero) {
    Element gi(gated);
    Wire w(gi.get(), 0);
    for (gpointer of : {static_cast<gpointer>(gi.get()), static_cast<gpointer>(w.sink())}) {
        const Stats s(of);
        expect_counts(s, 0, 0, 0, 0);
        EXPECT_EQ(s.figure("fps"), 0);
        EXPECT_EQ(s.figure("latency-p99"), 0);
    }
}

TEST(Rates, are_of_the_last_seconds) {
    Rate rate;
    EXPECT_EQ(rate.per_second(0), 0);
    for (int64_t t = 0; t < 10'000'000; t += 40'000)
        rate.count(t);
    EXPECT_NEAR(rate.per_second(10'000'000), 25, 1);
    EXPECT_NEAR(rate.per_second(12'000'000), 12.5, 1.5); // silent for half of the window
    EXPECT_EQ(rate.per_second(20'000'000), 0);
    Rate begun;
    for (int64_t t = 0; t < 500'000; t += 100'000)
        begun.count(t);
    EXPECT_NEAR(begun.per_second(500'000), 10, 0.1);
}

TEST(SkippedFrames, are_told_once_a_second_with_source_reason_and_count) {
    Skips skips;
    using infer::FrameStatus;
    GstStructure* told = skips.add("a", FrameStatus::Skipped, "qos", 0);
    ASSERT_NE(told, nullptr); // the first at once
    gst_structure_free(told);
    for (int k = 0; k < 5; k++)
        EXPECT_EQ(skips.add("a", FrameStatus::Dropped, "late", 100'000 * k), nullptr);
    EXPECT_EQ(skips.add("b", FrameStatus::Skipped, "interval", 999'999), nullptr);
    told = skips.add("b", FrameStatus::Skipped, "interval", 1'000'000);
    ASSERT_NE(told, nullptr);
    guint64 frames = 0;
    gst_structure_get_uint64(told, "frames", &frames);
    EXPECT_EQ(frames, 7u);
    const GValue* list = gst_structure_get_value(told, "skipped");
    ASSERT_EQ(gst_value_list_get_size(list), 2u);
    const GstStructure* first = gst_value_get_structure(gst_value_list_get_value(list, 0));
    EXPECT_STREQ(gst_structure_get_string(first, "source-id"), "a");
    EXPECT_STREQ(gst_structure_get_string(first, "status"), "dropped");
    EXPECT_STREQ(gst_structure_get_string(first, "reason"), "late");
    gst_structure_get_uint64(first, "frames", &frames);
    EXPECT_EQ(frames, 5u);
    gst_structure_free(told);
}

TEST_F(StatsOf, dropped_frames_reach_the_bus) {
    Element gi(gated + " drop=oldest requests=1");
    Wire w(gi.get(), 0);
    ASSERT_TRUE(gi.set_state(GST_STATE_PLAYING));
    w.start();
    EXPECT_EQ(w.frame(0, 10), GST_FLOW_OK);
    ASSERT_TRUE(w.wait_for("frame", 1));
    gate::close();
    for (guint64 n = 1; n <= 8; n++)
        EXPECT_EQ(w.frame(n, 10), GST_FLOW_OK);
    gate::open();
    ASSERT_TRUE(w.wait_for("frame", 9));
    GstBus* bus = gst_element_get_bus(gi.get());
    GstMessage* message = gst_bus_pop_filtered(bus, GST_MESSAGE_ELEMENT);
    ASSERT_NE(message, nullptr);
    EXPECT_TRUE(gst_message_has_name(message, "inference-skipped"));
    gst_message_unref(message);
    EXPECT_EQ(gst_bus_pop_filtered(bus, GST_MESSAGE_ELEMENT), nullptr); // within the same second
    gst_object_unref(bus);
    EXPECT_EQ(Stats(w.sink()).count("dropped"), 5u); // one in the device, two in the queue
}
