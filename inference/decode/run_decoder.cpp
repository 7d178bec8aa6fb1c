// SPDX-License-Identifier: LGPL-2.1-or-later
#include "inference/decode/run_decoder.h"

#include "inference/half.h"

#include <algorithm>
#include <cstring>

namespace infer {
namespace {

bool is_wide_or_narrow(const NamedTensor& output) {
    return output.view.type == ElementType::F16 || output.view.type == ElementType::BF16 ||
           output.view.type == ElementType::F64;
}

Tensor in_f32(const TensorView& view) {
    const Tensor copy(view.type, view.shape);
    if (view.size_bytes() > 0)
        std::memcpy(copy.view().data, view.data, view.size_bytes());
    return widened(copy);
}

} // namespace

Result<Decoded> run_decoder(const DecoderDef& decoder, std::span<const NamedTensor> outputs,
                            const DecodeOptions& options) {
    if (std::none_of(outputs.begin(), outputs.end(), is_wide_or_narrow))
        return decoder.decode(outputs, options);
    std::vector<Tensor> kept; // alive while they are decoded
    std::vector<NamedTensor> read(outputs.begin(), outputs.end());
    for (NamedTensor& output : read)
        if (is_wide_or_narrow(output)) {
            kept.push_back(in_f32(output.view));
            output.view = kept.back().view();
        }
    return decoder.decode(read, options);
}

} // namespace infer
