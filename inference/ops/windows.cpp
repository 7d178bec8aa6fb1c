// SPDX-License-Identifier: LGPL-2.1-or-later
// HannWindow, HammingWindow, BlackmanWindow, and MelWeightMatrix: what spectra are weighted with.
//
//   ...Window        in   size  i64 or i32 scalar, constant
//                    out  y     [size]
//                    attr periodic (default 1; 0: symmetric)
//   MelWeightMatrix  in   num_mel_bins, dft_length, sample_rate (i64 or i32), lower_edge_hertz,
//                         upper_edge_hertz (f32): scalars, constant
//                    out  y     [dft_length / 2 + 1, num_mel_bins]
//   attr output_datatype  name of the type of y (default f32)
//
// ONNX HannWindow-17, HammingWindow-17, BlackmanWindow-17, MelWeightMatrix-17.
#include "inference/ops/kernel.h"

#include <cmath>
#include <numbers>

namespace infer {
namespace {

std::optional<ElementType> output_type(const Node& node) {
    for (int k = 0; k <= int(ElementType::Bool); k++)
        if (name_of(ElementType(k)) == node.attr("output_datatype", "f32"))
            return computable(ElementType(k)) ? std::optional(ElementType(k)) : std::nullopt;
    return {};
}

double number_of(const Tensor& t) {
    double n = 0;
    visit(t.type(), [&]<typename T>(std::type_identity<T>) { n = double(t.span<T>()[0]); });
    return n;
}

// Inputs that are known numbers.
Result<std::vector<double>> numbers_of(const Node& node, Facts in, size_t wanted) {
    if (auto ok = expect_inputs(node, in, wanted, wanted); !ok.ok())
        return ok.error();
    std::vector<double> numbers;
    for (const ValueFacts& f : in) {
        if (count(f.shape) != 1)
            return invalid(node, "takes numbers, not " + to_string(f.shape));
        if (!f.constant)
            return unsupported(node, "an input is not constant");
        numbers.push_back(number_of(*f.constant));
    }
    if (!output_type(node))
        return unsupported(node, "makes a type that cannot be computed with");
    return numbers;
}

FactsResult infer_window(const Node& node, Facts in) {
    const auto size = numbers_of(node, in, 1);
    if (!size.ok())
        return size.error();
    if (!(size.value()[0] >= 0 && size.value()[0] <= double(max_elements)))
        return invalid(node, "its size is out of range");
    return one(*output_type(node), {int64_t(size.value()[0])});
}

// sum of weights[k] * cos(2 pi k n / N)
void run_window(const Node& node, Views, Views out) {
    const double hamming = 25.0 / 46.0; // HammingWindow-17
    const std::vector<double> weights = node.op == "HannWindow" ? std::vector{0.5, -0.5}
                                        : node.op == "HammingWindow"
                                            ? std::vector{hamming, hamming - 1}
                                            : std::vector{0.42, -0.5, 0.08};
    const int64_t size = out[0].shape[0];
    const int64_t period =
        node.attr("periodic", int64_t{1}) ? size : std::max<int64_t>(size - 1, 1);
    visit(out[0].type, [&]<typename T>(std::type_identity<T>) {
        for (int64_t n = 0; n < size; n++) {
            double sum = 0;
            for (size_t k = 0; k < weights.size(); k++)
                sum += weights[k] *
                       std::cos(2 * std::numbers::pi * double(k) * double(n) / double(period));
            out[0].span<T>()[size_t(n)] = T(sum);
        }
    });
}

FactsResult infer_mel(const Node& node, Facts in) {
    const auto numbers = numbers_of(node, in, 5);
    if (!numbers.ok())
        return numbers.error();
    const auto& n = numbers.value();
    if (!(n[0] >= 0 && n[0] <= 65536 && n[1] >= 0 && n[1] <= double(1 << 24) && n[2] > 0 &&
          n[3] >= 0 && n[4] > n[3] && n[4] <= 1e9))
        return invalid(node, "its numbers of bins, rate or edges are out of range");
    return one(*output_type(node), {int64_t(n[1]) / 2 + 1, int64_t(n[0])});
}

double mel_of(double hertz) { return 2595 * std::log10(1 + hertz / 700); }

// Triangles whose corners are evenly spaced in mel, rounded down to bins of the spectrum.
void run_mel(const Node&, Views in, Views out) {
    double n[5];
    for (size_t k = 0; k < 5; k++)
        visit(in[k].type,
              [&]<typename T>(std::type_identity<T>) { n[k] = double(in[k].span<T>()[0]); });
    const int64_t bins = int64_t(n[0]), rows = out[0].shape[0];
    const double low = mel_of(n[3]), step = (mel_of(n[4]) - low) / double(bins + 2);
    const auto corner = [&](int64_t k) {
        const double hertz = 700 * (std::pow(10.0, (double(k) * step + low) / 2595) - 1);
        return int64_t(std::floor((n[1] + 1) * hertz / n[2]));
    };
    visit(out[0].type, [&]<typename T>(std::type_identity<T>) {
        const auto y = out[0].span<T>();
        std::fill(y.begin(), y.end(), T(0));
        for (int64_t k = 0; k < bins; k++) {
            const int64_t from = corner(k), top = corner(k + 1), to = corner(k + 2);
            for (int64_t i = std::max<int64_t>(from, 0); i < std::min(to, rows); i++)
                y[size_t(i * bins + k)] = T(i < top ? double(i - from) / double(top - from)
                                                    : double(to - i) / double(to - top));
            if (top >= 0 && top < rows)
                y[size_t(top * bins + k)] = T(1);
        }
    });
}

constexpr OpDef table[] = {{"HannWindow", infer_window, run_window},
                           {"HammingWindow", infer_window, run_window},
                           {"BlackmanWindow", infer_window, run_window},
                           {"MelWeightMatrix", infer_mel, run_mel}};

} // namespace

extern constinit const OpList ops_windows = table;

} // namespace infer
