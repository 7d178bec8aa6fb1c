// SPDX-License-Identifier: LGPL-2.1-or-later
R"CL(
// Convolution as a matrix product that is never laid out: a work-item makes M channels of N pixels of a row.
// x [batch, groups * channels, in_height, in_width]; w [groups, blocks, channels, kernel_height,
// kernel_width, M], the last block filled up with 0; bias [groups, blocks, M]; added (if has_added) and y
// [batch, groups * out_channels, out_height, out_width]. Work-items: tiles of all rows, groups * blocks, batch.
kernel void conv(global const real* x, int x_at, global const real* w, int w_at, global const float* bias, int bias_at,
                 global const real* added, int added_at, int has_added, global real* y, int y_at, int groups,
                 int channels, int blocks, int out_channels, int in_height, int in_width, int out_height,
                 int out_width, int kernel_height, int kernel_width, int stride_y, int stride_x, int pad_y, int pad_x,
                 int dilation_y, int dilation_x, int tiles, int act, float alpha, float beta) {
    const int tile = get_global_id(0), block = get_global_id(1), image = get_global_id(2);
    if (tile >= tiles * out_height)
        return;
    const int oy = tile / tiles, ox = tile_start(tile % tiles * N, out_width);
    const int group = block / blocks, first = block % blocks * M;
    const int plane = in_height * in_width;
    x += x_at + (image * groups + group) * channels * plane;
    w += w_at + block * channels * kernel_height * kernel_width * M;
    bias += bias_at + block * M;
    fv sum[M];
#pragma unroll
    for (int m = 0; m < M; m++)
        sum[m] = bias[m];
    for (int c = 0; c < channels; c++, x += plane)
        for (int ky = 0; ky < kernel_height; ky++) {
            const int iy = oy * stride_y - pad_y + ky * dilation_y;
            if (iy < 0 || iy >= in_height) {
                w += kernel_width * M;
                continue;
            }
            for (int kx = 0; kx < kernel_width; kx++, w += M) {
                const fv v = read_row(x + iy * in_width, ox * stride_x - pad_x + kx * dilation_x, stride_x, in_width, 0.0f);
#pragma unroll
                for (int m = 0; m < M; m++)
                    sum[m] += READ(w, m) * v;
            }
        }
    const int left = out_width - ox;
#pragma unroll
    for (int m = 0; m < M; m++) {
        if (first + m >= out_channels)
            continue;
        const int at = ((image * groups + group) * out_channels + first + m) * out_height * out_width + oy * out_width + ox;
        fv v = sum[m];
        if (has_added)
            v += READ_ALL(added + added_at + at);
        write_some(activate(v, act, alpha, beta), y + y_at + at, left);
    }
}
)CL"
