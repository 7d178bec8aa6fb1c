// SPDX-License-Identifier: LGPL-2.1-or-later
#include "tests/model_cases.h"

#include "tests/npz.h"

#include <algorithm>
#include <cmath>
#include <filesystem>

namespace infer {

std::string folder_of(const ModelCase& model) {
    const std::string folder = shared_folder() + "/models/" + model.name;
    return std::filesystem::is_directory(folder) ? folder : "";
}

std::string file_of(const ModelCase& model) {
    for (const char* extension : {".onnx", ".xml"})
        if (const std::string file = folder_of(model) + "/" + model.name + extension;
            std::filesystem::is_regular_file(file))
            return file;
    return "";
}

KnownResults known_results(const ModelCase& model) {
    KnownResults known;
    const std::string folder = model.like ? folder_of({model.like}) : folder_of(model);
    auto arrays = read_npz(folder + "/reference.npz");
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

namespace {

struct Detection {
    float image, label, score, box[4];
};

float overlap(const Detection& a, const Detection& b) {
    const float w = std::min(a.box[2], b.box[2]) - std::max(a.box[0], b.box[0]),
                h = std::min(a.box[3], b.box[3]) - std::max(a.box[1], b.box[1]);
    const auto area = [](const Detection& d) {
        return (d.box[2] - d.box[0]) * (d.box[3] - d.box[1]);
    };
    return w > 0 && h > 0 ? w * h / (area(a) + area(b) - w * h) : 0;
}

// Rows above `least` up to the one that ends the list.
std::vector<Detection> detections(const Tensor& t, float least) {
    std::vector<Detection> found;
    const auto v = t.span<float>();
    for (size_t i = 0; i + 7 <= v.size() && v[i] >= 0; i += 7)
        if (v[i + 2] >= least)
            found.push_back({v[i], v[i + 1], v[i + 2], {v[i + 3], v[i + 4], v[i + 5], v[i + 6]}});
    return found;
}

// Corners and score of each, and its label.
std::vector<Detection> detections(const Tensor& rows, const Tensor& labels, float least) {
    std::vector<Detection> found;
    const auto v = rows.span<float>();
    for (size_t i = 0; i + 5 <= v.size(); i += 5)
        if (v[i + 4] >= least)
            found.push_back({0,
                             float(labels.span<int64_t>()[i / 5]),
                             v[i + 4],
                             {v[i], v[i + 1], v[i + 2], v[i + 3]}});
    return found;
}

struct Match {
    float least, iou, score, share; // of rows that must find their like
};

// Each of `from` takes one of `to` that nobody has yet; the share that finds none.
std::string unmatched(const std::vector<Detection>& from, std::vector<Detection> to, Match m) {
    size_t alone = 0;
    for (const Detection& d : from) {
        const auto twin = std::find_if(to.begin(), to.end(), [&](const Detection& other) {
            return other.image == d.image && other.label == d.label && overlap(d, other) >= m.iou &&
                   std::abs(other.score - d.score) <= m.score;
        });
        twin == to.end() ? void(alone++) : void(to.erase(twin));
    }
    if (float(alone) <= (1 - m.share) * float(from.size()))
        return "";
    return std::to_string(alone) + " of " + std::to_string(from.size()) +
           " detections have no like";
}

bool holds_quantized(const Graph& graph) {
    return std::any_of(graph.nodes.begin(), graph.nodes.end(), [](const Node& node) {
        return node.op == "FakeQuantize" || node.op == "QuantizeLinear" ||
               node.op == "DequantizeLinear";
    });
}

std::string mean_difference(std::span<const float> a, std::span<const float> b) {
    double error = 0, sum = 0;
    for (size_t i = 0; i < a.size(); i++) {
        error += std::isfinite(a[i]) ? double(std::abs(a[i] - b[i])) : INFINITY;
        sum += double(b[i]);
    }
    const auto [low, high] = std::minmax_element(b.begin(), b.end());
    const bool classes = *low >= 0 && std::abs(sum - 1) < 1e-3 && b.size() > 1;
    const auto top = [](std::span<const float> v) {
        return std::max_element(v.begin(), v.end()) - v.begin();
    };
    if (classes)
        return top(a) == top(b) ? "" : "another class is the likeliest";
    const double range = double(std::max(*high, 0.0f) - std::min(*low, 0.0f));
    error /= double(a.size());
    return error <= 0.02 * range
               ? ""
               : "mean error " + std::to_string(error) + " of range " + std::to_string(range);
}

bool is_detection_list(const Tensor& t) {
    const Shape& s = t.shape();
    return t.type() == ElementType::F32 && s.size() == 4 && s[0] == 1 && s[1] == 1 && s[3] == 7;
}

bool are_boxes_and_labels(const std::vector<Tensor>& outputs) {
    if (outputs.size() != 2 || outputs[0].type() != ElementType::F32 ||
        outputs[1].type() != ElementType::I64)
        return false;
    const Shape &boxes = outputs[0].shape(), &labels = outputs[1].shape();
    return boxes.size() == 2 && boxes[1] == 5 && labels == Shape{boxes[0]};
}

std::string difference(const std::vector<Detection>& got, const std::vector<Detection>& wanted,
                       const Match& m) {
    const std::string missing = unmatched(wanted, got, m);
    return wanted.empty()    ? "nothing to compare"
           : missing.empty() ? unmatched(got, wanted, m)
                             : missing;
}

std::string difference(bool quantized, const Tensor& got, const Tensor& wanted, const Match& m) {
    if (is_detection_list(got) && is_detection_list(wanted))
        return difference(detections(got, m.least), detections(wanted, m.least), m);
    if (quantized && got.type() == ElementType::F32 && wanted.type() == ElementType::F32 &&
        got.shape() == wanted.shape())
        return mean_difference(got.span<float>(), wanted.span<float>());
    return difference(got, wanted);
}

} // namespace

std::string difference(const Graph& graph, const std::vector<Tensor>& got,
                       const std::vector<Tensor>& wanted) {
    const bool quantized = holds_quantized(graph);
    const Match m = quantized ? Match{0.5f, 0.5f, 1, 0.95f} : Match{0.02f, 0.9f, 0.01f, 0.98f};
    if (got.size() != wanted.size())
        return std::to_string(got.size()) + " outputs instead of " + std::to_string(wanted.size());
    if (are_boxes_and_labels(got) && are_boxes_and_labels(wanted))
        return difference(detections(got[0], got[1], m.least),
                          detections(wanted[0], wanted[1], m.least), m);
    for (size_t k = 0; k < got.size(); k++)
        if (const std::string what = difference(quantized, got[k], wanted[k], m); !what.empty())
            return "output " + std::to_string(k) + ": " + what;
    return "";
}

} // namespace infer
