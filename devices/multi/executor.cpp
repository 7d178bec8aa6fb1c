// SPDX-License-Identifier: LGPL-2.1-or-later
#include "devices/multi/executor.h"

#include "inference/session/reaper.h"

namespace infer::multi {

MultiExecutor::MultiExecutor(std::string name, std::shared_ptr<Core> core, int lanes, int requests)
    : name_(std::move(name)), core_(std::move(core)), batch_(core_->home().batch()), lanes_(lanes),
      requests_(requests) {}

MultiExecutor::~MultiExecutor() {
    core_->close();
    if (background_.joinable()) // compiling may take long: nobody waits for it here
        Reaper::instance().take(
            [thread = std::make_shared<std::thread>(std::move(background_))] { thread->join(); });
}

std::map<std::string, std::string> MultiExecutor::describe() const {
    std::map<std::string, std::string> facts = core_->describe();
    std::string precisions;
    for (const DeviceCounters& device : core_->counters()) {
        const auto precision = facts.find(device.name + ".precision");
        if (precision != facts.end() && precisions != precision->second)
            precisions += (precisions.empty() ? "" : "+") + precision->second;
    }
    if (!precisions.empty())
        facts["precision"] = precisions;
    facts["device"] = name_;
    return facts;
}

} // namespace infer::multi
