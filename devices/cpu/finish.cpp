// SPDX-License-Identifier: LGPL-2.1-or-later
#include "devices/cpu/draft.h"
#include "inference/memory_plan.h"

#include <algorithm>

namespace infer::cpu {
namespace {

class Finisher {
public:
    Finisher(Draft draft, const DraftOptions& options) : draft_(std::move(draft)), options_(options) {}
    Result<std::unique_ptr<Program>> run();

private:
    bool in_arena(int root) const;
    void find_lives();
    bool reads_again(const PlannedStep& step, size_t k, int root) const;
    void share_in_place();
    void plan();
    Result<std::unique_ptr<Kernel>> make_kernel(const PlannedStep& planned) const;
    Result<std::unique_ptr<Kernel>> make_chain(const PlannedStep& planned) const;
    Result<void> make_step(PlannedStep& planned);
    void make_tail(const PlannedTail& planned);
    Location locate(int buffer);

    Draft draft_;
    const DraftOptions& options_;
    std::vector<MemoryBlock> lives_; // of each root; first > last: never used
    std::vector<size_t> offsets_;    // in the arena
    std::vector<int> constant_of_;   // index in program_->constants; -1: not yet
    std::unique_ptr<Program> program_ = std::make_unique<Program>();
};

bool Finisher::in_arena(int root) const {
    const Buffer& b = draft_.buffers[size_t(root)];
    return b.base < 0 && b.input < 0 && b.output < 0 && !b.constant;
}

void Finisher::find_lives() {
    const int steps = int(draft_.steps.size());
    lives_.assign(draft_.buffers.size(), {0, steps, -1});
    for (int k = 0; k < steps; k++)
        for (const auto* side : {&draft_.steps[size_t(k)].in, &draft_.steps[size_t(k)].out})
            for (const int b : *side)
                if (b >= 0) {
                    MemoryBlock& life = lives_[size_t(draft_.root(b))];
                    life.first = std::min(life.first, k);
                    life.last = std::max(life.last, k);
                }
    if (draft_.tail)
        for (const int b : draft_.tail->in)
            lives_[size_t(draft_.root(b))].last = steps;
    for (size_t b = 0; b < draft_.buffers.size(); b++)
        lives_[b].bytes = draft_.buffers[b].bytes();
}

// Whether the step reads memory of `root` through another input than `k`: what it writes over `k` it
// would read again.
bool Finisher::reads_again(const PlannedStep& step, size_t k, int root) const {
    for (size_t i = 0; i < step.in.size(); i++)
        if (i != k && step.in[i] >= 0 && draft_.root(step.in[i]) == root)
            return true;
    return false;
}

// A step that may write over its input does, where that is the input's last use.
void Finisher::share_in_place() {
    for (size_t k = 0; k < draft_.steps.size(); k++) {
        const PlannedStep& step = draft_.steps[k];
        if (step.wish.in_place < 0 || step.in[size_t(step.wish.in_place)] < 0)
            continue;
        const int in = step.in[size_t(step.wish.in_place)], out = step.out[0];
        const int from = draft_.root(in), to = draft_.root(out);
        const bool last_use = lives_[size_t(from)].last == int(k) && lives_[size_t(to)].first == int(k);
        if (from == to || out != to || !in_arena(from) || !in_arena(to) || !last_use ||
            lives_[size_t(from)].bytes != lives_[size_t(to)].bytes || draft_.offset_in_root(in) != 0 ||
            draft_.operand(in).is_strided() || reads_again(step, size_t(step.wish.in_place), from))
            continue;
        draft_.buffers[size_t(to)].base = from;
        lives_[size_t(from)].last = lives_[size_t(to)].last;
        lives_[size_t(to)] = {0, int(draft_.steps.size()), -1};
    }
}

void Finisher::plan() {
    std::vector<int> roots;
    std::vector<MemoryBlock> blocks;
    for (size_t b = 0; b < draft_.buffers.size(); b++)
        if (in_arena(int(b)) && lives_[b].first <= lives_[b].last) {
            roots.push_back(int(b));
            blocks.push_back(lives_[b]);
        }
    const MemoryPlan plan = plan_memory(blocks);
    offsets_.assign(draft_.buffers.size(), 0);
    for (size_t k = 0; k < roots.size(); k++)
        offsets_[size_t(roots[k])] = plan.offsets[k];
    program_->arena_bytes = plan.total;
}

Location Finisher::locate(int buffer) {
    if (buffer < 0)
        return {};
    const int root = draft_.root(buffer);
    const Buffer& b = draft_.buffers[size_t(root)];
    const size_t offset = draft_.offset_in_root(buffer);
    if (b.input >= 0)
        return {Location::Input, b.input, offset};
    if (b.output >= 0)
        return {Location::Output, b.output, offset};
    if (b.constant) {
        int& index = constant_of_[size_t(root)];
        if (index < 0) {
            index = int(program_->constants.size());
            program_->constants.push_back(*b.constant);
        }
        return {Location::Constant, index, offset};
    }
    return {Location::Arena, 0, offsets_[size_t(root)] + offset};
}

Result<std::unique_ptr<Kernel>> Finisher::make_kernel(const PlannedStep& planned) const {
    if (!planned.chain.empty())
        return make_chain(planned);
    std::vector<Operand> in, out;
    for (const int b : planned.in)
        in.push_back(draft_.operand(b));
    for (const int b : planned.out)
        out.push_back(draft_.operand(b));
    return planned.def->make({planned.node, in, out, options_.threads, options_.bf16, options_.prefers_onednn});
}

Result<std::unique_ptr<Kernel>> Finisher::make_chain(const PlannedStep& planned) const {
    std::vector<ChainMember> chain = chain_members(draft_, planned);
    for (size_t k = 0; k < chain.size(); k++) {
        auto kernel = make_kernel(planned.chain[k]);
        if (!kernel.ok())
            return kernel;
        chain[k].kernel = std::move(kernel.value());
    }
    const int64_t batch = draft_.buffers[size_t(planned.out[0])].shape[0];
    return make_strip_kernel(std::move(chain), batch, options_.threads);
}

Result<void> Finisher::make_step(PlannedStep& planned) {
    auto kernel = make_kernel(planned);
    if (!kernel.ok())
        return kernel.error();
    Step step;
    step.kernel = std::move(kernel.value());
    step.name = planned.node.name;
    step.op = planned.node.op;
    for (const int b : planned.in)
        step.in.push_back(locate(b));
    for (const int b : planned.out)
        step.out.push_back(locate(b));
    program_->steps.push_back(std::move(step));
    return {};
}

void Finisher::make_tail(const PlannedTail& planned) {
    TailStep tail{std::make_shared<const Interpreter>(planned.body), {}, {}, planned.outputs};
    for (const int b : planned.in) {
        tail.in.push_back(locate(b));
        tail.formats.push_back({draft_.buffers[size_t(b)].type, draft_.buffers[size_t(b)].shape, nullptr});
    }
    program_->tail = std::move(tail);
}

Result<std::unique_ptr<Program>> Finisher::run() {
    find_lives();
    share_in_place();
    plan();
    constant_of_.assign(draft_.buffers.size(), -1);
    for (PlannedStep& planned : draft_.steps)
        if (auto done = make_step(planned); !done.ok())
            return done.error();
    if (draft_.tail)
        make_tail(*draft_.tail);
    program_->inputs = std::move(draft_.inputs);
    program_->outputs = std::move(draft_.outputs);
    return std::move(program_);
}

} // namespace

Result<std::unique_ptr<Program>> finish_program(Draft draft, const DraftOptions& options) {
    return Finisher(std::move(draft), options).run();
}

} // namespace infer::cpu
