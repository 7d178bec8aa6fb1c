// SPDX-License-Identifier: LGPL-2.1-or-later
// No decoding: the outputs themselves are the result. What `auto` falls back to.

#include "inference/decode/outputs.h"

namespace infer {
namespace {

Result<Decoded> decode(std::span<const NamedTensor>, const DecodeOptions&) {
    Decoded decoded;
    decoded.wants_tensors = true;
    return decoded;
}

Fit fit(std::span<const OutputFormat> outputs, int, int) {
    return {1,
            "no decoder recognises the outputs (" + to_string(slots_of(outputs)) +
                "), so they are handed on as they are",
            0};
}

} // namespace

extern const DecoderDef decoder_tensors;
const DecoderDef decoder_tensors = {
    .name = "tensors", .decode = decode, .fit = fit, .preprocess = {}};

} // namespace infer
