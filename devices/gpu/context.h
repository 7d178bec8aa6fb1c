// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "devices/gpu/hardware.h"

#include <atomic>
#include <future>
#include <map>
#include <memory>
#include <mutex>
#include <string>

namespace infer::gpu {

// What all models on one device of this process share: the OpenCL context and the programs.
// Thread-safe.
class Context {
public:
    static Result<std::shared_ptr<Context>>
    of(const Hardware& hardware); // the living one, or a new one

    const Hardware& hardware() const { return hardware_; }
    cl_context handle() const { return context_.get(); }

    // The program of `source` with `options` of the compiler: known already, else read from the
    // disk, else compiled and kept there. Two threads that want the same wait for one.
    Result<cl_program> program(const std::string& source, const std::string& options);
    // Programs that were compiled, not found on the disk, in this process.
    int compiled() const { return compiled_; }

private:
    using Built = Result<std::shared_ptr<ProgramHandle>>;

    Context(const Hardware& hardware, ContextHandle context)
        : hardware_(hardware), context_(std::move(context)) {}
    Built build(const std::string& source, const std::string& options);
    Built compile(const std::string& source, const std::string& options);
    std::shared_ptr<ProgramHandle> load(const std::string& binary,
                                        const std::string& options) const;

    const Hardware& hardware_;
    ContextHandle context_;
    std::atomic<int> compiled_ = 0;
    std::mutex mutex_;
    std::map<std::string, std::shared_future<Built>>
        programs_; // guarded by mutex_; by options and source
};

} // namespace infer::gpu
