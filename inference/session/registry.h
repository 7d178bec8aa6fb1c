// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "inference/session.h"

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>

namespace infer {

// The process's living sessions by what they were opened with. Holds none of them alive.
class SessionRegistry {
public:
    static SessionRegistry& instance();

    // The session under `key` if it lives and has not failed, else what `start` makes. `start` runs
    // under the lock, so that two equal elements starting at once share one: it must not block.
    std::shared_ptr<Session> find_or_start(const std::string& key,
                                           const std::function<std::shared_ptr<Session>()>& start);

    // It is given to nobody else.
    void forget(const Session& session);

private:
    std::mutex mutex_;
    std::map<std::string, std::weak_ptr<Session>> sessions_; // guarded by mutex_
};

// Equal for configs that can share a session: the model's content counts, not its name.
std::string session_key(const SessionConfig& config, const std::string& content_hash);

} // namespace infer
