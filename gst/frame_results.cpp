// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gst/frame_results.h"

#include "gst/meta/gstinferencemeta.h"

namespace {

constexpr size_t MaxClasses = 5; // of a whole frame, best first

const char* label_of(const infer::Results& results, int id) {
    return g_intern_string(results.processing ? results.processing->label(id).c_str() : "");
}

void attach_detection(GstBuffer* buffer, const GstVideoInfo& video, const infer::Results& results,
                      const infer::Detection& d) {
    std::vector<GstInferenceKeypoint> points;
    for (const infer::Keypoint& k : d.keypoints)
        points.push_back({k.x, k.y, k.score});
    GstInferenceObject o = {};
    o.label = label_of(results, d.label);
    o.label_id = d.label;
    o.confidence = d.score;
    o.x = d.x, o.y = d.y, o.width = d.width, o.height = d.height;
    o.n_keypoints = guint(points.size());
    o.keypoints = points.data();
    gst_inference_buffer_add_object(buffer, guint(video.width), guint(video.height), &o);
}

void attach_classes(GstBuffer* buffer, const GstVideoInfo& video, const infer::Results& results) {
    std::vector<GstInferenceAttribute> classes;
    for (size_t i = 0; i < std::min(results.classes.size(), MaxClasses); i++) {
        const infer::Classification& c = results.classes[i];
        classes.push_back({"class", label_of(results, c.label), c.label, c.score});
    }
    if (classes.empty())
        return;
    GstInferenceObject o = {};
    o.whole_frame = TRUE;
    o.label = classes[0].label;
    o.label_id = classes[0].label_id;
    o.confidence = classes[0].confidence;
    o.width = video.width, o.height = video.height;
    o.n_attributes = guint(classes.size());
    o.attributes = classes.data();
    gst_inference_buffer_add_object(buffer, guint(video.width), guint(video.height), &o);
}

void attach_tensor(GstBuffer* buffer, const std::string& name, const infer::Tensor& tensor) {
    // The bytes stay the tensor's; the copy of it keeps them alive.
    auto* kept = new infer::Tensor(tensor);
    GBytes* data = g_bytes_new_with_free_func(
        kept->view().data, kept->view().size_bytes(),
        [](gpointer t) { delete static_cast<infer::Tensor*>(t); }, kept);
    const std::vector<gint64> dims(tensor.shape().begin(), tensor.shape().end());
    gst_buffer_add_inference_tensor_meta(buffer, name.c_str(),
                                         std::string(infer::name_of(tensor.type())).c_str(),
                                         guint(dims.size()), dims.data(), data);
    g_bytes_unref(data);
}

void attach_frame(GstBuffer* buffer, const infer::Output& out, const std::string& source_id) {
    auto* m = gst_buffer_add_inference_frame_meta(buffer, source_id.c_str(), out.number);
    m->status = GstInferenceStatus(out.status);
    if (out.status != infer::FrameStatus::Inferred) {
        m->reason = g_strdup(out.reason.c_str());
        return;
    }
    m->device = g_strdup(out.results.device.c_str());
    m->batch = guint(out.results.batch);
    m->latency = GstClockTime(out.results.latency_us) * GST_USECOND;
}

static_assert(int(infer::FrameStatus::Inferred) == GST_INFERENCE_STATUS_INFERRED &&
              int(infer::FrameStatus::Skipped) == GST_INFERENCE_STATUS_SKIPPED &&
              int(infer::FrameStatus::Dropped) == GST_INFERENCE_STATUS_DROPPED &&
              int(infer::FrameStatus::Failed) == GST_INFERENCE_STATUS_FAILED);

} // namespace

GstBuffer* attach_results(GstBuffer* buffer, const GstVideoInfo& video, const infer::Output& out,
                          const std::string& source_id) {
    buffer = gst_buffer_make_writable(buffer);
    for (const infer::Detection& d : out.results.detections)
        attach_detection(buffer, video, out.results, d);
    attach_classes(buffer, video, out.results);
    for (const auto& [name, tensor] : out.results.tensors)
        attach_tensor(buffer, name, tensor);
    attach_frame(buffer, out, source_id);
    return buffer;
}
