// SPDX-License-Identifier: LGPL-2.1-or-later
#include "tests/model_cases.h"

#include "tests/npz.h"

#include <cmath>
#include <filesystem>

namespace infer {

std::string folder_of(const ModelCase& model) {
    const std::string folder = shared_folder() + "/models/" + model.name;
    return std::filesystem::is_directory(folder) ? folder : "";
}

KnownResults known_results(const ModelCase& model) {
    KnownResults known;
    auto arrays = read_npz(folder_of(model) + "/reference.npz");
    if (!arrays.ok())
        return known;
    for (int k = 0; arrays.value().contains("in" + std::to_string(k)); k++)
        known.inputs.push_back(arrays.value()["in" + std::to_string(k)]);
    for (int k = 0; arrays.value().contains("out" + std::to_string(k)); k++)
        known.outputs.push_back(arrays.value()["out" + std::to_string(k)]);
    return known;
}

std::string difference(const Tensor& got, const Tensor& wanted, float tolerance) {
    if (got.type() != ElementType::F32 || wanted.type() != ElementType::F32 ||
        got.shape() != wanted.shape())
        return to_string(got.shape()) + " of " + std::string(name_of(got.type())) + " instead of " +
               to_string(wanted.shape()) + " of " + std::string(name_of(wanted.type()));
    const auto a = got.span<float>(), b = wanted.span<float>();
    const bool boxes = got.shape().size() == 3 && got.shape()[0] == 1;
    const size_t channels = boxes ? size_t(got.shape()[2]) : 1;
    for (size_t c = 0; c < channels; c++) {
        float magnitude = 0, error = 0;
        for (size_t i = c; i < a.size(); i += channels) {
            magnitude = std::max(magnitude, std::abs(b[i]));
            error = std::isfinite(a[i]) ? std::max(error, std::abs(a[i] - b[i])) : INFINITY;
        }
        if (!(error <= tolerance * magnitude))
            return "channel " + std::to_string(c) + ": error " + std::to_string(error) +
                   " where the largest value is " + std::to_string(magnitude);
    }
    return "";
}

} // namespace infer
