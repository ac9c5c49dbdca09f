/* loss.c: losses from logits, and the matches that accuracies count. One value a row (a value, for the binary ones); means and weights
 * are the caller's. Rows run on reduce.c's lanes and softmax.c's rows. NaN in x gives a NaN loss. */

static int labels_valid(const int32_t *labels, int64_t M, int64_t K) {
    int outside = 0;
    for (int64_t m = 0; m < M; m++) outside |= labels[m] < 0 || labels[m] >= K;
    return !outside;
}

static int CG_FN(sparse_softmax_cross_entropy_forward)(float *loss, float *p, const float *x, const int32_t *labels, int64_t M,
                                                       int64_t K) {
    if (!labels_valid(labels, M, K)) return CG_EINDEX;
    int threads = cg_threads(SOFTMAX_FLOPS * (double)M * K, 8.0 * M * K);
    CG_PARALLEL_FOR(threads)
    for (int64_t m = 0; m < M; m++) {
        float max, sum = softmax_row(p ? p + m * K : NULL, x + m * K, K, &max);
        if (loss) loss[m] = log_scalar(sum) - (x[m * K + labels[m]] - max);
    }
    return CG_OK;
}

static int CG_FN(sparse_softmax_cross_entropy_backward)(float *dx, const float *dloss, const float *p, const int32_t *labels,
                                                        int64_t M, int64_t K) {
    if (!labels_valid(labels, M, K)) return CG_EINDEX;
    int threads = cg_threads(2.0 * M * K, 8.0 * M * K);
    CG_PARALLEL_FOR(threads)
    for (int64_t m = 0; m < M; m++) {
        int64_t row = m * K, label = row + labels[m];
        for (int64_t k = row, n = K; n > 0; k += VLEN, n -= VLEN) vf_store_upto(dx + k, vf_load_upto(p + k, n) * dloss[m], n);
        dx[label] = (p[label] - 1) * dloss[m];
    }
    return CG_OK;
}

/* sum_k t (log_sum - (x - max)) over a row */
CG_INLINE float cross_entropy_row(const float *x, const float *t, int64_t K, float max, float log_sum) {
    lanes total = lanes_set(0);
    for (int64_t k = 0; k < K;) {
        lanes sum = lanes_set(0);
        for (int64_t end = cg_min64(K, k + LANE_RUN * LANES); k < end; k += LANES) {
            lanes surprise = lanes_load_upto(x + k, K - k, 0);
            CG_UNROLL
            for (int j = 0; j < LANE_VECTORS; j++) surprise.v[j] = log_sum - (surprise.v[j] - max);
            sum = lanes_fma(lanes_load_upto(t + k, K - k, 0), surprise, sum);
        }
        total = lanes_add(total, sum);
    }
    return lanes_sum(total);
}

static int CG_FN(softmax_cross_entropy_forward)(float *loss, float *p, const float *x, const float *t, int64_t M, int64_t K) {
    int threads = cg_threads(SOFTMAX_FLOPS * (double)M * K, 12.0 * M * K);
    CG_PARALLEL_FOR(threads)
    for (int64_t m = 0; m < M; m++) {
        float max, sum = softmax_row(p ? p + m * K : NULL, x + m * K, K, &max);
        if (loss) loss[m] = cross_entropy_row(x + m * K, t + m * K, K, max, log_scalar(sum));
    }
    return CG_OK;
}

static int CG_FN(softmax_cross_entropy_backward)(float *dx, const float *dloss, const float *p, const float *t, int64_t M,
                                                 int64_t K) {
    int threads = cg_threads(4.0 * M * K, 12.0 * M * K);
    CG_PARALLEL_FOR(threads)
    for (int64_t m = 0; m < M; m++) {
        int64_t row = m * K;
        vf total = vf_set(row_sum(t + row, K));
        for (int64_t k = row, n = K; n > 0; k += VLEN, n -= VLEN)
            vf_store_upto(dx + k, vf_fma(vf_load_upto(p + k, n), total, -vf_load_upto(t + k, n)) * dloss[m], n);
    }
    return CG_OK;
}

