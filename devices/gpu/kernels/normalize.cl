// SPDX-License-Identifier: LGPL-2.1-or-later
R"CL(
// Mean and 1 / deviation of each row of x [rows, n] into moments [rows, 2]. Of no mean: squares alone.
kernel void moments(global const real* x, int x_at, global float* moments, int moments_at, int rows, int n,
                    int has_mean, int has_deviation, float inside, float outside) {
    const int row = get_global_id(0);
    if (row >= rows)
        return;
    x += x_at + row * n;
    float mean = 0.0f, squares = 0.0f, lost = 0.0f;
    for (int k = 0; k < n && has_mean; k++) {
        const float more = READ(x, k) - lost, sum = mean + more;
        lost = (sum - mean) - more;
        mean = sum;
    }
    mean /= n;
    lost = 0.0f;
    for (int k = 0; k < n; k++) {
        const float d = READ(x, k) - mean;
        const float more = d * d - lost, sum = squares + more;
        lost = (sum - squares) - more;
        squares = sum;
    }
    moments[moments_at + 2 * row] = mean;
    moments[moments_at + 2 * row + 1] = has_deviation ? 1.0f / (sqrt(squares / n + inside) + outside) : 1.0f;
}

// y = (x - mean) / deviation * scale + shift; number k of row r has scale and shift
// (r * step + k / part) % count.
kernel void apply_moments(global const real* x, int x_at, global const float* moments, int moments_at,
                      global const float* scale, int scale_at, global const float* shift, int shift_at, global real* y,
                      int y_at, int rows, int n, int step, int part, int count) {
    const int k = get_global_id(0), row = get_global_id(1);
    if (k >= n)
        return;
    const int c = (row * step + k / part) % count, at = row * n + k;
    const float v = (READ(x, x_at + at) - moments[moments_at + 2 * row]) * moments[moments_at + 2 * row + 1];
    WRITE(v * scale[scale_at + c] + shift[shift_at + c], y, y_at + at);
}
)CL"
