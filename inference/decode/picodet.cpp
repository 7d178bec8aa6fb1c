// SPDX-License-Identifier: LGPL-2.1-or-later
// PicoDet's heads: distances as distributions (bins.h), for strides 8, 16, 32 and 64; points in the
// middle of their cells. Exports whose graph has decoded the boxes are pp-yoloe's or paddle's.
// Source: PaddleDetection's pico_head.py.

#include "inference/decode/bins.h"
#include "inference/decode/coco.h"
#include "inference/decode/pictures.h"

namespace infer {
namespace {

constexpr std::string_view wanted =
    "scores 1xNxC and distances 1xNx4B for the N cells of each stride 8, 16, 32 and 64";

Result<Decoded> decode(std::span<const NamedTensor> outputs, const DecodeOptions& options) {
    const std::vector<Slot> slots = slots_of(outputs);
    const auto layout = bin_layout(slots, options.input_width, options.input_height);
    if (!layout)
        return wrong_outputs("picodet", slots, wanted);
    return decode_bins("picodet", *layout, 0.5f, outputs, options);
}

Fit fit(std::span<const OutputFormat> outputs, int input_width, int input_height) {
    const auto layout = bin_layout(slots_of(outputs), input_width, input_height);
    if (!layout || layout->pyramid.count != 4 || layout->form == BinLayout::JoinedRows ||
        layout->form == BinLayout::JoinedMaps)
        return {0, "picodet has " + std::string(wanted), 0};
    return {90, describe(*layout), int(layout->classes)};
}

} // namespace

extern const DecoderDef decoder_picodet;
const DecoderDef decoder_picodet = {
    .name = "picodet",
    .decode = decode,
    .fit = fit,
    .preprocess = imagenet_picture,
    .threshold = 0.4f,
    .iou_threshold = 0.6f,
    .labels = coco_labels,
};

} // namespace infer
