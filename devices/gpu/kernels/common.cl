// SPDX-License-Identifier: LGPL-2.1-or-later
R"CL(
// What all kernels share. Defined outside: N, numbers a work-item takes at once; HALF where numbers lie in
// memory in 16 bits, which are calculated with in 32; SLACK, numbers there are before and behind all memory; ACT_...,
// names of activations.
#define JOIN_(a, b) a##b
#define JOIN(a, b) JOIN_(a, b)
#if N == 1
typedef float fv;
#else
typedef JOIN(float, N) fv;
typedef JOIN(int, N) iv;
#endif

#ifdef HALF
typedef half real;
#define READ(p, i) vload_half(i, p)
#define WRITE(v, p, i) vstore_half(v, i, p)
#define VLOAD vload_half
#define VSTORE vstore_half
#else
typedef float real;
#define READ(p, i) ((p)[i])
#define WRITE(v, p, i) ((p)[i] = (v))
#define VLOAD vload
#define VSTORE vstore
#endif
#if N == 1
#define READ_ALL(p) READ(p, 0)
#define WRITE_ALL(v, p) WRITE(v, p, 0)
#define FROM_ARRAY(t) ((t)[0])
#define TO_ARRAY(v, t) ((t)[0] = (v))
#else
#define READ_ALL(p) JOIN(VLOAD, N)(0, p)
#define WRITE_ALL(v, p) JOIN(VSTORE, N)(v, 0, p)
#define FROM_ARRAY(t) JOIN(vload, N)(0, t)
#define TO_ARRAY(v, t) JOIN(vstore, N)(v, 0, t)
#endif

// Where a tile of N begins that would begin at `at`, of n numbers: so that it ends with them, if there are N.
inline int tile_start(int at, int n) { return n >= N ? min(at, n - N) : at; }

// N numbers, `step` from each to the next, of which `left` are meant: what is made of the others is not kept. Side
// by side all are read, as there is memory behind each value (SLACK).
inline fv read_tile(global const real* p, int left, int step) {
    if (step == 1)
        return READ_ALL(p);
    float t[N];
    for (int i = 0; i < N; i++)
        t[i] = i < left ? READ(p, i * step) : 0.0f;
    return FROM_ARRAY(t);
}

// The first `left` numbers, or all.
inline void write_some(fv v, global real* p, int left) {
    if (left >= N) {
        WRITE_ALL(v, p);
        return;
    }
    float t[N];
    TO_ARRAY(v, t);
    for (int i = 0; i < left; i++)
        WRITE(t[i], p, i);
}

#if N == 1
inline fv read_row(global const real* row, int x, int step, int width, float fill) {
    return x >= 0 && x < width ? READ(row, x) : fill;
}
#else
// 0, 1, 2...
inline iv lanes() {
    const int t[16] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
    return FROM_ARRAY(t);
}

// A row of an image from x on, `step` apart; outside [0, width) lies `fill`. Near the row's ends more is read
// and not used: neighbours, or the slack around all memory.
inline fv read_row(global const real* row, int x, int step, int width, float fill) {
    if (step > 2 || x < 2 * N - SLACK || x > width - 3 * N + SLACK) {
        float t[N];
        for (int i = 0; i < N; i++) {
            const int at = x + i * step;
            t[i] = at >= 0 && at < width ? READ(row, at) : fill;
        }
        return FROM_ARRAY(t);
    }
    fv v = READ_ALL(row + x);
    if (step == 2)
        v = (fv)(v.even, READ_ALL(row + x + N).even);
    if (x >= 0 && x + (N - 1) * step < width)
        return v;
    const iv at = x + lanes() * step;
    return at >= 0 && at < width ? v : (fv)(fill);
}
#endif

inline fv sigmoid(fv x) { return 1.0f / (1.0f + exp(-x)); }
inline fv softplus(fv x) { return fmax(x, 0.0f) + log1p(exp(-fabs(x))); }
inline fv gelu(fv x, float approximate) {
    if (approximate != 0)
        return 0.5f * x * (1.0f + tanh(0.7978845608f * (x + 0.044715f * x * x * x)));
    return 0.5f * x * (1.0f + erf(x * 0.70710678f));
}
// NaN stays NaN.
inline fv clip(fv x, float low, float high) { return x < low ? (fv)(low) : x > high ? (fv)(high) : x; }

inline fv activate(fv x, int kind, float alpha, float beta) {
    switch (kind) {
    case ACT_RELU: return x < 0.0f ? (fv)(0.0f) : x;
    case ACT_LEAKY_RELU: return x < 0.0f ? alpha * x : x;
    case ACT_CLIP: return clip(x, alpha, beta);
    case ACT_SIGMOID: return sigmoid(x);
    case ACT_TANH: return tanh(x);
    case ACT_ELU: return x < 0.0f ? alpha * expm1(x) : x;
    case ACT_HARD_SIGMOID: return clip(alpha * x + beta, 0.0f, 1.0f);
    case ACT_HARD_SWISH: return x * clip(x / 6.0f + 0.5f, 0.0f, 1.0f);
    case ACT_SWISH: return x * sigmoid(alpha * x);
    case ACT_MISH: return x * tanh(softplus(x));
    case ACT_GELU: return gelu(x, alpha);
    case ACT_SOFTPLUS: return softplus(x);
    case ACT_SELU: return beta * (x <= 0.0f ? alpha * expm1(x) : x);
    case ACT_CELU: return x < 0.0f ? alpha * expm1(x / alpha) : x;
    case ACT_THRESHOLDED_RELU: return x > alpha ? x : (fv)(0.0f);
    }
    return x;
}
)CL"
