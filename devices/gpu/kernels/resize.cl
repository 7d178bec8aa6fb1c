// SPDX-License-Identifier: LGPL-2.1-or-later
R"CL(
// Resamples two dimensions of x [outer, in_rows, in_columns, inner] into y [outer, rows, columns, inner], from
// A rows and B columns each: `places` and `weights` hold A for each output row, then B for each output column.
kernel void resize(global const real* x, int x_at, global const int* places, int places_at,
                   global const float* weights, int weights_at, global real* y, int y_at, int in_rows, int in_columns,
                   int rows, int columns, int inner) {
    const int i = get_global_id(0), row = get_global_id(1), image = get_global_id(2);
    if (i >= columns * inner)
        return;
    const int column = i / inner;
    x += x_at + image * in_rows * in_columns * inner + i % inner;
    global const int* of_row = places + places_at + row * A;
    global const int* of_column = places + places_at + rows * A + column * B;
    global const float* row_weights = weights + weights_at + row * A;
    global const float* column_weights = weights + weights_at + rows * A + column * B;
    float sum = 0.0f;
    for (int a = 0; a < A; a++) {
        global const real* from = x + of_row[a] * in_columns * inner;
        float along = 0.0f;
        for (int b = 0; b < B; b++)
            along += column_weights[b] * READ(from, of_column[b] * inner);
        sum += row_weights[a] * along;
    }
    WRITE(sum, y, y_at + (image * rows + row) * columns * inner + i);
}
)CL"
