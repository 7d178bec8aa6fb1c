// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <string>

namespace infer::tools {

// A bar on standard error while that is a terminal; nothing else is written anywhere.
class Progress {
public:
    Progress();
    ~Progress(); // wipes the bar

    void step(const std::string& what, size_t steps); // a new row of so many steps begins
    void advance();

private:
    void draw() const;

    const bool shown_;
    std::string what_;
    size_t done_ = 0, steps_ = 1;
};

} // namespace infer::tools
