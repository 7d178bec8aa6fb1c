// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <string>

namespace infer {

// What becomes of a model file on its way into a pipeline: loaded, rewritten, compiled for the CPU
// and run once on zeros, if it is small. Aborts if something is refused without a word.
void try_model(const std::string& path);

} // namespace infer
