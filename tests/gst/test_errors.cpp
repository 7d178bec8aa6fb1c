// SPDX-License-Identifier: LGPL-2.1-or-later
// Bad input: one clear error each, that names the thing and what would be right.
#include "gst/failures.h"
#include "tests/gst/support.h"
#include "tests/test_folder.h"

#include <gtest/gtest.h>

#include <fstream>

namespace {

const std::string model = "model=" + test_data("brightness.onnx");

std::string content_of(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}

// Runs a camera into an element with these properties until something goes wrong; every error's
// text.
std::vector<std::string> errors_of(const std::string& properties) {
    Element gi("gstinference " + properties);
    std::vector<std::string> texts;
    {
        Wire w(gi.get(), 0);
        if (gi.set_state(GST_STATE_PLAYING)) {
            w.start();
            GstFlowReturn flow = GST_FLOW_OK;
            for (guint64 n = 0; n < 3 && flow == GST_FLOW_OK; n++)
                flow = w.frame(n, 10);
            EXPECT_NE(flow, GST_FLOW_OK) << properties;
        }
        texts.push_back(gi.message(GST_MESSAGE_ERROR));
    }
    for (std::string more; !(more = gi.message(GST_MESSAGE_ERROR, false)).empty();)
        texts.push_back(more);
    return texts;
}

void expect_one_error(const std::string& properties, const std::vector<std::string>& parts) {
    const auto errors = errors_of(properties);
    ASSERT_EQ(errors.size(), 1u) << properties << ": " << testing::PrintToString(errors);
    for (const std::string& part : parts)
        EXPECT_NE(errors[0].find(part), std::string::npos)
            << properties << ": wanted \"" << part << "\" in \"" << errors[0] << '"';
    testing::Test::RecordProperty("error", errors[0]);
}

} // namespace

TEST(Errors, of_model_files_name_the_file) {
    const infer::TestFolder scratch;
    const std::string whole = content_of(test_data("brightness.onnx"));
    const std::string empty = scratch.write("empty.onnx", "");
    const std::string truncated = scratch.write("truncated.onnx", whole.substr(0, whole.size() / 2));
    const std::string text = scratch.write("text.onnx", "this is no model at all\n");
    expect_one_error("", {"model"});
    expect_one_error("model=/nonexistent/m.onnx", {"/nonexistent/m.onnx", "no such file"});
    expect_one_error("model=" + scratch.path(), {scratch.path(), "folder"});
    for (const std::string& file : {empty, truncated, text})
        expect_one_error("model=" + file, {file});
}

TEST(Errors, of_unsupported_operators_name_all_of_them_and_their_nodes) {
    expect_one_error("model=" + test_data("unsupported.onnx"),
                     {"Frobnicate", "Quuxify", "first", "second"});
}

TEST(Errors, of_properties_name_the_property_and_what_may_be) {
    const infer::TestFolder scratch;
    const std::string labels = scratch.write("labels.txt", "only one\n");
    expect_one_error(model + " device=GPU.7", {"GPU.7"});
    expect_one_error(model + " device=toaster", {"toaster", "CPU"});
    expect_one_error(model + " decoder=nonesuch", {"nonesuch", "ultraface"});
    for (const char* wrong : {"batch-size=-3", "batch-timeout=-2", "interval=0", "threads=2000",
                              "threshold=7", "iou-threshold=-0.5"})
        expect_one_error(model + " " + wrong, {wrong, "must be"});
    expect_one_error(model + " labels=/nonexistent/labels.txt", {"/nonexistent/labels.txt"});
    expect_one_error(model + " decoder=ultraface labels=" + labels, {"label", "1", "2"});
    expect_one_error(model + " model-config=/nonexistent/c.json", {"/nonexistent/c.json"});
    expect_one_error(model + " model-config=\"{\\\"decodr\\\": 1}\"", {"decodr"});
}

TEST(Errors, of_compiling_come_even_if_no_frame_does) {
    Element gi("gstinference model=" + test_data("unsupported.onnx"));
    Wire w(gi.get(), 0);
    EXPECT_TRUE(gi.set_state(GST_STATE_PLAYING)); // never held up by the model
    EXPECT_NE(gi.message(GST_MESSAGE_ERROR).find("Frobnicate"), std::string::npos);
}

TEST(Errors, of_sizes_say_what_to_do_about_them) {
    const struct {
        std::string launch, says;
    } cases[] = {
        {"model=" + test_data("open.onnx"), "input-size=source"},
        {model + " input-size=source", "use input-size=model"},
    };
    for (const auto& c : cases) {
        Element gi("gstinference " + c.launch);
        EXPECT_TRUE(gi.set_state(GST_STATE_PLAYING));
        EXPECT_NE(gi.message(GST_MESSAGE_ERROR).find(c.says), std::string::npos) << c.launch;
    }
}

TEST(Errors, of_caps_name_them_and_the_remedy) {
    for (const char* caps :
         {"video/x-raw,format=ARGB64,width=32,height=32,framerate=25/1",
          "video/x-raw(memory:GLMemory),format=RGBA,width=32,height=32,framerate=25/1"}) {
        Element gi("gstinference " + model + " decoder=ultraface");
        Wire w(gi.get(), 0);
        ASSERT_TRUE(gi.set_state(GST_STATE_PLAYING));
        w.start(caps);
        EXPECT_EQ(w.frame(0, 10), GST_FLOW_NOT_NEGOTIATED);
        const std::string text = gi.message(GST_MESSAGE_ERROR);
        EXPECT_NE(text.find("videoconvert"), std::string::npos);
        EXPECT_NE(text.find("sink_0"), std::string::npos) << text;
        EXPECT_EQ(gi.message(GST_MESSAGE_ERROR, false), "");
    }
}

