// SPDX-License-Identifier: LGPL-2.1-or-later
// What every source may rely on, however many there are: each buffer leaves once, in order, with
// its own result; events keep their place; the same picture gives the same result in any company.
#include "tests/gst/support.h"

#include <gtest/gtest.h>

#include <memory>
#include <thread>

namespace {

const std::string brightness =
    "gstinference model=" + test_data("brightness.onnx") + " decoder=ultraface";

using Log = std::vector<std::string>;

// Sources of different lengths, formats and speeds; each shows its number as its brightness.
void play_all(size_t sources, const std::string& more) {
    SCOPED_TRACE(std::to_string(sources) + " sources" + more);
    const char* formats[] = {"RGB", "I420", "NV12", "GRAY8", "BGRx"};
    const auto length = [](size_t k) { return guint64(k * 7 % 23); };
    const auto shown = [](size_t k) { return uint8_t(3 * k + 30); };
    Element gi(brightness + more);
    std::vector<std::unique_ptr<Wire>> wires;
    for (size_t k = 0; k < sources; k++)
        wires.push_back(std::make_unique<Wire>(gi.get(), int(k)));
    ASSERT_TRUE(gi.set_state(GST_STATE_PLAYING));
    std::vector<std::thread> cameras;
    for (size_t k = 0; k < sources; k++)
        cameras.emplace_back([&, k] {
            wires[k]->start("video/x-raw,width=32,height=32,format=" + std::string(formats[k % 5]));
            for (guint64 n = 0; n < length(k); n++)
                EXPECT_EQ(wires[k]->frame(n, shown(k)), GST_FLOW_OK);
            EXPECT_TRUE(wires[k]->event(gst_event_new_eos()));
        });
    for (auto& c : cameras)
        c.join();
    for (size_t k = 0; k < sources; k++) {
        ASSERT_TRUE(wires[k]->wait_for("eos", 1)) << k;
        EXPECT_EQ(wires[k]->count("eos"), 1u) << k;
        EXPECT_EQ(wires[k]->log().back(), "eos") << k;
        const auto frames = wires[k]->frames();
        ASSERT_EQ(frames.size(), length(k)) << k;
        for (guint64 n = 0; n < frames.size(); n++) {
            EXPECT_EQ(GST_BUFFER_PTS(frames[n]), n * 40 * GST_MSECOND);
            EXPECT_NEAR(brightness_of(frames[n], 32, 32), shown(k), 1) << k << ", frame " << n;
        }
    }
}

// The raw outputs of a picture, as bytes.
std::string raw_outputs(GstBuffer* frame) {
    std::string all;
    for (const char* name : {"scores", "boxes"}) {
        const auto* tensor = gst_buffer_get_inference_tensor_meta(frame, name);
        if (!tensor)
            return "";
        gsize size = 0;
        const auto* data = static_cast<const char*>(g_bytes_get_data(tensor->data, &size));
        all.append(data, size);
    }
    return all;
}

GstEvent* segment_event(double rate, GstFormat format) {
    GstSegment segment;
    gst_segment_init(&segment, format);
    segment.rate = rate;
    segment.stop = 10 * GST_SECOND;
    return gst_event_new_segment(&segment);
}

} // namespace

TEST(Contract, every_frame_leaves_once_in_order_with_its_own_result) {
    for (const size_t sources : {1u, 2u, 5u, 16u, 64u})
        for (const char* more : {"", " batch-size=8", " batch-size=3 batch-timeout=2 requests=2"})
            play_all(sources, more);
}

TEST(Contract, on_the_cpu_at_f32_results_are_the_same_bits_in_any_company) {
    std::vector<std::string> expected(12);
    for (const char* more : {" batch-size=1", " batch-size=4", " batch-size=16 batch-timeout=5",
                             " batch-size=7 streams=2"})
        for (const size_t sources : {1u, 4u}) {
            Element gi("gstinference decoder=none precision=f32 model=" +
                       test_data("brightness.onnx") + more);
            std::vector<std::unique_ptr<Wire>> wires;
            for (size_t k = 0; k < sources; k++)
                wires.push_back(std::make_unique<Wire>(gi.get(), int(k)));
            ASSERT_TRUE(gi.set_state(GST_STATE_PLAYING));
            std::vector<std::thread> cameras;
            for (auto& w : wires)
                cameras.emplace_back([&w, &expected] {
                    w->start();
                    for (guint64 n = 0; n < expected.size(); n++)
                        w->frame(n, uint8_t(11 + 19 * n));
                    w->event(gst_event_new_eos());
                });
            for (auto& c : cameras)
                c.join();
            for (auto& w : wires) {
                ASSERT_TRUE(w->wait_for("eos", 1));
                ASSERT_EQ(w->frames().size(), expected.size());
                for (size_t n = 0; n < expected.size(); n++) {
                    const std::string got = raw_outputs(w->frames()[n]);
                    ASSERT_FALSE(got.empty());
                    if (expected[n].empty())
                        expected[n] = got;
                    EXPECT_EQ(got, expected[n]) << more << ", " << sources << " sources";
                }
            }
        }
}

