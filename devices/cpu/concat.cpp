// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Concat without copying: whoever makes a part writes it where it belongs.
#include "devices/cpu/draft.h"

#include <algorithm>

namespace infer::cpu {
namespace {

class ConcatPlacer {
public:
    explicit ConcatPlacer(Draft& draft) : draft_(draft) {}
    void run();

private:
    bool place(int part, int whole, size_t axis, int64_t start);
    std::vector<int> family(int buffer) const; // it and all its views
    bool can_be_strided(const std::vector<int>& family) const;
    bool is_written(int buffer) const;

    Draft& draft_;
};

std::vector<int> ConcatPlacer::family(int buffer) const {
    std::vector<int> members{buffer};
    for (size_t k = 0; k < members.size(); k++)
        for (size_t b = 0; b < draft_.buffers.size(); b++)
            if (draft_.buffers[b].base == members[k])
                members.push_back(int(b));
    return members;
}

// Whether all who touch these buffers can do with pixels further apart.
bool ConcatPlacer::can_be_strided(const std::vector<int>& family) const {
    const auto member = [&](int b) { return std::find(family.begin(), family.end(), b) != family.end(); };
    for (const int b : family)
        if (draft_.buffers[size_t(b)].layout != Layout::ChannelsLast)
            return false;
    for (const PlannedStep& step : draft_.steps) {
        if (!step.wish.strided_in && std::any_of(step.in.begin(), step.in.end(), member))
            return false;
        if (!step.wish.strided_out && std::any_of(step.out.begin(), step.out.end(), member))
            return false;
    }
    return true;
}

bool ConcatPlacer::is_written(int buffer) const {
    return std::any_of(draft_.steps.begin(), draft_.steps.end(), [&](const PlannedStep& step) {
        return std::find(step.out.begin(), step.out.end(), buffer) != step.out.end();
    });
}

// Makes `part` a view of `whole` from index `start` of `axis` on.
bool ConcatPlacer::place(int part, int whole, size_t axis, int64_t start) {
    Buffer& p = draft_.buffers[size_t(part)];
    const Buffer& w = draft_.buffers[size_t(whole)];
    if (p.base >= 0 || p.input >= 0 || p.output >= 0 || p.constant || p.layout != w.layout ||
        !is_written(part))
        return false;
    const auto strides = strides_of(draft_.operand(whole));
    int64_t outer = 1; // indices before the axis in memory order
    for (size_t d = 0; d < w.shape.size(); d++)
        outer *= strides[d] > strides[axis] ? w.shape[d] : 1;
    const bool channels_last = w.layout == Layout::ChannelsLast;
    if (outer != 1 && !(channels_last && axis == 1))
        return false;
    if (channels_last && w.pixel_stride != p.pixel_stride) {
        const auto members = family(part);
        if (!can_be_strided(members))
            return false;
        for (const int b : members)
            draft_.buffers[size_t(b)].pixel_stride = w.pixel_stride;
    }
    p.base = whole;
    p.offset = size_t(start * strides[axis]) * size_of(w.type);
    return true;
}

// The last Concat first, so that parts of parts find where they end.
void ConcatPlacer::run() {
    for (size_t k = draft_.steps.size(); k-- > 0;) {
        PlannedStep& step = draft_.steps[k];
        if (step.node.op != "Concat")
            continue;
        const int whole = step.out[0];
        const auto rank = int64_t(draft_.buffers[size_t(whole)].shape.size());
        const auto axis = size_t((step.node.attr("axis", int64_t(0)) + rank) % rank);
        std::vector<int64_t> starts; // of each part along the axis, for the kernel
        int64_t next = 0;
        for (int& part : step.in) {
            starts.push_back(next);
            next += draft_.buffers[size_t(part)].shape[axis];
            if (place(part, whole, axis, starts.back()))
                part = -1; // nothing left to copy
        }
        step.node.attrs["starts"] = std::move(starts);
    }
    std::erase_if(draft_.steps, [](const PlannedStep& step) {
        return step.node.op == "Concat" &&
               std::all_of(step.in.begin(), step.in.end(), [](int b) { return b < 0; });
    });
}

} // namespace

void place_concats(Draft& draft) { ConcatPlacer(draft).run(); }

} // namespace infer::cpu
