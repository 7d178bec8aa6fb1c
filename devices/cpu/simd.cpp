// SPDX-License-Identifier: LGPL-2.1-or-later
#include "devices/cpu/simd.h"

#include <hwy/highway.h>

namespace infer::cpu {
namespace {

// One bit a set; the lowest is the best.
template <typename F> void for_each_set(F f) {
    for (int64_t left = hwy::SupportedTargets() & HWY_TARGETS; left != 0; left &= left - 1)
        f(left & -left);
}

} // namespace

std::vector<std::string> instruction_sets() {
    std::vector<std::string> names;
    for_each_set([&](int64_t bit) { names.push_back(hwy::TargetName(bit)); });
    return names;
}

std::string instruction_set() { return instruction_sets().front(); }

void use_instruction_set(const std::string& name) {
    hwy::SetSupportedTargetsForTest(0);
    int64_t wanted = 0;
    for_each_set([&](int64_t bit) { wanted |= hwy::TargetName(bit) == name ? bit : 0; });
    if (wanted)
        hwy::SetSupportedTargetsForTest(wanted);
    hwy::GetChosenTarget().Update(wanted ? wanted : hwy::SupportedTargets());
}

} // namespace infer::cpu
