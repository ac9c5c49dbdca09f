/* batch_normalization.c: normalization of columns, by their own mean and variance or by given ones.
 *
 * It is limited by memory: what counts is how often x passes. Each way needs two passes (statistics, then result), so the second walks
 * backwards through the parts and finds the last ones still in cache. Parts follow from the sizes alone, and columns are added row by row,
 * so neither threads nor the width of a register change a bit. */

/* ---- columns: x[M,C] as rows of W = fold * C values, so that few channels fill whole vectors too ---- */

enum {
    GROUP_ROWS = 4,       /* rows that are summed in registers */
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

/* wide[W] = fold times its first C values */
static void repeat(float *wide, const struct grid *g) {
    for (int64_t i = g->C; i < g->W; i++) wide[i] = wide[i - g->C];
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
 * at the value begin; some rows at a time, so that the constants are loaded once for them. */
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
        for (int64_t n; rows > 0; rows -= n, begin += n * t->W) {                                                           \
            n = rows_at_once(rows, W);                                                                                      \
            if (n == 4) name##_rows(t, begin, 4, W, stream);                                                                \
            else if (n == 2) name##_rows(t, begin, 2, W, stream);                                                           \
            else name##_rows(t, begin, 1, W, stream);                                                                       \
        }                                                                                                                   \
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
    return ((x[0] + x[1]) + (x[2] + x[3]));
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
        float *center = wide, *factor = wide + g.W, *shift = wide + 2 * g.W;
        CG_VECTORIZE
        for (int64_t c = 0; c < C; c++) {
            const float variance = rstd[c] / (float)cg_max64(M, 1);
            rstd[c] = 1 / sqrtf(variance + epsilon);
            center[c] = mean[c];
            factor[c] = scale ? rstd[c] * scale[c] : rstd[c];
            shift[c] = offset ? offset[c] : 0;
            if (moving_mean && M) moving_mean[c] = momentum * moving_mean[c] + (1 - momentum) * mean[c];
            if (moving_variance && M) moving_variance[c] = momentum * moving_variance[c] + (1 - momentum) * variance;
        }
        for (int i = 0; i < 3; i++) repeat(wide + i * g.W, &g);
        struct columns t = {.y = y, .u = x, .v = x, .k = {center, factor, shift, shift}, .W = g.W};
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
        memcpy(center, mean, (size_t)C * sizeof *mean);
        repeat(center, &g);
        batch_products(sum_dy, sum_product, sums, dy, x, center, &g);
        CG_VECTORIZE
        for (int64_t c = 0; c < C; c++) {
            if (doffset) doffset[c] = sum_dy[c];
            if (dscale) dscale[c] = sum_product[c] * rstd[c];
            mean_dy[c] = sum_dy[c] * share;
            slope[c] = sum_product[c] * rstd[c] * (rstd[c] * share);
            factor[c] = scale ? rstd[c] * scale[c] : rstd[c];
        }
        for (int i = 1; i < 4; i++) repeat(wide + i * g.W, &g);
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
    repeat(factor, &g);
    repeat(shift, &g);
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
        for (int64_t c = 0; c < C; c++) factor[c] = 1 / sqrtf(variance[c] + epsilon) * (scale ? scale[c] : 1);
        repeat(factor, &g);
        if (dmean || dvariance || dscale || doffset) {
            memcpy(other, mean, (size_t)C * sizeof *mean);
            repeat(other, &g);
            batch_products(sum_dy, sum_product, sums, dy, x, other, &g);
        }
        for (int64_t c = 0; c < C; c++) {
            const float rstd = 1 / sqrtf(variance[c] + epsilon);
            if (doffset) doffset[c] = sum_dy[c];
            if (dscale) dscale[c] = sum_product[c] * rstd;
            if (dmean) dmean[c] = -sum_dy[c] * factor[c];
            if (dvariance) dvariance[c] = -0.5f * sum_product[c] * factor[c] * (rstd * rstd);
        }
        for (int64_t i = 0; i < g.W; i++) other[i] = -0.0f; /* dy factor - 0 is dy factor, with its sign */
        struct columns t = {.y = dx, .u = dy, .v = dy, .k = {factor, other, other, other}, .W = g.W};
        if (dx) run_columns(scale_columns, &t, &g, 8);
    }
    cg_free(sums, bytes);
    cg_free(wide, wide_bytes);
    return sums && wide ? CG_OK : CG_ENOMEM;
}
