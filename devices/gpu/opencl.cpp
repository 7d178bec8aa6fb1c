// SPDX-License-Identifier: LGPL-2.1-or-later
#include "devices/gpu/opencl.h"

#include <dlfcn.h>

#include <utility>

namespace infer::gpu {
namespace {

constexpr const char* loader = "libOpenCL.so.1";

// Finds functions by name; says no once one is missing.
class Finder {
public:
    explicit Finder(void* library) : library_(library) {}
    template <typename F> void operator()(F& function, const char* name) {
        function = reinterpret_cast<F>(dlsym(library_, name));
        if (!function && missing_.empty())
            missing_ = name;
    }
    const std::string& missing() const { return missing_; }

private:
    void* library_;
    std::string missing_;
};

std::string find_all(void* library, OpenCl& all) {
    Finder find(library);
    find(all.clGetPlatformIDs, "clGetPlatformIDs");
    find(all.clGetPlatformInfo, "clGetPlatformInfo");
    find(all.clGetDeviceIDs, "clGetDeviceIDs");
    find(all.clGetDeviceInfo, "clGetDeviceInfo");
    find(all.clCreateContext, "clCreateContext");
    find(all.clReleaseContext, "clReleaseContext");
    find(all.clCreateCommandQueue, "clCreateCommandQueue");
    find(all.clReleaseCommandQueue, "clReleaseCommandQueue");
    find(all.clCreateBuffer, "clCreateBuffer");
    find(all.clReleaseMemObject, "clReleaseMemObject");
    find(all.clCreateProgramWithSource, "clCreateProgramWithSource");
    find(all.clCreateProgramWithBinary, "clCreateProgramWithBinary");
    find(all.clBuildProgram, "clBuildProgram");
    find(all.clGetProgramInfo, "clGetProgramInfo");
    find(all.clGetProgramBuildInfo, "clGetProgramBuildInfo");
    find(all.clReleaseProgram, "clReleaseProgram");
    find(all.clCreateKernel, "clCreateKernel");
    find(all.clReleaseKernel, "clReleaseKernel");
    find(all.clSetKernelArg, "clSetKernelArg");
    find(all.clEnqueueNDRangeKernel, "clEnqueueNDRangeKernel");
    find(all.clEnqueueReadBuffer, "clEnqueueReadBuffer");
    find(all.clEnqueueWriteBuffer, "clEnqueueWriteBuffer");
    find(all.clEnqueueMapBuffer, "clEnqueueMapBuffer");
    find(all.clEnqueueUnmapMemObject, "clEnqueueUnmapMemObject");
    find(all.clFinish, "clFinish");
    return find.missing();
}

} // namespace

Result<std::unique_ptr<const OpenCl>> load_opencl(const char* library) {
    void* handle = dlopen(library, RTLD_NOW | RTLD_LOCAL);
    if (!handle)
        return Error{
            Error::Device, "GPU",
            "the OpenCL loader " + std::string(library) +
                " is not installed: install it (Debian: ocl-icd-libopencl1) and the driver of your "
                "GPU "
                "(Intel: intel-opencl-icd, AMD: mesa-opencl-icd, NVIDIA: nvidia-opencl-icd)"};
    auto all = std::make_unique<OpenCl>();
    if (const std::string missing = find_all(handle, *all); !missing.empty()) {
        dlclose(handle);
        return Error{Error::Device, "GPU",
                     std::string(library) + " has no " + missing + ": OpenCL 1.2 is needed"};
    }
    return std::unique_ptr<const OpenCl>(
        std::move(all)); // never unloaded: drivers have threads of their own
}

const Result<std::unique_ptr<const OpenCl>>& opencl() {
    // Lives as long as the process: what it made may be released by other destructors at exit.
    static const auto& loaded = *new Result<std::unique_ptr<const OpenCl>>(load_opencl(loader));
    return loaded;
}

std::string name_of(cl_int status) {
    static constexpr std::pair<cl_int, const char*> names[] = {
        {CL_DEVICE_NOT_AVAILABLE, "CL_DEVICE_NOT_AVAILABLE"},
        {CL_COMPILER_NOT_AVAILABLE, "CL_COMPILER_NOT_AVAILABLE"},
        {CL_MEM_OBJECT_ALLOCATION_FAILURE, "CL_MEM_OBJECT_ALLOCATION_FAILURE"},
        {CL_OUT_OF_RESOURCES, "CL_OUT_OF_RESOURCES"},
        {CL_OUT_OF_HOST_MEMORY, "CL_OUT_OF_HOST_MEMORY"},
        {CL_BUILD_PROGRAM_FAILURE, "CL_BUILD_PROGRAM_FAILURE"},
        {CL_EXEC_STATUS_ERROR_FOR_EVENTS_IN_WAIT_LIST,
         "CL_EXEC_STATUS_ERROR_FOR_EVENTS_IN_WAIT_LIST"},
        {CL_INVALID_BUFFER_SIZE, "CL_INVALID_BUFFER_SIZE"},
        {CL_INVALID_WORK_GROUP_SIZE, "CL_INVALID_WORK_GROUP_SIZE"},
        {CL_INVALID_KERNEL_ARGS, "CL_INVALID_KERNEL_ARGS"},
    };
    for (const auto& [code, name] : names)
        if (code == status)
            return std::string(name) + " (" + std::to_string(status) + ")";
    return "OpenCL error " + std::to_string(status);
}

Error device_error(const std::string& doing, cl_int status) {
    const bool memory = status == CL_MEM_OBJECT_ALLOCATION_FAILURE ||
                        status == CL_OUT_OF_RESOURCES || status == CL_OUT_OF_HOST_MEMORY ||
                        status == CL_INVALID_BUFFER_SIZE;
    return {Error::Device, "GPU",
            doing + ": " + name_of(status) +
                (memory ? "; the device has no memory left for it: use a smaller batch-size, fewer "
                          "streams or fewer requests"
                        : "")};
}

} // namespace infer::gpu
