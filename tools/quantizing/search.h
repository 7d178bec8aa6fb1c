// SPDX-License-Identifier: LGPL-2.1-or-later
// Finds how to quantise a model: what range of numbers the bytes cover, and which layers stay in
// float so that it still says what it said.
#pragma once

#include "inference/calibrate/quantize.h"
#include "tools/quantizing/progress.h"
#include "tools/quantizing/trial.h"

#include <optional>
#include <string>

namespace infer::tools {

struct SearchOptions {
    double max_drop = 0.02;                      // of the agreement from 1
    std::optional<calibrate::Observer> observer; // none: the best of all
};

// One way of running the model, measured.
struct Point {
    std::string name; // "float", "all layers, minmax"
    double agreement = 1, ms = 0;
    double int8_share = 0; // of the multiplications
    size_t float_layers = 0;
};

struct LayerNote {
    std::string name;
    int64_t multiplications = 0;
    double error_share = 0; // of the errors that single layers make; 0 where none were measured
    bool in_float = false;
};

struct Found {
    Graph graph; // quantised, in ONNX's operators
    calibrate::Observer observer = calibrate::Observer::MinMax;
    Precision precision = Precision::Int8; // that it was tried in
    calibrate::Agreement agreement;
    double int8_share = 0;
    std::vector<Point> points; // all that were tried
    std::vector<LayerNote> layers;
    bool holds = false; // the bound
};

// `standard`: as standard_form() gives it. `expected` is what the float model says of `judged`.
class Search {
public:
    Search(Graph standard, const Processing& how, const SearchOptions& options, Progress& progress)
        : calibration_(std::move(standard)), how_(how), options_(options), progress_(progress) {}

    Result<Found> run(std::span<const FrameInputs> calibrated, std::span<const FrameInputs> judged);
    const calibrate::Calibration& calibration() const { return calibration_; }

private:
    using Layers = std::set<size_t>;
    struct Candidate {
        Graph graph;
        Layers layers; // that are rounded
        calibrate::Observer observer;
        calibrate::Agreement agreement;
        Point point;
    };

    Result<void> calibrate(std::span<const FrameInputs> frames);
    Result<void> measure_float();
    Result<Candidate> measure(const Layers& layers, calibrate::Observer observer,
                              const std::string& name);
    bool holds(const Candidate& candidate) const;
    void adopt(Candidate candidate);
    Result<void> choose_observer();
    Result<std::vector<size_t>> by_error();
    Result<std::vector<Tensor>> heads_of(Graph graph, Precision precision);
    Result<void> choose_layers();
    Layers without(std::span<const size_t> order, size_t count) const;

    calibrate::Calibration calibration_;
    const Processing& how_;
    const SearchOptions options_;
    Progress& progress_;
    std::span<const FrameInputs> judged_;
    std::vector<calibrate::Finding> expected_;
    Found found_;
};

} // namespace infer::tools
