// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gst/look_again.h"

namespace {

// Tracks that were not seen for so many frames do not come back; looked for where there are many.
constexpr uint64_t frames_until_forgotten = 1000;
constexpr size_t many = 256;

bool is_old(uint64_t used, uint64_t frame) { return used + frames_until_forgotten < frame; }

} // namespace

bool LookAgain::is_due(int track_id, uint64_t frame, int interval) {
    if (track_id <= 0 || interval == 1)
        return true;
    if (looked_.size() > many)
        std::erase_if(looked_, [&](const auto& l) { return is_old(l.second.seen, frame); });
    const auto [at, is_new] = looked_.try_emplace(track_id, Look{frame, frame});
    at->second.seen = frame;
    if (is_new)
        return true;
    if (interval == 0 || frame - at->second.looked < uint64_t(interval))
        return false;
    at->second.looked = frame;
    return true;
}

void SaidBefore::keep(int track_id, uint64_t frame, const infer::Results& results) {
    if (said_.size() > many)
        std::erase_if(said_, [&](const auto& s) { return is_old(s.second.used, frame); });
    infer::Results kept;
    kept.classes = results.classes;
    kept.attributes = results.attributes;
    kept.embedding = results.embedding;
    kept.processing = results.processing;
    said_[track_id] = {std::move(kept), frame};
}

const infer::Results* SaidBefore::find(int track_id, uint64_t frame) {
    const auto at = said_.find(track_id);
    if (at == said_.end())
        return nullptr;
    at->second.used = frame;
    return &at->second.results;
}
