// SPDX-License-Identifier: LGPL-2.1-or-later
/**
 * SECTION:element-inferenceassert
 *
 * Compares what the frames carry with a recording of JSON lines. At the end of the stream it posts
 * an element message `inferenceassert` with the verdict, and an error if too many frames differ:
 * gst-launch-1.0 and `gst-inference play` then end with a status that is not 0.
 *
 *     gst-inference play "... ! gstinference model=m.onnx ! inferenceassert location=good.jsonl !
 * fakesink"
 */
#include "analytics/comparison.h"
#include "gst/element.h"
#include "gst/errors.h"
#include "gst/frame_record.h"
#include "gst/metadata_filter.h"

#include <optional>

namespace {

struct AssertSettings {
    std::string location, source;
    double iou = 0.5, score_tolerance = 0.1, time_tolerance_ms = 2;
    bool ids = false;
    int max_differing = 0;

    static std::span<const FilterProperty<AssertSettings>> properties() {
        using S = AssertSettings;
        static const FilterProperty<S> all[] = {
            {"location", "File of JSON lines with what is expected", &S::location},
            {"source", "Which source of the file (default: its only one)", &S::source},
            {"iou-threshold", "Least overlap of a box with the recorded one", &S::iou, 0, 1},
            {"score-tolerance", "Most difference of a confidence from the recorded one",
             &S::score_tolerance, 0, 1},
            {"time-tolerance", "Most difference of a frame's time, in milliseconds",
             &S::time_tolerance_ms, 0, 3600e3},
            {"ids", "Tracks must be the recorded ones; their numbers may be others", &S::ids},
            {"max-differing", "How many frames may differ", &S::max_differing, 0, G_MAXINT},
        };
        return all;
    }
};

class Assert final : public FilterWith<AssertSettings> {
public:
    infer::Result<void> start() override {
        set_ = settings();
        frames_ = 0;
        if (set_.location.empty())
            return infer::Error{infer::Error::BadConfig, "property location",
                                "is not set; it must name a file of JSON lines, as "
                                "inferencepublish writes them"};
        auto recording = infer::Recording::read(set_.location, set_.source);
        if (!recording.ok())
            return recording.error();
        comparison_.emplace(std::move(recording.value()),
                            infer::Tolerances{set_.iou, set_.score_tolerance,
                                              uint64_t(set_.time_tolerance_ms * GST_MSECOND),
                                              set_.ids});
        return {};
    }

    void stop() override { comparison_.reset(); }

    GstFlowReturn frame(GstBuffer* buffer) override {
        if (comparison_)
            comparison_->add(frame_record(buffer, video, GST_OBJECT_NAME(element), frames_++));
        return GST_FLOW_OK;
    }

    void ended() override {
        if (!comparison_)
            return;
        post_verdict(comparison_->finish());
        comparison_.reset(); // one verdict a run
    }

private:
    void post_verdict(const infer::Verdict& v) {
        const bool passed = v.frames > 0 && v.differing <= size_t(set_.max_differing);
        std::string examples;
        for (const std::string& e : v.examples)
            examples += (examples.empty() ? "" : "; ") + e;
        GstStructure* s = gst_structure_new(
            "inferenceassert", "passed", G_TYPE_BOOLEAN, passed, "frames", G_TYPE_UINT64,
            guint64(v.frames), "differing", G_TYPE_UINT64, guint64(v.differing), "missing",
            G_TYPE_UINT64, guint64(v.missing_objects), "unexpected", G_TYPE_UINT64,
            guint64(v.unexpected_objects), "other", G_TYPE_UINT64, guint64(v.other_differences),
            "examples", G_TYPE_STRING, examples.c_str(), nullptr);
        gst_element_post_message(element, gst_message_new_element(GST_OBJECT(element), s));
        if (passed)
            return;
        const std::string text = v.frames == 0 ? "no frame came"
                                               : std::to_string(v.differing) + " of " +
                                                     std::to_string(v.frames) + " frames differ (" +
                                                     std::to_string(set_.max_differing) +
                                                     " may): " + examples;
        gst_element_message_full(element, GST_MESSAGE_ERROR, GST_STREAM_ERROR,
                                 GST_STREAM_ERROR_FAILED,
                                 g_strdup((set_.location + ": " + text).c_str()), nullptr, __FILE__,
                                 GST_FUNCTION, __LINE__);
    }

    AssertSettings set_; // as of the start
    std::optional<infer::Comparison> comparison_;
    guint64 frames_ = 0;
};

GType assert_type() {
    return metadata_filter_type<Assert>("InferenceAssert", "Inference assert",
                                        "Filter/Analyzer/Video",
                                        "Compares metadata with a recording and posts a verdict");
}

} // namespace

extern const ElementDef element_inferenceassert;
const ElementDef element_inferenceassert = {"inferenceassert", assert_type};
