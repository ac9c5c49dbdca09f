/* normalization.c: batch, layer and root-mean-square normalization.
 *
 * All of it is limited by memory: what counts is how often x passes. Batch normalization needs two passes each way (statistics, then
 * result), so the second walks backwards through the parts and finds the last ones still in cache. Layer normalization takes some rows at
 * a time, which stay in the first-level cache between their statistics and their result: one pass each way.
 *
 * Mean and variance come from few neighbouring values at a time, their own mean and squared deviations first, which are then joined to
 * those before (Chan, Golub and LeVeque 1979): as exact as two passes over x, at the price of one. Parts follow from the sizes alone, and
 * columns are added row by row, so neither threads nor the width of a register change a bit. */

/* ---- columns: x[M,C] as rows of W = fold * C values, so that few channels fill whole vectors too ---- */

enum {
    GROUP_ROWS = 8,       /* rows that are summed in registers */
    COLUMN_BLOCK = 512,   /* columns of a task: their sums, and a group of rows, stay in the first-level cache */
    PART_VALUES = 32768,  /* values of a part, at least */
    MOST_PARTS = 256
};

struct grid {
    int64_t M, C, fold, W;        /* M rows of C, of which fold make one of W */
    int64_t rows;                 /* whole rows of W; M - rows * fold rows of C are left over, and belong to the last part */
    int64_t parts, blocks;
};

static struct grid make_grid(int64_t M, int64_t C) {
    struct grid g = {.M = M, .C = C, .fold = C == 1 ? SUM_WIDTH : sum_fold(C)};
    g.W = g.fold * C;
    g.rows = M / g.fold;
    g.blocks = cg_ceil_div(g.W, COLUMN_BLOCK);
    g.parts = cg_max64(1, cg_min64(MOST_PARTS, g.rows * cg_min64(g.W, COLUMN_BLOCK) / PART_VALUES));
    return g;
}

/* The first row (of W) of a part */
static inline int64_t part_start(const struct grid *g, int64_t part) { return g->rows * part / g->parts; }

/* wide[W] = fold times v[C], or times fill where v is NULL */
static void widen(float *wide, const float *v, float fill, const struct grid *g) {
    for (int64_t i = 0; i < g->W; i += g->C)
        for (int64_t c = 0; c < g->C; c++) wide[i + c] = v ? v[c] : fill;
}

/* A result of up to VLEN lanes; stream: past the caches, where it is whole. Rows of whole vectors in aligned memory allow that. */
CG_INLINE void put_upto(float *y, vf v, int64_t n, int stream) {
    if (stream && n >= VLEN) vf_stream(y, v);
    else vf_store_upto(y, v, n);
}
/* Sooner than map.h does: x is read twice, and results of half the last-level cache would drive it out between (25 MB: 1.3 times as fast). */
enum { STREAM_ROWS_BYTES = 24 << 20 };
static int rows_stream(const float *y, int64_t rows, int64_t length) {
    return length % VLEN == 0 && rows * length * 4 >= STREAM_ROWS_BYTES && (uintptr_t)y % sizeof(vf) == 0;
}

/* What a kernel does to every value of a column: constants of the column in k, each of W values. stream: as in map.h */
struct columns {
    float *y;
    const float *u, *v;
    const float *k[4];
    int64_t W;
    int stream;
};
typedef void columns_function(const struct columns *t, int64_t begin, int64_t rows, int64_t W);

/* Defines name(t, begin, rows, W), which computes y from u and v by a formula in them and the constants a, b, c, d, for rows that start
 * at the value begin; four rows at a time, so that the constants are loaded once for them. */
