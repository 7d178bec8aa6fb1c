// SPDX-License-Identifier: LGPL-2.1-or-later
// Drives a fuzz target without libFuzzer: its seeds and the files (or folders of files) named, as
// they are and in `--mutations N` damaged forms each, the same ones every time.
//   --write-seeds DIR   only writes the target's own seeds there, for libFuzzer to start from
#include "tests/fuzz/target.h"

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <random>

namespace {

namespace fs = std::filesystem;

std::string read(const fs::path& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

std::vector<std::string> inputs_of(const fs::path& path) {
    if (!fs::is_directory(path))
        return {read(path)};
    std::vector<fs::path> files;
    for (const auto& entry : fs::recursive_directory_iterator(path))
        if (entry.is_regular_file())
            files.push_back(entry.path());
    std::sort(files.begin(), files.end());
    std::vector<std::string> inputs;
    for (const fs::path& file : files)
        inputs.push_back(read(file));
    return inputs;
}

// One of the ways in which files get damaged.
void damage(std::string& bytes, std::mt19937& random) {
    const auto below = [&](size_t n) { return n == 0 ? 0 : size_t(random() % n); };
    const size_t at = below(bytes.size()), length = std::min(1 + below(16), bytes.size() - at);
    static constexpr unsigned char odd[] = {0x00, 0x01, 0x7f, 0x80, 0xff};
    switch (random() % 6) {
    case 0:
        bytes.resize(at);
        break;
    case 1:
        bytes.erase(at, length);
        break;
    case 2:
        bytes.insert(below(bytes.size() + 1), bytes.substr(at, length));
        break;
    case 3:
        if (!bytes.empty())
            bytes[at] = char(odd[below(sizeof odd)]);
        break;
    case 4: // a number in a text, or a field's number or length
        if (!bytes.empty())
            bytes[at] = char(bytes[at] + (random() % 2 ? 1 : -1));
        break;
    default:
        if (!bytes.empty())
            bytes[at] = char(bytes[at] ^ (1 << (random() % 8)));
    }
}

void run(const std::string& bytes) {
    LLVMFuzzerTestOneInput(reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size());
}

void write_seeds(const fs::path& folder) {
    int number = 0;
    for (const std::string& seed : fuzz_seeds())
        std::ofstream(folder / ("seed" + std::to_string(number++)), std::ios::binary) << seed;
}

} // namespace

int main(int argc, char** argv) {
    std::vector<std::string> seeds = fuzz_seeds();
    int mutations = 0;
    for (int i = 1; i < argc; i++) {
        const std::string word = argv[i];
        if (word == "--write-seeds" && i + 1 < argc) {
            write_seeds(argv[i + 1]);
            return 0;
        }
        if (word == "--mutations" && i + 1 < argc)
            mutations = std::atoi(argv[++i]);
        else
            for (std::string& input : inputs_of(word))
                seeds.push_back(std::move(input));
    }
    std::mt19937 random(1);
    for (const std::string& seed : seeds) {
        run(seed);
        for (int m = 0; m < mutations; m++) {
            std::string bytes = seed;
            for (int n = 1 + int(random() % 4); n > 0; n--)
                damage(bytes, random);
            run(bytes);
        }
    }
    std::printf("%zu inputs and %d damaged forms of each: no crash\n", seeds.size(), mutations);
    return 0;
}