static int CG_FN(sigmoid_cross_entropy_forward)(float *loss, const float *x, const float *t, int64_t n) {
    int threads = cg_threads(SOFTMAX_FLOPS * (double)n, 12.0 * n);
    CG_PARALLEL_FOR(threads)
    for (int64_t i = 0; i < n; i += VLEN) {
        vf v = vf_load_upto(x + i, n - i);
        vf_store_upto(loss + i, vf_fma(-v, vf_load_upto(t + i, n - i), vf_softplus(v)), n - i);
    }
    return CG_OK;
}

static int CG_FN(sigmoid_cross_entropy_backward)(float *dx, const float *dloss, const float *x, const float *t, int64_t n) {
    int threads = cg_threads(SOFTMAX_FLOPS * (double)n, 16.0 * n);
    CG_PARALLEL_FOR(threads)
    for (int64_t i = 0; i < n; i += VLEN) {
        vf slope = vf_sigmoid(vf_load_upto(x + i, n - i)) - vf_load_upto(t + i, n - i);
        vf_store_upto(dx + i, slope * vf_load_upto(dloss + i, n - i), n - i);
    }
    return CG_OK;
}

/* ---- squared and absolute error: the mean of f(d) over a row, d = x - t ---- */

CG_INLINE vf error_size(int squared, vf d) {
    if (squared) return d * d;
    return vf_abs(d);
}

/* The derivative of the above, times g. Neither side of 0: 0, or NaN. */
CG_INLINE vf error_slope(int squared, vf d, vf g) {
    if (squared) return (d + d) * g;
    return vf_select((vi)(d > 0.0f), g, vf_select((vi)(d < 0.0f), -g, d * g));
}

CG_INLINE void error_row(int squared, float *loss, const float *x, const float *t, int64_t K) {
    lanes total = lanes_set(0);
    for (int64_t k = 0; k < K;) {
        lanes sum = lanes_set(0);
        for (int64_t end = cg_min64(K, k + LANE_RUN * LANES); k < end; k += LANES) {
            lanes a = lanes_load_upto(x + k, K - k, 0), b = lanes_load_upto(t + k, K - k, 0);
            CG_UNROLL
            for (int j = 0; j < LANE_VECTORS; j++) sum.v[j] += error_size(squared, a.v[j] - b.v[j]);
        }
        total = lanes_add(total, sum);
    }
    *loss = lanes_sum(total) / (float)K;
}

/* Rows of one value, side by side */
CG_INLINE void error_values(int squared, float *loss, const float *x, const float *t, int64_t n) {
    vf_store_upto(loss, error_size(squared, vf_load_upto(x, n) - vf_load_upto(t, n)), n);
}

CG_INLINE void error_slope_row(int squared, float *dx, float dloss, const float *x, const float *t, int64_t K) {
    vf g = vf_set(dloss / (float)K);
    for (int64_t k = 0, n = K; n > 0; k += VLEN, n -= VLEN)
        vf_store_upto(dx + k, error_slope(squared, vf_load_upto(x + k, n) - vf_load_upto(t + k, n), g), n);
}

CG_INLINE void error_slope_values(int squared, float *dx, const float *dloss, const float *x, const float *t, int64_t n) {
    vf_store_upto(dx, error_slope(squared, vf_load_upto(x, n) - vf_load_upto(t, n), vf_load_upto(dloss, n)), n);
}

static int CG_FN(squared_error_forward)(float *loss, const float *x, const float *t, int64_t M, int64_t K) {
    int threads = cg_threads(3.0 * M * K, 8.0 * M * K);
    int64_t step = K == 1 ? VLEN : 1;
    CG_PARALLEL_FOR(threads)
    for (int64_t m = 0; m < M; m += step) {
        if (K == 1) error_values(1, loss + m, x + m, t + m, M - m);
        else error_row(1, loss + m, x + m * K, t + m * K, K);
    }
    return CG_OK;
}

