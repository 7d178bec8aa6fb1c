// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gst/flow_figures.h"

using infer::FrameStatus;

// Queue: before and behind a row of the device, with time for company; Output: until the frames before it have left.
void FlowFigures::timed(const infer::Results& r, int64_t now_us) {
    const int64_t waited_us = r.latency_us - r.preprocess_us - r.inference_us - r.decode_us;
    const int64_t output_us = now_us - r.decoded_at_us;
    const int64_t us[Stages] = {waited_us, r.preprocess_us, r.inference_us, r.decode_us, output_us, r.latency_us + output_us};
    for (int stage = 0; stage < Stages; stage++)
        times_[size_t(stage)].add(us[stage]);
    std::lock_guard guard(lock_);
    by_device_[r.device]++;
}

void FlowFigures::left(int64_t now_us) {
    out_++;
    std::lock_guard guard(lock_);
    rate_.count(now_us);
}

static void put_times(GstStructure* stats, const char* stage, const infer::Histogram& times) {
    static constexpr struct {
        const char* name;
        double share;
    } percentiles[] = {{"p50", 0.50}, {"p95", 0.95}, {"p99", 0.99}};
    for (const auto& p : percentiles) {
        const std::string name = std::string(stage) + "-" + p.name;
        gst_structure_set(stats, name.c_str(), G_TYPE_DOUBLE, times.percentile(p.share), nullptr);
    }
}

void FlowFigures::put(GstStructure* stats) const {
    gst_structure_set(stats, "frames-in", G_TYPE_UINT64, in_.load(), "frames-out", G_TYPE_UINT64, out_.load(),
                      "inferred", G_TYPE_UINT64, count(FrameStatus::Inferred), "skipped", G_TYPE_UINT64,
                      count(FrameStatus::Skipped), "dropped", G_TYPE_UINT64, count(FrameStatus::Dropped), "failed",
                      G_TYPE_UINT64, count(FrameStatus::Failed), nullptr);
    static constexpr const char* names[Stages] = {"queue", "preprocess", "inference", "postprocess", "output", "latency"};
    for (int stage = 0; stage < Stages; stage++)
        put_times(stats, names[stage], times_[size_t(stage)]);
    std::lock_guard guard(lock_);
    gst_structure_set(stats, "fps", G_TYPE_DOUBLE, rate_.per_second(g_get_monotonic_time()), nullptr);
    guint64 total = 0;
    for (const auto& [device, frames] : by_device_)
        total += frames;
    GstStructure* shares = gst_structure_new_empty("device-shares");
    for (const auto& [device, frames] : by_device_)
        gst_structure_set(shares, device.c_str(), G_TYPE_DOUBLE, double(frames) / double(total), nullptr);
    gst_structure_set(stats, "device-shares", GST_TYPE_STRUCTURE, shares, nullptr);
    gst_structure_free(shares);
}