TEST(Contract, every_serialized_event_keeps_its_place_between_frames) {
    Element gi(brightness + " batch-size=4");
    Wire w(gi.get(), 0);
    ASSERT_TRUE(gi.set_state(GST_STATE_PLAYING));
    w.start();
    GstToc* toc = gst_toc_new(GST_TOC_SCOPE_GLOBAL);
    GstBuffer* secret = gst_buffer_new();
    GstStream* stream = gst_stream_new("s", nullptr, GST_STREAM_TYPE_VIDEO, GST_STREAM_FLAG_NONE);
    GstStreamCollection* collection = gst_stream_collection_new("c");
    GstMessage* told = gst_message_new_application(nullptr, gst_structure_new_empty("told"));
    gst_stream_collection_add_stream(collection, stream);
    GstEvent* const events[] = {
        gst_event_new_tag(gst_tag_list_new(GST_TAG_TITLE, "t", nullptr)),
        gst_event_new_buffer_size(GST_FORMAT_BYTES, 1, 2, FALSE),
        gst_event_new_stream_collection(collection),
        gst_event_new_toc(toc, FALSE),
        gst_event_new_protection("system", secret, "origin"),
        gst_event_new_gap(0, 40 * GST_MSECOND),
        gst_event_new_sink_message("sink-message", told),
        gst_event_new_custom(GST_EVENT_CUSTOM_DOWNSTREAM, gst_structure_new_empty("c")),
        gst_event_new_custom(GST_EVENT_CUSTOM_DOWNSTREAM_STICKY, gst_structure_new_empty("s")),
        gst_event_new_custom(GST_EVENT_CUSTOM_BOTH, gst_structure_new_empty("b")),
        segment_event(-1.0, GST_FORMAT_TIME),
        segment_event(1.0, GST_FORMAT_BYTES),
        gst_event_new_segment_done(GST_FORMAT_TIME, 0),
        gst_event_new_stream_group_done(1),
        gst_event_new_eos(),
    };
    Log expected = {"stream-start", "caps", "segment"};
    guint64 number = 0;
    for (GstEvent* event : events) {
        EXPECT_EQ(w.frame(number, 10), GST_FLOW_OK);
        expected.push_back("frame " + std::to_string(number++));
        expected.push_back(GST_EVENT_TYPE_NAME(event));
        EXPECT_TRUE(w.event(event)) << expected.back();
    }
    ASSERT_TRUE(w.wait_for("eos", 1));
    EXPECT_EQ(w.log(), expected);
    gst_message_unref(told);
    gst_object_unref(collection);
    gst_buffer_unref(secret);
    gst_toc_unref(toc);
}

// A segment seek ends in SEGMENT_DONE and no EOS: nothing more comes to fill the batch.
TEST(Contract, the_end_of_a_segment_closes_a_batch_that_nobody_else_fills) {
    Element gi(brightness + " batch-size=16 batch-timeout=60000");
    Wire w(gi.get(), 0);
    ASSERT_TRUE(gi.set_state(GST_STATE_PLAYING));
    w.start();
    w.frame(0, 10);
    EXPECT_TRUE(w.event(gst_event_new_segment_done(GST_FORMAT_TIME, 0)));
    ASSERT_TRUE(w.wait_for("segment-done", 1));
    EXPECT_EQ(w.count("frame"), 1u);
}

// A seek may overtake caps and tags that still wait behind frames; nobody would send them again.
TEST(Contract, what_a_flush_throws_away_does_not_include_what_the_stream_is) {
    Element gi(brightness);
    Wire w(gi.get(), 0);
    ASSERT_TRUE(gi.set_state(GST_STATE_PLAYING));
    w.start();
    ASSERT_TRUE(w.wait_for("segment", 1));
    w.block(true);
    w.frame(0, 10);
    ASSERT_TRUE(w.wait_until_blocked());
    w.caps("video/x-raw,format=GRAY8,width=48,height=40,framerate=25/1");
    w.event(gst_event_new_tag(gst_tag_list_new(GST_TAG_TITLE, "t", nullptr)));
    w.event(gst_event_new_flush_start());
    w.event(gst_event_new_flush_stop(TRUE));
    w.block(false);
    w.event(segment_event(1.0, GST_FORMAT_TIME));
    w.frame(7, 90);
    ASSERT_TRUE(w.wait_for("frame", 1));
    const Log log = w.log();
    ASSERT_GE(log.size(), 4u);
    EXPECT_EQ(Log(log.end() - 4, log.end()), (Log{"caps", "segment", "tag", "frame 7"}));
    EXPECT_NEAR(brightness_of(w.frames()[0], 48, 40), 90, 2);
}

