// SPDX-License-Identifier: LGPL-2.1-or-later
// Random sequences of everything that may be done to the element, on all its threads at once: it
// neither hangs nor crashes, and no frame gets another source's result. In suite soak alone: ten
// minutes with GI_FULL=1, else seconds. GI_SEED repeats a run.
#include "tests/gst/gate_device.h"
#include "tests/gst/support.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <functional>
#include <memory>
#include <random>
#include <thread>

namespace {

constexpr size_t slots = 6;
constexpr int width = 32, height = 24;

// Further apart than half precision and the conversions of formats are off.
uint8_t shown_by(size_t slot) { return uint8_t(25 + 40 * slot); }

// What all slots and the one who changes states have in common.
struct Stage {
    explicit Stage(GstElement* e) : element(e) {}

    GstElement* const element;
    std::atomic<bool> done{false};
    std::mutex mutex; // guards all below
    bool may_block = true;
    Wire* wires[slots] = {};

    // Downstream blocks only while nobody stops the element: it would be stopped first.
    void block(Wire& w) {
        std::lock_guard lock(mutex);
        w.block(may_block);
    }
    void unblock_all(bool may_block_again) {
        std::lock_guard lock(mutex);
        may_block = may_block_again;
        for (Wire* w : wires)
            if (w)
                w->block(false);
    }
    void set(size_t slot, Wire* w) {
        std::lock_guard lock(mutex);
        wires[slot] = w;
    }
};

GstEvent* segment_event(double rate) {
    GstSegment segment;
    gst_segment_init(&segment, GST_FORMAT_TIME);
    segment.rate = rate;
    segment.stop = GST_SECOND;
    return gst_event_new_segment(&segment);
}

void flush(Wire& w, unsigned) {
    w.event(gst_event_new_flush_start());
    w.event(gst_event_new_flush_stop(TRUE));
    w.event(segment_event(1.0));
}

void other_caps(Wire& w, unsigned random) {
    const char* formats[] = {"RGB", "I420", "NV12", "GRAY8", "BGRx"};
    w.caps("video/x-raw,width=32,height=24,format=" + std::string(formats[random % 5]));
}

void ask(Wire& w, unsigned random) {
    GstCaps* caps = gst_caps_from_string("video/x-raw,format=RGB,width=32,height=24");
    GstQuery* query = random % 3 == 0   ? gst_query_new_allocation(caps, TRUE)
                      : random % 3 == 1 ? gst_query_new_caps(nullptr)
                                        : gst_query_new_drain();
    w.query(query);
    gst_query_unref(query);
    gst_caps_unref(caps);
}

void begin_again(Wire& w, unsigned random) {
    w.event(gst_event_new_eos());
    if (random % 2)
        w.start("video/x-raw,format=RGB,width=32,height=24");
}

using Act = std::function<void(Wire&, unsigned random)>;
const Act acts[] = {
    flush,
    other_caps,
    ask,
    begin_again,
    [](Wire& w, unsigned) { w.event(gst_event_new_gap(0, GST_SECOND)); },
    [](Wire& w, unsigned) { w.event(gst_event_new_segment_done(GST_FORMAT_TIME, 0)); },
    [](Wire& w, unsigned) { w.event(segment_event(-1.0)); },
    [](Wire& w, unsigned r) {
        w.event(gst_event_new_custom(r % 2 ? GST_EVENT_CUSTOM_DOWNSTREAM
                                           : GST_EVENT_CUSTOM_DOWNSTREAM_OOB,
                                     gst_structure_new_empty("x")));
    },
    [](Wire& w, unsigned r) { g_object_set(w.sink(), "interval", int(r % 4), nullptr); },
    [](Wire& w, unsigned r) { g_object_set(w.sink(), "priority", int(r % 5), nullptr); },
    [](Wire& w, unsigned r) { w.answer_with(r % 3 ? GST_FLOW_OK : GST_FLOW_CUSTOM_ERROR); },
    [](Wire& w, unsigned) { gst_pad_push_event(w.recorder(), gst_event_new_reconfigure()); },
};

void expect_own_results(Wire& w, size_t slot) {
    for (GstBuffer* frame : w.frames()) {
        const auto* meta = gst_buffer_get_inference_frame_meta(frame);
        ASSERT_NE(meta, nullptr);
        if (meta->status == GST_INFERENCE_STATUS_INFERRED) {
            ASSERT_NEAR(brightness_of(frame, width, height), shown_by(slot), 10) << "slot " << slot;
        }
    }
}

// A frame of the caps that were sent last: some are refused, after EOS for one.
void push_frame(Wire& w, guint64 number, uint8_t brightness) {
    GstCaps* caps = gst_pad_get_current_caps(w.camera());
    if (!caps)
        return;
    gchar* text = gst_caps_to_string(caps);
    gst_pad_push(w.camera(), make_frame(text, brightness, number));
    g_free(text);
    gst_caps_unref(caps);
}

// One source after another in this slot, each with a short random life.
void live(Stage& stage, size_t slot, unsigned seed) {
    std::mt19937 random(seed);
    while (!stage.done) {
        Wire w(stage.element, int(slot));
        stage.set(slot, &w);
        w.start("video/x-raw,format=RGB,width=32,height=24");
        for (int steps = int(random() % 40); steps > 0 && !stage.done; steps--) {
            if (random() % 3)
                push_frame(w, random() % 100, shown_by(slot));
            else if (random() % 8 == 0)
                stage.block(w);
            else
                acts[random() % std::size(acts)](w, unsigned(random()));
        }
        w.block(false);
        w.release();
        stage.set(slot, nullptr);
        expect_own_results(w, slot);
    }
}

// States, properties and figures; and nothing stays blocked for long.
void direct(Stage& stage, unsigned seed) {
    std::mt19937 random(seed);
    gate::fail(random() % 8 == 0);
    if (random() % 3 == 0) {
        gate::close();
        gate::open();
    }
    g_object_set(stage.element, "threshold", random() % 2 ? -1.0 : 0.5, "interval",
                 int(1 + random() % 3), nullptr);
    GstStructure* stats = nullptr;
    g_object_get(stage.element, "stats", &stats, nullptr);
    gst_structure_free(stats);
    stage.unblock_all(true);
    if (random() % 5)
        return;
    const GstState states[] = {GST_STATE_PAUSED, GST_STATE_READY, GST_STATE_NULL};
    stage.unblock_all(false);
    gst_element_set_state(stage.element, states[random() % 3]);
    EXPECT_NE(gst_element_set_state(stage.element, GST_STATE_PLAYING), GST_STATE_CHANGE_FAILURE);
    stage.unblock_all(true);
}

} // namespace

