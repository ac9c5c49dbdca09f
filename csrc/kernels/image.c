/* image.c: pictures moved, turned, flipped, cut and scaled by an affine map for each: y[n,p,q] is x[n] at the row and the column that the map
 * says, from the nearest pixel or from the four around, weighted by how near they are.
 *
 * Coordinates are computed in double precision, where products of a float and a pixel's number are exact and only their sum is rounded:
 * the pixels that are picked are the same on every machine. Backward adds each gradient to the pixels that it came from, picture by
 * picture, in the order of y. */

enum fill_mode { FILL_CONSTANT, FILL_REFLECT, FILL_WRAP, FILL_NEAREST };

struct picture_map {
    const float *transform; /* [N,6]: column = t0 q + t1 p + t2, row = t3 q + t4 p + t5 */
    int64_t H, W, C, P, Q;
    int bilinear, fill_mode;
};

/* i within 0 .. n-1 as the fill mode has it; -1 for a pixel outside that has no other in its place */
static int64_t filled_place(int64_t i, int64_t n, int fill_mode) {
    if (i >= 0 && i < n) return i;
    if (fill_mode == FILL_CONSTANT) return -1;
    if (fill_mode == FILL_NEAREST) return i < 0 ? 0 : n - 1;
    const int64_t period = fill_mode == FILL_WRAP ? n : 2 * n; /* reflect: d c b a | a b c d | d c b a */
    const int64_t place = (i % period + period) % period;
    return place < n ? place : period - 1 - place;
}

/* Where y[n,p,q] comes from: offsets of up to four pixels in x[n], -1 outside, with their weights; how many there are */
static int picture_sources(const struct picture_map *m, int64_t n, int64_t p, int64_t q, int64_t offset[4], float weight[4]) {
    const float *t = m->transform + 6 * n;
    const double far = 0x1p40; /* what is farther away, or NaN, is as far outside */
    double column = (double)t[0] * (double)q + (double)t[1] * (double)p + (double)t[2];
    double row = (double)t[3] * (double)q + (double)t[4] * (double)p + (double)t[5];
    column = column > -far ? (column < far ? column : far) : -far;
    row = row > -far ? (row < far ? row : far) : -far;
    const double half = m->bilinear ? 0 : 0.5, left = floor(column + half), top = floor(row + half);
    const double right_share = column - left, lower_share = row - top;
    const int count = m->bilinear ? 4 : 1;
    for (int i = 0; i < count; i++) {
        const int64_t w = filled_place((int64_t)left + i % 2, m->W, m->fill_mode), h = filled_place((int64_t)top + i / 2, m->H, m->fill_mode);
        offset[i] = w < 0 || h < 0 ? -1 : (h * m->W + w) * m->C;
        weight[i] = (float)((i % 2 ? right_share : 1 - right_share) * (i / 2 ? lower_share : 1 - lower_share));
    }
    return count;
}

static double picture_bytes(const struct picture_map *m, int64_t N) { return 64.0 * (double)(N * m->P) * (double)m->Q * (double)m->C; }

static int CG_FN(affine_transform_forward)(float *y, const float *x, const float *transform, int64_t N, int64_t H, int64_t W, int64_t C,
                                           int64_t P, int64_t Q, int bilinear, int fill_mode, float fill_value) {
    const struct picture_map m = {transform, H, W, C, P, Q, bilinear, fill_mode};
    const int threads = cg_threads(0, picture_bytes(&m, N));
    CG_PARALLEL_FOR(threads)
    for (int64_t line = 0; line < N * P; line++) {
        const float *from = x + line / P * H * W * C;
        float *to = y + line * Q * C;
        for (int64_t q = 0; q < Q; q++, to += C) {
            int64_t offset[4];
            float weight[4];
            const int count = picture_sources(&m, line / P, line % P, q, offset, weight);
            const float *pixel[4];
            for (int i = 0; i < count; i++) pixel[i] = offset[i] < 0 ? &fill_value : from + offset[i];
            if (count == 1) {
                for (int64_t c = 0; c < C; c++) to[c] = offset[0] < 0 ? fill_value : pixel[0][c];
                continue;
            }
            for (int64_t c = 0; c < C; c++) {
                float value[4];
                for (int i = 0; i < 4; i++) value[i] = weight[i] * (offset[i] < 0 ? fill_value : pixel[i][c]);
                to[c] = (value[0] + value[1]) + (value[2] + value[3]);
            }
        }
    }
    return CG_OK;
}

static int CG_FN(affine_transform_backward)(float *dx, const float *dy, const float *transform, int64_t N, int64_t H, int64_t W, int64_t C,
                                            int64_t P, int64_t Q, int bilinear, int fill_mode) {
    const struct picture_map m = {transform, H, W, C, P, Q, bilinear, fill_mode};
    const int threads = cg_threads(0, picture_bytes(&m, N));
    CG_PARALLEL_FOR(threads)
    for (int64_t n = 0; n < N; n++) {
        float *to = dx + n * H * W * C;
        const float *from = dy + n * P * Q * C;
        memset(to, 0, (size_t)(H * W * C) * sizeof(float));
        for (int64_t place = 0; place < P * Q; place++, from += C) {
            int64_t offset[4];
            float weight[4];
            const int count = picture_sources(&m, n, place / Q, place % Q, offset, weight);
            for (int i = 0; i < count; i++) {
                const float share = count == 1 ? 1 : weight[i];
                for (int64_t c = 0; offset[i] >= 0 && c < C; c++) to[offset[i] + c] += share * from[c];
            }
        }
    }
    return CG_OK;
}
