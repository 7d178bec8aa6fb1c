// SPDX-License-Identifier: LGPL-2.1-or-later
#include "inference/model.h"
#include "inference/session/registry.h"
#include "inference/session/session.h"

#include <algorithm>
#include <filesystem>
#include <fstream>

namespace infer {
namespace {

Result<void> check_model(const std::string& path) {
    const auto bad = [&](const std::string& what) { return Error{Error::BadConfig, path, what}; };
    if (path.empty())
        return Error{Error::BadConfig, "model",
                     "no file is given; set it to an .onnx or .xml (OpenVINO IR) file"};
    std::error_code failure;
    const auto status = std::filesystem::status(path, failure);
    if (!std::filesystem::exists(status))
        return bad("no such file; give the path of an .onnx or .xml file");
    if (std::filesystem::is_directory(status))
        return bad("is a folder; give the .onnx or .xml file in it");
    if (is_weights_of_a_model(path))
        return bad("holds weights and no model; give the .xml beside it");
    std::ifstream file(path, std::ios::binary);
    if (!file)
        return bad("cannot be read; check its permissions");
    if (file.peek() == std::ifstream::traits_type::eof())
        return bad("is empty; a model file was expected");
    return {};
}

Result<void> check_options(const SessionConfig& config) {
    const CompileOptions& o = config.options;
    const auto bad = [](const std::string& name, const std::string& found,
                        const std::string& wanted) {
        return Error{Error::BadConfig, name + "=" + found, "must be " + wanted};
    };
    const int max_rows = int(FlowCounters::max_rows);
    if (o.batch < 0 || o.batch > max_rows)
        return bad("batch-size", std::to_string(o.batch),
                   "0 (the hint decides) to " + std::to_string(max_rows));
    for (auto [name, value] :
         {std::pair{"requests", o.requests}, {"streams", o.streams}, {"threads", o.threads}})
        if (value < 0 || value > 1024)
            return bad(name, std::to_string(value), "0 (the hint decides) to 1024");
    if (config.hang_timeout_ms < -1)
        return bad("hang-timeout", std::to_string(config.hang_timeout_ms),
                   "-1 (goes by the model's first run), 0 (never) or more milliseconds");
    if (!(config.latency_limit_ms >= 0))
        return bad("latency-limit", std::to_string(config.latency_limit_ms),
                   "0 (none) or more milliseconds");
    return {};
}

} // namespace

Result<std::shared_ptr<Session>> open_session(const SessionConfig& config,
                                              const SessionParts& parts) {
    if (auto ok = check_options(config); !ok.ok())
        return ok.error();
    const DeviceTable devices = parts.devices();
    if (auto ok = check_device(config.device, devices); !ok.ok())
        return ok.error();
    if (auto ok = options_for(config.device, config.options, devices); !ok.ok())
        return ok.error();
    if (auto ok = check_model(config.model); !ok.ok())
        return ok.error();
    const auto start = [&]() -> std::shared_ptr<Session> {
        return CompiledSession::start(config, parts);
    };
    if (config.is_private)
        return start();
    const auto hash = parts.content_hash(config.model);
    if (!hash.ok())
        return hash.error();
    return SessionRegistry::instance().find_or_start(session_key(config, hash.value()), start);
}

void tick(Session& session) {
    for (const Lease& engine : static_cast<CompiledSession&>(session).engines())
        engine->tick();
}

int free_rows(const Session& session) {
    int rows = 0;
    for (const Lease& engine : static_cast<const CompiledSession&>(session).engines())
        rows += engine->pool().free_rows();
    return rows;
}

int waiting(const Session& session) {
    int waiting = 0;
    for (const Lease& engine : static_cast<const CompiledSession&>(session).engines())
        waiting += engine->pool().waiting();
    return waiting;
}

} // namespace infer
