// SPDX-License-Identifier: LGPL-2.1-or-later
R"CL(
// Matrix products y = activation(scale * a b + beta * c + added), a [rows, depth], b [depth, columns] with any
// steps; c (if has_c) with steps that may be 0. `where` holds for each matrix of the batch where a, b and c
// begin. A work-item makes M rows of N columns. Work-items: tiles of columns, blocks of rows, batch.
kernel void product(global const real* a, int a_at, global const real* b, int b_at, global const real* c, int c_at,
                    int has_c, global const real* added, int added_at, int has_added, global real* y, int y_at,
                    global const int* where, int where_at, int rows, int depth, int columns, int a_row, int a_column,
                    int b_row, int b_column, int c_row, int c_column, float scale, float share, int act, float alpha,
                    float beta) {
    const int column = tile_start(get_global_id(0) * N, columns), row = get_global_id(1) * M, matrix = get_global_id(2);
    if (get_global_id(0) * N >= columns)
        return;
    where += where_at + 3 * matrix;
    a += a_at + where[0];
    b += b_at + where[1] + column * b_column;
    const int left = columns - column;
    int rows_of[M];
    fv sum[M];
#pragma unroll
    for (int m = 0; m < M; m++) {
        rows_of[m] = min(row + m, rows - 1) * a_row; // those too many are made and not kept
        sum[m] = 0.0f;
    }
    for (int k = 0; k < depth; k++) {
        const fv v = read_tile(b + k * b_row, left, b_column);
#pragma unroll
        for (int m = 0; m < M; m++)
            sum[m] += READ(a, rows_of[m] + k * a_column) * v;
    }
#pragma unroll
    for (int m = 0; m < M; m++) {
        if (row + m >= rows)
            continue;
        const int at = (matrix * rows + row + m) * columns + column;
        fv v = scale * sum[m];
        if (has_c) {
            global const real* from = c + c_at + where[2] + (row + m) * c_row + column * c_column;
            v += share * (c_column == 0 ? (fv)(READ(from, 0)) : read_tile(from, left, c_column));
        }
        if (has_added)
            v += READ_ALL(added + added_at + at);
        write_some(activate(v, act, alpha, beta), y + y_at + at, left);
    }
}
)CL"
