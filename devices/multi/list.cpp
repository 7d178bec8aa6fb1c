// SPDX-License-Identifier: LGPL-2.1-or-later
#include "devices/multi/list.h"

#include <algorithm>

namespace infer::multi {

Result<std::vector<std::string>> read_list(std::string_view device, const DeviceTable& table) {
    const auto bad = [&](const std::string& what) {
        return Error{Error::BadConfig, "device=" + std::string(device), what};
    };
    const size_t colon = device.find(':');
    std::string_view rest = colon == std::string_view::npos ? "" : device.substr(colon + 1);
    std::vector<std::string> names;
    while (true) {
        const std::string name(rest.substr(0, rest.find(',')));
        if (name.empty())
            return bad("must name devices, apart by commas, as in MULTI:GPU,CPU");
        if (std::ranges::find(names, name) != names.end())
            return bad("names " + name +
                       " twice; a device runs several requests at once by itself (streams)");
        const DeviceDef* def = table.find(device_kind(name));
        if (def && def->combines)
            return bad(name + " is made of devices itself; name those");
        const bool has_none = def && !def->devices().ok(); // of that kind: it will be left out
        if (auto there = check_device(name, table); !there.ok() && !has_none)
            return bad(there.error().text());
        names.push_back(name);
        if (name.size() == rest.size())
            break;
        rest.remove_prefix(name.size() + 1);
    }
    if (names.size() > 64)
        return bad("names " + std::to_string(names.size()) + " devices; up to 64 can be used");
    return names;
}

std::vector<std::string> best_first(const DeviceTable& table) {
    const DeviceDef* cpu = table.find("CPU");
    const int least = cpu && cpu->rank ? cpu->rank("CPU") : 0;
    std::vector<std::pair<int, std::string>> better;
    for (const DeviceDef* def : table.all()) {
        if (!def->rank || def->combines)
            continue;
        const auto devices = def->devices();
        if (!devices.ok())
            continue;
        for (const std::string& device : devices.value())
            if (const int rank = def->rank(device); rank > least)
                better.emplace_back(rank, device);
    }
    std::ranges::stable_sort(better, std::greater(), &std::pair<int, std::string>::first);
    std::vector<std::string> names;
    for (const auto& [rank, name] : better)
        if (std::ranges::find(names, name) == names.end())
            names.push_back(name);
    if (cpu)
        names.emplace_back("CPU");
    return names;
}

} // namespace infer::multi
