// SPDX-License-Identifier: LGPL-2.1-or-later
#include "devices/cpu/strips.h"

#include <algorithm>
#include <cstring>
#include <numeric>
#include <string>

namespace infer::cpu {
namespace {

constexpr size_t cache_bytes = 512 * 1024; // of the second-level cache, beside weights and what comes and goes
constexpr size_t slack = 256;              // kernels may read one vector past the end of what they own

size_t aligned(size_t bytes) { return (bytes + 63) / 64 * 64; }

// The rows each member makes for `rows` rows of the last.
std::vector<Range> rows_of(const std::vector<ChainMember>& chain, Range rows) {
    std::vector<Range> need(chain.size());
    need.back() = rows;
    for (size_t k = chain.size() - 1; k > 0; k--)
        need[k - 1] = chain[k].use.of(need[k], chain[k - 1].height);
    return need;
}

// The most rows of each member's image that a strip of `rows` rows holds at once.
std::vector<int64_t> capacities(const std::vector<ChainMember>& chain, int64_t rows) {
    std::vector<int64_t> most(chain.size(), rows);
    for (size_t k = chain.size() - 1; k > 0; k--)
        most[k - 1] = std::min((most[k] - 1) * chain[k].use.stride + chain[k].use.reach, chain[k - 1].height);
    return most;
}

class StripKernel final : public Kernel {
public:
    StripKernel(std::vector<ChainMember> chain, int64_t batch, int threads);

    std::string_view name() const override { return name_; }
    size_t scratch_bytes() const override { return offsets_.back() + members_scratch_; }
    void run(const Call& call, int slice) const override;

private:
    struct Strip; // one unit's place in all images

    void run_strip(const Call& call, Strip& strip, Range rows) const;
    void run_member(const Call& call, const Strip& strip, size_t k, Range rows) const;

    std::vector<ChainMember> chain_;
    std::string name_;
    int64_t batch_, parts_ = 1;    // of an image's rows
    int64_t rows_ = 1;             // of a strip
    std::vector<size_t> offsets_;  // of each intermediate image in scratch; last: of the members' own
    size_t members_scratch_ = 0;
};

StripKernel::StripKernel(std::vector<ChainMember> chain, int64_t batch, int threads) : chain_(std::move(chain)), batch_(batch) {
    int slices = 1;
    name_ = "strips";
    for (const ChainMember& member : chain_) {
        slices = std::max(slices, member.kernel->slices());
        name_ += (&member == &chain_[0] ? " of " : ", ") + std::string(member.kernel->name());
        members_scratch_ = std::max(members_scratch_, aligned(member.kernel->scratch_bytes()));
    }
    const int64_t height = chain_.back().height;
    if (threads > 1)
        parts_ = std::clamp<int64_t>((std::max(slices, threads) + batch - 1) / batch, 1, height);
    slices_ = int(batch_ * parts_);
    const int64_t most = (height + parts_ - 1) / parts_;
    while (rows_ < most && strip_bytes(chain_, rows_ + 1) <= cache_bytes)
        rows_++;
    const auto capacity = capacities(chain_, rows_);
    size_t next = 0;
    for (size_t k = 0; k + 1 < chain_.size(); k++) {
        offsets_.push_back(next);
        next += aligned(size_t(capacity[k]) * chain_[k].row_bytes + slack);
    }
    offsets_.push_back(next);
}

struct StripKernel::Strip {
    int64_t image = 0;
    std::vector<Range> have; // rows of each intermediate image in scratch
};

void StripKernel::run_member(const Call& call, const Strip& strip, size_t k, Range rows) const {
    const ChainMember& member = chain_[k];
    // Kernels address rows of a whole image: its first row would lie before the strip.
    const auto whole = [&](size_t image) {
        const int64_t before = strip.image * chain_[image].height + strip.have[image].begin;
        return reinterpret_cast<void*>(uintptr_t(call.scratch) + offsets_[image] - uintptr_t(before) * chain_[image].row_bytes);
    };
    void* in[8] = {};
    for (size_t i = 0; i < member.in.size(); i++)
        in[i] = member.in[i] == ChainMember::previous ? whole(k - 1)
                : member.in[i] == ChainMember::absent ? nullptr
                                                      : call.in[member.in[i]];
    void* out = k + 1 < chain_.size() ? whole(k) : call.out[0];
    member.kernel->run_rows({in, &out, call.scratch + offsets_.back(), nullptr}, strip.image, rows);
}

void StripKernel::run_strip(const Call& call, Strip& strip, Range rows) const {
    const std::vector<Range> need = rows_of(chain_, rows);
    for (size_t k = 0; k + 1 < chain_.size(); k++) {
        Range& have = strip.have[k];
        const int64_t kept = std::max<int64_t>(0, have.end - need[k].begin);
        std::byte* image = call.scratch + offsets_[k];
        std::memmove(image, image + size_t(have.size() - kept) * chain_[k].row_bytes, size_t(kept) * chain_[k].row_bytes);
        have = need[k];
        if (kept < have.size())
            run_member(call, strip, k, {have.begin + kept, have.end});
    }
    run_member(call, strip, chain_.size() - 1, rows);
}

void StripKernel::run(const Call& call, int slice) const {
    Strip strip{slice / parts_, std::vector<Range>(chain_.size() - 1)};
    const Range rows = slice_of(chain_.back().height, int(parts_), int(slice % parts_));
    for (int64_t row = rows.begin; row < rows.end; row += rows_)
        run_strip(call, strip, {row, std::min(row + rows_, rows.end)});
}

} // namespace

size_t strip_bytes(const std::vector<ChainMember>& chain, int64_t rows) {
    const auto most = capacities(chain, rows);
    size_t bytes = 0;
    for (size_t k = 0; k + 1 < chain.size(); k++)
        bytes += size_t(most[k]) * chain[k].row_bytes;
    return bytes;
}

std::unique_ptr<Kernel> make_strip_kernel(std::vector<ChainMember> chain, int64_t batch, int threads) {
    return std::make_unique<StripKernel>(std::move(chain), batch, threads);
}

} // namespace infer::cpu