TEST(Errors, a_frame_too_small_for_its_caps_leaves_as_failed_and_says_so) {
    Element gi("gstinference " + model + " decoder=ultraface");
    Wire w(gi.get(), 0);
    ASSERT_TRUE(gi.set_state(GST_STATE_PLAYING));
    w.start();
    GstBuffer* small = gst_buffer_new_allocate(nullptr, 10, nullptr);
    GST_BUFFER_PTS(small) = 0;
    EXPECT_EQ(gst_pad_push(w.camera(), small), GST_FLOW_OK);
    EXPECT_EQ(w.frame(1, 10), GST_FLOW_OK);
    ASSERT_TRUE(w.wait_for("frame", 2));
    EXPECT_EQ(gst_buffer_get_inference_frame_meta(w.frames()[0])->status,
              GST_INFERENCE_STATUS_FAILED);
    EXPECT_EQ(gst_buffer_get_inference_frame_meta(w.frames()[1])->status,
              GST_INFERENCE_STATUS_INFERRED);
    const std::string text = gi.message(GST_MESSAGE_WARNING);
    EXPECT_NE(text.find("sink_0, frame 0"), std::string::npos) << text;
}

TEST(Errors, of_frames_are_warnings_once_a_second_that_count_what_they_leave_out) {
    Failures failures;
    EXPECT_EQ(failures.failed(0), Failures::Warning);
    for (int k = 1; k <= 10; k++)
        EXPECT_EQ(failures.failed(k * 90'000), Failures::Nothing);
    EXPECT_EQ(failures.failed(1'000'000), Failures::Warning);
    EXPECT_EQ(failures.take_left_out(), 10u);
    EXPECT_EQ(failures.take_left_out(), 0u);
}

TEST(Errors, of_many_frames_in_a_row_end_the_source_whatever_the_policy) {
    Failures failures;
    for (guint k = 1; k < Failures::most_in_a_row; k++)
        EXPECT_NE(failures.failed(k), Failures::Error);
    failures.worked(); // one that works starts the count anew
    for (guint k = 1; k < Failures::most_in_a_row; k++)
        EXPECT_NE(failures.failed(k), Failures::Error);
    EXPECT_EQ(failures.failed(1000), Failures::Error);

    Element gi("gstinference name=gi " + model + " decoder=ultraface");
    Wire w(gi.get(), 0), healthy(gi.get(), 1);
    ASSERT_TRUE(gi.set_state(GST_STATE_PLAYING));
    w.start();
    healthy.start();
    GstFlowReturn flow = GST_FLOW_OK;
    int frames = 0;
    for (; flow == GST_FLOW_OK && frames < 10000; frames++)
        flow = gst_pad_push(w.camera(), gst_buffer_new_allocate(nullptr, 10, nullptr));
    EXPECT_EQ(flow, GST_FLOW_ERROR);
    GstBus* bus = gst_element_get_bus(gi.get());
    int warnings = 0;
    std::string text;
    while (text.empty()) {
        GstMessage* m = gst_bus_timed_pop_filtered(bus, 20 * GST_SECOND, GstMessageType(GST_MESSAGE_ERROR | GST_MESSAGE_WARNING));
        ASSERT_NE(m, nullptr);
        GError* error = nullptr;
        if (GST_MESSAGE_TYPE(m) == GST_MESSAGE_ERROR) {
            gst_message_parse_error(m, &error, nullptr);
            text = error->message;
            g_error_free(error);
        } else {
            warnings++;
        }
        gst_message_unref(m);
    }
    gst_object_unref(bus);
    EXPECT_GE(warnings, 1);
    EXPECT_LT(warnings, 20); // of 49
    for (const char* part : {"gi.sink_0", "frame 49", "50 in a row"})
        EXPECT_NE(text.find(part), std::string::npos) << text;
    EXPECT_EQ(healthy.frame(0, 10), GST_FLOW_OK);
    EXPECT_TRUE(healthy.wait_for("frame 0", 1));
}

TEST(Errors, of_frames_that_no_warning_told_of_are_counted_at_the_end) {
    Element gi("gstinference name=gi " + model + " decoder=ultraface");
    Wire w(gi.get(), 0);
    ASSERT_TRUE(gi.set_state(GST_STATE_PLAYING));
    w.start();
    for (int k = 0; k < 6; k++)
        gst_pad_push(w.camera(), gst_buffer_new_allocate(nullptr, 10, nullptr));
    w.event(gst_event_new_eos());
    ASSERT_TRUE(w.wait_for("eos", 1));
    EXPECT_NE(gi.message(GST_MESSAGE_WARNING, false).find("frame 0"), std::string::npos);
    const std::string last = gi.message(GST_MESSAGE_WARNING, false);
    EXPECT_NE(last.find("gi.sink_0: "), std::string::npos) << last;
    EXPECT_NE(last.find("more frames were not inferred"), std::string::npos) << last;
}

TEST(Errors, error_policy_stop_makes_a_failed_frame_an_error) {
    Element gi("gstinference " + model + " decoder=ultraface error-policy=stop");
    Wire w(gi.get(), 0);
    ASSERT_TRUE(gi.set_state(GST_STATE_PLAYING));
    w.start();
    gst_pad_push(w.camera(), gst_buffer_new_allocate(nullptr, 10, nullptr));
    EXPECT_NE(gi.message(GST_MESSAGE_ERROR).find("frame 0"), std::string::npos);
}
