// SPDX-License-Identifier: LGPL-2.1-or-later
#include "devices/cpu/simd.h"

#include <hwy/targets.h>

namespace infer::cpu {

std::string instruction_set() {
    const int64_t here = hwy::SupportedTargets() & HWY_TARGETS;
    return hwy::TargetName(here & -here); // the lowest bit is the best
}

} // namespace infer::cpu
