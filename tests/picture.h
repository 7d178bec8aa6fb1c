// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "inference/frame.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include <sys/mman.h>
#include <unistd.h>

// Frames for tests, in every pixel format.
namespace picture {

// Memory whose last byte lies before a page that cannot be touched: one byte too far crashes.
class Guarded {
public:
    explicit Guarded(size_t bytes) {
        const size_t page = size_t(sysconf(_SC_PAGESIZE));
        const size_t used = (bytes + page - 1) / page * page;
        size_ = used + page;
        base_ = static_cast<uint8_t*>(
            mmap(nullptr, size_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
        mprotect(base_ + used, page, PROT_NONE);
        data_ = base_ + used - bytes;
    }
    ~Guarded() { munmap(base_, size_); }
    Guarded(const Guarded&) = delete;
    Guarded& operator=(const Guarded&) = delete;

    uint8_t* data() { return data_; }
    template <typename T> T* as() { return reinterpret_cast<T*>(data_); }

private:
    size_t size_ = 0;
    uint8_t *base_ = nullptr, *data_ = nullptr;
};

inline constexpr infer::PixelFormat all_formats[] = {
    infer::PixelFormat::I420, infer::PixelFormat::NV12, infer::PixelFormat::YUY2,
    infer::PixelFormat::RGB,  infer::PixelFormat::BGR,  infer::PixelFormat::RGBx,
    infer::PixelFormat::BGRx, infer::PixelFormat::RGBA, infer::PixelFormat::BGRA,
    infer::PixelFormat::GRAY8};

inline const char* name(infer::PixelFormat f) {
    constexpr const char* names[] = {"I420", "NV12", "YUY2", "RGB",  "BGR",
                                     "RGBx", "BGRx", "RGBA", "BGRA", "GRAY8"};
    return names[size_t(f)];
}

inline bool is_yuv(infer::PixelFormat f) { return f <= infer::PixelFormat::YUY2; }

enum Content { Noise, Smooth };

// A frame with memory of its own. Rows are `slack` bytes longer than their pixels, but for the
// last.
class Picture {
public:
    Picture(infer::PixelFormat format, int width, int height, Content content = Noise,
            int slack = 0) {
        view_.format = format;
        view_.width = width;
        view_.height = height;
        std::mt19937 random(uint32_t(width * 7919 + height));
        for (int i = 0; i < planes(); i++) {
            const int bytes = row_bytes(i), rows = plane_rows(i);
            view_.stride[i] = bytes + slack;
            memory_[i] =
                std::make_unique<Guarded>(size_t(bytes + slack) * size_t(rows - 1) + size_t(bytes));
            for (int y = 0; y < rows; y++)
                for (int x = 0; x < bytes; x++)
                    memory_[i]->data()[y * view_.stride[i] + x] =
                        content == Noise
                            ? uint8_t(random())
                            : uint8_t(128 + 100 * std::sin(x * 0.05 + i) * std::cos(y * 0.07 - i));
            view_.plane[i] = memory_[i]->data();
        }
    }

    infer::FrameView view() const { return view_; }
    void set(infer::ColorMatrix matrix, bool full_range) {
        view_.matrix = matrix;
        view_.full_range = full_range;
    }
    // The byte of plane `i`, as the format lays it out.
    uint8_t& byte(int i, int x, int y) { return memory_[i]->data()[y * view_.stride[i] + x]; }
    uint8_t byte(int i, int x, int y) const { return view_.plane[i][y * view_.stride[i] + x]; }

    int planes() const {
        return view_.format == infer::PixelFormat::I420   ? 3
               : view_.format == infer::PixelFormat::NV12 ? 2
                                                          : 1;
    }
    int row_bytes(int i) const {
        const int w = view_.width, half = (w + 1) / 2;
        switch (view_.format) {
        case infer::PixelFormat::I420:
            return i ? half : w;
        case infer::PixelFormat::NV12:
            return i ? half * 2 : w;
        case infer::PixelFormat::YUY2:
            return half * 4;
        case infer::PixelFormat::GRAY8:
            return w;
        default:
            return w * step();
        }
    }
    int plane_rows(int i) const { return i ? (view_.height + 1) / 2 : view_.height; }
    // Bytes of a packed pixel.
    int step() const {
        return view_.format == infer::PixelFormat::RGB || view_.format == infer::PixelFormat::BGR
                   ? 3
                   : 4;
    }

private:
    infer::FrameView view_;
    std::unique_ptr<Guarded> memory_[3];
};

} // namespace picture
