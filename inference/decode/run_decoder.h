// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "inference/decoder.h"

namespace infer {

// Decodes outputs of any type of float: halves and doubles, which decoders do not read, become f32
// first.
Result<Decoded> run_decoder(const DecoderDef& decoder, std::span<const NamedTensor> outputs,
                            const DecodeOptions& options);

} // namespace infer