TEST(Random, whatever_is_done_to_it_the_element_neither_hangs_nor_mixes_its_sources) {
    const char* given = g_getenv("GI_SEED");
    const unsigned seed = given                 ? unsigned(std::atoi(given))
                          : g_getenv("GI_FULL") ? g_random_int()
                                                : 1;
    SCOPED_TRACE("GI_SEED=" + std::to_string(seed));
    const auto until =
        std::chrono::steady_clock::now() + std::chrono::seconds(g_getenv("GI_FULL") ? 600 : 2);
    Element gi("gstinference device=GATE batch-size=4 decoder=ultraface model=" +
               test_data("brightness.onnx"));
    gst_element_set_bus(gi.get(), nullptr); // failures are wanted, and nobody reads of them
    ASSERT_TRUE(gi.set_state(GST_STATE_PLAYING));
    Stage stage(gi.get());
    std::vector<std::thread> sources;
    for (size_t slot = 0; slot < slots; slot++)
        sources.emplace_back([&, slot] { live(stage, slot, seed * 100 + unsigned(slot)); });
    for (unsigned round = 0; std::chrono::steady_clock::now() < until; round++)
        direct(stage, seed + round);
    stage.done = true;
    stage.unblock_all(false);
    for (auto& s : sources)
        s.join();
    gate::fail(false);
    // After all that it works as on the first day; the model may have failed to load meanwhile.
    gi.set_state(GST_STATE_NULL);
    g_object_set(gi.get(), "interval", 1, "threshold", -1.0, nullptr);
    Wire w(gi.get(), 0);
    ASSERT_TRUE(gi.set_state(GST_STATE_PLAYING));
    w.start();
    EXPECT_EQ(w.frame(0, 90), GST_FLOW_OK);
    ASSERT_TRUE(w.wait_for("frame", 1));
    EXPECT_NEAR(brightness_of(w.frames()[0], 32, 32), 90, 2);
}
