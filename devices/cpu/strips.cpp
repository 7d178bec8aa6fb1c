// SPDX-License-Identifier: LGPL-2.1-or-later
#include "devices/cpu/strips.h"

#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <limits>
#include <string>

namespace infer::cpu {
namespace {

constexpr size_t slack = 256; // kernels may read one vector past the end of what they own

size_t aligned(size_t bytes) { return (bytes + 63) / 64 * 64; }

// What strips may take of the second-level cache: weights and what comes and goes need it too, and
// what looks like two cores may share one.
size_t cache_bytes() {
    const long size = sysconf(_SC_LEVEL2_CACHE_SIZE);
    return std::max<size_t>(384 * 1024, size > 0 ? size_t(size) / 4 : 0);
}

Range joined(Range a, Range b) {
    return a.size() == 0 ? b : Range{std::min(a.begin, b.begin), std::max(a.end, b.end)};
}

// The rows each member makes for `rows` rows of the last. `inside`: far from the images' edges.
std::vector<Range> rows_of(const std::vector<ChainMember>& chain, Range rows, bool inside) {
    constexpr int64_t far = int64_t(1) << 40;
    std::vector<Range> need(chain.size());
    need.back() = inside ? Range{far, far + rows.size()} : rows;
    for (size_t k = chain.size() - 1; k > 0; k--)
        for (size_t i = 0; i < chain[k].in.size(); i++) {
            const ChainMember::Input& in = chain[k].in[i];
            if (in.from != ChainMember::Input::OfMember)
                continue;
            const auto from = size_t(in.index);
            const int64_t height = inside ? std::numeric_limits<int64_t>::max() : chain[from].height;
            need[from] = joined(need[from], i == 0 ? chain[k].use.of(need[k], height) : need[k]);
        }
    return need;
}

// The most rows of each member's image that a strip of `rows` rows holds at once.
std::vector<int64_t> capacities(const std::vector<ChainMember>& chain, int64_t rows) {
    std::vector<int64_t> most;
    const auto need = rows_of(chain, {0, rows}, true);
    for (size_t k = 0; k < chain.size(); k++)
        most.push_back(std::min(need[k].size(), chain[k].height));
    return most;
}

// The bytes of images that a chain keeps between its kernels while it makes `rows` rows.
size_t strip_bytes(const std::vector<ChainMember>& chain, int64_t rows) {
    const auto most = capacities(chain, rows);
    size_t bytes = 0;
    for (size_t k = 0; k + 1 < chain.size(); k++)
        bytes += size_t(most[k]) * chain[k].row_bytes;
    return bytes;
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
    void move_to_front(const Call& call, Strip& strip, size_t k) const;

    std::vector<ChainMember> chain_;
    std::string name_;
    int64_t batch_, parts_ = 1;    // of an image's rows
    int64_t rows_ = 1;             // of a strip
    std::vector<int64_t> places_;  // rows of each intermediate image
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
    while (rows_ < most && strip_bytes(chain_, rows_ + 1) <= cache_bytes())
        rows_++;
    places_ = capacities(chain_, rows_);
    size_t next = 0;
    for (size_t k = 0; k + 1 < chain_.size(); k++) {
        offsets_.push_back(next);
        next += aligned(size_t(places_[k]) * chain_[k].row_bytes + slack);
    }
    offsets_.push_back(next);
}

struct StripKernel::Strip {
    int64_t image = 0;
    std::vector<Range> have;    // rows of each intermediate image in scratch
    std::vector<int64_t> first; // the row that would be where its place begins
};

void StripKernel::run_member(const Call& call, const Strip& strip, size_t k, Range rows) const {
    const ChainMember& member = chain_[k];
    // Kernels address rows of a whole image: its first row would lie before the strip.
    const auto whole = [&](size_t image) {
        const int64_t before = strip.image * chain_[image].height + strip.first[image];
        return reinterpret_cast<void*>(uintptr_t(call.scratch) + offsets_[image] - uintptr_t(before) * chain_[image].row_bytes);
    };
    void* in[8] = {};
    for (size_t i = 0; i < member.in.size(); i++) {
        const ChainMember::Input& from = member.in[i];
        if (from.from != ChainMember::Input::Absent)
            in[i] = from.from == ChainMember::Input::OfMember ? whole(size_t(from.index)) : call.in[from.index];
    }
    void* out = k + 1 < chain_.size() ? whole(k) : call.out[0];
    member.kernel->run_rows({in, &out, call.scratch + offsets_.back(), nullptr}, strip.image, rows);
}

void StripKernel::move_to_front(const Call& call, Strip& strip, size_t k) const {
    const Range have = strip.have[k];
    std::byte* place = call.scratch + offsets_[k];
    std::memmove(place, place + size_t(have.begin - strip.first[k]) * chain_[k].row_bytes, size_t(have.size()) * chain_[k].row_bytes);
    strip.first[k] = have.begin;
}

void StripKernel::run_strip(const Call& call, Strip& strip, Range rows) const {
    const std::vector<Range> need = rows_of(chain_, rows, false);
    for (size_t k = 0; k + 1 < chain_.size(); k++) {
        Range& have = strip.have[k];
        have.begin = need[k].begin, have.end = std::max(have.end, have.begin);
        if (need[k].end - strip.first[k] > places_[k])
            move_to_front(call, strip, k);
        const Range missing{have.end, need[k].end};
        have.end = std::max(have.end, need[k].end);
        if (missing.size() > 0)
            run_member(call, strip, k, missing);
    }
    run_member(call, strip, chain_.size() - 1, rows);
}

void StripKernel::run(const Call& call, int slice) const {
    const Range rows = slice_of(chain_.back().height, int(parts_), int(slice % parts_));
    Strip strip{slice / parts_, {}, {}};
    for (const Range& need : rows_of(chain_, {rows.begin, rows.begin + 1}, false)) {
        strip.have.push_back({need.begin, need.begin});
        strip.first.push_back(need.begin);
    }
    for (int64_t row = rows.begin; row < rows.end; row += rows_)
        run_strip(call, strip, {row, std::min(row + rows_, rows.end)});
}

} // namespace

bool fits_in_strips(const std::vector<ChainMember>& chain) {
    constexpr int64_t lowest = 3; // else rows that are kept move too often
    return strip_bytes(chain, std::min(lowest, chain.back().height)) <= cache_bytes();
}

std::unique_ptr<Kernel> make_strip_kernel(std::vector<ChainMember> chain, int64_t batch, int threads) {
    return std::make_unique<StripKernel>(std::move(chain), batch, threads);
}

} // namespace infer::cpu
