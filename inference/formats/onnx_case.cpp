// SPDX-License-Identifier: LGPL-2.1-or-later
#include "inference/formats/onnx_case.h"

#include "inference/formats/onnx.h"
#include "inference/model.h"
#include "inference/ops/kernel.h"

#include <cmath>
#include <filesystem>

namespace infer {
namespace {

// prefix0.pb, prefix1.pb...
Result<std::vector<Tensor>> load_tensors(const std::string& prefix) {
    std::vector<Tensor> tensors;
    for (int k = 0; std::filesystem::exists(prefix + std::to_string(k) + ".pb"); k++) {
        auto tensor = load_onnx_tensor(prefix + std::to_string(k) + ".pb");
        if (!tensor.ok())
            return tensor.error();
        tensors.push_back(tensor.value());
    }
    return tensors;
}

Result<OnnxCase::DataSet> load_data(const std::string& folder) {
    auto inputs = load_tensors(folder + "/input_"), outputs = load_tensors(folder + "/output_");
    if (!inputs.ok())
        return inputs.error();
    if (!outputs.ok())
        return outputs.error();
    return OnnxCase::DataSet{inputs.value(), outputs.value()};
}

} // namespace

Result<OnnxCase> load_onnx_case(const std::string& folder) {
    OnnxCase loaded;
    for (int n = 0; std::filesystem::exists(folder + "/test_data_set_" + std::to_string(n)); n++) {
        auto data = load_data(folder + "/test_data_set_" + std::to_string(n));
        if (!data.ok())
            return data.error();
        loaded.data.push_back(data.value());
    }
    const std::string path = folder + "/model.onnx";
    auto declared = load_onnx(path); // for the names of its inputs
    if (!declared.ok())
        return declared.error();
    if (loaded.data.empty())
        return Error{Error::BadConfig, folder, "has no test_data_set_0"};
    LoadOptions options;
    const std::vector<ValueId>& inputs = declared.value().inputs;
    if (inputs.size() > loaded.data[0].inputs.size())
        return Error{Error::BadConfig, folder, "has fewer input files than its model has inputs"};
    for (size_t k = 0; k < inputs.size(); k++)
        options.shapes[declared.value().value(inputs[k]).name] = loaded.data[0].inputs[k].shape();
    auto graph = load_model(path, options);
    if (!graph.ok())
        return graph.error();
    loaded.graph = std::move(graph.value());
    return loaded;
}

std::string difference(const Tensor& got, const Tensor& wanted, float relative, float absolute) {
    if (got.type() != wanted.type() || got.shape() != wanted.shape())
        return "is " + to_string(got.shape()) + " of " + std::string(name_of(got.type())) + ", not " +
               to_string(wanted.shape()) + " of " + std::string(name_of(wanted.type()));
    double worst = 0;
    std::string text;
    visit(got.type(), [&]<typename T>(std::type_identity<T>) {
        for (size_t i = 0; i < got.span<T>().size(); i++) {
            const double a = double(got.span<T>()[i]), b = double(wanted.span<T>()[i]);
            const bool same = a == b || (std::isnan(a) && std::isnan(b));
            const double error = std::isfinite(a) && std::isfinite(b) ? std::abs(a - b) : INFINITY;
            const double excess = same ? 0 : error - (double(absolute) + double(relative) * std::abs(b));
            if (excess <= worst)
                continue;
            worst = excess;
            text = "element " + std::to_string(i) + " is " + std::to_string(a) + ", not " + std::to_string(b);
        }
    });
    return text;
}

} // namespace infer
