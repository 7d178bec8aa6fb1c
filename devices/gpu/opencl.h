// SPDX-License-Identifier: LGPL-2.1-or-later
//
// OpenCL by its loader library, which is looked for when a device is first asked for: nothing is
// linked, so that the plugin loads on machines without it.
#pragma once

#define CL_TARGET_OPENCL_VERSION 120
#include <CL/cl.h>

#include "inference/result.h"

#include <memory>
#include <string>
#include <utility>

namespace infer::gpu {

// What we call of OpenCL, by its own names.
struct OpenCl {
    decltype(&::clGetPlatformIDs) clGetPlatformIDs;
    decltype(&::clGetPlatformInfo) clGetPlatformInfo;
    decltype(&::clGetDeviceIDs) clGetDeviceIDs;
    decltype(&::clGetDeviceInfo) clGetDeviceInfo;
    decltype(&::clCreateContext) clCreateContext;
    decltype(&::clReleaseContext) clReleaseContext;
    decltype(&::clCreateCommandQueue) clCreateCommandQueue;
    decltype(&::clReleaseCommandQueue) clReleaseCommandQueue;
    decltype(&::clCreateBuffer) clCreateBuffer;
    decltype(&::clReleaseMemObject) clReleaseMemObject;
    decltype(&::clCreateProgramWithSource) clCreateProgramWithSource;
    decltype(&::clCreateProgramWithBinary) clCreateProgramWithBinary;
    decltype(&::clBuildProgram) clBuildProgram;
    decltype(&::clGetProgramInfo) clGetProgramInfo;
    decltype(&::clGetProgramBuildInfo) clGetProgramBuildInfo;
    decltype(&::clReleaseProgram) clReleaseProgram;
    decltype(&::clCreateKernel) clCreateKernel;
    decltype(&::clReleaseKernel) clReleaseKernel;
    decltype(&::clSetKernelArg) clSetKernelArg;
    decltype(&::clEnqueueNDRangeKernel) clEnqueueNDRangeKernel;
    decltype(&::clEnqueueReadBuffer) clEnqueueReadBuffer;
    decltype(&::clEnqueueWriteBuffer) clEnqueueWriteBuffer;
    decltype(&::clEnqueueMapBuffer) clEnqueueMapBuffer;
    decltype(&::clEnqueueUnmapMemObject) clEnqueueUnmapMemObject;
    decltype(&::clFinish) clFinish;
};

// Loads `library` and finds all of OpenCl in it; the error says what to install.
Result<std::unique_ptr<const OpenCl>> load_opencl(const char* library);

// Loaded by the first call; the same answer ever after. Thread-safe.
const Result<std::unique_ptr<const OpenCl>>& opencl();

// For all who hold something that came from OpenCL: it is there.
inline const OpenCl& cl() { return *opencl().value(); }

// "CL_OUT_OF_RESOURCES (-5)".
std::string name_of(cl_int status);

// An Error that names what was being done; of memory, what would help.
Error device_error(const std::string& doing, cl_int status);

// Owns an OpenCL object.
template <typename T, auto release> class Handle {
public:
    Handle() = default;
    explicit Handle(T object) : object_(object) {}
    ~Handle() { reset(); }
    Handle(Handle&& other) noexcept : object_(std::exchange(other.object_, nullptr)) {}
    Handle& operator=(Handle&& other) noexcept {
        if (this != &other) {
            reset();
            object_ = std::exchange(other.object_, nullptr);
        }
        return *this;
    }
    T get() const { return object_; }

private:
    void reset() {
        if (object_)
            (cl().*release)(object_);
        object_ = nullptr;
    }
    T object_ = nullptr;
};

using ContextHandle = Handle<cl_context, &OpenCl::clReleaseContext>;
using QueueHandle = Handle<cl_command_queue, &OpenCl::clReleaseCommandQueue>;
using MemoryHandle = Handle<cl_mem, &OpenCl::clReleaseMemObject>;
using ProgramHandle = Handle<cl_program, &OpenCl::clReleaseProgram>;
using KernelHandle = Handle<cl_kernel, &OpenCl::clReleaseKernel>;

} // namespace infer::gpu