#define COLUMNS(name, formula)                                                                                              \
    CG_INLINE vf name##_at(vf u, vf v, vf a, vf b, vf c, vf d) {                                                            \
        (void)v, (void)b, (void)c, (void)d;                                                                                 \
        return formula;                                                                                                     \
    }                                                                                                                       \
    CG_INLINE void name##_vector(const struct columns *t, int64_t begin, const int rows, int64_t i, int64_t n, int stream) { \
        vf a = vf_load_upto(t->k[0] + i, n), b = vf_load_upto(t->k[1] + i, n);                                              \
        vf c = vf_load_upto(t->k[2] + i, n), d = vf_load_upto(t->k[3] + i, n);                                              \
        CG_UNROLL                                                                                                           \
        for (int r = 0; r < rows; r++) {                                                                                    \
            int64_t at = begin + r * t->W + i;                                                                              \
            put_upto(t->y + at, name##_at(vf_load_upto(t->u + at, n), vf_load_upto(t->v + at, n), a, b, c, d), n, stream);  \
        }                                                                                                                   \
    }                                                                                                                       \
    CG_INLINE void name##_rows(const struct columns *t, int64_t begin, const int rows, int64_t W, int stream) {             \
        int64_t i = 0;                                                                                                      \
        for (; i + VLEN <= W; i += VLEN) name##_vector(t, begin, rows, i, VLEN, stream);                                    \
        if (i < W) name##_vector(t, begin, rows, i, W - i, stream);                                                         \
    }                                                                                                                       \
    CG_INLINE void name##_all(const struct columns *t, int64_t begin, int64_t rows, int64_t W, int stream) {                \
        for (; rows >= 4; rows -= 4, begin += 4 * t->W) name##_rows(t, begin, 4, W, stream);                                \
        for (; rows > 0; rows--, begin += t->W) name##_rows(t, begin, 1, W, stream);                                        \
    }                                                                                                                       \
    static void name(const struct columns *t, int64_t begin, int64_t rows, int64_t W) {                                     \
        if (t->stream) name##_all(t, begin, rows, W, 1), vf_stream_end();                                                   \
        else name##_all(t, begin, rows, W, 0);                                                                              \
    }

COLUMNS(normalize_columns, vf_fma(u - a, b, c))                    /* (x - mean) factor + offset */
COLUMNS(scale_columns, vf_fma(u, a, b))                            /* x factor + shift */
COLUMNS(normalize_columns_backward, vf_fma(b - v, c, u - a) * d)    /* (dy - mean dy - (x - mean) slope) factor */

/* f over all rows: each thread over the parts whose statistics it found, the last one, which its own cache may still hold, first.
 * bytes: of memory that a value moves. */
static void run_columns(columns_function *f, struct columns *t, const struct grid *g, int bytes) {
    t->stream = rows_stream(t->y, g->rows, g->W);
    const double values = (double)g->M * g->C;
    const int threads = cg_threads(4 * values, bytes * values);
    CG_PARALLEL_FOR(threads)
    for (int64_t share = 0; share < threads; share++)
        for (int64_t part = g->parts * (share + 1) / threads - 1; part >= g->parts * share / threads; part--) {
            const int64_t first = part_start(g, part), end = part_start(g, part + 1);
            if (part == g->parts - 1) f(t, g->rows * g->W, 1, (g->M - g->rows * g->fold) * g->C);
            f(t, first * g->W, end - first, g->W);
        }
}

/* ---- statistics of columns ---- */

/* The sum of n vectors in pairs; n is GROUP_ROWS or 1, and constant, as in the functions that use it */
CG_INLINE vf group_sum(const vf *x, const int n) {
    if (n == 1) return x[0];
    return ((x[0] + x[1]) + (x[2] + x[3])) + ((x[4] + x[5]) + (x[6] + x[7]));
}

/* Joins n rows of W columns to the mean and the sum of squared deviations of the rows before. share: n of all rows; weight: rows before * share */
CG_INLINE void join_vector(float *mean, float *squares, const float *x, int64_t stride, const int n, float share, float weight, int64_t lanes) {
    vf row[GROUP_ROWS], deviation[GROUP_ROWS];
    for (int j = 0; j < n; j++) row[j] = vf_load_upto(x + j * stride, lanes);
    vf own = group_sum(row, n) * vf_set(1 / (float)n);
    for (int j = 0; j < n; j++) deviation[j] = (row[j] - own) * (row[j] - own);
    vf before = vf_load_upto(mean, lanes), apart = own - before;
    vf_store_upto(mean, vf_fma(apart, vf_set(share), before), lanes);
    vf sum = vf_load_upto(squares, lanes) + group_sum(deviation, n);
    vf_store_upto(squares, vf_fma(apart * vf_set(weight), apart, sum), lanes);
}

CG_INLINE void join_rows(float *mean, float *squares, const float *x, int64_t W, int64_t stride, const int n, float share, float weight) {
    int64_t i = 0;
    for (; i + VLEN <= W; i += VLEN) join_vector(mean + i, squares + i, x + i, stride, n, share, weight, VLEN);
    if (i < W) join_vector(mean + i, squares + i, x + i, stride, n, share, weight, W - i);
}

