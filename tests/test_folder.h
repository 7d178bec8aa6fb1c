// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <string>

namespace infer {

// A folder of its own that goes away: programs and tests that run at once do not meet.
class TestFolder {
public:
    TestFolder() {
        std::string name =
            (std::filesystem::temp_directory_path() / "gstinference-test-XXXXXX").string();
        path_ = mkdtemp(name.data());
    }
    ~TestFolder() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    std::string path() const { return path_.string(); }
    std::string path(const std::string& name) const { return (path_ / name).string(); }
    // A file in it; its path.
    std::string write(const std::string& name, const std::string& bytes) const {
        std::ofstream(path_ / name, std::ios::binary | std::ios::trunc) << bytes;
        return path(name);
    }

private:
    std::filesystem::path path_;
};

// A file that lives as long as the test program.
inline std::string test_file(const std::string& name, const std::string& bytes) {
    static const TestFolder folder;
    return folder.write(name, bytes);
}

} // namespace infer
