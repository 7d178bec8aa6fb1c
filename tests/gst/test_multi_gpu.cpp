// SPDX-License-Identifier: LGPL-2.1-or-later
// MULTI over real devices that share the cores: the CPU, and OpenCL on the CPU (PoCL) where it is
// installed.
#include "inference/device.h"
#include "tests/gst/support.h"

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <set>
#include <thread>

namespace {

constexpr size_t sources = 4;

uint8_t brightness_for(size_t source, guint64 frame) {
    return uint8_t(20 + source * 40 + frame % 30);
}

// Frames of one source, each with its own result and in its place.
void expect_in_order(Wire& w, size_t source, guint64 count, std::set<std::string>& devices) {
    ASSERT_TRUE(w.wait_for("frame", count)) << "source " << source;
    const auto frames = w.frames();
    ASSERT_EQ(frames.size(), count);
    for (guint64 n = 0; n < count; n++) {
        EXPECT_EQ(GST_BUFFER_PTS(frames[n]), n * 40 * GST_MSECOND);
        EXPECT_NEAR(brightness_of(frames[n], 32, 32), brightness_for(source, n), 2)
            << "source " << source;
        devices.insert(gst_buffer_get_inference_frame_meta(frames[n])->device);
    }
}

} // namespace

// Ten minutes with GI_FULL, else some seconds.
TEST(MultiGpu, and_cpu_give_four_sources_every_frame_in_order_with_its_result) {
    const auto gpu = infer::find_device("GPU");
    if (!gpu || !gpu->devices().ok())
        GTEST_SKIP() << "no OpenCL device here";
    const auto end =
        std::chrono::steady_clock::now() + std::chrono::seconds(g_getenv("GI_FULL") ? 600 : 3);
    constexpr guint64 frames_each = 200;
    const char* devices_of[] = {"MULTI:GPU,CPU device-options=balance=turns", "MULTI:GPU,CPU",
                                "MULTI:CPU,GPU device-options=CPU.streams=1"};
    std::set<std::string> devices;
    int rounds = 0;
    do {
        Element gi("gstinference model=" + test_data("brightness.onnx") +
                   " decoder=ultraface precision=f32 requests=8 device=" + devices_of[rounds % 3]);
        std::vector<std::unique_ptr<Wire>> wires;
        for (size_t k = 0; k < sources; k++)
            wires.push_back(std::make_unique<Wire>(gi.get(), int(k)));
        ASSERT_TRUE(gi.set_state(GST_STATE_PLAYING));
        std::vector<std::jthread> threads;
        for (size_t k = 0; k < sources; k++)
            threads.emplace_back([&, k] {
                wires[k]->start();
                for (guint64 n = 0; n < frames_each; n++)
                    EXPECT_EQ(wires[k]->frame(n, brightness_for(k, n)), GST_FLOW_OK);
            });
        threads.clear();
        for (size_t k = 0; k < sources; k++)
            expect_in_order(*wires[k], k, frames_each, devices);
        EXPECT_EQ(gi.message(GST_MESSAGE_WARNING, false), "");
        rounds++;
    } while (std::chrono::steady_clock::now() < end && !testing::Test::HasFailure());
    EXPECT_EQ(devices.size(), 2u) << "one of them never served";
}
