// SPDX-License-Identifier: LGPL-2.1-or-later
#include "tools/interrupt.h"

#include <csignal>

namespace infer::tools {
namespace {

volatile std::sig_atomic_t signals = 0;

void on_interrupt(int number) {
    signals = 1;
    std::signal(number, SIG_DFL);
}

} // namespace

InterruptGuard::InterruptGuard() {
    signals = 0;
    std::signal(SIGINT, on_interrupt);
    std::signal(SIGTERM, on_interrupt);
}

InterruptGuard::~InterruptGuard() {
    std::signal(SIGINT, SIG_DFL);
    std::signal(SIGTERM, SIG_DFL);
}

bool interrupted() { return signals != 0; }

} // namespace infer::tools
