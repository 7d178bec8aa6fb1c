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

class Chainer {
public:
    explicit Chainer(Draft& draft) : draft_(draft) {}
    void run();

private:
    void count_uses();
    bool can_be_strip(int buffer) const;
    int next_of(size_t step) const;
    std::vector<size_t> chain_from(size_t first) const;
    PlannedStep joined(const std::vector<size_t>& members) const;

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

// As far as all who read an image between the steps are among them.
std::vector<size_t> Chainer::chain_from(size_t first) const {
    std::vector<size_t> members{first};
    size_t whole = 1;
    for (int next; members.size() < longest && (next = next_of(members.back())) >= 0;) {
        members.push_back(size_t(next));
        const bool closed = std::all_of(members.begin(), members.end() - 1, [&](size_t k) {
            return std::ranges::all_of(uses_[size_t(draft_.steps[k].out[0])].readers,
                                       [&](int r) { return std::ranges::find(members, size_t(r)) != members.end(); });
        });
        if (closed)
            whole = members.size();
    }
    members.resize(whole);
    return members;
}

PlannedStep Chainer::joined(const std::vector<size_t>& members) const {
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
    for (size_t first = 0; first < draft_.steps.size(); first++) {
        if (taken_[first])
            continue;
        const auto members = chain_from(first);
        if (members.size() < 2)
            continue;
        PlannedStep chain = joined(members);
        for (const size_t k : members)
            taken_[k] = true;
        draft_.steps[members.back()] = std::move(chain); // where all that its members read is there
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

void chain_steps(Draft& draft) { Chainer(draft).run(); }

} // namespace infer::cpu
