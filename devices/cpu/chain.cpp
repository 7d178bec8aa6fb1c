// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Chains of steps that make images row by row, each for the next alone, become one step that runs them
// in strips (strips.h): the large images between them never leave the cache and have no place in the arena.
#include "devices/cpu/draft.h"

#include <algorithm>

namespace infer::cpu {
namespace {

constexpr size_t smallest = 256 * 1024; // bytes of an image that is not found in the cache anyway

class Chainer {
public:
    explicit Chainer(Draft& draft) : draft_(draft) {}
    void run();

private:
    void count_uses();
    int next_of(size_t step) const;
    PlannedStep joined(const std::vector<size_t>& members) const;

    struct Use {
        int readers = 0, reader = -1, writers = 0;
        bool has_views = false;
    };

    Draft& draft_;
    std::vector<Use> uses_; // by buffer
};

void Chainer::count_uses() {
    uses_.assign(draft_.buffers.size(), {});
    for (const Buffer& buffer : draft_.buffers)
        if (buffer.base >= 0)
            uses_[size_t(buffer.base)].has_views = true;
    for (size_t k = 0; k < draft_.steps.size(); k++) {
        for (const int b : draft_.steps[k].in)
            if (b >= 0)
                uses_[size_t(b)].readers++, uses_[size_t(b)].reader = int(k);
        for (const int b : draft_.steps[k].out)
            if (b >= 0)
                uses_[size_t(b)].writers++;
    }
    if (draft_.tail)
        for (const int b : draft_.tail->in)
            uses_[size_t(b)].readers++;
}

// The step that goes on with what `step` makes, if the image between them can be a strip; -1: none.
int Chainer::next_of(size_t step) const {
    const PlannedStep& maker = draft_.steps[step];
    if (!maker.wish.rows || maker.out.size() != 1)
        return -1;
    const Buffer& image = draft_.buffers[size_t(maker.out[0])];
    const Use& use = uses_[size_t(maker.out[0])];
    if (use.readers != 1 || use.reader < 0 || use.writers != 1 || use.has_views || image.base >= 0 || image.input >= 0 ||
        image.output >= 0 || image.shape.size() != 4 || image.layout != Layout::ChannelsLast ||
        image.pixel_stride != image.shape[1] || image.bytes() < smallest * size_t(image.shape[0]))
        return -1;
    const PlannedStep& reader = draft_.steps[size_t(use.reader)];
    const bool reads_rows = reader.wish.rows && reader.wish.rows->is_exact && reader.in[0] == maker.out[0];
    return reads_rows && reader.out.size() == 1 ? use.reader : -1;
}

PlannedStep Chainer::joined(const std::vector<size_t>& members) const {
    PlannedStep chain;
    for (const size_t k : members)
        chain.chain.push_back(draft_.steps[k]);
    const PlannedStep& last = chain.chain.back();
    chain.node.op = last.node.op;
    chain.node.name = chain.chain.front().node.name + " to " + last.node.name;
    chain.out = last.out;
    for (size_t k = 0; k < members.size(); k++)
        for (size_t i = k == 0 ? 0 : 1; i < chain.chain[k].in.size(); i++)
            if (const int b = chain.chain[k].in[i]; b >= 0 && std::ranges::find(chain.in, b) == chain.in.end())
                chain.in.push_back(b);
    return chain;
}

void Chainer::run() {
    count_uses();
    std::vector<bool> taken(draft_.steps.size(), false);
    for (size_t first = 0; first < draft_.steps.size(); first++) {
        std::vector<size_t> members{first};
        for (int next; !taken[first] && (next = next_of(members.back())) >= 0;)
            members.push_back(size_t(next));
        if (members.size() < 2)
            continue;
        PlannedStep chain = joined(members);
        for (const size_t k : members)
            taken[k] = true;
        draft_.steps[members.back()] = std::move(chain); // where all that its members read is there
    }
    size_t to = 0;
    for (size_t k = 0; k < draft_.steps.size(); k++)
        if (!taken[k] || !draft_.steps[k].chain.empty()) {
            if (to != k)
                draft_.steps[to] = std::move(draft_.steps[k]);
            to++;
        }
    draft_.steps.resize(to);
}

} // namespace

void chain_steps(Draft& draft) { Chainer(draft).run(); }

} // namespace infer::cpu
