// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Values between kernels that can do with it are kept in bf16: half the memory to move.
#include "devices/cpu/draft.h"

#include <algorithm>

namespace infer::cpu {
namespace {

class Narrower {
public:
    explicit Narrower(Draft& draft) : draft_(draft), families_(draft.buffers.size()) {}
    void run();

private:
    void forbid(int buffer);
    void forbid_by(const PlannedStep& step);

    // All buffers that share one piece of memory, under its root.
    struct Family {
        std::vector<int> members;
        bool can_narrow = true;
    };

    Draft& draft_;
    std::vector<Family> families_;
};

void Narrower::forbid(int buffer) {
    if (buffer >= 0)
        families_[size_t(draft_.root(buffer))].can_narrow = false;
}

void Narrower::forbid_by(const PlannedStep& step) {
    for (size_t k = 0; k < step.in.size(); k++)
        if (k >= step.wish.takes_bf16.size() || !step.wish.takes_bf16[k])
            forbid(step.in[k]);
    if (!step.wish.gives_bf16)
        std::ranges::for_each(step.out, [this](int buffer) { forbid(buffer); });
}

void Narrower::run() {
    for (size_t b = 0; b < draft_.buffers.size(); b++) {
        const Buffer& buffer = draft_.buffers[b];
        families_[size_t(draft_.root(int(b)))].members.push_back(int(b));
        if (buffer.type != ElementType::F32 || buffer.constant || buffer.input >= 0 || buffer.output >= 0)
            forbid(int(b));
    }
    for (const PlannedStep& step : draft_.steps)
        forbid_by(step);
    if (draft_.tail)
        std::ranges::for_each(draft_.tail->in, [this](int buffer) { forbid(buffer); });
    for (const Family& family : families_)
        for (const int member : family.members)
            if (family.can_narrow) {
                draft_.buffers[size_t(member)].type = ElementType::BF16;
                draft_.buffers[size_t(member)].offset /= 2;
            }
}

} // namespace

void keep_in_bf16(Draft& draft) { Narrower(draft).run(); }

} // namespace infer::cpu
