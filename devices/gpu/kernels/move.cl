// SPDX-License-Identifier: LGPL-2.1-or-later
R"CL(
// Copies elements of type T from any steps to any steps: six dimensions, n the innermost; the work-items are its
// elements and all rows. Bytes of an element do not matter, so nothing is converted.
kernel void move(global const T* x, int x_at, global T* y, int y_at, int n, int d1, int d2, int d3, int d4, int x0,
                 int x1, int x2, int x3, int x4, int x5, int y0, int y1, int y2, int y3, int y4, int y5) {
    const int i = get_global_id(0);
    if (i >= n)
        return;
    int row = get_global_id(1);
    const int i1 = row % d1;
    row /= d1;
    const int i2 = row % d2;
    row /= d2;
    const int i3 = row % d3;
    row /= d3;
    const int i4 = row % d4, i5 = row / d4;
    y[y_at + i * y0 + i1 * y1 + i2 * y2 + i3 * y3 + i4 * y4 + i5 * y5] =
        x[x_at + i * x0 + i1 * x1 + i2 * x2 + i3 * x3 + i4 * x4 + i5 * x5];
}
)CL"
