// SPDX-License-Identifier: LGPL-2.1-or-later
#include "devices/gpu/context.h"

#include "devices/gpu/disk_cache.h"

namespace infer::gpu {
namespace {

// All that a compiled program depends on.
std::string key_of(const Hardware& h, const std::string& source, const std::string& options) {
    return h.platform_name + "\n" + h.name + "\n" + h.version + "\n" + h.driver + "\n" + options +
           "\n" + source;
}

std::string binary_of(cl_program program) {
    size_t size = 0;
    if (cl().clGetProgramInfo(program, CL_PROGRAM_BINARY_SIZES, sizeof size, &size, nullptr) !=
            CL_SUCCESS ||
        size == 0)
        return "";
    std::string binary(size, '\0');
    auto* to = reinterpret_cast<unsigned char*>(binary.data());
    if (cl().clGetProgramInfo(program, CL_PROGRAM_BINARIES, sizeof to, &to, nullptr) != CL_SUCCESS)
        return "";
    return binary;
}

std::string build_log(cl_program program, cl_device_id device) {
    size_t size = 0;
    cl().clGetProgramBuildInfo(program, device, CL_PROGRAM_BUILD_LOG, 0, nullptr, &size);
    std::string log(size, '\0');
    cl().clGetProgramBuildInfo(program, device, CL_PROGRAM_BUILD_LOG, size, log.data(), nullptr);
    constexpr size_t most = 600; // characters: the first complaints
    return log.substr(0, most);
}

} // namespace

Result<std::shared_ptr<Context>> Context::of(const Hardware& hardware) {
    static std::mutex mutex;
    static auto& living = *new std::map<cl_device_id, std::weak_ptr<Context>>; // guarded by mutex
    const std::lock_guard lock(mutex);
    if (auto context = living[hardware.id].lock())
        return context;
    const cl_context_properties properties[] = {
        CL_CONTEXT_PLATFORM, reinterpret_cast<cl_context_properties>(hardware.platform), 0};
    cl_int status = CL_SUCCESS;
    ContextHandle handle(
        cl().clCreateContext(properties, 1, &hardware.id, nullptr, nullptr, &status));
    if (status != CL_SUCCESS)
        return device_error("opening " + hardware.name, status);
    std::shared_ptr<Context> context(new Context(hardware, std::move(handle)));
    living[hardware.id] = context;
    return context;
}

Result<cl_program> Context::program(const std::string& source, const std::string& options) {
    std::promise<Built> promise;
    std::shared_future<Built> built;
    bool is_mine = false;
    {
        const std::lock_guard lock(mutex_);
        auto& known = programs_[options + "\n" + source];
        is_mine = !known.valid();
        if (is_mine)
            known = promise.get_future().share();
        built = known;
    }
    if (is_mine)
        promise.set_value(build(source, options));
    if (!built.get().ok())
        return built.get().error();
    return built.get().value()->get();
}

Context::Built Context::build(const std::string& source, const std::string& options) {
    const std::string key = key_of(hardware_, source, options);
    if (const auto binary = read_cached(key))
        if (auto program = load(*binary, options))
            return program;
    auto program = compile(source, options);
    if (program.ok())
        write_cached(key, binary_of(program.value()->get()));
    return program;
}

// nullptr if the driver does not take it any more.
std::shared_ptr<ProgramHandle> Context::load(const std::string& binary,
                                             const std::string& options) const {
    const size_t size = binary.size();
    const auto* bytes = reinterpret_cast<const unsigned char*>(binary.data());
    cl_int status = CL_SUCCESS, loaded = CL_SUCCESS;
    auto program = std::make_shared<ProgramHandle>(cl().clCreateProgramWithBinary(
        context_.get(), 1, &hardware_.id, &size, &bytes, &loaded, &status));
    if (status != CL_SUCCESS || loaded != CL_SUCCESS ||
        cl().clBuildProgram(program->get(), 1, &hardware_.id, options.c_str(), nullptr, nullptr) !=
            CL_SUCCESS)
        return nullptr;
    return program;
}

Context::Built Context::compile(const std::string& source, const std::string& options) {
    compiled_++;
    const char* text = source.c_str();
    cl_int status = CL_SUCCESS;
    auto program = std::make_shared<ProgramHandle>(
        cl().clCreateProgramWithSource(context_.get(), 1, &text, nullptr, &status));
    if (status != CL_SUCCESS)
        return device_error("making a program", status);
    status =
        cl().clBuildProgram(program->get(), 1, &hardware_.id, options.c_str(), nullptr, nullptr);
    if (status != CL_SUCCESS) {
        Error error = device_error("the driver of " + hardware_.name + " (" + hardware_.driver +
                                       ") does not compile a kernel",
                                   status);
        error.what += "\n" + build_log(program->get(), hardware_.id);
        return error;
    }
    return program;
}

} // namespace infer::gpu