static int CG_FN(squared_error_backward)(float *dx, const float *dloss, const float *x, const float *t, int64_t M, int64_t K) {
    int threads = cg_threads(3.0 * M * K, 12.0 * M * K);
    int64_t step = K == 1 ? VLEN : 1;
    CG_PARALLEL_FOR(threads)
    for (int64_t m = 0; m < M; m += step) {
        if (K == 1) error_slope_values(1, dx + m, dloss + m, x + m, t + m, M - m);
        else error_slope_row(1, dx + m * K, dloss[m], x + m * K, t + m * K, K);
    }
    return CG_OK;
}

static int CG_FN(absolute_error_forward)(float *loss, const float *x, const float *t, int64_t M, int64_t K) {
    int threads = cg_threads(3.0 * M * K, 8.0 * M * K);
    int64_t step = K == 1 ? VLEN : 1;
    CG_PARALLEL_FOR(threads)
    for (int64_t m = 0; m < M; m += step) {
        if (K == 1) error_values(0, loss + m, x + m, t + m, M - m);
        else error_row(0, loss + m, x + m * K, t + m * K, K);
    }
    return CG_OK;
}

static int CG_FN(absolute_error_backward)(float *dx, const float *dloss, const float *x, const float *t, int64_t M, int64_t K) {
    int threads = cg_threads(3.0 * M * K, 12.0 * M * K);
    int64_t step = K == 1 ? VLEN : 1;
    CG_PARALLEL_FOR(threads)
    for (int64_t m = 0; m < M; m += step) {
        if (K == 1) error_slope_values(0, dx + m, dloss + m, x + m, t + m, M - m);
        else error_slope_row(0, dx + m * K, dloss[m], x + m * K, t + m * K, K);
    }
    return CG_OK;
}

/* ---- matches ---- */

static int32_t row_argmax(const float *x, int64_t K) {
    int32_t index;
    row_max(NULL, &index, x, K, vi_set(0));
    return index;
}

static int CG_FN(sparse_categorical_matches)(float *match, const float *x, const int32_t *labels, int64_t M, int64_t K) {
    int threads = cg_threads(4.0 * M * K, 4.0 * M * K);
    CG_PARALLEL_FOR(threads)
    for (int64_t m = 0; m < M; m++) match[m] = K > 0 && row_argmax(x + m * K, K) == labels[m];
    return CG_OK;
}

static int CG_FN(sparse_top_k_matches)(float *match, const float *x, const int32_t *labels, int64_t M, int64_t K, int64_t k) {
    int threads = cg_threads(2.0 * M * K, 4.0 * M * K);
    CG_PARALLEL_FOR(threads)
    for (int64_t m = 0; m < M; m++) {
        int is_class = 0 <= labels[m] && labels[m] < K;
        float own = is_class ? x[m * K + labels[m]] : 0;
        int32_t larger = 0; /* a NaN, on either side, counts as larger */
        for (int64_t j = 0; j < K; j++) larger += !(x[m * K + j] <= own);
        match[m] = is_class && larger < k;
    }
    return CG_OK;
}

static int CG_FN(categorical_matches)(float *match, const float *x, const float *t, int64_t M, int64_t K) {
    int threads = cg_threads(8.0 * M * K, 8.0 * M * K);
    CG_PARALLEL_FOR(threads)
    for (int64_t m = 0; m < M; m++) match[m] = K > 0 && row_argmax(x + m * K, K) == row_argmax(t + m * K, K);
    return CG_OK;
}

static int CG_FN(binary_matches)(float *match, const float *x, const float *t, int64_t n, float threshold) {
    int threads = cg_threads(2.0 * n, 12.0 * n);
    vf zero = vf_set(0), one = vf_set(1);
    CG_PARALLEL_FOR(threads)
    for (int64_t i = 0; i < n; i += VLEN) {
        vf positive = vf_select((vi)(vf_load_upto(x + i, n - i) > threshold), one, zero);
        vf_store_upto(match + i, vf_select((vi)(positive == vf_load_upto(t + i, n - i)), one, zero), n - i);
    }
    return CG_OK;
}
