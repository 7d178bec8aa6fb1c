// SPDX-License-Identifier: LGPL-2.1-or-later
R"CL(
// Maximum or mean over a window that moves over each plane. `share` holds 1 / taps for each output row and
// then for each output column: their product is what a sum is multiplied by.
// x [planes, in_height, in_width], y [planes, out_height, out_width]. Work-items: tiles of all rows, planes.
kernel void pool(global const real* x, int x_at, global const float* share, int share_at, global real* y, int y_at,
                 int is_max, int in_height, int in_width, int out_height, int out_width, int kernel_height,
                 int kernel_width, int stride_y, int stride_x, int pad_y, int pad_x, int dilation_y, int dilation_x,
                 int tiles) {
    const int tile = get_global_id(0), plane = get_global_id(1);
    if (tile >= tiles * out_height)
        return;
    const int oy = tile / tiles, ox = tile_start(tile % tiles * N, out_width), left = out_width - ox;
    x += x_at + plane * in_height * in_width;
    const float outside = is_max ? -INFINITY : 0.0f;
    fv all = outside;
    for (int ky = 0; ky < kernel_height; ky++) {
        const int iy = oy * stride_y - pad_y + ky * dilation_y;
        if (iy < 0 || iy >= in_height)
            continue;
        for (int kx = 0; kx < kernel_width; kx++) {
            const fv v = read_row(x + iy * in_width, ox * stride_x - pad_x + kx * dilation_x, stride_x, in_width, outside);
            if (is_max)
                all = v > all || v != v ? v : all;
            else
                all += v;
        }
    }
    if (!is_max) // what is beyond the row is not kept
        all *= share[share_at + oy] * FROM_ARRAY(share + share_at + out_height + ox);
    write_some(all, y + y_at + (plane * out_height + oy) * out_width + ox, left);
}
)CL"
