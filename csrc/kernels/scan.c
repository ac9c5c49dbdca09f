/* scan.c: running sums, and products with their gradient. Values are taken one after the other along R, for it is the definition, so the
 * work is shared by columns and outer indices: a vector of columns at a time where there are several. */

#define CUMULATIVE_SUM(name, type, sum_type)                                                                        \
    struct name##_job { type *y; const type *x; int64_t R, I; int reverse; };                                       \
    static void name##_chunk(const void *job_, int64_t begin, int64_t end) {                                        \
        const struct name##_job *job = job_;                                                                        \
        const int64_t R = job->R, I = job->I;                                                                       \
        for (int64_t o = begin; o < end; o++) {                                                                     \
            const type *x = job->x + o * R * I;                                                                     \
            type *restrict y = job->y + o * R * I;                                                                  \
            for (int64_t s = 0; s < R; s++) {                                                                       \
                const int64_t r = job->reverse ? R - 1 - s : s, before = (job->reverse ? r + 1 : r - 1) * I;        \
                for (int64_t i = 0; i < I; i++)                                                                     \
                    y[r * I + i] = s ? (type)((sum_type)y[before + i] + (sum_type)x[r * I + i]) : x[r * I + i];     \
            }                                                                                                       \
        }                                                                                                           \
    }                                                                                                               \
    static int CG_FN(name)(type *y, const type *x, int64_t O, int64_t R, int64_t I, int reverse) {                  \
        const struct name##_job job = {y, x, R, I, reverse};                                                        \
        const double n = (double)O * (double)R * (double)I;                                                         \
        for_chunks(name##_chunk, &job, O, cg_max64(1, CHUNK / cg_max64(1, R * I)), 4 * n, 8 * n);                   \
        return CG_OK;                                                                                               \
    }
CUMULATIVE_SUM(cumulative_sum, float, float)
CUMULATIVE_SUM(cumulative_sum_int32, int32_t, uint32_t)

struct product_job { float *y; const float *dy, *x; int64_t R, I; };

static void product_forward_chunk(const void *job_, int64_t begin, int64_t end) {
    const struct product_job *job = job_;
    const int64_t R = job->R, I = job->I;
    for (int64_t o = begin; o < end; o++) {
        float *restrict y = job->y + o * I;
        for (int64_t i = 0; i < I; i++) y[i] = 1;
        for (int64_t r = 0; r < R; r++)
            for (int64_t i = 0; i < I; i++) y[i] *= job->x[(o * R + r) * I + i];
    }
}
static int CG_FN(reduce_product_forward)(float *y, const float *x, int64_t O, int64_t R, int64_t I) {
    const struct product_job job = {y, NULL, x, R, I};
    const double n = (double)O * (double)R * (double)I;
    for_chunks(product_forward_chunk, &job, O, cg_max64(1, CHUNK / cg_max64(1, R * I)), 4 * n, 4 * n);
    return CG_OK;
}

/* First dx gets dy times the product of what comes before, then that of what comes after: no division, so zeros do no harm. */
static void product_backward_chunk(const void *job_, int64_t begin, int64_t end) {
    const struct product_job *job = job_;
    const int64_t R = job->R, I = job->I;
    for (int64_t column = begin; column < end; column++) {
        const int64_t first = column / I * R * I + column % I;
        float before = job->dy[column], after = 1;
        for (int64_t r = 0; r < R; r++) {
            job->y[first + r * I] = before;
            before *= job->x[first + r * I];
        }
        for (int64_t r = R - 1; r >= 0; r--) {
            job->y[first + r * I] *= after;
            after *= job->x[first + r * I];
        }
    }
}
static int CG_FN(reduce_product_backward)(float *dx, const float *dy, const float *x, int64_t O, int64_t R, int64_t I) {
    const struct product_job job = {dx, dy, x, R, I};
    const double n = (double)O * (double)R * (double)I;
    for_chunks(product_backward_chunk, &job, O * I, cg_max64(1, CHUNK / cg_max64(1, R)), 8 * n, 16 * n);
    return CG_OK;
}
