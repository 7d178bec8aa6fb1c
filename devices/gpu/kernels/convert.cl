// SPDX-License-Identifier: LGPL-2.1-or-later
R"CL(
// Between 32 bits and the 16 in which numbers lie on the device.
kernel void to_half(global const float* x, int x_at, global half* y, int y_at, int n) {
    const int i = get_global_id(0);
    if (i < n)
        vstore_half(x[x_at + i], y_at + i, y);
}

kernel void from_half(global const half* x, int x_at, global float* y, int y_at, int n) {
    const int i = get_global_id(0);
    if (i < n)
        y[y_at + i] = vload_half(x_at + i, x);
}

kernel void fill(global real* y, int y_at, int n, float value) {
    const int i = get_global_id(0);
    if (i < n)
        WRITE(value, y, y_at + i);
}
)CL"
