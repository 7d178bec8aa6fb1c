// SPDX-License-Identifier: LGPL-2.1-or-later
// NanoDet: distances as distributions (bins.h), for strides 8, 16, 32 and, in NanoDet-Plus, 64; in
// pairs of rows, or all in one.
//
// The point of a cell is its middle; in NanoDet-Plus (known by stride 64) its top left corner.
// Sources: the project's gfl_head.py, nanodet_head.py and nanodet_plus_head.py.

#include "inference/decode/bins.h"
#include "inference/decode/coco.h"

namespace infer {
namespace {

constexpr std::string_view wanted =
    "scores 1xNxC and distances 1xNx4B for the N cells of each stride 8, 16, 32 (and 64), or one "
    "output 1xNx(C + 32) over all of them";

Result<Decoded> decode(std::span<const NamedTensor> outputs, const DecodeOptions& options) {
    const std::vector<Slot> slots = slots_of(outputs);
    const auto layout = bin_layout(slots, options.input_width, options.input_height);
    if (!layout)
        return wrong_outputs("nanodet", slots, wanted);
    return decode_bins("nanodet", *layout, layout->pyramid.count == 4 ? 0.0f : 0.5f, outputs,
                       options);
}

Fit fit(std::span<const OutputFormat> outputs, int input_width, int input_height) {
    const std::vector<Slot> slots = slots_of(outputs);
    const auto layout = bin_layout(slots, input_width, input_height);
    if (!layout)
        return {0, "nanodet has " + std::string(wanted), 0};
    const int classes = int(layout->classes);
    const bool plus = layout->pyramid.count == 4;
    if (layout->form == BinLayout::Rows) {
        // Without NanoDet's names, pairs with a stride of 64 are rather PicoDet's.
        const bool named = mentions(slots[0].name, {"cls_pred", "dis_pred"});
        return {named || !plus ? 95 : 80, describe(*layout), classes};
    }
    if (layout->form != BinLayout::JoinedRows)
        return {30, describe(*layout) + ", as maps", classes};
    // yolox has one output too: 80 classes speak for the one that then has them.
    return {classes == 80 ? 90 : plus ? 70 : 40, describe(*layout) + ", in one output", classes};
}

} // namespace

extern const DecoderDef decoder_nanodet;
const DecoderDef decoder_nanodet = {
    .name = "nanodet",
    .decode = decode,
    .fit = fit,
    .preprocess = {.color = PreprocessSpec::BGR,
                   .mean = {103.53f, 116.28f, 123.675f},
                   .std = {57.375f, 57.12f, 58.395f}},
    .threshold = 0.35f,
    .iou_threshold = 0.6f,
    .labels = coco_labels,
    .aliases = "nanodet-plus",
};

} // namespace infer
