// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gst/skips.h"

#include <utility>

GstStructure* Skips::add(const std::string& source_id, infer::FrameStatus status, const std::string& reason, gint64 now_us) {
    std::map<Kind, guint64> frames;
    {
        std::lock_guard guard(lock_);
        frames_[{source_id, status, reason}]++;
        if (has_told_ && now_us - told_us_ < pause_us)
            return nullptr;
        has_told_ = true;
        told_us_ = now_us;
        frames = std::exchange(frames_, {});
    }
    guint64 total = 0;
    GValue list = G_VALUE_INIT;
    gst_value_list_init(&list, guint(frames.size()));
    for (const auto& [kind, count] : frames) {
        const auto& [source, how, why] = kind;
        total += count;
        GValue one = G_VALUE_INIT;
        g_value_init(&one, GST_TYPE_STRUCTURE);
        g_value_take_boxed(&one, gst_structure_new("skipped", "source-id", G_TYPE_STRING, source.c_str(), "status",
                                                   G_TYPE_STRING, std::string(infer::name_of(how)).c_str(), "reason",
                                                   G_TYPE_STRING, why.c_str(), "frames", G_TYPE_UINT64, count, nullptr));
        gst_value_list_append_and_take_value(&list, &one);
    }
    GstStructure* told = gst_structure_new("inference-skipped", "frames", G_TYPE_UINT64, total, nullptr);
    gst_structure_take_value(told, "skipped", &list);
    return told;
}
