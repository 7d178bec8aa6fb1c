// SPDX-License-Identifier: LGPL-2.1-or-later
// What this build makes sessions from. The only file of the flow that names all of it, so that
// tests with parts of their own need not link devices and formats.

#include "inference/session/fill.h"
#include "inference/session/parts.h"

namespace infer {
namespace {

Result<Graph> load(const std::string& path, const LoadOptions& options) {
    Result<Graph> graph = load_model(path, options);
    if (!graph.ok())
        return graph;
    if (auto done = optimize(graph.value()); !done.ok())
        return done.error();
    return graph;
}

} // namespace

Result<std::shared_ptr<Session>> Session::open(const SessionConfig& config) {
    const SessionParts parts{.find_device = find_device,
                             .all_devices = all_devices,
                             .content_hash = content_hash,
                             .load = load,
                             .make_fill = preprocessing_fill};
    return open_session(config, parts);
}

} // namespace infer
