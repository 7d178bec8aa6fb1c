// SPDX-License-Identifier: LGPL-2.1-or-later
/**
 * SECTION:element-inferencezones
 *
 * Says which zones tracked objects are in and which lines they cross: in the objects' metadata, and
 * as events in the frame's metadata and as element messages `inferencezones`. Comes after
 * inferencetracker.
 *
 *     ... ! inferencetracker ! inferencezones config=zones.json ! inferencepublish ! ...
 */
#include "analytics/zones.h"
#include "gst/element.h"
#include "gst/event_record.h"
#include "gst/frame_record.h"
#include "gst/meta/gstinferencemeta.h"
#include "gst/metadata_filter.h"

#include <cerrno>
#include <cstring>
#include <fstream>
#include <optional>
#include <sstream>

namespace {

struct ZonesSettings {
    std::string config;
    double margin = -1, gone_after_ms = 2000;

    static std::span<const FilterProperty<ZonesSettings>> properties() {
        using S = ZonesSettings;
        static const FilterProperty<S> all[] = {
            {"config", "Zones, lines and speeds: a JSON file, or the JSON itself", &S::config},
            {"margin",
             "Pixels around edges and lines within which nothing changes (-1: a hundredth of the "
             "frame's height)",
             &S::margin, -1, 10000},
            {"gone-after", "Milliseconds after which an object that is not seen has left",
             &S::gone_after_ms, 0, 3600e3},
        };
        return all;
    }
};

infer::Result<infer::ZonesConfig> read_config(const std::string& config) {
    if (config.find_first_not_of(" \t\r\n") == std::string::npos)
        return infer::Error{infer::Error::BadConfig, "property config",
                            "is not set; it must be a JSON file with zones or lines, or the JSON"};
    if (config[config.find_first_not_of(" \t\r\n")] == '{')
        return infer::read_zones_config(config, "property config");
    std::ifstream file(config);
    if (!file)
        return infer::Error{infer::Error::BadConfig, config,
                            std::string("cannot be read: ") + std::strerror(errno) +
                                " (property config)"};
    std::ostringstream text;
    text << file.rdbuf();
    return infer::read_zones_config(text.str(), config);
}

class ZonesFilter final : public FilterWith<ZonesSettings> {
public:
    infer::Result<void> start() override {
        set_ = settings();
        zones_.reset();
        auto config = read_config(set_.config);
        if (!config.ok())
            return config.error();
        config_ = std::move(config.value());
        return {};
    }

    void caps_changed() override {
        if (zones_ && video.width == width_ && video.height == height_)
            return;
        cut();
        width_ = video.width, height_ = video.height;
        infer::ZoneOptions options;
        options.width = width_, options.height = height_;
        options.margin = set_.margin >= 0 ? set_.margin : height_ / 100.0;
        options.gone_after_ns = uint64_t(set_.gone_after_ms * GST_MSECOND);
        zones_.emplace(config_, options);
    }

    // No frame is left to carry these events: they are messages alone.
    void cut() override {
        if (zones_)
            for (const infer::EventRecord& e : zones_->finish())
                post(e);
    }

    GstFlowReturn frame(GstBuffer* buffer) override {
        go_to(buffer);
        const IndexedObjects objects =
            objects_of(buffer, video, [](const GstInferenceObject&) { return true; });
        const infer::Zones::Frame found = zones_->update(time, objects.records);
        for (size_t i = 0; i < objects.index.size(); i++)
            attach(buffer, objects.index[i], found.zones[i]);
        for (const infer::EventRecord& e : found.events) {
            gst_buffer_add_inference_event_meta(buffer, event_structure(e));
            post(e);
        }
        return GST_FLOW_OK;
    }

private:
    static void attach(GstBuffer* buffer, guint index, const std::vector<std::string>& zones) {
        std::vector<const gchar*> names;
        for (const std::string& z : zones)
            names.push_back(z.c_str());
        names.push_back(nullptr);
        if (!zones.empty())
            gst_inference_buffer_add_object_zones(buffer, index, names.data());
    }

    void post(const infer::EventRecord& e) {
        GstStructure* s = event_structure(e);
        gst_structure_set(s, "type", G_TYPE_STRING, e.type.c_str(), "time", G_TYPE_UINT64,
                          guint64(time), nullptr);
        gst_structure_set_name(s, "inferencezones");
        gst_element_post_message(element, gst_message_new_element(GST_OBJECT(element), s));
    }

    ZonesSettings set_; // as of the start
    infer::ZonesConfig config_;
    std::optional<infer::Zones> zones_; // from the first caps on
    gint width_ = 0, height_ = 0;
};

GType zones_type() {
    return metadata_filter_type<ZonesFilter>("InferenceZones", "Inference zones",
                                             "Filter/Analyzer/Video",
                                             "Zones, lines, dwell times and counts of objects");
}

} // namespace

extern const ElementDef element_inferencezones;
const ElementDef element_inferencezones = {"inferencezones", zones_type};
