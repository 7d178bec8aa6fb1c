// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "inference/device.h"

#include <optional>

namespace infer {

// The devices there are: this build's, or a test's own.
struct DeviceTable {
    const DeviceDef* (*find)(std::string_view name);
    std::span<const DeviceDef* const> (*all)();
};

std::string_view name_of(Precision precision); // "auto", "f32", ... as users write it
std::optional<Precision> precision_named(std::string_view name);

// The DeviceDef's name in what users write: "GPU" of "GPU.1", "MULTI" of "MULTI:GPU,CPU".
std::string_view device_kind(std::string_view device);

// Whether `device`, as users write it, is there; the error lists what is.
Result<void> check_device(std::string_view device, const DeviceTable& table);

// The text of device-options, "CPU.streams=2,kernels=own", by name.
Result<std::map<std::string, std::string>> read_device_options(std::string_view text);

// What `device` is to be compiled with. An option "CPU.streams" goes to CPU alone, "GPU.precision"
// to every GPU, "GPU.1.precision" to that one, which goes before; streams, threads, requests and
// precision stand in for the properties of that name. One without a device's name goes to `device`
// itself. Devices that combine others keep the others' options.
Result<CompileOptions> options_for(std::string_view device, const CompileOptions& options,
                                   const DeviceTable& table);

} // namespace infer
