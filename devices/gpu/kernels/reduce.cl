// SPDX-License-Identifier: LGPL-2.1-or-later
R"CL(
// Over the middle of x [outer, n, inner]; y [outer, inner]. A work-item makes one number.
enum { SUM, MEAN, MAX, MIN, PRODUCT, L1, L2, SQUARES };

kernel void reduce(global const real* x, int x_at, global real* y, int y_at, int kind, int outer, int n, int inner) {
    const int at = get_global_id(0);
    if (at >= outer * inner)
        return;
    x += x_at + at / inner * n * inner + at % inner;
    float all = kind == MAX ? -INFINITY : kind == MIN ? INFINITY : kind == PRODUCT ? 1.0f : 0.0f;
    float lost = 0.0f; // what the sum has rounded away (Kahan)
    for (int k = 0; k < n; k++) {
        const float v = READ(x, k * inner);
        if (kind == MAX)
            all = v > all || v != v ? v : all;
        else if (kind == MIN)
            all = v < all || v != v ? v : all;
        else if (kind == PRODUCT)
            all *= v;
        else {
            const float more = (kind == L1 ? fabs(v) : kind >= L2 ? v * v : v) - lost;
            const float sum = all + more;
            lost = (sum - all) - more;
            all = sum;
        }
    }
    WRITE(kind == MEAN ? all / n : kind == L2 ? sqrt(all) : all, y, y_at + at);
}
)CL"
