// SPDX-License-Identifier: LGPL-2.1-or-later
R"CL(
// y = e^x / sum of e^x over the middle of [outer, n, inner], or its logarithm.
kernel void softmax(global const real* x, int x_at, global real* y, int y_at, int is_log, int outer, int n, int inner) {
    const int at = get_global_id(0);
    if (at >= outer * inner)
        return;
    x += x_at + at / inner * n * inner + at % inner;
    y += y_at + at / inner * n * inner + at % inner;
    float top = -INFINITY, sum = 0.0f;
    for (int k = 0; k < n; k++)
        top = fmax(top, READ(x, k * inner));
    for (int k = 0; k < n; k++)
        sum += exp(READ(x, k * inner) - top);
    const float share = 1.0f / sum, shift = log(sum);
    for (int k = 0; k < n; k++) {
        const float v = READ(x, k * inner) - top;
        WRITE(is_log ? v - shift : exp(v) * share, y, k * inner);
    }
}
)CL"
