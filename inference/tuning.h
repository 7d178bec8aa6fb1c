// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "inference/device_choice.h"
#include "inference/result.h"

#include <functional>
#include <map>
#include <optional>
#include <string>

namespace infer {

// The settings that `gst-inference tune` found fastest, kept on disk by model and machine. 0 and
// Auto mean what they mean in CompileOptions.
struct Tuning {
    int streams = 0, threads = 0, batch = 0;
    Precision precision = Precision::Auto;
    double gain = 1;  // over the rule's own settings, in frames a second
    std::string date; // of the measurement, for people
};

// What a tuning is for.
struct TuningKey {
    std::string model_hash; // content_hash()
    std::string device;     // as users write it
    Hint hint = Hint::Throughput;
    std::map<std::string, Shape> shapes; // declared input shapes replaced
    std::string machine;                 // machine_of(device): other ones make it void
};

// Processor, cores, devices of the kind: what measured figures hold for.
std::string machine_of(std::string_view device, const DeviceTable& table);

// $XDG_CACHE_HOME/gstinference/tuning, or below ~/.cache; "" if there is neither.
std::string tuning_folder();

// Writes it so that whoever reads sees the old or the new one whole; its path.
Result<std::string> keep_tuning(const TuningKey& key, const Tuning& tuning);

// The tuning, or why there is none.
struct FoundTuning {
    std::optional<Tuning> tuning;
    std::string why_not;
};
FoundTuning find_tuning(const TuningKey& key);

// Where the settings of a compiled model come from.
struct Choice {
    CompileOptions
        options;      // with the tuning's streams, threads, batch and precision if one applies
    std::string from; // "tuned ..." or "rule (...)" or "given (...)"
};
// A tuning applies where the user left streams, threads and batch-size at 0, and asked for no other
// precision than it was measured at. `key` without its hash and machine, which are looked for only
// if anything was ever kept.
Choice choose_settings(const CompileOptions& given, TuningKey key, const DeviceTable& table,
                       const std::function<Result<std::string>()>& model_hash);

} // namespace infer
