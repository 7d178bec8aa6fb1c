// SPDX-License-Identifier: LGPL-2.1-or-later
#include "inference/session.h"

namespace infer {

std::string_view name_of(FrameStatus status) {
    switch (status) {
    case FrameStatus::Inferred:
        return "inferred";
    case FrameStatus::Skipped:
        return "skipped";
    case FrameStatus::Dropped:
        return "dropped";
    case FrameStatus::Failed:
        return "failed";
    }
    return "";
}

void SourceStats::count(FrameStatus status) {
    out++;
    switch (status) {
    case FrameStatus::Inferred:
        inferred++;
        break;
    case FrameStatus::Skipped:
        skipped++;
        break;
    case FrameStatus::Dropped:
        dropped++;
        break;
    case FrameStatus::Failed:
        failed++;
        break;
    }
}

} // namespace infer
