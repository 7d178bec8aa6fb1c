// SPDX-License-Identifier: LGPL-2.1-or-later
#include "tools/quantizing/trial.h"

#include "inference/decode/run_decoder.h"
#include "tools/compile.h"
#include "tools/feed.h"
#include "tools/interrupt.h"
#include "tools/load.h"

#include <chrono>
#include <cstring>

namespace infer::tools {
namespace {

Tensor copy_of(const TensorView& view) { return Tensor::borrow(view).clone(); }

Result<calibrate::Finding> finding_of(std::span<const TensorView> outputs,
                                      std::span<const OutputFormat> formats,
                                      const Processing& how) {
    calibrate::Finding finding;
    std::vector<NamedTensor> named;
    for (size_t k = 0; k < outputs.size(); k++) {
        finding.outputs.push_back(copy_of(outputs[k]));
        named.push_back({formats[k].name, outputs[k]});
    }
    if (!how.decoder)
        return finding;
    auto decoded = run_decoder(*how.decoder, named, calibrate::with_margin(how.options));
    if (!decoded.ok())
        return decoded.error();
    finding.decoded = std::move(decoded.value());
    return finding;
}

} // namespace

Error interruption() { return {Error::Cancelled, "", "interrupted; nothing was written"}; }

Result<Runner> Runner::make(Graph graph, Precision precision) {
    Job job;
    job.options.precision = precision;
    job.options.hint = Hint::Latency;
    job.options.batch = 1;
    auto executor = compile_graph(graph, job);
    if (!executor.ok())
        return executor.error();
    auto requests = executor.value()->make_requests(1);
    if (!requests.ok())
        return requests.error();
    requests.value()[0].rows = all_rows(*executor.value());
    return Runner(std::move(executor.value()), std::move(requests.value()));
}

Result<std::span<const TensorView>> Runner::run(const FrameInputs& frame) {
    Request& request = requests_[0];
    for (size_t k = 0; k < request.inputs.size(); k++)
        if (const auto fed = feed(frame[k], executor_->inputs()[k], request.inputs[k]); !fed.ok())
            return fed.error();
    const auto begun = std::chrono::steady_clock::now();
    if (const auto ran = run_once(*executor_, request); !ran.ok())
        return ran.error();
    last_ms_ =
        std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begun).count();
    return std::span<const TensorView>(request.outputs);
}

std::span<const OutputFormat> Runner::outputs() const { return executor_->outputs(); }

Result<Trial> try_model(Graph graph, Precision precision, std::span<const FrameInputs> frames,
                        const Processing& how, const std::function<void()>& each) {
    auto runner = Runner::make(std::move(graph), precision);
    if (!runner.ok())
        return runner.error();
    Trial trial;
    std::vector<double> ms;
    for (const FrameInputs& frame : frames) {
        if (interrupted())
            return interruption();
        const auto outputs = runner.value().run(frame);
        if (!outputs.ok())
            return outputs.error();
        auto finding = finding_of(outputs.value(), runner.value().outputs(), how);
        if (!finding.ok())
            return finding.error();
        trial.findings.push_back(std::move(finding.value()));
        ms.push_back(runner.value().last_ms());
        if (each)
            each();
    }
    std::ranges::sort(ms);
    trial.ms = ms.empty() ? 0 : ms[ms.size() / 2];
    return trial;
}

} // namespace infer::tools
