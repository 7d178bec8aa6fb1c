// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "inference/device.h"

namespace infer::multi {

// Whether a request that is filled for `from` can run on `to`, a device for the same model, and
// what that makes can be read as `from`'s; else why not.
Result<void> can_convert(const Executor& from, const Executor& to);

// Of two formats of an input, whether `a` keeps all that `b` does.
bool is_as_wide(ElementType a, ElementType b);

// Writes an input filled for `from` as `to` wants it: layout, element type.
void convert(const InputFormat& from, const TensorView& values, const InputFormat& to,
             const TensorView& into);

// Element types alone.
void convert(const TensorView& from, const TensorView& into);

} // namespace infer::multi
