/* layer_normalization.c: normalization of rows, by their mean and variance or by their root mean square alone; both run on the same
 * functions, with centered constant.
 *
 * Some rows at a time stay in the first-level cache between their statistics and their result: x passes once each way. Sums along a row run
 * on reduce.c's sixteen lanes, those over rows in parts that follow from the sizes alone, so neither threads nor the width of a register
 * change a bit. */

enum {
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
        CG_UNROLL
        for (int r = 0; r < rows; r++) center[r] = centered ? row_sum(x + r * K, K) / (float)K : 0;
        CG_UNROLL
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
    for (int64_t k = 0; k < (*scale ? 0 : K); k++) scratch[k] = 1;
    for (int64_t k = 0; k < (*offset ? 0 : K); k++) scratch[K + k] = 0;
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
    const int64_t group = K <= ROW_PART ? ROW_GROUP : 1; /* longer rows, two of which would not stay in cache, come one by one */
    CG_PARALLEL_FOR(threads)
    for (int64_t i = 0; i < cg_ceil_div(M, group); i++) {
        const int64_t end = cg_min64(M, (i + 1) * group);
        for (int64_t m = i * group, rows; m < end; m += rows) {
            float *to = y + m * K, *to_mean = centered ? mean + m : NULL, *to_rstd = rstd + m;
            const float *from = x + m * K;
            rows = rows_at_once(end - m, K);
            if (rows == 4) normalize_rows(to, to_mean, to_rstd, from, scale, offset, K, epsilon, 4, centered, stream);
            else if (rows == 2) normalize_rows(to, to_mean, to_rstd, from, scale, offset, K, epsilon, 2, centered, stream);
            else normalize_rows(to, to_mean, to_rstd, from, scale, offset, K, epsilon, 1, centered, stream);
        }
    }
    cg_free(scratch, bytes);
    return CG_OK;
}

/* What the backward pass knows of a row. With g = dy scale and xhat = (x - mean) rstd: shift = -rstd mean(g), slope = -rstd^2 mean(g xhat) */
struct row { float mean, rstd, shift, slope; };

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
    const float n = (float)K, mean_product = lanes_sum(product_total) * rstd / n;
    return (struct row){mean, rstd, centered ? -rstd * (lanes_sum(g_total) / n) : 0, -rstd * rstd * mean_product};
}

/* dx = rstd (g - mean(g) - xhat mean(g xhat)) of n <= VLEN columns of some rows; adds dy xhat to dscale, dy to doffset. dx may be NULL.
 * Multiplications are the bottleneck: dy rstd serves dscale and dx. */
CG_INLINE void normalize_vector_backward(float *dx, float *dscale, float *doffset, const float *dy, const float *x, const float *scale,
                                         const struct row *row, int64_t K, const int rows, const int centered, int64_t n, int stream) {
    const vf s = vf_load_upto(scale, n);
    vf to_scale = vf_load_upto(dscale, n), to_offset = vf_load_upto(doffset, n);
    for (int r = 0; r < rows; r++) {
        const vf d = vf_load_upto(dy + r * K, n), e = d * row[r].rstd, v = vf_load_upto(x + r * K, n) - row[r].mean;
        to_scale = vf_fma(e, v, to_scale);
        if (centered) to_offset += d;
        if (dx) put_upto(dx + r * K, vf_fma(e, s, vf_fma(v, vf_set(row[r].slope), vf_set(row[r].shift))), n, stream);
    }
    vf_store_upto(dscale, to_scale, n);
    if (centered) vf_store_upto(doffset, to_offset, n);
}

/* The same for columns begin .. end-1 of K; known: what is known of the rows, NULL to find it here */
CG_INLINE void normalize_rows_backward(float *dx, float *dscale, float *doffset, const float *dy, const float *x, const float *scale,
                                       const float *mean, const float *rstd, const struct row *known, int64_t K, int64_t begin, int64_t end,
                                       const int rows, const int centered, int stream) {
    struct row row[ROW_GROUP];
    CG_UNROLL
    for (int r = 0; r < rows; r++)
        row[r] = known ? known[r] : row_gradient(dy + r * K, x + r * K, scale, centered ? mean[r] : 0, rstd[r], K, centered);
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
    const int64_t blocks = cg_max64(1, cg_ceil_div(K, ROW_PART)), width = cg_ceil_div(cg_ceil_div(K, blocks), LANES) * LANES;
    const int64_t enough = cg_min64(cg_min64(MOST_ROW_PARTS / blocks, M / ROW_GROUP), M * K / (blocks * ROW_PART_VALUES));
    int64_t parts = 1; /* a power of two, so that threads get equal shares */
    while (parts < enough) parts *= 2;
    const size_t bytes = (size_t)(2 * (parts + 1) * K) * sizeof(float), row_bytes = (size_t)(blocks > 1 ? M : 0) * sizeof(struct row);
    float *sums = cg_alloc(bytes); /* [parts, 2, K], and what stands for an absent scale */
    struct row *row = cg_alloc(row_bytes);
    if (!sums || !row) {
        cg_free(sums, bytes);
        cg_free(row, row_bytes);
        return CG_ENOMEM;
    }
    const float *offset = scale; /* there is none */
    fill_absent(&scale, &offset, sums + parts * 2 * K, K);
    const int threads = cg_threads(12.0 * M * K, 12.0 * M * K), stream = dx && rows_stream(dx, M, K);
    if (blocks > 1) {
        CG_PARALLEL_FOR(threads)
        for (int64_t m = 0; m < M; m++)
            row[m] = row_gradient(dy + m * K, x + m * K, scale, centered ? mean[m] : 0, rstd[m], K, centered);
    }
    CG_PARALLEL_FOR(threads)
    for (int64_t task = 0; task < parts * blocks; task++) {
        const int64_t part = task / blocks, begin = task % blocks * width, end = cg_min64(begin + width, K), last = M * (part + 1) / parts;
        float *to_scale = sums + part * 2 * K, *to_offset = to_scale + K;
        for (int64_t k = begin; k < end; k++) to_scale[k] = to_offset[k] = 0;
        for (int64_t m = M * part / parts, rows; m < last; m += rows) {
            float *to = dx ? dx + m * K : NULL;
            const float *d = dy + m * K, *v = x + m * K, *c = centered ? mean + m : NULL, *f = rstd + m;
            const struct row *known = blocks > 1 ? row + m : NULL;
            rows = rows_at_once(last - m, K);
            if (rows == 4) normalize_rows_backward(to, to_scale, to_offset, d, v, scale, c, f, known, K, begin, end, 4, centered, stream);
            else if (rows == 2) normalize_rows_backward(to, to_scale, to_offset, d, v, scale, c, f, known, K, begin, end, 2, centered, stream);
            else normalize_rows_backward(to, to_scale, to_offset, d, v, scale, c, f, known, K, begin, end, 1, centered, stream);
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
