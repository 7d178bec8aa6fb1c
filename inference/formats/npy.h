// SPDX-License-Identifier: LGPL-2.1-or-later
// NumPy's .npy files (format version 1.0 to 3.0): one array.
#pragma once

#include "inference/result.h"
#include "inference/tensor.h"

#include <string>
#include <string_view>

namespace infer {

// C or Fortran order, little-endian numbers and booleans; half and double precision as they are.
// `where` names the source in errors.
Result<Tensor> parse_npy(std::string_view bytes, const std::string& where);
Result<Tensor> load_npy(const std::string& path);

// Row-major, little-endian. bf16, which NumPy does not know, is written as f32.
std::string npy_bytes(const TensorView& tensor);
Result<void> save_npy(const std::string& path, const TensorView& tensor);

} // namespace infer
