// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "tools/compile.h"
#include "tools/load.h"

namespace infer::tools {

// `wanted` requests (0: as many as it wants) with random input in all rows.
Result<std::vector<Request>> make_requests(Executor& executor, int wanted);

// How fast a model runs with one choice of settings.
struct TimedRun {
    CompileOptions options;
    std::map<std::string, std::string> facts; // Executor::describe()
    int lanes = 1, batch = 1;
    double frames_per_s = 0; // hint latency: of one request at a time, from its median
};

// Compiles, warms up and measures for `seconds`, compiling not counted.
Result<TimedRun> time_run(const Job& job, double seconds);

// Settings to try after those that the rule gives: streams and threads, then batches, then
// precisions; each with the best of what was measured before. Empty: nothing left. `rule` is the
// first trial.
class SettingsSearch {
public:
    explicit SettingsSearch(const TimedRun& rule);

    std::optional<CompileOptions> next();                          // to be measured and told of
    void tell(const CompileOptions& options, double frames_per_s); // 0: it cannot be
    const CompileOptions& best() const { return best_; }

private:
    enum Stage { Streams, Batches, Precisions, Over };
    void enter(Stage stage);

    const TimedRun rule_;
    CompileOptions best_;
    double best_rate_;
    Stage stage_ = Streams;
    std::vector<CompileOptions> left_; // of this stage, the next one last
};

} // namespace infer::tools
