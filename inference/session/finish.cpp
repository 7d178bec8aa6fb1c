// SPDX-License-Identifier: LGPL-2.1-or-later
// From a row of a finished request to what inference says about its frame. Device threads.

#include "inference/decode/run_decoder.h"
#include "inference/memory_error.h"
#include "inference/session/engine.h"
#include "inference/session/source.h"

#include <algorithm>

namespace infer {
namespace {

Tensor copy(const TensorView& view) {
    Tensor tensor(view.type, view.shape);
    std::copy_n(static_cast<const std::byte*>(view.data), view.size_bytes(),
                static_cast<std::byte*>(tensor.view().data));
    return tensor;
}

// Everything but raw tensors; positions in pixels of the frame.
void place_in_frame(Decoded& decoded, const Work& work, Results& results) {
    for (Detection& detection : decoded.detections)
        if (auto mapped = map_to_frame(std::move(detection), work.where, work.width, work.height))
            results.detections.push_back(std::move(*mapped));
    for (const Keypoint& point : decoded.keypoints)
        results.keypoints.push_back(map_to_frame(point, work.where));
    if (decoded.segments)
        results.segments = map_to_frame(std::move(*decoded.segments), work.where, work.how->options,
                                        work.width, work.height);
    results.classes = std::move(decoded.classes);
    results.attributes = std::move(decoded.attributes);
    results.embedding = std::move(decoded.embedding);
    results.picture = std::move(decoded.picture);
}

// Fills `results` from the row's outputs.
Result<void> decode(std::span<const NamedTensor> outputs, const Work& work, Results& results) {
    const DecoderDef* decoder = work.how->decoder;
    Decoded decoded;
    decoded.wants_tensors = decoder == nullptr;
    if (decoder) {
        Result<Decoded> made = run_decoder(*decoder, outputs, work.how->options);
        if (!made.ok())
            return made.error();
        decoded = std::move(made.value());
    }
    place_in_frame(decoded, work, results);
    if (decoded.wants_tensors)
        for (const NamedTensor& output : outputs)
            results.tensors.emplace_back(output.name, copy(output.view));
    return {};
}

std::optional<Error> decode_or_say(std::span<const NamedTensor> outputs, const Work& work, Results& results) {
    const Result<void> made =
        or_memory_error("decoding", "find fewer objects (threshold) or run less at once", [&] { return decode(outputs, work, results); });
    return made.ok() ? std::nullopt : std::optional(made.error());
}

} // namespace

Output Engine::finish_row(std::span<const NamedTensor> outputs, Work& work, const Error* error,
                          int64_t inference_us) {
    Output output;
    output.item = std::move(work.frame);
    output.is_frame = true;
    output.number = work.number;
    Results& results = output.results;
    const int64_t begun = now_us();
    std::optional<Error> failure;
    if (error)
        failure = *error;
    else if (work.source->wants(work.place)) // else it was flushed: nobody will look
        failure = decode_or_say(outputs, work, results);
    const int64_t end = now_us();
    if (failure) {
        output.status = FrameStatus::Failed;
        output.reason = failure->text();
        counters_->failed++;
    }
    results.device = device_;
    results.latency_us = end - work.pushed_us;
    results.decoded_at_us = end;
    results.preprocess_us = work.preprocess_us;
    results.inference_us = inference_us;
    results.decode_us = end - begun;
    results.processing = std::move(work.how);
    counters_->frames++;
    counters_->preprocess_us += uint64_t(results.preprocess_us);
    counters_->inference_us += uint64_t(inference_us);
    counters_->decode_us += uint64_t(results.decode_us);
    counters_->wait_us += uint64_t(std::max<int64_t>(0, results.latency_us - results.preprocess_us -
                                                           inference_us - results.decode_us));
    counters_->latency.add(results.latency_us);
    return output;
}

} // namespace infer
