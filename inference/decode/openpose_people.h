// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// Joints to people, for openpose.cpp.

#include "inference/decoder.h"

#include <array>
#include <cstdint>
#include <vector>

namespace infer::openpose {

constexpr int joints = 18, limbs = 19;
constexpr int heat_maps = joints + 1, fields = 2 * limbs; // channels

struct Plane {
    const float* first = nullptr;
    int64_t width = 0, height = 0;

    float at(int64_t x, int64_t y) const { return first[y * width + x]; }
};

// Cells at least as great as their 8 neighbours and above 0.1 (of equal neighbours the first, row
// by row), in cells (the middle of the first one is 0.5), moved to the top of the parabola through
// the neighbours. The 64 best at most.
std::vector<Keypoint> find_peaks(const Plane& map);

struct Person {
    std::array<int, joints> joint; // row of the joint's peaks; -1: not found
    int count = 0;                 // joints found
    float score = 0;               // of its joints and limbs
};

// `field`: [2 * limbs, height, width].
std::vector<Person> join(const std::array<std::vector<Keypoint>, joints>& peaks, const float* field,
                         int64_t width, int64_t height);

} // namespace infer::openpose
