// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gst/meta/gstinferencemeta.h"

#include <gst/video/gstvideometa.h>
#include <gtest/gtest.h>

#include <memory>

namespace {

struct Unref {
    void operator()(GstBuffer* b) const { gst_buffer_unref(b); }
    void operator()(GPtrArray* a) const { g_ptr_array_unref(a); }
};
using BufferPtr = std::unique_ptr<GstBuffer, Unref>;
using Objects = std::unique_ptr<GPtrArray, Unref>;

BufferPtr empty_buffer() { return BufferPtr(gst_buffer_new()); }

const GstInferenceObject& at(const Objects& objects, guint i) {
    return *static_cast<const GstInferenceObject*>(g_ptr_array_index(objects.get(), i));
}

GstInferenceObject person() {
    GstInferenceObject o = {};
    o.label = "person";
    o.label_id = 3;
    o.confidence = 0.75;
    o.x = 10.25, o.y = 20.5, o.width = 30.5, o.height = 40.25;
    return o;
}

} // namespace

TEST(Objects, come_back_as_they_were_added) {
    auto buffer = empty_buffer();
    GstInferenceKeypoint points[] = {{11, 22, 0.5}, {33.5, 44.25, 1}};
    GstInferenceAttribute color = {"color", "red", 2, 0.25};
    GstInferenceObject o = person();
    o.n_keypoints = 2, o.keypoints = points;
    o.n_attributes = 1, o.attributes = &color;
    const gint id = gst_inference_buffer_add_object(buffer.get(), 100, 80, &o);

    Objects found(gst_inference_buffer_get_objects(buffer.get(), 100, 80));
    ASSERT_EQ(found->len, 1u);
    const auto& f = at(found, 0);
    EXPECT_STREQ(f.label, "person");
    EXPECT_EQ(f.label_id, 3);
    EXPECT_EQ(f.id, id);
    EXPECT_FALSE(f.whole_frame);
    EXPECT_DOUBLE_EQ(f.confidence, 0.75);
    EXPECT_NEAR(f.x, 10.25, 1e-9);
    EXPECT_NEAR(f.y, 20.5, 1e-9);
    EXPECT_NEAR(f.width, 30.5, 1e-9);
    EXPECT_NEAR(f.height, 40.25, 1e-9);
    ASSERT_EQ(f.n_keypoints, 2u);
    EXPECT_NEAR(f.keypoints[1].x, 33.5, 1e-9);
    EXPECT_NEAR(f.keypoints[1].y, 44.25, 1e-9);
    EXPECT_DOUBLE_EQ(f.keypoints[0].confidence, 0.5);
    ASSERT_EQ(f.n_attributes, 1u);
    EXPECT_STREQ(f.attributes[0].name, "color");
    EXPECT_STREQ(f.attributes[0].label, "red");
}

TEST(Objects, are_regions_of_interest_with_a_detection_for_everybody_else) {
    auto buffer = empty_buffer();
    const GstInferenceObject o = person();
    gst_inference_buffer_add_object(buffer.get(), 100, 80, &o);
    auto* roi = gst_buffer_get_video_region_of_interest_meta(buffer.get());
    ASSERT_NE(roi, nullptr);
    EXPECT_STREQ(g_quark_to_string(roi->roi_type), "person");
    EXPECT_EQ(roi->x, 10u);
    EXPECT_EQ(roi->y, 21u);
    EXPECT_EQ(roi->w, 31u); // from 10 to round(40.75)
    EXPECT_EQ(roi->h, 40u); // from 21 to round(60.75)
    const GstStructure* s = gst_video_region_of_interest_meta_get_param(roi, "detection");
    ASSERT_NE(s, nullptr);
    double x_min = 0, x_max = 0, y_min = 0, y_max = 0, confidence = 0;
    int label_id = 0;
    EXPECT_TRUE(gst_structure_get(s, "x_min", G_TYPE_DOUBLE, &x_min, "x_max", G_TYPE_DOUBLE, &x_max,
                                  "y_min", G_TYPE_DOUBLE, &y_min, "y_max", G_TYPE_DOUBLE, &y_max,
                                  "confidence", G_TYPE_DOUBLE, &confidence, "label_id", G_TYPE_INT,
                                  &label_id, nullptr));
    EXPECT_NEAR(x_min, 0.1025, 1e-9);
    EXPECT_NEAR(x_max, 0.4075, 1e-9);
    EXPECT_NEAR(y_min, 20.5 / 80, 1e-9);
    EXPECT_NEAR(y_max, 60.75 / 80, 1e-9);
    EXPECT_EQ(label_id, 3);
}

