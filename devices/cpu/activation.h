// SPDX-License-Identifier: LGPL-2.1-or-later
// What this device uses of the activations that all devices share.
#pragma once

#include "inference/lowering/activation.h"

namespace infer::cpu {

using lowering::Activation;
using lowering::Clamp;
using lowering::activation_defaults;
using lowering::activation_named;
using lowering::activation_of;
using lowering::clamp_of;

} // namespace infer::cpu
