// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

namespace infer::tools {

// While one lives, the first Ctrl-C only makes interrupted() true, so that work ends in order; the
// second one kills.
class InterruptGuard {
public:
    InterruptGuard();
    ~InterruptGuard();
    InterruptGuard(const InterruptGuard&) = delete;
    InterruptGuard& operator=(const InterruptGuard&) = delete;
};

bool interrupted();

} // namespace infer::tools
