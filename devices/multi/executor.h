// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "devices/multi/core.h"

#include <thread>

namespace infer::multi {

// Several devices as one.
class MultiExecutor final : public Executor {
public:
    // `name`: as users wrote it. `lanes`, `requests`: of all together.
    MultiExecutor(std::string name, std::shared_ptr<Core> core, int lanes, int requests);
    ~MultiExecutor() override;

    // Work that may go on after the executor's end, and holds the core only now and then.
    void set_background(std::thread thread) { background_ = std::move(thread); }

    std::span<const InputFormat> inputs() const override { return core_->inputs(); }
    std::span<const OutputFormat> outputs() const override { return core_->outputs(); }
    int batch() const override { return batch_; }
    Result<std::vector<Request>> make_requests(int count) override {
        return core_->make_requests(count);
    }
    void submit(Request& request) override { core_->submit(request); }
    int lanes() const override { return lanes_; }
    int wanted_requests() const override { return requests_; }
    std::map<std::string, std::string> describe() const override;
    std::vector<DeviceCounters> devices() const override { return core_->counters(); }
    void tick() override { core_->tick(); }

private:
    const std::string name_;
    const std::shared_ptr<Core> core_;
    const int batch_, lanes_, requests_;
    std::thread background_;
};

} // namespace infer::multi