/* mean[W] and squares[W], the sum of squared deviations from it, over R rows of x that begin stride apart; zeros where R is 0 */
static void column_moments(float *mean, float *squares, const float *x, int64_t R, int64_t W, int64_t stride) {
    memset(mean, 0, (size_t)W * sizeof *mean);
    memset(squares, 0, (size_t)W * sizeof *squares);
    int64_t r = 0;
    for (; r + GROUP_ROWS <= R; r += GROUP_ROWS) {
        const double share = (double)GROUP_ROWS / (double)(r + GROUP_ROWS);
        join_rows(mean, squares, x + r * stride, W, stride, GROUP_ROWS, (float)share, (float)(r * share));
    }
    for (; r < R; r++) {
        const double share = 1 / (double)(r + 1);
        join_rows(mean, squares, x + r * stride, W, stride, 1, (float)share, (float)(r * share));
    }
}

/* Joins the moments of n more rows to those of *count rows. */
static void join_moments(float *mean, float *squares, int64_t *count, const float *more_mean, const float *more_squares, int64_t n, int64_t C) {
    if (n == 0) return;
    const double share = (double)n / (double)(*count + n);
    const float by = (float)share, weight = (float)(*count * share);
    for (int64_t c = 0; c < C; c++) {
        const float apart = more_mean[c] - mean[c];
        mean[c] += apart * by;
        squares[c] += more_squares[c] + apart * weight * apart;
    }
    *count += n;
}

/* first[W], second[W] of R rows of u and v, stride apart: u added, and u (v - center) added */
CG_INLINE void add_vector(float *first, float *second, const float *u, const float *v, const float *center, int64_t stride, const int n,
                          int64_t lanes) {
    vf row[GROUP_ROWS], product[GROUP_ROWS], c = vf_load_upto(center, lanes);
    for (int j = 0; j < n; j++) {
        row[j] = vf_load_upto(u + j * stride, lanes);
        product[j] = row[j] * (vf_load_upto(v + j * stride, lanes) - c);
    }
    vf_store_upto(first, vf_load_upto(first, lanes) + group_sum(row, n), lanes);
    vf_store_upto(second, vf_load_upto(second, lanes) + group_sum(product, n), lanes);
}

CG_INLINE void add_rows(float *first, float *second, const float *u, const float *v, const float *center, int64_t W, int64_t stride,
                        const int n) {
    int64_t i = 0;
    for (; i + VLEN <= W; i += VLEN) add_vector(first + i, second + i, u + i, v + i, center + i, stride, n, VLEN);
    if (i < W) add_vector(first + i, second + i, u + i, v + i, center + i, stride, n, W - i);
}

static void column_products(float *first, float *second, const float *u, const float *v, const float *center, int64_t R, int64_t W,
                            int64_t stride) {
    memset(first, 0, (size_t)W * sizeof *first);
    memset(second, 0, (size_t)W * sizeof *second);
    int64_t r = 0;
    for (; r + GROUP_ROWS <= R; r += GROUP_ROWS)
        add_rows(first, second, u + r * stride, v + r * stride, center, W, stride, GROUP_ROWS);
    for (; r < R; r++) add_rows(first, second, u + r * stride, v + r * stride, center, W, stride, 1);
}

/* Two sums of each column and part, [parts + 1, 2, W]: moments of u where v is NULL, else products of u and v; those of the rows left over
 * in the last place. */
static void column_statistics(float *sums, const float *u, const float *v, const float *center, const struct grid *g) {
    const double values = (double)g->M * g->C;
    const int threads = cg_threads(4 * values, (v ? 8 : 4) * values);
    CG_PRAGMA(omp parallel for collapse(2) schedule(static) num_threads(threads) if (threads > 1))
    for (int64_t part = 0; part < g->parts; part++)
        for (int64_t block = 0; block < g->blocks; block++) {
            const int64_t i = block * COLUMN_BLOCK, W = cg_min64(COLUMN_BLOCK, g->W - i);
            const int64_t first = part_start(g, part), R = part_start(g, part + 1) - first, from = first * g->W + i;
            float *to = sums + part * 2 * g->W + i;
            if (v) column_products(to, to + g->W, u + from, v + from, center + i, R, W, g->W);
            else column_moments(to, to + g->W, u + from, R, W, g->W);
        }
    const int64_t left = g->M - g->rows * g->fold, from = g->rows * g->W;
    float *to = sums + g->parts * 2 * g->W;
    if (v) column_products(to, to + g->W, u + from, v + from, center, left, g->C, g->C);
    else column_moments(to, to + g->W, u + from, left, g->C, g->C);
}

/* mean[C] and squares[C] of all rows of x, with sums as scratch */
static void batch_moments(float *mean, float *squares, float *sums, const float *x, const struct grid *g) {
    column_statistics(sums, x, NULL, NULL, g);
    int64_t count = 0;
    memset(mean, 0, (size_t)g->C * sizeof *mean);
    memset(squares, 0, (size_t)g->C * sizeof *squares);
    for (int64_t part = 0; part <= g->parts; part++) {
        const float *at = sums + part * 2 * g->W;
        const int64_t last = part == g->parts, rows = last ? g->M - g->rows * g->fold : part_start(g, part + 1) - part_start(g, part);
        for (int64_t i = 0; i < (last ? g->C : g->W); i += g->C) join_moments(mean, squares, &count, at + i, at + g->W + i, rows, g->C);
    }
}