// Reverse playback, times that repeat, run backwards or are missing, gap buffers: order is the
// order of arrival, and flags and times stay.
TEST(Contract, times_and_flags_of_buffers_are_passed_on_and_mean_nothing_to_the_order) {
    Element gi(brightness + " batch-size=4");
    Wire w(gi.get(), 0);
    ASSERT_TRUE(gi.set_state(GST_STATE_PLAYING));
    w.event(gst_event_new_stream_start("test"));
    const char caps[] = "video/x-raw,format=RGB,width=32,height=32,framerate=25/1";
    w.caps(caps);
    w.event(segment_event(-1.0, GST_FORMAT_TIME));
    const GstClockTime times[] = {
        5 * GST_SECOND,      4 * GST_SECOND, 4 * GST_SECOND, GST_CLOCK_TIME_NONE, 0,
        GST_CLOCK_TIME_NONE, GST_SECOND};
    for (size_t n = 0; n < std::size(times); n++) {
        GstBuffer* buffer = make_frame(caps, uint8_t(20 * n + 30), 0);
        GST_BUFFER_PTS(buffer) = times[n];
        GST_BUFFER_DURATION(buffer) = GST_CLOCK_TIME_NONE;
        GST_BUFFER_OFFSET(buffer) = n;
        if (n % 2)
            GST_BUFFER_FLAG_SET(buffer, GST_BUFFER_FLAG_GAP | GST_BUFFER_FLAG_DISCONT);
        EXPECT_EQ(gst_pad_push(w.camera(), buffer), GST_FLOW_OK);
    }
    ASSERT_TRUE(w.wait_for("frame", std::size(times)));
    for (size_t n = 0; n < std::size(times); n++) {
        GstBuffer* out = w.frames()[n];
        EXPECT_EQ(GST_BUFFER_PTS(out), times[n]);
        EXPECT_EQ(GST_BUFFER_OFFSET(out), n);
        EXPECT_EQ(bool(GST_BUFFER_FLAG_IS_SET(out, GST_BUFFER_FLAG_GAP)), n % 2 == 1);
        EXPECT_NEAR(brightness_of(out, 32, 32), 20.0 * double(n) + 30, 1);
    }
}

// A decoder with four buffers of its own and a tee: the element holds no more than it must, lets
// go of what it gave on, and leaves shared pixels alone.
TEST(Contract, a_pool_of_four_buffers_and_a_second_reader_are_enough) {
    Element gi(brightness + " batch-size=8");
    Wire w(gi.get(), 0);
    ASSERT_TRUE(gi.set_state(GST_STATE_PLAYING));
    w.start();
    GstBufferPool* pool = gst_buffer_pool_new();
    GstStructure* config = gst_buffer_pool_get_config(pool);
    gst_buffer_pool_config_set_params(config, nullptr, 32 * 32 * 3, 4, 4);
    gst_buffer_pool_set_config(pool, config);
    gst_buffer_pool_set_active(pool, TRUE);
    w.keep_frames(false);
    for (guint64 n = 0; n < 40; n++) {
        GstBuffer* buffer = nullptr;
        ASSERT_EQ(gst_buffer_pool_acquire_buffer(pool, &buffer, nullptr), GST_FLOW_OK);
        gst_buffer_memset(buffer, 0, guint8(n), 32 * 32 * 3);
        GST_BUFFER_PTS(buffer) = n * 40 * GST_MSECOND;
        GstBuffer* shared = gst_buffer_ref(buffer);
        EXPECT_EQ(gst_pad_push(w.camera(), buffer), GST_FLOW_OK);
        guint8 pixel = 0;
        gst_buffer_extract(shared, 0, &pixel, 1);
        EXPECT_EQ(pixel, n);
        gst_buffer_unref(shared);
    }
    w.event(gst_event_new_eos());
    ASSERT_TRUE(w.wait_for("eos", 1));
    EXPECT_EQ(w.count("frame"), 40u);
    gst_buffer_pool_set_active(pool, FALSE);
    gst_object_unref(pool);
}
