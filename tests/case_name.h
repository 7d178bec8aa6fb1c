// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cctype>
#include <string>

namespace infer {

// The name of a case as a test's: letters, digits and underscores. For INSTANTIATE_TEST_SUITE_P.
inline constexpr auto case_name = [](const auto& info) {
    std::string name = info.param.name;
    for (char& c : name)
        if (!std::isalnum(static_cast<unsigned char>(c)))
            c = '_';
    return name;
};

} // namespace infer
