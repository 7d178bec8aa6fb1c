// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "inference/preprocess.h"
#include "inference/preprocess/kernels.h"

namespace infer::preprocess {

// Everything a frame, a configuration or a model can get wrong; after these the loops need no care.
Result<void> check(const FrameView& frame, const Region& region);
Result<void> check(const PreprocessSpec& spec, const InputFormat& input);

// Columns to start before `x`, so that a row starts with a chroma sample of its own: 0 or 1.
int first_column(PixelFormat format, int x);

// Row `y` from column `x` on (one that first_column() allows).
Row row_at(const FrameView& frame, int x, int y);

} // namespace infer::preprocess
