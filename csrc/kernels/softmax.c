/* softmax.c: softmax and its logarithm over rows x[M,K]. A row's sums run on reduce.c's sixteen lanes.
 * A row of -infinity alone is 0/0: NaN, as the formula says; so is a row with a NaN or with +infinity. */

enum { SOFTMAX_FLOPS = 32 }; /* what a value costs, in the flops that cg_threads counts */

/* The largest of x[K], NaN left out: a NaN reaches the result through the sum. */
static float row_largest(const float *x, int64_t K) {
    lanes m0 = lanes_set(-INFINITY), m1 = m0;
    for (; K >= 2 * LANES; K -= 2 * LANES, x += 2 * LANES) {
        m0 = lanes_max(lanes_load_upto(x, LANES, 0), m0);
        m1 = lanes_max(lanes_load_upto(x + LANES, LANES, 0), m1);
    }
    for (; K > 0; K -= LANES, x += LANES) m0 = lanes_max(lanes_load_upto(x, K, -INFINITY), m0);
    return lanes_largest(lanes_max(m0, m1));
}

/* exp(x - max), where no x is larger */
CG_INLINE lanes lanes_exp_less(lanes x, float max) {
    CG_UNROLL
    for (int j = 0; j < LANE_VECTORS; j++) x.v[j] = vf_exp_upto88(x.v[j] - max);
    return x;
}

/* e = exp(x - max) unless e is NULL; the sum of it */
CG_INLINE float row_exp(float *e, const float *x, int64_t K, float max) {
    lanes total = lanes_set(0);
    for (int64_t k = 0; k < K;) {
        lanes sum = lanes_set(0);
        for (int64_t end = cg_min64(K, k + LANE_RUN * LANES); k < end; k += LANES) {
            lanes term = lanes_exp_less(lanes_load_upto(x + k, K - k, -INFINITY), max);
            if (e) lanes_store_upto(e + k, term, K - k);
            sum = lanes_add(sum, term);
        }
        total = lanes_add(total, sum);
    }
    return lanes_sum(total);
}

/* sum a b over a row */
static float row_dot(const float *a, const float *b, int64_t K) {
    lanes total = lanes_set(0);
    for (int64_t k = 0; k < K;) {
        lanes sum = lanes_set(0);
        const int64_t end = cg_min64(K, k + LANE_RUN * LANES);
        for (; k + LANES <= end; k += LANES)
            sum = lanes_fma(lanes_load_upto(a + k, LANES, 0), lanes_load_upto(b + k, LANES, 0), sum);
        if (k < end) sum = lanes_fma(lanes_load_upto(a + k, end - k, 0), lanes_load_upto(b + k, end - k, 0), sum);
        k = end;
        total = lanes_add(total, sum);
    }
    return lanes_sum(total);
}

/* p = softmax(x) unless p is NULL; *max and the sum that log_softmax needs too. p may be x. */
CG_INLINE float softmax_row(float *p, const float *x, int64_t K, float *max) {
    if (K <= LANES) { /* the same in registers, for classifiers of few classes */
        lanes e = lanes_load_upto(x, K, -INFINITY);
        *max = lanes_largest(lanes_max(e, lanes_set(-INFINITY)));
        e = lanes_exp_less(e, *max);
        float sum = lanes_sum(e);
        vf scale = vf_set(1 / sum);
        CG_UNROLL
        for (int j = 0; j < LANE_VECTORS; j++) e.v[j] *= scale;
        if (p) lanes_store_upto(p, e, K);
        return sum;
    }
    *max = row_largest(x, K);
    if (!p) return row_exp(NULL, x, K, *max);
    float sum = row_exp(p, x, K, *max);
    vf scale = vf_set(1 / sum);
    for (int64_t k = 0; k < K; k += VLEN) vf_store_upto(p + k, vf_load_upto(p + k, K - k) * scale, K - k);
    return sum;
}

/* vf_log of one value: the same bits everywhere, which libm's logf does not promise */
CG_INLINE float log_scalar(float s) { return vf_log(vf_set(s))[0]; }

static int CG_FN(softmax_forward)(float *y, const float *x, int64_t M, int64_t K) {
    int threads = cg_threads(SOFTMAX_FLOPS * (double)M * K, 8.0 * M * K);
    CG_PARALLEL_FOR(threads)
    for (int64_t m = 0; m < M; m++) {
        float max;
        softmax_row(y + m * K, x + m * K, K, &max);
    }
    return CG_OK;
}

static int CG_FN(softmax_backward)(float *dx, const float *dy, const float *y, int64_t M, int64_t K) {
    int threads = cg_threads(4.0 * M * K, 12.0 * M * K);
    CG_PARALLEL_FOR(threads)
    for (int64_t m = 0; m < M; m++) {
        int64_t row = m * K;
        vf dot = vf_set(row_dot(dy + row, y + row, K));
        for (int64_t k = row, n = K; n > 0; k += VLEN, n -= VLEN)
            vf_store_upto(dx + k, vf_load_upto(y + k, n) * (vf_load_upto(dy + k, n) - dot), n);
    }
    return CG_OK;
}

static int CG_FN(log_softmax_forward)(float *y, const float *x, int64_t M, int64_t K) {
    int threads = cg_threads(SOFTMAX_FLOPS * (double)M * K, 8.0 * M * K);
    CG_PARALLEL_FOR(threads)
    for (int64_t m = 0; m < M; m++) {
        int64_t row = m * K;
        float max, log_sum = log_scalar(softmax_row(NULL, x + row, K, &max));
        for (int64_t k = row, n = K; n > 0; k += VLEN, n -= VLEN)
            vf_store_upto(y + k, vf_load_upto(x + k, n) - max - log_sum, n);
    }
    return CG_OK;
}

static int CG_FN(log_softmax_backward)(float *dx, const float *dy, const float *y, int64_t M, int64_t K) {
    int threads = cg_threads(SOFTMAX_FLOPS * (double)M * K, 12.0 * M * K);
    CG_PARALLEL_FOR(threads)
    for (int64_t m = 0; m < M; m++) {
        int64_t row = m * K;
        vf sum = vf_set(row_sum(dy + row, K));
        for (int64_t k = row, n = K; n > 0; k += VLEN, n -= VLEN)
            vf_store_upto(dx + k, vf_fma(-vf_exp(vf_load_upto(y + k, n)), sum, vf_load_upto(dy + k, n)), n);
    }
    return CG_OK;
}
