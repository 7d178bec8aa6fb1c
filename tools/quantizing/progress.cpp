// SPDX-License-Identifier: LGPL-2.1-or-later
#include "tools/quantizing/progress.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>

namespace infer::tools {

Progress::Progress() : shown_(isatty(STDERR_FILENO) == 1) {}

Progress::~Progress() {
    if (shown_ && !what_.empty())
        std::fputs("\r\033[K", stderr);
}

void Progress::step(const std::string& what, size_t steps) {
    what_ = what;
    done_ = 0;
    steps_ = std::max<size_t>(1, steps);
    draw();
}

void Progress::advance() {
    done_ = std::min(done_ + 1, steps_);
    draw();
}

void Progress::draw() const {
    if (!shown_)
        return;
    constexpr size_t width = 30;
    const size_t full = width * done_ / steps_;
    std::fprintf(stderr, "\r\033[K[%s%s] %3zu %%  %s", std::string(full, '#').c_str(),
                 std::string(width - full, ' ').c_str(), 100 * done_ / steps_, what_.c_str());
    std::fflush(stderr);
}

} // namespace infer::tools