/* first[C] = sum of dy, second[C] = sum of dy (x - center), with sums as scratch; center[W] */
static void batch_products(float *first, float *second, float *sums, const float *dy, const float *x, const float *center,
                           const struct grid *g) {
    column_statistics(sums, dy, x, center, g);
    memset(first, 0, (size_t)g->C * sizeof *first);
    memset(second, 0, (size_t)g->C * sizeof *second);
    for (int64_t part = 0; part <= g->parts; part++)
        for (int64_t i = 0; i < (part == g->parts ? g->C : g->W); i += g->C)
            for (int64_t c = 0; c < g->C; c++) {
                first[c] += sums[part * 2 * g->W + i + c];
                second[c] += sums[(part * 2 + 1) * g->W + i + c];
            }
}

/* ---- batch normalization ---- */

static int CG_FN(batch_normalization_forward)(float *y, float *mean, float *rstd, float *moving_mean, float *moving_variance, const float *x,
                                              const float *scale, const float *offset, int64_t M, int64_t C, float epsilon, float momentum) {
    if (C == 0) return CG_OK;
    const struct grid g = make_grid(M, C);
    const size_t bytes = (size_t)(2 * (g.parts + 1) * g.W) * sizeof(float), wide_bytes = (size_t)(3 * g.W) * sizeof(float);
    float *sums = cg_alloc(bytes), *wide = cg_alloc(wide_bytes);
    if (sums && wide) {
        batch_moments(mean, rstd, sums, x, &g);
        for (int64_t c = 0; c < C; c++) {
            const float variance = rstd[c] / (float)cg_max64(M, 1);
            rstd[c] = 1 / sqrtf(variance + epsilon);
            if (moving_mean && M) moving_mean[c] = momentum * moving_mean[c] + (1 - momentum) * mean[c];
            if (moving_variance && M) moving_variance[c] = momentum * moving_variance[c] + (1 - momentum) * variance;
        }
        widen(wide, mean, 0, &g);
        widen(wide + g.W, rstd, 0, &g);
        widen(wide + 2 * g.W, offset, 0, &g);
        for (int64_t i = 0; scale && i < g.W; i++) wide[g.W + i] *= scale[i % C];
        struct columns t = {.y = y, .u = x, .v = x, .k = {wide, wide + g.W, wide + 2 * g.W, wide}, .W = g.W};
        run_columns(normalize_columns, &t, &g, 8);
    }
    cg_free(sums, bytes);
    cg_free(wide, wide_bytes);
    return sums && wide ? CG_OK : CG_ENOMEM;
}

static int CG_FN(batch_normalization_backward)(float *dx, float *dscale, float *doffset, const float *dy, const float *x, const float *mean,
                                               const float *rstd, const float *scale, int64_t M, int64_t C) {
    if (C == 0) return CG_OK;
    const struct grid g = make_grid(M, C);
    const size_t bytes = (size_t)(2 * (g.parts + 1) * g.W) * sizeof(float), wide_bytes = (size_t)(4 * g.W + 2 * C) * sizeof(float);
    float *sums = cg_alloc(bytes), *wide = cg_alloc(wide_bytes);
    if (sums && wide) {
        float *center = wide, *mean_dy = wide + g.W, *slope = wide + 2 * g.W, *factor = wide + 3 * g.W, *sum_dy = wide + 4 * g.W;
        float *sum_product = sum_dy + C;
        const float share = 1 / (float)cg_max64(M, 1);
        widen(center, mean, 0, &g);
        batch_products(sum_dy, sum_product, sums, dy, x, center, &g);
        for (int64_t c = 0; c < C; c++) {
            if (doffset) doffset[c] = sum_dy[c];
            if (dscale) dscale[c] = sum_product[c] * rstd[c];
        }
        for (int64_t i = 0; i < g.W; i++) {
            const int64_t c = i % C;
            mean_dy[i] = sum_dy[c] * share;
            slope[i] = sum_product[c] * rstd[c] * (rstd[c] * share);
            factor[i] = scale ? rstd[c] * scale[c] : rstd[c];
        }
        struct columns t = {.y = dx, .u = dy, .v = x, .k = {mean_dy, center, slope, factor}, .W = g.W};
        if (dx) run_columns(normalize_columns_backward, &t, &g, 12);
    }
    cg_free(sums, bytes);
    cg_free(wide, wide_bytes);
    return sums && wide ? CG_OK : CG_ENOMEM;
}

