// SPDX-License-Identifier: LGPL-2.1-or-later
#include "tools/quantizing/frames.h"

#include "gst/media.h"
#include "inference/session/fill.h"
#include "tools/interrupt.h"

#include <algorithm>
#include <filesystem>

namespace infer::tools {
namespace {

namespace fs = std::filesystem;

constexpr size_t most_decoded = 3000; // of one file

// Keeps up to so many of any number of frames, evenly: when there are twice as many, every second
// one goes, and from then on only half as many come.
class Sampler {
public:
    explicit Sampler(size_t most) : most_(std::max<size_t>(1, most)) {}

    bool wants_next() { return seen_++ % stride_ == 0; }
    void keep(FrameInputs frame) {
        kept_.push_back(std::move(frame));
        if (kept_.size() < 2 * most_)
            return;
        thin_to(most_);
        stride_ *= 2;
    }
    std::vector<FrameInputs> take() {
        thin_to(std::min(most_, kept_.size()));
        return std::move(kept_);
    }
    size_t kept() const { return kept_.size(); }

private:
    void thin_to(size_t count) {
        for (size_t k = 0; k < count; k++)
            std::swap(kept_[k], kept_[k * kept_.size() / count]);
        kept_.resize(count);
    }

    const size_t most_;
    size_t seen_ = 0, stride_ = 1;
    std::vector<FrameInputs> kept_;
};

class InputReader {
public:
    InputReader(std::span<const InputFormat> inputs, const Processing& how)
        : inputs_(inputs), how_(how), fill_(preprocessing_fill(inputs)) {}

    Result<void> read_file(const std::string& media, Sampler& to) const {
        size_t decoded = 0;
        return read_frames(
            media,
            [&](const FrameView& view) -> Result<bool> {
                if (to.wants_next()) {
                    auto frame = prepare(view);
                    if (!frame.ok())
                        return frame.error();
                    to.keep(std::move(frame.value()));
                }
                return ++decoded < most_decoded;
            },
            interrupted);
    }

    // Files of the folder in the order of their names; those that cannot be played are noted.
    Result<void> read_folder(const std::string& folder, Sampler& to,
                             std::vector<std::string>& notes) const {
        std::vector<std::string> files;
        for (const auto& entry : fs::directory_iterator(folder))
            if (entry.is_regular_file())
                files.push_back(entry.path().string());
        std::ranges::sort(files);
        size_t played = 0;
        for (const std::string& file : files) {
            const auto read = read_file(file, to);
            played += read.ok();
            if (!read.ok())
                notes.push_back("left out: " + read.error().text());
        }
        if (played == 0)
            return Error{Error::BadConfig, folder,
                         "holds no picture or video that GStreamer can play"};
        return {};
    }

private:
    Result<FrameInputs> prepare(const FrameView& view) const {
        FrameInputs frame;
        std::vector<TensorView> row;
        for (const InputFormat& input : inputs_) {
            frame.emplace_back(input.type, input.shape);
            row.push_back(frame.back().view());
        }
        const auto placed = fill_(view, how_, row);
        if (!placed.ok())
            return placed.error();
        return frame;
    }

    const std::span<const InputFormat> inputs_;
    const Processing& how_;
    const Fill fill_;
};

} // namespace

Result<Frames> read_inputs(std::span<const std::string> media, size_t most,
                           std::span<const InputFormat> inputs, const Processing& how) {
    const InputReader reader(inputs, how);
    Frames frames;
    for (const std::string& one : media) {
        Sampler sampler((most + media.size() - 1) / media.size());
        std::error_code failed;
        const bool is_uri = one.find("://") != std::string::npos;
        if (!is_uri && !fs::exists(one, failed))
            return Error{Error::BadConfig, one, "there is no such file or folder"};
        const auto read = !is_uri && fs::is_directory(one, failed)
                              ? reader.read_folder(one, sampler, frames.notes)
                              : reader.read_file(one, sampler);
        if (!read.ok())
            return read.error();
        if (sampler.kept() == 0 && !interrupted())
            return Error{Error::BadConfig, one, "has no pictures"};
        std::ranges::move(sampler.take(), std::back_inserter(frames.all));
    }
    return frames;
}

} // namespace infer::tools
