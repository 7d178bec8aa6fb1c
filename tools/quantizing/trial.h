// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "inference/calibrate/agreement.h"
#include "inference/device.h"
#include "inference/model.h"
#include "tools/quantizing/frames.h"

#include <functional>

namespace infer::tools {

// A model on a device, one frame after another.
class Runner {
public:
    // `graph` is not optimized yet.
    static Result<Runner> make(Graph graph, Precision precision);

    // The outputs are valid until the next run.
    Result<std::span<const TensorView>> run(const FrameInputs& frame);
    std::span<const OutputFormat> outputs() const;
    double last_ms() const { return last_ms_; }

private:
    Runner(std::unique_ptr<Executor> executor, std::vector<Request> requests)
        : executor_(std::move(executor)), requests_(std::move(requests)) {}

    std::unique_ptr<Executor> executor_;
    std::vector<Request> requests_;
    double last_ms_ = 0;
};

// What a model says of some frames, and how long it takes for one.
struct Trial {
    std::vector<calibrate::Finding> findings;
    double ms = 0; // median
};
// Ends early with the Error of an interruption. `each` is called after each frame.
Result<Trial> try_model(Graph graph, Precision precision, std::span<const FrameInputs> frames,
                        const Processing& how, const std::function<void()>& each = {});

// The Error of work that was interrupted.
Error interruption();

} // namespace infer::tools