TEST(Objects, regions_of_other_makers_are_read_with_what_they_say) {
    auto buffer = empty_buffer();
    auto* roi = gst_buffer_add_video_region_of_interest_meta(buffer.get(), "face", 1, 2, 3, 4);
    gst_video_region_of_interest_meta_add_param(
        roi, gst_structure_new("emotion", "label", G_TYPE_STRING, "happy", "confidence",
                               G_TYPE_DOUBLE, 0.5, nullptr));
    Objects found(gst_inference_buffer_get_objects(buffer.get(), 10, 10));
    ASSERT_EQ(found->len, 1u);
    EXPECT_STREQ(at(found, 0).label, "face");
    EXPECT_EQ(at(found, 0).width, 3);
    ASSERT_EQ(at(found, 0).n_attributes, 1u);
    EXPECT_STREQ(at(found, 0).attributes[0].name, "emotion");
    EXPECT_FALSE(at(found, 0).whole_frame);
}

TEST(Objects, a_whole_frame_answer_keeps_its_classes_in_order) {
    auto buffer = empty_buffer();
    GstInferenceAttribute classes[] = {{"class", "cat", 1, 0.7}, {"class", "dog", 0, 0.2}};
    GstInferenceObject o = {};
    o.whole_frame = TRUE;
    o.label = "cat", o.label_id = 1, o.confidence = 0.7;
    o.width = 100, o.height = 80;
    o.n_attributes = 2, o.attributes = classes;
    gst_inference_buffer_add_object(buffer.get(), 100, 80, &o);
    Objects found(gst_inference_buffer_get_objects(buffer.get(), 100, 80));
    ASSERT_EQ(found->len, 1u);
    EXPECT_TRUE(at(found, 0).whole_frame);
    EXPECT_EQ(at(found, 0).label_id, 1);
    EXPECT_DOUBLE_EQ(at(found, 0).confidence, 0.7);
    ASSERT_EQ(at(found, 0).n_attributes, 2u);
    EXPECT_STREQ(at(found, 0).attributes[1].label, "dog");
}

TEST(Objects, the_whole_frame_may_have_attributes_and_keypoints_without_classes) {
    auto buffer = empty_buffer();
    GstInferenceAttribute said[] = {{"text", "AB 123", -1, 0.9}, {"segment", "road", 1, 0.25}};
    GstInferenceKeypoint eye = {50, 40, 0.5};
    GstInferenceObject o = {};
    o.whole_frame = TRUE;
    o.label = "frame";
    o.width = 100, o.height = 80;
    o.n_attributes = 2, o.attributes = said;
    o.n_keypoints = 1, o.keypoints = &eye;
    gst_inference_buffer_add_object(buffer.get(), 100, 80, &o);
    Objects found(gst_inference_buffer_get_objects(buffer.get(), 200, 160)); // scaled meanwhile
    ASSERT_EQ(found->len, 1u);
    EXPECT_TRUE(at(found, 0).whole_frame);
    ASSERT_EQ(at(found, 0).n_attributes, 2u);
    EXPECT_STREQ(at(found, 0).attributes[0].name, "text");
    EXPECT_EQ(at(found, 0).attributes[0].label_id, -1);
    EXPECT_STREQ(at(found, 0).attributes[1].label, "road");
    ASSERT_EQ(at(found, 0).n_keypoints, 1u);
    EXPECT_NEAR(at(found, 0).keypoints[0].x, 100, 1e-9);
}