/* Inference as a line, y = x factor + shift: one multiply-add a value */
static void inference_line(float *factor, float *shift, const float *mean, const float *variance, const float *scale, const float *offset,
                           int64_t C, float epsilon) {
    for (int64_t c = 0; c < C; c++) {
        factor[c] = 1 / sqrtf(variance[c] + epsilon) * (scale ? scale[c] : 1);
        shift[c] = (offset ? offset[c] : 0) - mean[c] * factor[c];
    }
}

static int CG_FN(batch_normalization_inference_forward)(float *y, const float *x, const float *mean, const float *variance, const float *scale,
                                                        const float *offset, int64_t M, int64_t C, float epsilon) {
    if (C == 0) return CG_OK;
    const struct grid g = make_grid(M, C);
    const size_t wide_bytes = (size_t)(2 * g.W) * sizeof(float);
    float *factor = cg_alloc(wide_bytes), *shift = factor + g.W;
    if (!factor) return CG_ENOMEM;
    inference_line(factor, shift, mean, variance, scale, offset, C, epsilon);
    for (int64_t i = C; i < g.W; i++) factor[i] = factor[i - C], shift[i] = shift[i - C];
    struct columns t = {.y = y, .u = x, .v = x, .k = {factor, shift, shift, shift}, .W = g.W};
    run_columns(scale_columns, &t, &g, 8);
    cg_free(factor, wide_bytes);
    return CG_OK;
}

static int CG_FN(batch_normalization_inference_backward)(float *dx, float *dmean, float *dvariance, float *dscale, float *doffset,
                                                         const float *dy, const float *x, const float *mean, const float *variance,
                                                         const float *scale, int64_t M, int64_t C, float epsilon) {
    if (C == 0) return CG_OK;
    const struct grid g = make_grid(M, C);
    const size_t bytes = (size_t)(2 * (g.parts + 1) * g.W) * sizeof(float), wide_bytes = (size_t)(2 * g.W + 2 * C) * sizeof(float);
    float *sums = cg_alloc(bytes), *wide = cg_alloc(wide_bytes);
    if (sums && wide) {
        float *factor = wide, *other = wide + g.W, *sum_dy = wide + 2 * g.W, *sum_product = sum_dy + C;
        for (int64_t i = 0; i < g.W; i++) factor[i] = 1 / sqrtf(variance[i % C] + epsilon) * (scale ? scale[i % C] : 1);
        if (dmean || dvariance || dscale || doffset) {
            widen(other, mean, 0, &g);
            batch_products(sum_dy, sum_product, sums, dy, x, other, &g);
        }
        for (int64_t c = 0; c < C; c++) {
            const float rstd = 1 / sqrtf(variance[c] + epsilon);
            if (doffset) doffset[c] = sum_dy[c];
            if (dscale) dscale[c] = sum_product[c] * rstd;
            if (dmean) dmean[c] = -sum_dy[c] * factor[c];
            if (dvariance) dvariance[c] = -0.5f * sum_product[c] * factor[c] * (rstd * rstd);
        }
        widen(other, NULL, -0.0f, &g); /* dy factor - 0 is dy factor, with its sign */
        struct columns t = {.y = dx, .u = dy, .v = dy, .k = {factor, other, other, other}, .W = g.W};
        if (dx) run_columns(scale_columns, &t, &g, 8);
    }
    cg_free(sums, bytes);
    cg_free(wide, wide_bytes);
    return sums && wide ? CG_OK : CG_ENOMEM;
}

/* ---- rows: layer and root-mean-square normalization; both run on the same functions, with centered constant ---- */

enum {
    ROW_GROUP = 4,         /* rows at a time: they stay in cache, and share the loads of scale and of the sums over rows */
    ROW_PART = 4096,       /* values whose mean and deviations are found at once */
    ROW_PART_VALUES = 16384, MOST_ROW_PARTS = 32 /* of the sums over rows */
};

CG_INLINE lanes add_square(lanes sum, lanes x, float center) {
    CG_UNROLL
    for (int j = 0; j < LANE_VECTORS; j++) x.v[j] -= center;
    return lanes_fma(x, x, sum);
}

