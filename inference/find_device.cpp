// SPDX-License-Identifier: LGPL-2.1-or-later
#include "inference/device.h"

#include <algorithm>

namespace infer {

const DeviceDef* find_device(std::string_view name) {
    const auto all = all_devices();
    const auto found = std::ranges::find(all, name, &DeviceDef::name);
    return found == all.end() ? nullptr : *found;
}

} // namespace infer
