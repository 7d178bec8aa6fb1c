// SPDX-License-Identifier: LGPL-2.1-or-later
/**
 * SECTION:element-inferenceattach
 *
 * Attaches regions that are given, in place of a model: fixed ones (`roi`), or what a file of JSON
 * lines says of each frame (`location`), as inferencepublish wrote it or as somebody labelled it.
 *
 *     ... ! inferenceattach location=truth.jsonl ! inferencetracker ! inferencepublish ! ...
 *     ... ! inferenceattach roi=0,0,640,360 label=street ! gstinference region=objects ! ...
 */
#include "analytics/recording.h"
#include "gst/attach_record.h"
#include "gst/element.h"
#include "gst/metadata_filter.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <optional>

namespace {

enum Mode { ByTime, InOrder, InLoop };

GType mode_type() {
    static const GType type = [] {
        static const GEnumValue values[] = {
            {ByTime, "The line of the frame's time", "by-time"},
            {InOrder, "One line a frame, in the order of the file", "in-order"},
            {InLoop, "The same, and from the start again at the end", "in-loop"},
            {0, nullptr, nullptr},
        };
        return g_enum_register_static("InferenceAttachMode", values);
    }();
    return type;
}

struct AttachSettings {
    std::string location, source, roi, label = "roi";
    int mode = ByTime;
    double time_tolerance_ms = 2;

    static std::span<const FilterProperty<AttachSettings>> properties() {
        using S = AttachSettings;
        static const FilterProperty<S> all[] = {
            {"location", "File of JSON lines whose objects are attached", &S::location},
            {"source", "Which source of the file (default: its only one)", &S::source},
            {"mode", "Which line is a frame's", &S::mode, 0, 0, mode_type},
            {"time-tolerance", "How far a line's time may be off, in milliseconds (mode by-time)",
             &S::time_tolerance_ms, 0, 3600e3},
            {"roi",
             "Regions for every frame: x_min,y_min,x_max,y_max in pixels, several apart by ';'",
             &S::roi},
            {"label", "Label of the regions of roi", &S::label},
        };
        return all;
    }
};

// The numbers of "1,2,3,4"; nothing if it is anything else.
std::optional<infer::BoxRecord> read_box(const std::string& text) {
    double left = 0, top = 0, right = 0, bottom = 0;
    int end = 0;
    const int read =
        std::sscanf(text.c_str(), " %lf , %lf , %lf , %lf %n", &left, &top, &right, &bottom, &end);
    if (read != 4 || size_t(end) != text.size() || !(left >= 0) || !(top >= 0) || !(right > left) ||
        !(bottom > top) || !std::isfinite(right) || !std::isfinite(bottom))
        return std::nullopt;
    return infer::BoxRecord{left, top, right - left, bottom - top};
}

infer::Result<infer::FrameRecord> read_roi(const std::string& text, const std::string& label) {
    infer::FrameRecord record;
    for (size_t from = 0; from < text.size();) {
        const size_t to = std::min(text.find(';', from), text.size());
        const auto box = read_box(text.substr(from, to - from));
        if (!box)
            return infer::Error{infer::Error::BadConfig, "property roi",
                                "'" + text.substr(from, to - from) +
                                    "' is no region; it must be x_min,y_min,x_max,y_max in pixels, "
                                    "as 0,0,640,360"};
        infer::ObjectRecord object;
        object.label = label;
        object.box = *box;
        record.objects.push_back(object);
        from = to + 1;
    }
    return record;
}

class Attach final : public FilterWith<AttachSettings> {
public:
    infer::Result<void> start() override {
        set_ = settings();
        frames_ = 0;
        recording_.reset();
        auto fixed = read_roi(set_.roi, set_.label);
        if (!fixed.ok())
            return fixed.error();
        fixed_ = std::move(fixed.value());
        if (set_.location.empty())
            return {};
        auto recording = infer::Recording::read(set_.location, set_.source);
        if (!recording.ok())
            return recording.error();
        recording_ = std::move(recording.value());
        return {};
    }

    GstFlowReturn frame(GstBuffer* buffer) override {
        if (!fixed_.objects.empty())
            attach_record(buffer, video, fixed_);
        if (const infer::FrameRecord* record = find(buffer))
            attach_record(buffer, video, *record);
        frames_++;
        return GST_FLOW_OK;
    }

private:
    const infer::FrameRecord* find(GstBuffer* buffer) const {
        if (!recording_)
            return nullptr;
        const auto& lines = recording_->frames();
        if (set_.mode != ByTime) {
            const size_t line = set_.mode == InLoop ? frames_ % lines.size() : frames_;
            return line < lines.size() ? &lines[line] : nullptr;
        }
        if (!GST_BUFFER_PTS_IS_VALID(buffer))
            return nullptr;
        const int line = recording_->at_time(GST_BUFFER_PTS(buffer),
                                             uint64_t(set_.time_tolerance_ms * GST_MSECOND));
        return line < 0 ? nullptr : &lines[size_t(line)];
    }

    AttachSettings set_; // as of the start
    infer::FrameRecord fixed_;
    std::optional<infer::Recording> recording_;
    size_t frames_ = 0;
};

GType attach_type() {
    return metadata_filter_type<Attach>("InferenceAttach", "Inference attach",
                                        "Filter/Metadata/Video",
                                        "Attaches given regions, or those of a file of JSON lines");
}

} // namespace

extern const ElementDef element_inferenceattach;
const ElementDef element_inferenceattach = {"inferenceattach", attach_type};
