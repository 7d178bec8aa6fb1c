// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "inference/session.h"

#include <gst/gst.h>

#include <string>

enum class ErrorPolicy { Warn, Stop };
enum class InputSize { Model, Source };
enum class InferenceRegion { Frame, Objects };

// gstinference's writable properties, as the user set them. 0, "" or -1 mean "not said".
struct InferenceSettings {
    std::string model, device = "CPU", device_options;
    infer::Hint hint = infer::Hint::Throughput;
    infer::Precision precision = infer::Precision::Auto;
    InputSize input_size = InputSize::Model;
    int latency_limit_ms = 0; // 0: none
    int batch_size = 0, batch_timeout_ms = -1, requests = 0, streams = 0, threads = 0;
    std::string decoder = "auto", model_config, labels;
    double threshold = -1, iou_threshold = -1;
    int interval = 1;
    InferenceRegion region = InferenceRegion::Frame;
    std::string object_class; // labels, apart by commas; "": all. These are for region=objects
    int reclassify_interval = 1; // frames; 0: never again
    int object_min_size = 0;  // pixels
    double object_min_confidence = 0;
    infer::Drop drop = infer::Drop::None;
    ErrorPolicy error_policy = ErrorPolicy::Warn;
    int hang_timeout_ms = -1; // 0: never
    bool is_private = false;
};

void install_inference_properties(GObjectClass* klass);

// false: not one of ours. Both with the settings' lock held.
bool set_inference_property(InferenceSettings& settings, const GParamSpec* spec,
                            const GValue* value);
bool get_inference_property(const InferenceSettings& settings, const GParamSpec* spec,
                            GValue* value);

// What GObject's ranges leave open on purpose, so that a wrong number is an error on the bus and
// not a line of GLib's that nobody sees.
infer::Result<void> check_settings(const InferenceSettings& settings);

// Properties that change decoding alone, and so take effect while playing.
bool changes_processing(const GParamSpec* spec);
// `latency-limit`, which the session is told while playing.
bool changes_latency_limit(const GParamSpec* spec);
// `model`, which may be exchanged while playing.
bool changes_model(const GParamSpec* spec);

// What file, side file and properties say about the model; the property wins. Reads files.
infer::Result<infer::ModelConfig> model_config(const InferenceSettings& settings);

infer::SessionConfig session_config(const InferenceSettings& settings,
                                    const infer::ModelConfig& model);
