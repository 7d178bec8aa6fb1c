// SPDX-License-Identifier: LGPL-2.1-or-later
#include "inference/formats/onnx_case.h"

#include "inference/formats/format.h"
#include "inference/formats/onnx.h"
#include "inference/half.h"
#include "inference/model.h"
#include "inference/ops/kernel.h"

#include <cmath>
#include <filesystem>

namespace infer {
namespace {

// prefix0.pb, prefix1.pb...
Result<std::vector<StoredTensor>> load_tensors(const std::string& prefix) {
    std::vector<StoredTensor> tensors;
    for (int k = 0; std::filesystem::exists(prefix + std::to_string(k) + ".pb"); k++) {
        auto tensor = load_onnx_tensor(prefix + std::to_string(k) + ".pb");
        if (!tensor.ok())
            return tensor.error();
        tensors.push_back(std::move(tensor.value()));
    }
    return tensors;
}

Result<OnnxCase::DataSet> load_data(const std::string& folder) {
    auto inputs = load_tensors(folder + "/input_"), outputs = load_tensors(folder + "/output_");
    if (!inputs.ok())
        return inputs.error();
    if (!outputs.ok())
        return outputs.error();
    OnnxCase::DataSet data;
    for (const StoredTensor& t : inputs.value())
        data.inputs.push_back(t.values);
    for (const StoredTensor& t : outputs.value()) {
        data.outputs.push_back(t.values);
        data.stored.push_back(t.stored);
    }
    return data;
}

// ONNX's own writer stores bf16 as u16: what is u16 in the file and f32 in the model.
Tensor as_bf16(const Tensor& t) {
    Tensor values(ElementType::F32, t.shape());
    for (size_t i = 0; i < values.span<float>().size(); i++)
        values.span<float>()[i] = from_bf16(t.span<uint16_t>()[i]);
    return values;
}

void settle_types(const Graph& declared, OnnxCase::DataSet& data) {
    for (size_t k = 0; k < declared.inputs.size(); k++)
        if (data.inputs[k].type() == ElementType::U16 &&
            declared.value(declared.inputs[k]).type == ElementType::F32)
            data.inputs[k] = as_bf16(data.inputs[k]);
}

// Shapes and parameters are inputs in these cases; what shapes depend on must be known when the
// model is loaded. `most`: the input from which on small vectors are taken as parameters.
LoadOptions options_for(const Graph& declared, const std::vector<Tensor>& inputs, size_t most) {
    LoadOptions options;
    for (size_t k = 0; k < declared.inputs.size(); k++) {
        const std::string& name = declared.value(declared.inputs[k]).name;
        const Shape &shape = inputs[k].shape(),
                    &as_declared = declared.value(declared.inputs[k]).shape;
        const bool parameter = k >= most && shape.size() <= 1;
        const bool other_rank =
            as_declared != Shape{unranked} && as_declared.size() != shape.size();
        if (parameter || count(shape) == 0 || other_rank)
            options.constants[name] = inputs[k];
        else
            options.shapes[name] = shape;
    }
    return options;
}

// Leaves out the inputs that have become constants, and reads outputs as what the model makes.
void fit(OnnxCase::DataSet& data, const Graph& declared, const Graph& loaded) {
    std::vector<Tensor> kept;
    for (size_t k = 0; k < declared.inputs.size() && k < data.inputs.size(); k++)
        if (std::find(loaded.inputs.begin(), loaded.inputs.end(), declared.inputs[k]) !=
            loaded.inputs.end())
            kept.push_back(data.inputs[k]);
    data.inputs = std::move(kept);
    for (size_t k = 0; k < loaded.outputs.size() && k < data.outputs.size(); k++)
        if (data.outputs[k].type() == ElementType::U16 &&
            loaded.value(loaded.outputs[k]).type == ElementType::F32) {
            data.outputs[k] = as_bf16(data.outputs[k]);
            data.stored[k] = ElementType::BF16;
        }
}

} // namespace

Result<OnnxCase> load_onnx_case(const std::string& folder) {
    OnnxCase loaded;
    loaded.model = folder + "/model.onnx";
    auto declared = load_onnx(loaded.model);
    if (!declared.ok())
        return declared.error();
    loaded.declared = std::move(declared.value());
    if (auto known = check_operators(loaded.declared, loaded.model); !known.ok())
        return known.error(); // before its files are read: they may hold what is no tensor
    const std::string sets = folder + "/test_data_set_";
    for (int n = 0; std::filesystem::exists(sets + std::to_string(n)); n++) {
        auto data = load_data(sets + std::to_string(n));
        if (!data.ok())
            return data.error();
        if (data.value().inputs.size() < loaded.declared.inputs.size())
            return Error{Error::BadConfig, sets + std::to_string(n),
                         "has fewer input files than its model has inputs"};
        loaded.data.push_back(std::move(data.value()));
    }
    if (loaded.data.empty())
        return Error{Error::BadConfig, folder, "has no folder test_data_set_0"};
    return loaded;
}

Result<Graph> graph_for(const OnnxCase& from, OnnxCase::DataSet& data) {
    settle_types(from.declared, data);
    const auto load = [&](size_t most) {
        return load_model(from.model, options_for(from.declared, data.inputs, most));
    };
    auto graph = load(SIZE_MAX);
    for (size_t most : {size_t(1), size_t(0)})
        if (!graph.ok() && graph.error().kind == Error::Unsupported)
            graph = load(most);
    if (graph.ok())
        fit(data, from.declared, graph.value());
    return graph;
}

std::string difference(const Tensor& got, const Tensor& wanted, float relative, float absolute,
                       ElementType stored) {
    if (got.type() != wanted.type() || got.shape() != wanted.shape())
        return "is " + to_string(got.shape()) + " of " + std::string(name_of(got.type())) +
               ", not " + to_string(wanted.shape()) + " of " + std::string(name_of(wanted.type()));
    // two steps of these: what was wanted was rounded after each of its operators
    if (stored == ElementType::F16)
        relative = std::max(relative, 0x1p-9f);
    if (stored == ElementType::BF16)
        relative = std::max(relative, 0x1p-6f);
    double worst = 0;
    std::string text;
    visit(got.type(), [&]<typename T>(std::type_identity<T>) {
        for (size_t i = 0; i < got.span<T>().size(); i++) {
            double a = double(got.span<T>()[i]), b = double(wanted.span<T>()[i]);
            if constexpr (std::is_same_v<T, float>)
                a = double(rounded_to(stored, got.span<T>()[i]));
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
