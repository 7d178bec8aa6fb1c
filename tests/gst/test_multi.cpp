// SPDX-License-Identifier: LGPL-2.1-or-later
// Elements on several devices: the CPU, and fakes of it that fail, hang, or never come up
// (tests/fake_plugin.h).
#include "tests/fake_plugin.h"
#include "tests/gst/support.h"

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <thread>

namespace {

constexpr guint64 frames_each = 60;
constexpr size_t sources = 4;

uint8_t brightness_for(size_t source, guint64 frame) {
    return uint8_t(20 + source * 40 + frame % 30);
}

// Four cameras on one element, each on a thread of its own.
class Cameras {
public:
    explicit Cameras(const std::string& properties)
        : gi("gstinference model=" + test_data("brightness.onnx") +
             " decoder=ultraface private=true " + properties) {
        for (size_t k = 0; k < sources; k++)
            wires.push_back(std::make_unique<Wire>(gi.get(), int(k)));
        EXPECT_TRUE(gi.set_state(GST_STATE_PLAYING));
        for (auto& w : wires)
            w->start();
    }
    // All frames come out once, in order, each with its own result.
    void play() {
        std::vector<std::jthread> threads;
        for (size_t k = 0; k < sources; k++)
            threads.emplace_back([&, k] {
                for (guint64 n = first_; n < first_ + frames_each; n++)
                    EXPECT_EQ(wires[k]->frame(n, brightness_for(k, n)), GST_FLOW_OK);
            });
        threads.clear();
        first_ += frames_each;
        for (size_t k = 0; k < sources; k++) {
            ASSERT_TRUE(wires[k]->wait_for("frame", first_)) << "source " << k;
            const auto frames = wires[k]->frames();
            ASSERT_EQ(frames.size(), first_);
            for (guint64 n = 0; n < first_; n++) {
                EXPECT_EQ(GST_BUFFER_PTS(frames[n]), n * 40 * GST_MSECOND);
                EXPECT_NEAR(brightness_of(frames[n], 32, 32), brightness_for(k, n), 2)
                    << "source " << k << ", frame " << n;
            }
        }
    }
    // Frames by the device that their metadata name.
    std::map<std::string, int> served() {
        std::map<std::string, int> devices;
        for (auto& w : wires)
            for (GstBuffer* frame : w->frames())
                devices[gst_buffer_get_inference_frame_meta(frame)->device]++;
        return devices;
    }
    // Of the device in `stats`.
    std::string stat(const std::string& device, const char* field) {
        GstStructure* stats = nullptr;
        g_object_get(gi.get(), "stats", &stats, nullptr);
        const GValue* list = gst_structure_get_value(stats, "devices");
        std::string found;
        for (guint k = 0; list && k < gst_value_list_get_size(list); k++) {
            const GstStructure* one = gst_value_get_structure(gst_value_list_get_value(list, k));
            if (gst_structure_get_string(one, "name") != device)
                continue;
            gchar* text = gst_value_serialize(gst_structure_get_value(one, field));
            found = text;
            g_free(text);
        }
        gst_structure_free(stats);
        return found;
    }

    Element gi;
    std::vector<std::unique_ptr<Wire>> wires;

private:
    guint64 first_ = 0;
};

} // namespace

TEST(MultiElement, gives_every_frame_its_own_result_whichever_device_made_it) {
    Cameras cameras("device=MULTI:FAKE.1,FAKE.2 "
                    "device-options=FAKE.1.delay=300,FAKE.2.delay=300,FAKE.2.jitter=300");
    cameras.play();
    const auto served = cameras.served();
    EXPECT_EQ(served.size(), 2u);
    EXPECT_GT(served.at("FAKE.1"), 0);
    EXPECT_GT(served.at("FAKE.2"), 0);
    EXPECT_EQ(cameras.stat("FAKE.1", "failures"), "0");
    EXPECT_GE(std::stoi(cameras.stat("FAKE.1", "requests")), served.at("FAKE.1"));
}

TEST(MultiElement, says_when_a_device_fails_and_when_it_is_back) {
    Cameras cameras("device=MULTI:FAKE.1,FAKE.2 "
                    "device-options=FAKE.1.delay=200,FAKE.2.delay=200,FAKE.1.fail=3");
    cameras.play();
    EXPECT_EQ(cameras.gi.message(GST_MESSAGE_WARNING),
              "device FAKE.1 is put aside, and what it was to do runs on the others (FAKE.1: "
              "request 3 failed); it is tried "
              "again in 1.0 s");
    EXPECT_EQ(cameras.stat("FAKE.1", "failures"), "1");
    EXPECT_EQ(cameras.gi.message(GST_MESSAGE_INFO), "device FAKE.1 is back and serves again");
    cameras.play();
    EXPECT_EQ(cameras.gi.message(GST_MESSAGE_ERROR, false), "");
}

TEST(MultiElement, does_without_a_device_that_hangs_and_ends_without_it) {
    {
        Cameras cameras(
            "device=MULTI:FAKE.1,FAKE.2 "
            "device-options=FAKE.1.delay=200,FAKE.2.delay=200,FAKE.1.hang=3,timeout=1000");
        cameras.play();
        EXPECT_NE(cameras.gi.message(GST_MESSAGE_WARNING).find("device FAKE.1 is put aside"),
                  std::string::npos);
    }
    fake_plugin::let_go();
}

TEST(MultiElement, leaves_out_a_device_that_cannot_have_the_model_and_says_so) {
    Cameras cameras("device=MULTI:FAKE.1,CPU device-options=FAKE.1.compile-error=broken");
    cameras.play();
    EXPECT_EQ(cameras.gi.message(GST_MESSAGE_WARNING), "device FAKE.1 is left out: FAKE.1: broken");
    EXPECT_EQ(cameras.served(), (std::map<std::string, int>{{"CPU", int(sources * frames_each)}}));
    EXPECT_EQ(cameras.stat("FAKE.1", "state"), "\"left\\ out:\\ FAKE.1:\\ broken\"");
}

TEST(MultiElement, begins_on_the_cpu_and_moves_to_the_better_device) {
    Cameras cameras("device=AUTO");
    cameras.play();
    EXPECT_EQ(cameras.gi.message(GST_MESSAGE_INFO),
              "device FAKE.3 is ready and serves from now on");
    cameras.play();
    EXPECT_GE(cameras.served().at("FAKE.3"), int(sources * frames_each) - 8);
}

TEST(MultiElement, says_what_is_wrong_with_device_or_its_options) {
    struct Case {
        const char *properties, *says;
    };
    const Case cases[] = {
        {"device=MULTI:CPU,CPU", "device=MULTI:CPU,CPU: names CPU twice; a device runs several "
                                 "requests at once by itself (streams)"},
        {"device=MULTI", "device=MULTI: must name devices, apart by commas, as in MULTI:GPU,CPU"},
        {"device-options=streams",
         "device-options: 'streams' is no NAME=VALUE, as in CPU.streams=2"},
        {"device-options=TPU.streams=2", "device-options=TPU.streams=2: there is no device TPU; "
                                         "there is CPU, FAKE, FAKE.1, FAKE.2, "
                                         "FAKE.3, MULTI:FAKE.3,CPU, AUTO"},
    };
    for (const Case& c : cases) {
        Element gi("gstinference model=" + test_data("brightness.onnx") + " " + c.properties);
        EXPECT_FALSE(gi.set_state(GST_STATE_PAUSED));
        EXPECT_EQ(gi.message(GST_MESSAGE_ERROR), c.says);
    }
}
