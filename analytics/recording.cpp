// SPDX-License-Identifier: LGPL-2.1-or-later
#include "analytics/recording.h"

#include "inference/formats/json_lines.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <limits>
#include <set>

namespace infer {
namespace {

std::string list_of(const std::set<std::string>& sources) {
    std::string list;
    for (const std::string& s : sources)
        list += (list.empty() ? "'" : ", '") + s + "'";
    return list;
}

bool has_box_without_place(const FrameRecord& frame) {
    return std::ranges::any_of(frame.objects, [](const ObjectRecord& o) {
        return !(o.box.width >= 0) || !(o.box.height >= 0);
    });
}

bool has_id_out_of_range(const FrameRecord& frame) {
    return std::ranges::any_of(frame.objects, [](const ObjectRecord& o) {
        return o.id && (*o.id < 1 || *o.id > std::numeric_limits<int32_t>::max());
    });
}

Result<void> check(const FrameRecord& frame, const std::string& where) {
    if (has_box_without_place(frame))
        return Error{Error::BadConfig, where, "a box has a negative width or height"};
    if (has_id_out_of_range(frame))
        return Error{Error::BadConfig, where, "an `id` is not within 1 to 2147483647"};
    return {};
}

} // namespace

Recording::Recording(std::vector<FrameRecord> frames) : frames_(std::move(frames)) {
    for (size_t i = 0; i < frames_.size(); i++)
        if (frames_[i].pts)
            times_.emplace_back(*frames_[i].pts, int(i));
    std::ranges::sort(times_);
}

Result<Recording> Recording::read(const std::string& path, const std::string& source) {
    std::ifstream file(path);
    if (!file)
        return Error{Error::BadConfig, path,
                     std::string("cannot be read: ") + std::strerror(errno) +
                         " (property location)"};
    return read(file, path, source);
}

Result<Recording> Recording::read(std::istream& lines, const std::string& name,
                                  const std::string& source) {
    std::vector<FrameRecord> frames;
    std::set<std::string> sources;
    size_t number = 0;
    for (std::string line; std::getline(lines, line);) {
        number++;
        if (line.find_first_not_of(" \t\r") == std::string::npos)
            continue;
        const std::string where = name + ":" + std::to_string(number);
        auto frame = from_json_line(line);
        if (!frame.ok())
            return Error{Error::BadConfig, where, frame.error().what};
        if (const auto good = check(frame.value(), where); !good.ok())
            return good.error();
        sources.insert(frame.value().source);
        if (source.empty() || frame.value().source == source)
            frames.push_back(std::move(frame.value()));
    }
    if (sources.empty())
        return Error{Error::BadConfig, name,
                     "holds no line; each frame needs one, as inferencepublish writes them"};
    if (frames.empty())
        return Error{Error::BadConfig, name,
                     "holds nothing of source '" + source + "'; there is " + list_of(sources)};
    if (source.empty() && sources.size() > 1)
        return Error{Error::BadConfig, name,
                     "holds several sources; property source must name one of " + list_of(sources)};
    return Recording(std::move(frames));
}

int Recording::at_time(uint64_t pts, uint64_t tolerance_ns) const {
    const auto distance = [&](uint64_t t) { return t > pts ? t - pts : pts - t; };
    auto at = std::ranges::lower_bound(times_, std::pair(pts, 0));
    if (at != times_.begin() &&
        (at == times_.end() || distance(std::prev(at)->first) < distance(at->first)))
        --at;
    return at != times_.end() && distance(at->first) <= tolerance_ns ? at->second : -1;
}

} // namespace infer
