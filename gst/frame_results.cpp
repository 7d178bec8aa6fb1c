// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gst/frame_results.h"

#include "gst/meta/gstinferencemeta.h"

#include <algorithm>
#include <array>

namespace {

constexpr size_t MaxClasses = 5; // of a whole frame, best first

// What an object points to while it is added.
struct Parts {
    std::vector<GstInferenceKeypoint> points;
    std::vector<GstInferenceAttribute> attributes;

    void add(const std::vector<infer::Keypoint>& from) {
        for (const infer::Keypoint& k : from)
            points.push_back({k.x, k.y, k.score});
    }
    void add(const std::vector<infer::Attribute>& from) {
        for (const infer::Attribute& a : from)
            attributes.push_back(
                {g_intern_string(a.name.c_str()), text_of(a), a.label_id, a.score});
    }
    void put_into(GstInferenceObject& o) {
        o.n_keypoints = guint(points.size());
        o.keypoints = points.data();
        o.n_attributes = guint(attributes.size());
        o.attributes = attributes.data();
    }
    // Classes repeat and are interned; numbers and texts would never be freed again.
    const char* text_of(const infer::Attribute& a) {
        return a.label_id >= 0 ? g_intern_string(a.label.c_str()) : a.label.c_str();
    }
};

const char* label_of(const infer::Results& results, int id) {
    return g_intern_string(results.processing ? results.processing->label(id).c_str() : "");
}

// The bytes of `values` stay where they are; the copy of what owns them keeps them alive.
template <typename Owner, typename T> GBytes* bytes_of(Owner owner, const std::vector<T>& values) {
    return g_bytes_new_with_free_func(
        values.data(), values.size() * sizeof(T),
        [](gpointer kept) { delete static_cast<Owner*>(kept); }, new Owner(std::move(owner)));
}

void attach_detection(GstBuffer* buffer, const GstVideoInfo& video, const infer::Results& results,
                      const infer::Detection& d) {
    Parts parts;
    parts.add(d.keypoints);
    parts.add(d.attributes);
    GstInferenceObject o = {};
    o.label = label_of(results, d.label);
    o.label_id = d.label;
    o.confidence = d.score;
    o.x = d.x, o.y = d.y, o.width = d.width, o.height = d.height;
    parts.put_into(o);
    if (d.mask) {
        o.mask_width = guint(d.mask->width), o.mask_height = guint(d.mask->height);
        o.mask = bytes_of(d.mask, d.mask->values);
    }
    gst_inference_buffer_add_object(buffer, guint(video.width), guint(video.height), &o);
    g_clear_pointer(&o.mask, g_bytes_unref);
}

// How much of the frame each class covers, the largest first.
void add_shares(const infer::Results& results, std::vector<GstInferenceAttribute>& to) {
    std::array<size_t, 256> counts{};
    for (uint8_t label : results.segments->labels)
        counts[label]++;
    std::vector<int> found;
    for (int label = 0; label < 256; label++)
        if (counts[size_t(label)] > 0)
            found.push_back(label);
    std::stable_sort(found.begin(), found.end(),
                     [&](int a, int b) { return counts[size_t(a)] > counts[size_t(b)]; });
    for (int label : found)
        to.push_back({"segment", label_of(results, label), label,
                      double(counts[size_t(label)]) / double(results.segments->labels.size())});
}

// What is said of the whole frame in words.
void attach_whole_frame(GstBuffer* buffer, const GstVideoInfo& video,
                        const infer::Results& results) {
    Parts parts;
    for (size_t i = 0; i < std::min(results.classes.size(), MaxClasses); i++) {
        const infer::Classification& c = results.classes[i];
        parts.attributes.push_back({"class", label_of(results, c.label), c.label, c.score});
    }
    parts.add(results.attributes);
    parts.add(results.keypoints);
    if (results.segments)
        add_shares(results, parts.attributes);
    if (parts.attributes.empty() && parts.points.empty())
        return;
    GstInferenceObject o = {};
    o.whole_frame = TRUE;
    o.label = "frame";
    if (!results.classes.empty()) {
        o.label = parts.attributes[0].label;
        o.label_id = parts.attributes[0].label_id;
        o.confidence = parts.attributes[0].confidence;
    }
    o.width = video.width, o.height = video.height;
    parts.put_into(o);
    gst_inference_buffer_add_object(buffer, guint(video.width), guint(video.height), &o);
}

void attach_numbers(GstBuffer* buffer, const char* name, const char* type,
                    std::initializer_list<gint64> dims, GBytes* data) {
    gst_buffer_add_inference_tensor_meta(buffer, name, type, guint(dims.size()), dims.begin(),
                                         data);
    g_bytes_unref(data);
}

void attach_segments_and_embedding(GstBuffer* buffer, const infer::Results& results) {
    if (results.segments) {
        auto kept = std::make_shared<infer::Segments>(*results.segments);
        attach_numbers(buffer, "segments", "u8", {1, kept->height, kept->width},
                       bytes_of(kept, kept->labels));
    }
    if (!results.embedding.empty()) {
        auto kept = std::make_shared<std::vector<float>>(results.embedding);
        attach_numbers(buffer, "embedding", "f32", {1, gint64(kept->size())},
                       bytes_of(kept, *kept));
    }
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
    attach_whole_frame(buffer, video, out.results);
    attach_segments_and_embedding(buffer, out.results);
    for (const auto& [name, tensor] : out.results.tensors)
        attach_tensor(buffer, name, tensor);
    attach_frame(buffer, out, source_id);
    return buffer;
}

void attach_to_object(GstBuffer* buffer, const GstVideoInfo& video, guint object,
                      const infer::Region& region, infer::Results& results) {
    const auto move = [&](std::vector<infer::Keypoint>& points) {
        for (infer::Keypoint& k : points)
            k.x += float(region.x), k.y += float(region.y);
    };
    move(results.keypoints);
    Parts parts;
    if (!results.classes.empty()) {
        const infer::Classification& best = results.classes[0];
        parts.attributes.push_back(
            {"class", label_of(results, best.label), best.label, best.score});
    }
    parts.add(results.attributes);
    parts.add(results.keypoints);
    GstInferenceObject more = {};
    parts.put_into(more);
    if (!results.embedding.empty())
        more.embedding =
            g_bytes_new(results.embedding.data(), results.embedding.size() * sizeof(float));
    gst_inference_buffer_extend_object(buffer, object, guint(video.width), guint(video.height),
                                       &more);
    g_clear_pointer(&more.embedding, g_bytes_unref);
    for (infer::Detection& d : results.detections) {
        d.x += float(region.x), d.y += float(region.y);
        move(d.keypoints);
        attach_detection(buffer, video, results, d);
    }
    for (const auto& [name, tensor] : results.tensors)
        attach_tensor(buffer, name + "@" + std::to_string(object), tensor);
}

void attach_frame_once(GstBuffer* buffer, const infer::Output& out, const std::string& source_id) {
    if (!gst_buffer_get_inference_frame_meta(buffer))
        attach_frame(buffer, out, source_id);
}
