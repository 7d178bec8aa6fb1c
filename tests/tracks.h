// SPDX-License-Identifier: LGPL-2.1-or-later
// Walkers whose identities are known, and how well a tracker tells them apart.
#pragma once

#include "analytics/assignment.h"
#include "inference/metadata.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <random>
#include <set>
#include <string>
#include <vector>

namespace infer {

// One frame of a scene: objects and, beside them, whose each is.
struct Scene {
    uint64_t time_ns = 0;
    std::vector<ObjectRecord> objects;
    std::vector<int> whose; // from 1; 0: nobody's
};

struct Walkers {
    int count = 8;
    double seconds = 20, fps = 10;
    double speed = 60;   // pixels a second, boxes are 40 x 100
    double jitter = 2;   // pixels
    double missed = 0.1; // share of detections that are not there
    double weak = 0.1;   // share of detections of confidence 0.3
    bool embeddings = false;
};

// Walkers on lanes that lie close above each other, every other one in the other direction, so that
// their boxes pass over each other in the middle of the time.
inline std::vector<Scene> scenes_of(const Walkers& w) {
    std::mt19937 random(11);
    std::normal_distribution<double> noise(0, w.jitter);
    std::uniform_real_distribution<double> chance(0, 1);
    std::vector<Scene> scenes;
    for (int f = 0; f < int(w.seconds * w.fps); f++) {
        const double t = f / w.fps;
        Scene scene;
        scene.time_ns = uint64_t(std::llround(t * 1e9));
        for (int k = 0; k < w.count; k++) {
            const double pace = w.speed * (1 + 0.1 * k) * (k % 2 ? -1 : 1);
            const double x = 2000 + 20 * k + pace * (t - w.seconds / 2);
            const bool is_missed = chance(random) < w.missed, is_weak = chance(random) < w.weak;
            ObjectRecord o;
            o.label = "person";
            o.confidence = is_weak ? 0.3 : 0.9;
            o.box = {x + noise(random), 60.0 * k + noise(random), 40 + noise(random) / 2,
                     100 + noise(random) / 2};
            if (w.embeddings) {
                o.embedding.assign(64, 0.1f);
                o.embedding[size_t(k) % 64] = 3 + float(noise(random) / 10);
            }
            if (is_missed)
                continue;
            scene.objects.push_back(o);
            scene.whose.push_back(k + 1);
        }
        scenes.push_back(scene);
    }
    return scenes;
}

struct Score {
    int switches = 0; // how often a walker's id is another than the last time
    double idf1 = 0;  // Ristani et al. 2016
};

// `ids` as a tracker gave them to each scene's objects.
inline Score score_of(const std::vector<Scene>& scenes, const std::vector<std::vector<int>>& ids) {
    Score score;
    std::map<int, int> last;
    std::map<std::pair<int, int>, int> together;
    std::map<int, size_t> row, column;
    int truths = 0, given = 0;
    for (size_t f = 0; f < scenes.size(); f++)
        for (size_t i = 0; i < ids[f].size(); i++) {
            const int whose = scenes[f].whose[i], id = ids[f][i];
            if (whose == 0 && id == 0)
                continue;
            truths++;
            row.try_emplace(whose, row.size());
            if (id == 0)
                continue;
            given++;
            column.try_emplace(id, column.size());
            together[{whose, id}]++;
            const auto [at, is_new] = last.try_emplace(whose, id);
            score.switches += !is_new && at->second != id;
            at->second = id;
        }
    Costs costs(row.size(), column.size());
    for (double& c : costs.values)
        c = 999;
    for (const auto& [pair, frames] : together)
        costs.at(row[pair.first], column[pair.second]) = 999.0 * (1 - double(frames) / truths);
    const std::vector<int> chosen = assign(costs);
    double right = 0;
    for (size_t r = 0; r < chosen.size(); r++)
        if (chosen[r] >= 0)
            right += (1 - costs.at(r, size_t(chosen[r])) / 999) * truths;
    score.idf1 = 2 * right / (truths + given);
    return score;
}

} // namespace infer
