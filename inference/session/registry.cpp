// SPDX-License-Identifier: LGPL-2.1-or-later
#include "inference/session/registry.h"

#include <sstream>
#include <vector>

namespace infer {

SessionRegistry& SessionRegistry::instance() {
    static SessionRegistry registry;
    return registry;
}

std::shared_ptr<Session>
SessionRegistry::find_or_start(const std::string& key,
                               const std::function<std::shared_ptr<Session>()>& start) {
    std::vector<std::shared_ptr<Session>> let_go; // a session may end here: not under the lock
    std::lock_guard lock(mutex_);
    std::erase_if(sessions_, [](const auto& entry) { return entry.second.expired(); });
    if (auto found = sessions_.find(key); found != sessions_.end()) {
        std::shared_ptr<Session> session = found->second.lock();
        if (session && !session->error())
            return session;
        let_go.push_back(std::move(session));
    }
    std::shared_ptr<Session> session = start();
    sessions_[key] = session;
    return session;
}

void SessionRegistry::forget(const Session& session) {
    std::vector<std::shared_ptr<Session>> let_go; // as above
    std::lock_guard lock(mutex_);
    std::erase_if(sessions_, [&](const auto& entry) {
        let_go.push_back(entry.second.lock());
        return let_go.back().get() == &session;
    });
}

// Names and values go in with their lengths, so that no two configs spell the same key.
std::string session_key(const SessionConfig& config, const std::string& content_hash) {
    std::ostringstream key;
    const auto add = [&](const std::string& text) { key << text.size() << ':' << text << ' '; };
    const CompileOptions& o = config.options;
    add(content_hash);
    add(config.device);
    key << int(o.hint) << ' ' << int(o.precision) << ' ' << o.batch << ' ' << o.requests << ' '
        << o.streams << ' ' << o.threads << ' ' << config.latency_limit_ms << ' ' << config.hang_timeout_ms << ' ';
    key << o.extra.size() << ' ';
    for (const auto& [name, value] : o.extra) {
        add(name);
        add(value);
    }
    key << config.at_source_size << ' ';
    for (const auto& [name, shape] : config.shapes) {
        add(name);
        add(to_string(shape));
    }
    return key.str();
}

} // namespace infer
