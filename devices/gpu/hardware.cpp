// SPDX-License-Identifier: LGPL-2.1-or-later
#include "devices/gpu/hardware.h"

#include <algorithm>
#include <cctype>

namespace infer::gpu {
namespace {

template <typename T> T number(cl_device_id id, cl_device_info what, T fallback = {}) {
    T value = fallback;
    return cl().clGetDeviceInfo(id, what, sizeof value, &value, nullptr) == CL_SUCCESS ? value
                                                                                       : fallback;
}

// Calls `get` for the size and then for the text.
template <typename F> std::string text(F get) {
    size_t size = 0;
    if (get(size_t(0), nullptr, &size) != CL_SUCCESS || size == 0)
        return "";
    std::string value(size, '\0');
    get(size, value.data(), nullptr);
    while (!value.empty() && (value.back() == '\0' || value.back() == ' '))
        value.pop_back();
    return value;
}

std::string device_text(cl_device_id id, cl_device_info what) {
    return text([&](size_t size, void* to, size_t* used) {
        return cl().clGetDeviceInfo(id, what, size, to, used);
    });
}

std::string platform_text(cl_platform_id id, cl_platform_info what) {
    return text([&](size_t size, void* to, size_t* used) {
        return cl().clGetPlatformInfo(id, what, size, to, used);
    });
}

Hardware describe(cl_platform_id platform, cl_device_id id) {
    Hardware h;
    h.platform = platform;
    h.id = id;
    h.name = device_text(id, CL_DEVICE_NAME);
    h.vendor = device_text(id, CL_DEVICE_VENDOR);
    h.driver = device_text(id, CL_DRIVER_VERSION);
    h.version = device_text(id, CL_DEVICE_VERSION);
    h.platform_name = platform_text(platform, CL_PLATFORM_NAME);
    h.memory_bytes = number<cl_ulong>(id, CL_DEVICE_GLOBAL_MEM_SIZE);
    h.largest_buffer_bytes = number<cl_ulong>(id, CL_DEVICE_MAX_MEM_ALLOC_SIZE);
    h.units = int(number<cl_uint>(id, CL_DEVICE_MAX_COMPUTE_UNITS, 1));
    h.alignment =
        std::max<size_t>(64, number<cl_uint>(id, CL_DEVICE_MEM_BASE_ADDR_ALIGN, 1024) / 8);
    h.is_processor = (number<cl_device_type>(id, CL_DEVICE_TYPE) & CL_DEVICE_TYPE_CPU) != 0;
    h.shares_memory = number<cl_bool>(id, CL_DEVICE_HOST_UNIFIED_MEMORY) != CL_FALSE;
    const std::string extensions = " " + device_text(id, CL_DEVICE_EXTENSIONS) + " ";
    h.has_fp16 = extensions.find(" cl_khr_fp16 ") != std::string::npos;
    h.has_sub_groups = extensions.find("_subgroups ") != std::string::npos;
    // Processors work on whole vector registers; on GPUs each work-item is a lane of one.
    const auto native = int(number<cl_uint>(id, CL_DEVICE_NATIVE_VECTOR_WIDTH_FLOAT, 4));
    h.vector_width = h.is_processor ? std::clamp(native, 4, 16) : 4;
    return h;
}

bool is_usable(cl_device_id id) {
    return number<cl_bool>(id, CL_DEVICE_AVAILABLE) &&
           number<cl_bool>(id, CL_DEVICE_COMPILER_AVAILABLE) &&
           number<cl_bool>(id, CL_DEVICE_ENDIAN_LITTLE, CL_TRUE);
}

std::vector<cl_platform_id> platforms() {
    cl_uint count = 0;
    if (cl().clGetPlatformIDs(0, nullptr, &count) != CL_SUCCESS)
        return {};
    std::vector<cl_platform_id> ids(count);
    if (count > 0)
        cl().clGetPlatformIDs(count, ids.data(), nullptr);
    return ids;
}

std::vector<cl_device_id> devices_of(cl_platform_id platform) {
    cl_uint count = 0;
    if (cl().clGetDeviceIDs(platform, CL_DEVICE_TYPE_ALL, 0, nullptr, &count) != CL_SUCCESS)
        return {};
    std::vector<cl_device_id> ids(count);
    if (count > 0)
        cl().clGetDeviceIDs(platform, CL_DEVICE_TYPE_ALL, count, ids.data(), nullptr);
    return ids;
}

std::string in_small(std::string_view text) {
    std::string small(text);
    for (char& c : small)
        c = char(std::tolower(static_cast<unsigned char>(c)));
    return small;
}

void name_all(std::vector<Hardware>& all) {
    const bool only_processors = all.front().is_processor; // they come last
    for (size_t k = 0; k < all.size(); k++) {
        const bool numbered = !all[k].is_processor || only_processors;
        all[k].handle = !numbered ? "GPU:" + in_small(all[k].platform_name)
                        : k == 0  ? "GPU"
                                  : "GPU." + std::to_string(k);
    }
}

Result<std::vector<Hardware>> look() {
    if (!opencl().ok())
        return opencl().error();
    std::vector<Hardware> all;
    for (cl_platform_id platform : platforms())
        for (cl_device_id id : devices_of(platform))
            if (is_usable(id))
                all.push_back(describe(platform, id));
    if (all.empty())
        return Error{Error::Device, "GPU",
                     "no OpenCL driver here offers a device: install the driver of your GPU "
                     "(Intel: intel-opencl-icd, "
                     "AMD: mesa-opencl-icd, NVIDIA: nvidia-opencl-icd; Debian's pocl-opencl-icd "
                     "runs on the processor)"};
    std::ranges::stable_partition(all, [](const Hardware& h) { return !h.is_processor; });
    name_all(all);
    return all;
}

std::string listed(const std::vector<Hardware>& all) {
    std::string list;
    for (const Hardware& h : all)
        list +=
            (list.empty() ? "" : ", ") + h.handle + " (" + h.name + ", " + h.platform_name + ")";
    return list;
}

} // namespace

const Result<std::vector<Hardware>>& all_hardware() {
    static const auto& all = *new Result<std::vector<Hardware>>(look());
    return all;
}

Result<const Hardware*> find_hardware(std::string_view device) {
    const auto& found = all_hardware();
    if (!found.ok())
        return found.error();
    const std::vector<Hardware>& all = found.value();
    if (device == "GPU" || device.empty() || device == "GPU.0")
        return &all.front();
    for (const Hardware& h : all)
        if (h.handle == device)
            return &h;
    if (device.starts_with("GPU:") && device.size() > 4) {
        const std::string wanted = in_small(device.substr(4));
        for (const Hardware& h : all)
            for (const std::string& text : {h.name, h.vendor, h.platform_name})
                if (in_small(text).find(wanted) != std::string::npos)
                    return &h;
    }
    return Error{Error::BadConfig, "device=" + std::string(device),
                 "no such GPU here; there is " + listed(all)};
}

} // namespace infer::gpu
