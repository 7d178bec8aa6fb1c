// SPDX-License-Identifier: LGPL-2.1-or-later
// Damaged ONNX files.
#include "tests/onnx_rig.h"

using namespace infer;
using testing::HasSubstr;

namespace {

// Damages the file in `count` deterministic ways; it must load or be refused, never crash or eat
// memory.
void damage(const std::string& good, const LoadOptions& options, int count) {
    uint32_t state = 12345;
    const auto next = [&](size_t below) {
        state = state * 1664525 + 1013904223;
        return size_t(state >> 8) % below;
    };
    for (int n = 0; n < count; n++) {
        std::string bad = good;
        if (n % 4 == 3)
            bad.resize(next(bad.size()));
        else
            for (size_t k = 0; k <= next(3) && !bad.empty(); k++)
                bad[next(bad.size())] = n % 4 == 0   ? char(next(256))
                                        : n % 4 == 1 ? char(0xff)
                                                     : char(bad[next(bad.size())] ^ (1 << next(8)));
        auto graph = load_model(OnnxModel::save_bytes("damaged.onnx", bad), options);
        if (!graph.ok())
            EXPECT_THAT(graph.error().text(), HasSubstr("damaged.onnx"));
        else
            (void)optimize(graph.value());
    }
}

} // namespace

TEST(Onnx, damaged_files_are_refused_or_loaded_but_never_crash) {
    damage(small_network().bytes(), {}, 4000);
}

TEST(Onnx, damaged_real_files_are_refused_or_loaded_but_never_crash) {
    if (shared_folder().empty())
        GTEST_SKIP() << "no shared/models";
    const auto bytes = [](const std::string& name) {
        std::ifstream file(shared_folder() + "/models/" + name + "/" + name + ".onnx",
                           std::ios::binary);
        return std::string{std::istreambuf_iterator<char>(file), {}};
    };
    damage(bytes("mnist-12"), {}, 600);
    // weights are most of the file: its structure is at the end
    damage(bytes("ultraface-rfb-320"), {}, 100);
}
