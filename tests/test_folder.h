// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <gtest/gtest.h>

#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

namespace infer {

// A folder of this test program's own, gone with it: programs that run at once do not meet.
class TestFolder {
public:
    static std::string write(const std::string& name, const std::string& bytes) {
        static const TestFolder folder;
        const auto path = folder.path_ / name;
        std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
        return path.string();
    }

private:
    TestFolder() { std::filesystem::create_directory(path_); }
    ~TestFolder() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }

    const std::filesystem::path path_ = std::filesystem::path(testing::TempDir()) /
                                        ("gstinference-test-" + std::to_string(getpid()));
};

} // namespace infer
