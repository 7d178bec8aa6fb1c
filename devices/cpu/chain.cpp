// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Chains of steps that make images row by row, each for the next alone, become one step that runs them
// in strips (strips.h): the large images between them never leave the cache and have no place in the arena.
#include "devices/cpu/draft.h"

#include <algorithm>

namespace infer::cpu {
namespace {

constexpr size_t smallest = 256 * 1024; // bytes of an image that is not found in the cache anyway
constexpr size_t longest = 24;          // steps: each adds rows that are made twice where slices meet

using Steps = std::vector<size_t>; // indices, in order

class Chainer {
public:
    explicit Chainer(Draft& draft) : draft_(draft) {}
    void run();

private:
    void count_uses();
    bool can_be_strip(int buffer) const;
    int next_of(size_t step) const;
    Steps line_from(size_t first) const;
    bool can_be_chain(const Steps& steps) const;
    std::vector<Steps> cut(const Steps& line) const;
    PlannedStep joined(const Steps& members) const;

    struct Use {
        std::vector<int> readers; // steps
        int writers = 0;
        bool has_views = false;
    };

    Draft& draft_;
    std::vector<Use> uses_; // by buffer
    std::vector<bool> taken_; // by step
};

void Chainer::count_uses() {
    uses_.assign(draft_.buffers.size(), {});
    for (const Buffer& buffer : draft_.buffers)
        if (buffer.base >= 0)
            uses_[size_t(buffer.base)].has_views = true;
    for (size_t k = 0; k < draft_.steps.size(); k++) {
        for (const int b : draft_.steps[k].in)
            if (b >= 0)
                uses_[size_t(b)].readers.push_back(int(k));
        for (const int b : draft_.steps[k].out)
            if (b >= 0)
                uses_[size_t(b)].writers++;
    }
    if (draft_.tail)
        for (const int b : draft_.tail->in)
            uses_[size_t(b)].has_views = true;
}

bool Chainer::can_be_strip(int buffer) const {
    const Buffer& image = draft_.buffers[size_t(buffer)];
    const Use& use = uses_[size_t(buffer)];
    return use.writers == 1 && !use.has_views && image.base < 0 && image.input < 0 && image.output < 0 &&
           image.shape.size() == 4 && image.layout == Layout::ChannelsLast && image.pixel_stride == image.shape[1] &&
           image.bytes() >= smallest * size_t(image.shape[0]);
}

// The step that goes on with what `step` makes, if the image between them can be a strip; -1: none.
// Other readers must take it as what a convolution adds.
int Chainer::next_of(size_t step) const {
    const PlannedStep& maker = draft_.steps[step];
    if (!maker.wish.rows || maker.out.size() != 1 || !can_be_strip(maker.out[0]))
        return -1;
    int next = -1;
    for (const int k : uses_[size_t(maker.out[0])].readers) {
        const PlannedStep& reader = draft_.steps[size_t(k)];
        if (!reader.wish.rows || !reader.wish.rows->is_exact || reader.out.size() != 1 || taken_[size_t(k)])
            return -1;
        if (reader.in[0] != maker.out[0])
            continue;
        if (next >= 0)
            return -1;
        next = k;
    }
    return next;
}

Steps Chainer::line_from(size_t first) const {
    Steps line{first};
    for (int next; (next = next_of(line.back())) >= 0;)
        line.push_back(size_t(next));
    return line;
}

// Whether all who read an image between the steps are among them, and a few rows of all are not too much.
bool Chainer::can_be_chain(const Steps& steps) const {
    const auto is_member = [&](int step) { return std::ranges::find(steps, size_t(step)) != steps.end(); };
    for (size_t k = 0; k + 1 < steps.size(); k++)
        if (!std::ranges::all_of(uses_[size_t(draft_.steps[steps[k]].out[0])].readers, is_member))
            return false;
    return steps.size() == 1 || fits_in_strips(chain_members(draft_, joined(steps)));
}

// Into chains, so that as few bytes as can be go through memory between them.
std::vector<Steps> Chainer::cut(const Steps& line) const {
    struct Best {
        size_t bytes = 0, begin = 0; // of the first steps: bytes written, where the last chain begins
    };
    std::vector<Best> best(line.size() + 1);
    for (size_t end = 1; end <= line.size(); end++) {
        const size_t bytes = draft_.buffers[size_t(draft_.steps[line[end - 1]].out[0])].bytes();
        best[end] = {best[end - 1].bytes + bytes, end - 1};
        for (size_t begin = end - 1; begin > 0 && end - begin < longest; begin--)
            if (best[begin - 1].bytes + bytes < best[end].bytes && can_be_chain({line.begin() + int64_t(begin) - 1, line.begin() + int64_t(end)}))
                best[end] = {best[begin - 1].bytes + bytes, begin - 1};
    }
    std::vector<Steps> chains;
    for (size_t end = line.size(); end > 0; end = best[end].begin)
        chains.emplace_back(line.begin() + int64_t(best[end].begin), line.begin() + int64_t(end));
    return chains;
}

PlannedStep Chainer::joined(const Steps& members) const {
    PlannedStep chain;
    for (const size_t k : members)
        chain.chain.push_back(draft_.steps[k]);
    const PlannedStep& last = chain.chain.back();
    chain.node.op = last.node.op;
    chain.node.name = chain.chain.front().node.name + " to " + last.node.name;
    chain.out = last.out;
    const auto is_made = [&](int b) { return std::ranges::find(chain.chain, b, [](const PlannedStep& s) { return s.out[0]; }) != chain.chain.end(); };
    for (const PlannedStep& step : chain.chain)
        for (const int b : step.in)
            if (b >= 0 && !is_made(b) && std::ranges::find(chain.in, b) == chain.in.end())
                chain.in.push_back(b);
    return chain;
}

void Chainer::run() {
    count_uses();
    taken_.assign(draft_.steps.size(), false);
    std::vector<bool> seen(draft_.steps.size(), false);
    for (size_t first = 0; first < draft_.steps.size(); first++) {
        if (seen[first])
            continue;
        const Steps line = line_from(first);
        for (const size_t k : line)
            seen[k] = true;
        for (const Steps& members : cut(line))
            if (members.size() > 1) {
                PlannedStep chain = joined(members);
                for (const size_t k : members)
                    taken_[k] = true;
                draft_.steps[members.back()] = std::move(chain); // where all that its members read is there
            }
    }
    size_t to = 0;
    for (size_t k = 0; k < draft_.steps.size(); k++)
        if (!taken_[k] || !draft_.steps[k].chain.empty()) {
            if (to != k)
                draft_.steps[to] = std::move(draft_.steps[k]);
            to++;
        }
    draft_.steps.resize(to);
}

} // namespace

std::vector<ChainMember> chain_members(const Draft& draft, const PlannedStep& planned) {
    std::vector<ChainMember> chain;
    for (const PlannedStep& step : planned.chain) {
        const Buffer& image = draft.buffers[size_t(step.out[0])];
        ChainMember member{.kernel = nullptr, .use = *step.wish.rows, .in = {}, .height = image.shape[2],
                           .row_bytes = size_t(image.shape[3] * image.pixel_stride) * size_of(image.type)};
        for (const int b : step.in) {
            const auto made = std::ranges::find(planned.chain, b, [](const PlannedStep& s) { return s.out[0]; });
            if (b < 0)
                member.in.push_back({});
            else if (made != planned.chain.end())
                member.in.push_back({ChainMember::Input::OfMember, int(made - planned.chain.begin())});
            else
                member.in.push_back({ChainMember::Input::OfStep, int(std::ranges::find(planned.in, b) - planned.in.begin())});
        }
        chain.push_back(std::move(member));
    }
    return chain;
}

void chain_steps(Draft& draft) { Chainer(draft).run(); }

} // namespace infer::cpu
