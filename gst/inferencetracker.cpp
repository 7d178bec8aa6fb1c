// SPDX-License-Identifier: LGPL-2.1-or-later
/**
 * SECTION:element-inferencetracker
 *
 * Gives the objects of one video identities over time. On frames that were not inferred (interval)
 * it adds the objects where they are expected, marked as predicted. One for each source.
 *
 *     ... ! gstinference model=m.onnx interval=3 threshold=0.1 ! inferencetracker !
 * inferenceoverlay ! ...
 */
#include "analytics/tracker.h"
#include "gst/attach_record.h"
#include "gst/element.h"
#include "gst/frame_record.h"
#include "gst/meta/gstinferencemeta.h"
#include "gst/metadata_filter.h"

#include <algorithm>
#include <optional>

namespace {

using infer::TrackerKind;

GType kind_type() {
    static const GType type = [] {
        static const GEnumValue values[] = {
            {int(TrackerKind::Iou), "By overlap with the last box", "iou"},
            {int(TrackerKind::Byte), "By motion, weak detections in a second round", "byte"},
            {int(TrackerKind::Embedding), "By motion and re-identification vectors", "embedding"},
            {0, nullptr, nullptr},
        };
        return g_enum_register_static("InferenceTrackerKind", values);
    }();
    return type;
}

struct TrackerSettings {
    int kind = int(TrackerKind::Byte);
    double max_age_ms = 2000, high = 0.5, low = 0.1, iou = 0.2, embedding_distance = 0.3;
    bool predict = true;

    static std::span<const FilterProperty<TrackerSettings>> properties() {
        using S = TrackerSettings;
        static const FilterProperty<S> all[] = {
            {"kind", "How objects are found again", &S::kind, 0, 0, kind_type},
            {"max-age", "Milliseconds after which an object that is not seen has gone",
             &S::max_age_ms, 1, 3600e3},
            {"high-confidence", "From here on a detection may start a track", &S::high, 0, 1},
            {"low-confidence", "From here on it may go on with one (not kind=iou)", &S::low, 0, 1},
            {"iou-threshold", "Least overlap with where an object is expected", &S::iou, 0, 1},
            {"embedding-distance", "Most cosine distance of two vectors of one object",
             &S::embedding_distance, 0, 2},
            {"predict", "Add expected objects to frames that were not inferred", &S::predict},
        };
        return all;
    }
};

class TrackerFilter final : public FilterWith<TrackerSettings> {
public:
    infer::Result<void> start() override {
        const TrackerSettings s = settings();
        if (s.low > s.high)
            return infer::Error{infer::Error::BadConfig, "property low-confidence",
                                "is above high-confidence; it must be below or equal"};
        predict_ = s.predict;
        max_age_ns_ = uint64_t(s.max_age_ms * GST_MSECOND);
        tracker_.emplace(infer::TrackerOptions{TrackerKind(s.kind), max_age_ns_, s.high, s.low,
                                               s.iou, s.embedding_distance});
        return {};
    }

    // A picture of another size is another scene.
    void caps_changed() override {
        if (video.width != width_ || video.height != height_)
            tracker_->reset();
        width_ = video.width, height_ = video.height;
    }

    void cut() override { tracker_->reset(); }

    GstFlowReturn frame(GstBuffer* buffer) override {
        go_to(buffer, max_age_ns_); // over a longer gap every track ages out
        const auto* m = gst_buffer_get_inference_frame_meta(buffer);
        if (!m || m->status == GST_INFERENCE_STATUS_INFERRED)
            update(buffer);
        else if (predict_)
            predict(buffer);
        return GST_FLOW_OK;
    }

private:
    void update(GstBuffer* buffer) {
        const IndexedObjects seen = objects_of(
            buffer, video, [](const GstInferenceObject& o) { return !o.predicted; });
        const std::vector<int> ids = tracker_->update(time, seen.records);
        for (size_t i = 0; i < ids.size(); i++)
            if (ids[i] > 0)
                gst_inference_buffer_set_object_track(buffer, seen.index[i], ids[i]);
    }

    void predict(GstBuffer* buffer) {
        infer::FrameRecord record;
        for (infer::ObjectRecord& o : tracker_->predict(time)) {
            const double right = std::min(o.box.x + o.box.width, double(video.width));
            const double bottom = std::min(o.box.y + o.box.height, double(video.height));
            o.box.x = std::max(0.0, o.box.x), o.box.y = std::max(0.0, o.box.y);
            o.box.width = right - o.box.x, o.box.height = bottom - o.box.y;
            // Points and a vector are of the frame they were seen on.
            o.keypoints.clear();
            o.embedding.clear();
            if (o.box.width > 0 && o.box.height > 0) // else it has left the picture
                record.objects.push_back(std::move(o));
        }
        attach_record(buffer, video, record);
    }

    std::optional<infer::Tracker> tracker_; // from start on
    bool predict_ = true;
    uint64_t max_age_ns_ = 0;
    gint width_ = 0, height_ = 0;
};

GType tracker_type() {
    return metadata_filter_type<TrackerFilter>("InferenceTracker", "Inference tracker",
                                               "Filter/Analyzer/Video",
                                               "Gives objects identities over time");
}

} // namespace

extern const ElementDef element_inferencetracker;
const ElementDef element_inferencetracker = {"inferencetracker", tracker_type};
