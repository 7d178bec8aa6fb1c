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

// Shapes and parameters are inputs in these cases; what shapes depend on must be known when the
// model is loaded. `most`: the input from which on small vectors are taken as parameters.
LoadOptions options_for(const Graph& declared, const std::vector<Tensor>& inputs, size_t most) {
    LoadOptions options;
    for (size_t k = 0; k < declared.inputs.size(); k++) {
        const std::string& name = declared.value(declared.inputs[k]).name;
        const bool parameter = k >= most && inputs[k].shape().size() <= 1;
        if (parameter || count(inputs[k].shape()) == 0)
            options.constants[name] = inputs[k];
        else
            options.shapes[name] = inputs[k].shape();
    }
    return options;
}

// Leaves out the inputs that have become constants.
void keep_inputs(OnnxCase::DataSet& data, const Graph& declared, const Graph& loaded) {
    std::vector<Tensor> kept;
    for (size_t k = 0; k < declared.inputs.size() && k < data.inputs.size(); k++)
        if (std::find(loaded.inputs.begin(), loaded.inputs.end(), declared.inputs[k]) !=
            loaded.inputs.end())
            kept.push_back(data.inputs[k]);
    data.inputs = std::move(kept);
}

} // namespace

Result<OnnxCase> load_onnx_case(const std::string& folder) {
    OnnxCase loaded;
    const std::string path = folder + "/model.onnx";
    auto declared = load_onnx(path); // for the names of its inputs
    if (!declared.ok())
        return declared.error();
    for (int n = 0; std::filesystem::exists(folder + "/test_data_set_" + std::to_string(n)); n++) {
        auto data = load_data(folder + "/test_data_set_" + std::to_string(n));
        if (!data.ok())
            return data.error();
        loaded.data.push_back(data.value());
    }
    if (loaded.data.empty() || loaded.data[0].inputs.size() < declared.value().inputs.size())
        return Error{Error::BadConfig, folder, "has fewer input files than its model has inputs"};
    const size_t none_bound = SIZE_MAX;
    for (size_t most : {none_bound, size_t(1), size_t(0)}) {
        auto graph = load_model(path, options_for(declared.value(), loaded.data[0].inputs, most));
        if (!graph.ok() && most > 0 && graph.error().kind == Error::Unsupported)
            continue;
        if (!graph.ok())
            return graph.error();
        for (OnnxCase::DataSet& data : loaded.data)
            keep_inputs(data, declared.value(), graph.value());
        loaded.graph = std::move(graph.value());
        break;
    }
    return loaded;
}

std::string difference(const Tensor& got, const Tensor& wanted, float relative, float absolute) {
    if (got.type() != wanted.type() || got.shape() != wanted.shape())
        return "is " + to_string(got.shape()) + " of " + std::string(name_of(got.type())) +
               ", not " + to_string(wanted.shape()) + " of " + std::string(name_of(wanted.type()));
    double worst = 0;
    std::string text;
    visit(got.type(), [&]<typename T>(std::type_identity<T>) {
        for (size_t i = 0; i < got.span<T>().size(); i++) {
            const double a = double(got.span<T>()[i]), b = double(wanted.span<T>()[i]);
            const bool same = a == b || (std::isnan(a) && std::isnan(b));
            const double error = std::isfinite(a) && std::isfinite(b) ? std::abs(a - b) : INFINITY;
            const double excess =
                same ? 0 : error - (double(absolute) + double(relative) * std::abs(b));
            if (excess <= worst)
                continue;
            worst = excess;
            text = "element " + std::to_string(i) + " is " + std::to_string(a) + ", not " +
                   std::to_string(b);
        }
    });
    return text;
}

} // namespace infer