TEST(Objects, carry_a_mask_that_fits_what_it_says) {
    auto buffer = empty_buffer();
    const uint8_t inside[] = {0, 255, 255, 255, 0, 0};
    GstInferenceObject o = person();
    o.mask_width = 3, o.mask_height = 2;
    o.mask = g_bytes_new(inside, sizeof inside);
    gst_inference_buffer_add_object(buffer.get(), 100, 80, &o);
    o.mask_width = 4; // more than there is
    gst_inference_buffer_add_object(buffer.get(), 100, 80, &o);
    g_bytes_unref(o.mask);
    BufferPtr copy(gst_buffer_copy(buffer.get()));
    buffer.reset();
    Objects found(gst_inference_buffer_get_objects(copy.get(), 100, 80));
    ASSERT_EQ(found->len, 2u);
    ASSERT_NE(at(found, 0).mask, nullptr);
    EXPECT_EQ(at(found, 0).mask_width, 3u);
    EXPECT_EQ(static_cast<const uint8_t*>(g_bytes_get_data(at(found, 0).mask, nullptr))[3], 255);
    EXPECT_EQ(at(found, 1).mask, nullptr);
}

TEST(Metas, survive_a_copy_of_the_buffer) {
    auto buffer = empty_buffer();
    const GstInferenceObject o = person();
    gst_inference_buffer_add_object(buffer.get(), 100, 80, &o);
    const gint64 dims[] = {1, 2};
    const float values[] = {1.5f, -2.5f};
    GBytes* data = g_bytes_new(values, sizeof values);
    gst_buffer_add_inference_tensor_meta(buffer.get(), "scores", "f32", 2, dims, data);
    g_bytes_unref(data);
    auto* m = gst_buffer_add_inference_frame_meta(buffer.get(), "gi.sink_0", 12);
    m->status = GST_INFERENCE_STATUS_SKIPPED;
    m->reason = g_strdup("interval");
    m->batch = 4;

    BufferPtr copy(gst_buffer_copy(buffer.get()));
    buffer.reset();
    Objects found(gst_inference_buffer_get_objects(copy.get(), 100, 80));
    ASSERT_EQ(found->len, 1u);
    EXPECT_NEAR(at(found, 0).x, 10.25, 1e-9);
    auto* t = gst_buffer_get_inference_tensor_meta(copy.get(), "scores");
    ASSERT_NE(t, nullptr);
    EXPECT_EQ(gst_buffer_get_inference_tensor_meta(copy.get(), "boxes"), nullptr);
    EXPECT_EQ(gst_buffer_get_inference_tensor_meta(copy.get(), nullptr), t);
    EXPECT_STREQ(t->type, "f32");
    ASSERT_EQ(t->n_dims, 2u);
    EXPECT_EQ(t->dims[1], 2);
    EXPECT_EQ(static_cast<const float*>(g_bytes_get_data(t->data, nullptr))[1], -2.5f);
    auto* f = gst_buffer_get_inference_frame_meta(copy.get());
    ASSERT_NE(f, nullptr);
    EXPECT_STREQ(f->source_id, "gi.sink_0");
    EXPECT_EQ(f->number, 12u);
    EXPECT_STREQ(gst_inference_status_get_name(f->status), "skipped");
    EXPECT_STREQ(f->reason, "interval");
    EXPECT_EQ(f->batch, 4u);
    EXPECT_FALSE(GST_CLOCK_TIME_IS_VALID(f->latency));
}

TEST(Metas, the_last_of_several_inferences_speaks_for_the_frame) {
    auto buffer = empty_buffer();
    EXPECT_EQ(gst_buffer_get_inference_frame_meta(buffer.get()), nullptr);
    gst_buffer_add_inference_frame_meta(buffer.get(), "first", 0);
    gst_buffer_add_inference_frame_meta(buffer.get(), "second", 0);
    EXPECT_STREQ(gst_buffer_get_inference_frame_meta(buffer.get())->source_id, "second");
}