/* sum (x - center)^2 over n values, on reduce.c's lanes */
static float row_squares(const float *x, int64_t n, float center) {
    lanes s0 = lanes_set(0), s1 = s0, s2 = s0, s3 = s0;
    for (; n >= 4 * LANES; n -= 4 * LANES, x += 4 * LANES) {
        s0 = add_square(s0, lanes_load_upto(x, LANES, 0), center);
        s1 = add_square(s1, lanes_load_upto(x + LANES, LANES, 0), center);
        s2 = add_square(s2, lanes_load_upto(x + 2 * LANES, LANES, 0), center);
        s3 = add_square(s3, lanes_load_upto(x + 3 * LANES, LANES, 0), center);
    }
    for (; n > 0; n -= LANES, x += LANES) s0 = add_square(s0, lanes_load_upto(x, n, center), center);
    return lanes_sum(lanes_add(lanes_add(s0, s1), lanes_add(s2, s3)));
}

/* The mean of a row (0 where it is not wanted), and 1 / sqrt(mean of (x - mean)^2 + epsilon) */
CG_INLINE float row_statistics(float *mean, const float *x, int64_t K, float epsilon, const int centered) {
    float squares = 0;
    int64_t count = 0;
    *mean = 0;
    for (int64_t k = 0; k < K; k += ROW_PART) {
        const int64_t n = cg_min64(ROW_PART, K - k);
        const float own = centered ? row_sum(x + k, n) / (float)n : 0, own_squares = row_squares(x + k, n, own);
        join_moments(mean, &squares, &count, &own, &own_squares, n, 1);
    }
    return 1 / sqrtf(squares / (float)K + epsilon);
}

CG_INLINE void normalize_vector(float *y, const float *x, const float *scale, const float *offset, const float *center, const float *factor,
                                int64_t K, const int rows, int64_t n, int stream) {
    const vf s = vf_load_upto(scale, n), o = vf_load_upto(offset, n);
    CG_UNROLL
    for (int r = 0; r < rows; r++)
        put_upto(y + r * K, vf_fma((vf_load_upto(x + r * K, n) - center[r]) * factor[r], s, o), n, stream);
}

CG_INLINE void normalize_rows(float *y, float *mean, float *rstd, const float *x, const float *scale, const float *offset, int64_t K,
                              float epsilon, const int rows, const int centered, int stream) {
    float center[ROW_GROUP], factor[ROW_GROUP];
    if (K <= ROW_PART) { /* all rows' sums, then all their squares: one's last additions meet the next one's first */
        for (int r = 0; r < rows; r++) center[r] = centered ? row_sum(x + r * K, K) / (float)K : 0;
        for (int r = 0; r < rows; r++) factor[r] = 1 / sqrtf(row_squares(x + r * K, K, center[r]) / (float)K + epsilon);
    } else {
        for (int r = 0; r < rows; r++) factor[r] = row_statistics(&center[r], x + r * K, K, epsilon, centered);
    }
    for (int r = 0; r < rows; r++) {
        rstd[r] = factor[r];
        if (centered) mean[r] = center[r];
    }
    int64_t k = 0;
    if (stream) {
        for (; k < K; k += VLEN) normalize_vector(y + k, x + k, scale + k, offset + k, center, factor, K, rows, VLEN, 1);
        vf_stream_end();
        return;
    }
    for (; k + VLEN <= K; k += VLEN) normalize_vector(y + k, x + k, scale + k, offset + k, center, factor, K, rows, VLEN, 0);
    if (k < K) normalize_vector(y + k, x + k, scale + k, offset + k, center, factor, K, rows, K - k, 0);
}

/* Where scale or offset is NULL: K ones or zeros instead, in scratch[2,K]. One loop serves all, for loads from cache cost nothing here. */
static void fill_absent(const float **scale, const float **offset, float *scratch, int64_t K) {
    for (int64_t k = 0; k < K; k++) scratch[k] = 1, scratch[K + k] = 0;
    if (!*scale) *scale = scratch;
    if (!*offset) *offset = scratch + K;
}

CG_INLINE int rows_forward(float *y, float *mean, float *rstd, const float *x, const float *scale, const float *offset, int64_t M, int64_t K,
                           float epsilon, const int centered) {
    const size_t bytes = (size_t)(2 * K) * sizeof(float);
    float *scratch = cg_alloc(bytes);
    if (!scratch) return CG_ENOMEM;
    fill_absent(&scale, &offset, scratch, K);
    const int threads = cg_threads(8.0 * M * K, 8.0 * M * K), stream = rows_stream(y, M, K);
    const int64_t group = K <= ROW_PART ? ROW_GROUP : 1; /* a group of longer rows would not stay in cache */
    CG_PARALLEL_FOR(threads)
    for (int64_t i = 0; i < cg_ceil_div(M, group); i++) {
        const int64_t m = i * group, rows = cg_min64(group, M - m);
        float *to_mean = centered ? mean + m : NULL;
        if (rows == ROW_GROUP) {
            normalize_rows(y + m * K, to_mean, rstd + m, x + m * K, scale, offset, K, epsilon, ROW_GROUP, centered, stream);
        } else {
            for (int64_t r = 0; r < rows; r++)
                normalize_rows(y + (m + r) * K, centered ? to_mean + r : NULL, rstd + m + r, x + (m + r) * K, scale, offset, K, epsilon, 1, centered,
                               stream);
        }
    }
    cg_free(scratch, bytes);
    return CG_OK;
}

