// SPDX-License-Identifier: LGPL-2.1-or-later
R"CL(
// Transposed convolution, gathering: a work-item makes M channels of one pixel, from those taps of the kernel
// that reach it. Memory as in conv.cl; N is 1.
kernel void conv_transpose(global const real* x, int x_at, global const real* w, int w_at, global const float* bias,
                           int bias_at, global const real* added, int added_at, int has_added, global real* y,
                           int y_at, int groups, int channels, int blocks, int out_channels, int in_height,
                           int in_width, int out_height, int out_width, int kernel_height, int kernel_width,
                           int stride_y, int stride_x, int pad_y, int pad_x, int dilation_y, int dilation_x,
                           int act, float alpha, float beta) {
    const int pixel = get_global_id(0), block = get_global_id(1), image = get_global_id(2);
    if (pixel >= out_height * out_width)
        return;
    const int oy = pixel / out_width, ox = pixel % out_width;
    const int group = block / blocks, first = block % blocks * M;
    const int plane = in_height * in_width, taps = kernel_height * kernel_width;
    x += x_at + (image * groups + group) * channels * plane;
    w += w_at + block * channels * taps * M;
    float sum[M];
#pragma unroll
    for (int m = 0; m < M; m++)
        sum[m] = bias[bias_at + block * M + m];
    for (int ky = 0; ky < kernel_height; ky++) {
        const int down = oy + pad_y - ky * dilation_y;
        if (down < 0 || down % stride_y != 0 || down / stride_y >= in_height)
            continue;
        for (int kx = 0; kx < kernel_width; kx++) {
            const int right = ox + pad_x - kx * dilation_x;
            if (right < 0 || right % stride_x != 0 || right / stride_x >= in_width)
                continue;
            global const real* from = x + down / stride_y * in_width + right / stride_x;
            global const real* tap = w + (ky * kernel_width + kx) * M;
            for (int c = 0; c < channels; c++)
#pragma unroll
                for (int m = 0; m < M; m++)
                    sum[m] += READ(from, c * plane) * READ(tap, c * taps * M + m);
        }
    }
#pragma unroll
    for (int m = 0; m < M; m++) {
        if (first + m >= out_channels)
            continue;
        const int at = ((image * groups + group) * out_channels + first + m) * out_height * out_width + pixel;
        float v = sum[m];
        if (has_added)
            v += READ(added, added_at + at);
        WRITE(activate(v, act, alpha, beta), y, y_at + at);
    }
}
)CL"
