// SPDX-License-Identifier: LGPL-2.1-or-later
// Launch lines as users write them, with elements of the base plugins.
#include "tests/gst/support.h"
#include "tests/test_folder.h"

#include "inference/formats/json_lines.h"

#include <gtest/gtest.h>

#include <fstream>

namespace {

const std::string detector = "model=" + test_data("brightness.onnx") + " decoder=ultraface";

std::vector<infer::FrameRecord> records(const std::string& file) {
    std::ifstream in(file);
    std::vector<infer::FrameRecord> all;
    for (std::string line; std::getline(in, line);) {
        auto record = infer::from_json_line(line);
        EXPECT_TRUE(record.ok()) << line;
        if (record.ok())
            all.push_back(record.value());
    }
    return all;
}

std::vector<std::string> no_errors() { return {}; }

} // namespace

TEST(Pipelines, one_source_in_line) {
    const infer::TestFolder folder;
    const std::string out = folder.path("a.jsonl");
    EXPECT_EQ(run_launch("videotestsrc num-buffers=20 pattern=white ! "
                         "video/x-raw,width=64,height=48 ! gstinference name=gi " + detector +
                         " ! inferenceoverlay ! inferencepublish location=" + out +
                         " ! fakesink"),
              no_errors());
    const auto lines = records(out);
    ASSERT_EQ(lines.size(), 20u);
    for (size_t n = 0; n < 20; n++) {
        EXPECT_EQ(lines[n].frame, n);
        EXPECT_EQ(lines[n].source, "gi.sink_0");
        ASSERT_EQ(lines[n].objects.size(), 1u);
        EXPECT_EQ(lines[n].objects[0].label, "face");
        EXPECT_NEAR(lines[n].objects[0].box.x, 64 * 0.45, 0.5);
    }
}

// Black, white and in between: each is told from the others by its own result.
TEST(Pipelines, many_sources_on_named_pads) {
    const infer::TestFolder folder;
    const char* const patterns[] = {"black", "white", "red", "green"};
    std::string launch = "gstinference name=gi " + detector;
    for (int k = 0; k < 4; k++) {
        const std::string n = std::to_string(k);
        launch += " videotestsrc num-buffers=" + std::to_string(10 + 5 * k) +
                  " pattern=" + patterns[k] + " ! video/x-raw,format=RGB,width=" +
                  std::to_string(32 + 16 * k) + ",height=40 ! gi.sink_" + n + " gi.src_" + n +
                  " ! inferencepublish location=" + folder.path(n) + " ! fakesink";
    }
    EXPECT_EQ(run_launch(launch), no_errors());
    const double brightness[] = {0, 255, 255 / 3.0, 255 / 3.0};
    for (int k = 0; k < 4; k++) {
        const auto lines = records(folder.path(std::to_string(k)));
        ASSERT_EQ(lines.size(), size_t(10 + 5 * k)) << k;
        for (size_t n = 0; n < lines.size(); n++) {
            EXPECT_EQ(lines[n].frame, n);
            EXPECT_EQ(lines[n].source, "gi.sink_" + std::to_string(k));
            ASSERT_EQ(lines[n].objects.size(), 1u);
            const double x = lines[n].objects[0].box.x / lines[n].width;
            EXPECT_NEAR(x, 0.25 + 0.2 * (brightness[k] - 127) / 128, 0.01) << k;
        }
    }
}

TEST(Pipelines, a_classifier_says_what_the_whole_frame_is) {
    const infer::TestFolder folder;
    const std::string out = folder.path("c.jsonl");
    EXPECT_EQ(run_launch("videotestsrc num-buffers=3 pattern=white ! gstinference model=" +
                         test_data("classes.onnx") + " ! inferenceoverlay ! inferencepublish "
                         "location=" + out + " ! fakesink"),
              no_errors());
    const auto lines = records(out);
    ASSERT_EQ(lines.size(), 3u);
    ASSERT_GE(lines[0].classes.size(), 1u);
    EXPECT_EQ(lines[0].classes[0].label, "c9");
    EXPECT_TRUE(lines[0].objects.empty());
}

TEST(Pipelines, says_of_the_whole_frame_what_its_decoder_finds) {
    const infer::TestFolder folder;
    const auto first_of = [&](const std::string& pattern, const std::string& model) {
        const std::string out = folder.path("w.jsonl");
        EXPECT_EQ(run_launch("videotestsrc num-buffers=2 pattern=" + pattern +
                             " ! video/x-raw,format=RGB,width=60,height=48 ! gstinference model=" +
                             model + " ! inferenceoverlay ! inferencepublish location=" + out +
                             " ! fakesink"),
                  no_errors());
        const auto lines = records(out);
        EXPECT_EQ(lines.size(), 2u);
        return lines.empty() ? infer::FrameRecord{} : lines[0];
    };
    const std::string classes = test_data("classes.onnx");
    const auto said = first_of(
        "white", classes + R"( decoder=attributes model-config="{\"outputs\":{\"logits\":{\"name\":\"gray\"}}}")");
    ASSERT_EQ(said.attributes.size(), 1u);
    EXPECT_EQ(said.attributes[0].name, "gray");
    EXPECT_EQ(said.attributes[0].label, "c9");
    EXPECT_EQ(first_of("white", classes + " decoder=landmarks").keypoints.size(), 5u);
    // 1 - x of red is cyan: of the channels with most, the first.
    const auto parts = first_of("red", test_data("inverse.onnx") + " decoder=segmentation");
    ASSERT_EQ(parts.segments.size(), 1u);
    EXPECT_EQ(parts.segments[0].label_id, 1);
    EXPECT_EQ(parts.segments[0].share, 1);
}

TEST(Pipelines, raw_tensors_are_on_the_buffer_with_decoder_none) {
    GstBuffer* last = nullptr;
    EXPECT_EQ(run_launch("videotestsrc num-buffers=2 ! gstinference model=" +
                             test_data("brightness.onnx") +
                             " decoder=none ! fakesink name=sink enable-last-sample=true",
                         [&](GstElement* pipeline) {
                             GstElement* sink = gst_bin_get_by_name(GST_BIN(pipeline), "sink");
                             GstSample* sample = nullptr;
                             g_object_get(sink, "last-sample", &sample, nullptr);
                             if (sample) {
                                 last = gst_buffer_ref(gst_sample_get_buffer(sample));
                                 gst_sample_unref(sample);
                             }
                             gst_object_unref(sink);
                         }),
              no_errors());
    ASSERT_NE(last, nullptr);
    auto* scores = gst_buffer_get_inference_tensor_meta(last, "scores");
    ASSERT_NE(scores, nullptr);
    EXPECT_STREQ(scores->type, "f32");
    EXPECT_EQ(g_bytes_get_size(scores->data), 2 * sizeof(float));
    EXPECT_NE(gst_buffer_get_inference_tensor_meta(last, "boxes"), nullptr);
    gst_buffer_unref(last);
}

TEST(Pipelines, paused_prerolls_with_a_batch_that_is_not_full) {
    EXPECT_EQ(run_launch("gstinference name=gi batch-size=8 " + detector +
                         " videotestsrc num-buffers=5 ! gi.sink_0 gi.src_0 ! fakesink sync=false"
                         " videotestsrc num-buffers=5 ! gi.sink_1 gi.src_1 ! fakesink sync=false"),
              no_errors());
}