/* What the backward pass knows of a row: x's mean and 1 / standard deviation; with g = dy scale and xhat = (x - mean) rstd, the mean of g
 * and that of g xhat */
struct row { float mean, rstd, mean_g, slope; };

/* Adds g and g (x - mean) of up to LANES values */
CG_INLINE void add_gradients(lanes *sum_g, lanes *sum_product, const float *dy, const float *x, const float *scale, float mean, int64_t n) {
    lanes g = lanes_load_upto(dy, n, 0), s = lanes_load_upto(scale, n, 0), v = lanes_load_upto(x, n, 0);
    CG_UNROLL
    for (int i = 0; i < LANE_VECTORS; i++) g.v[i] *= s.v[i], v.v[i] -= mean;
    *sum_g = lanes_add(*sum_g, g);
    *sum_product = lanes_fma(g, v, *sum_product);
}

/* The two sums run on two sets of lanes, for additions take longer than they take turns */
CG_INLINE struct row row_gradient(const float *dy, const float *x, const float *scale, float mean, float rstd, int64_t K, const int centered) {
    lanes g_total = lanes_set(0), product_total = g_total;
    int64_t k = 0;
    while (k + 2 * LANES <= K) {
        lanes g0 = lanes_set(0), g1 = g0, product0 = g0, product1 = g0;
        for (int64_t end = cg_min64(K, k + 2 * LANE_RUN * LANES); k + 2 * LANES <= end; k += 2 * LANES) {
            add_gradients(&g0, &product0, dy + k, x + k, scale + k, mean, LANES);
            add_gradients(&g1, &product1, dy + k + LANES, x + k + LANES, scale + k + LANES, mean, LANES);
        }
        g_total = lanes_add(g_total, lanes_add(g0, g1));
        product_total = lanes_add(product_total, lanes_add(product0, product1));
    }
    for (; k < K; k += LANES) add_gradients(&g_total, &product_total, dy + k, x + k, scale + k, mean, K - k);
    const float n = (float)K;
    return (struct row){mean, rstd, centered ? lanes_sum(g_total) / n : 0, lanes_sum(product_total) * rstd / n};
}

/* dx = rstd (g - mean g - xhat slope) of n <= VLEN columns of some rows; adds dy xhat to dscale, dy to doffset. dx may be NULL. */
CG_INLINE void normalize_vector_backward(float *dx, float *dscale, float *doffset, const float *dy, const float *x, const float *scale,
                                         const struct row *row, int64_t K, const int rows, const int centered, int64_t n, int stream) {
    const vf s = vf_load_upto(scale, n);
    vf to_scale = vf_load_upto(dscale, n), to_offset = vf_load_upto(doffset, n);
    for (int r = 0; r < rows; r++) {
        const vf d = vf_load_upto(dy + r * K, n), xhat = (vf_load_upto(x + r * K, n) - row[r].mean) * row[r].rstd;
        to_scale = vf_fma(d, xhat, to_scale);
        if (centered) to_offset += d;
        if (dx) put_upto(dx + r * K, vf_fma(-xhat, vf_set(row[r].slope), d * s - row[r].mean_g) * row[r].rstd, n, stream);
    }
    vf_store_upto(dscale, to_scale, n);
    if (centered) vf_store_upto(doffset, to_offset, n);
}

/* The same for columns begin .. end-1 of K */
CG_INLINE void normalize_rows_backward(float *dx, float *dscale, float *doffset, const float *dy, const float *x, const float *scale,
                                       const struct row *from, int64_t K, int64_t begin, int64_t end, const int rows, const int centered,
                                       int stream) {
    struct row row[ROW_GROUP]; /* a copy, which the stores cannot change */
    CG_UNROLL
    for (int r = 0; r < rows; r++) row[r] = from[r];
    int64_t k = begin;
    for (; k + VLEN <= end; k += VLEN)
        normalize_vector_backward(dx ? dx + k : NULL, dscale + k, doffset + k, dy + k, x + k, scale + k, row, K, rows, centered, VLEN, stream);
    if (k < end)
        normalize_vector_backward(dx ? dx + k : NULL, dscale + k, doffset + k, dy + k, x + k, scale + k, row, K, rows, centered, end - k, 0);
    if (stream) vf_stream_end();
}

