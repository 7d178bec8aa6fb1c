// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "inference/metadata.h"
#include "inference/result.h"

#include <string>
#include <string_view>

namespace infer {

// One line of JSON (no newline at its end), keys in the order of docs. Keys without content are
// left out, `objects` is always there. Rounded: boxes and points to 1/100 pixel, confidences and
// shares to 1/10000, embeddings to 1/100000, times to a microsecond. Bytes that are not UTF-8 become U+FFFD; numbers that are not
// finite are left out (in a box: 0).
std::string to_json_line(const FrameRecord& record);

// The reverse. Unknown keys are ignored (newer writers add some); a wrong type or broken JSON is an
// Error that names the key. `where` in errors is "JSON line".
Result<FrameRecord> from_json_line(std::string_view line);

} // namespace infer
