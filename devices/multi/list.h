// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "inference/device_choice.h"

#include <string>
#include <string_view>
#include <vector>

namespace infer::multi {

// The devices of "MULTI:GPU,CPU", in order: at least one, each once, none that combines others.
Result<std::vector<std::string>> read_list(std::string_view device, const DeviceTable& table);

// For AUTO: what is better than the CPU, the best first, and the CPU behind them.
std::vector<std::string> best_first(const DeviceTable& table);

} // namespace infer::multi