/* Tasks are parts of the rows, each with its own sums over them. Rows that do not stay in cache with those sums are cut into blocks of
 * columns, after a pass of their own for what a row must know. */
CG_INLINE int rows_backward(float *dx, float *dscale, float *doffset, const float *dy, const float *x, const float *mean, const float *rstd,
                            const float *scale, int64_t M, int64_t K, const int centered) {
    const int64_t blocks = cg_max64(1, cg_ceil_div(K, ROW_PART)), most = cg_max64(1, MOST_ROW_PARTS / blocks);
    const int64_t parts = cg_max64(1, cg_min64(cg_min64(most, M / ROW_GROUP), M * K / (blocks * ROW_PART_VALUES)));
    const int64_t width = cg_ceil_div(cg_ceil_div(K, blocks), LANES) * LANES;
    const size_t bytes = (size_t)(2 * (parts + 1) * K) * sizeof(float), row_bytes = (size_t)M * sizeof(struct row);
    float *sums = cg_alloc(bytes); /* [parts, 2, K], and what stands for an absent scale */
    struct row *row = cg_alloc(row_bytes);
    if (!sums || !row) {
        cg_free(sums, bytes);
        cg_free(row, row_bytes);
        return CG_ENOMEM;
    }
    const float *offset = NULL;
    fill_absent(&scale, &offset, sums + parts * 2 * K, K);
    memset(sums, 0, (size_t)(parts * 2 * K) * sizeof *sums);
    const int threads = cg_threads(12.0 * M * K, 12.0 * M * K), stream = dx && rows_stream(dx, M, K);
    CG_PARALLEL_FOR(threads)
    for (int64_t m = 0; m < (blocks > 1 ? M : 0); m++)
        row[m] = row_gradient(dy + m * K, x + m * K, scale, centered ? mean[m] : 0, rstd[m], K, centered);
    CG_PARALLEL_FOR(threads)
    for (int64_t task = 0; task < parts * blocks; task++) {
        const int64_t part = task / blocks, begin = task % blocks * width, end = cg_min64(begin + width, K), last = M * (part + 1) / parts;
        float *to_scale = sums + part * 2 * K, *to_offset = to_scale + K;
        for (int64_t m = M * part / parts, rows; m < last; m += rows) {
            float *to = dx ? dx + m * K : NULL;
            const float *d = dy + m * K, *v = x + m * K;
            rows = last - m >= ROW_GROUP ? ROW_GROUP : 1;
            for (int64_t r = 0; r < (blocks > 1 ? 0 : rows); r++)
                row[m + r] = row_gradient(d + r * K, v + r * K, scale, centered ? mean[m + r] : 0, rstd[m + r], K, centered);
            if (rows == 1) normalize_rows_backward(to, to_scale, to_offset, d, v, scale, row + m, K, begin, end, 1, centered, stream);
            else normalize_rows_backward(to, to_scale, to_offset, d, v, scale, row + m, K, begin, end, ROW_GROUP, centered, stream);
        }
    }
    if (dscale) column_sums(dscale, sums, parts, K, 2 * K);
    if (doffset) column_sums(doffset, sums + K, parts, K, 2 * K);
    cg_free(sums, bytes);
    cg_free(row, row_bytes);
    return CG_OK;
}

static int CG_FN(layer_normalization_forward)(float *y, float *mean, float *rstd, const float *x, const float *scale, const float *offset,
                                              int64_t M, int64_t K, float epsilon) {
    return rows_forward(y, mean, rstd, x, scale, offset, M, K, epsilon, 1);
}
static int CG_FN(layer_normalization_backward)(float *dx, float *dscale, float *doffset, const float *dy, const float *x, const float *mean,
                                               const float *rstd, const float *scale, int64_t M, int64_t K) {
    return rows_backward(dx, dscale, doffset, dy, x, mean, rstd, scale, M, K, 1);
}

static int CG_FN(rms_normalization_forward)(float *y, float *rstd, const float *x, const float *scale, int64_t M, int64_t K, float epsilon) {
    return rows_forward(y, NULL, rstd, x, scale, NULL, M, K, epsilon, 0);
}
static int CG_FN(rms_normalization_backward)(float *dx, float *dscale, const float *dy, const float *x, const float *rstd, const float *scale,
                                             int64_t M, int64_t K) {
    return rows_backward(dx, dscale, NULL, dy, x, NULL, rstd, scale, M, K, 0);
}
