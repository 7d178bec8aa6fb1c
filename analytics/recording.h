// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "inference/metadata.h"
#include "inference/result.h"

#include <iosfwd>
#include <string>
#include <vector>

namespace infer {

// One source's frames as a file of JSON lines has them.
class Recording {
public:
    // `source` "": the only one there is. Errors name the file, the line and what would be right.
    static Result<Recording> read(const std::string& path, const std::string& source);
    static Result<Recording> read(std::istream& lines, const std::string& name,
                                  const std::string& source);

    const std::vector<FrameRecord>& frames() const { return frames_; }
    // Number of the frame whose time is next to `pts`, at most `tolerance_ns` off; -1: there is
    // none.
    int at_time(uint64_t pts, uint64_t tolerance_ns) const;

private:
    explicit Recording(std::vector<FrameRecord> frames);

    std::vector<FrameRecord> frames_;
    std::vector<std::pair<uint64_t, int>>
        times_; // of those that say one, sorted, with their number
};

} // namespace infer
