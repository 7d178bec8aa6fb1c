// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "inference/result.h"

#include <new>
#include <string>
#include <system_error>
#include <utility>

namespace infer {

// What `work` gives, or that the system had no memory, or no further thread, for it. `remedy`: what takes less.
template <typename Work>
auto or_memory_error(const std::string& where, const std::string& remedy, Work work) -> decltype(work()) {
    try {
        return work();
    } catch (const std::bad_alloc&) {
        return Error{Error::Device, where, "there is not enough memory; " + remedy};
    } catch (const std::system_error& e) {
        return Error{Error::Device, where, "the system gives no more (" + std::string(e.what()) + "); " + remedy};
    }
}

} // namespace infer
