/* take.c: slices picked by an index, and the sum of gradients back to where they came from: ops.take and the Embedding layer.
 *
 * A slice that was taken several times gets its gradients added in the order of the index, whoever adds them, so the bits do not depend on
 * the threads. These share the work by runs of columns (whole cache lines, and equally much for each whatever the index holds) and, where
 * slices are too short for that, by the slice's number modulo a power of two: words that are frequent have small numbers and would all
 * fall to the first of several contiguous ranges. */

enum {
    TAKE_LINE = 16,    /* floats in a cache line */
    TAKE_AHEAD = 1024, /* and in what is asked for ahead of its copy */
};

/* Where index i points in 0 .. A-1, with wrap also from the end as -A .. -1; -1 outside */
CG_INLINE int64_t take_place(int32_t i, int64_t A, int wrap) {
    const int64_t place = i < 0 && wrap ? i + A : i;
    return place < A && place >= 0 ? place : -1;
}

static int take_inside(const int32_t *index, int64_t n, int64_t A, int wrap) {
    int outside = 0;
    for (int64_t i = 0; i < n; i++) outside |= take_place(index[i], A, wrap) < 0;
    return !outside;
}

struct take_job { float *y; const float *x; const int32_t *index; int64_t A, I, n; int wrap; };

static void take_chunk(const void *job_, int64_t begin, int64_t end) {
    const struct take_job *job = job_;
    const int64_t I = job->I, n = job->n, ahead = cg_max64(1, TAKE_AHEAD / I);
    for (int64_t i = begin; i < end; i++) {
        const float *slices = job->x + i / n * job->A * I;
        if (i + ahead < end && i % n + ahead < n) { /* on its way while this one is copied, as in gather_rows */
            const float *next = slices + take_place(job->index[i % n + ahead], job->A, job->wrap) * I;
            for (int64_t at = 0; at < I && at < TAKE_AHEAD; at += TAKE_LINE) __builtin_prefetch(next + at, 0, 2);
        }
        memcpy(job->y + i * I, slices + take_place(job->index[i % n], job->A, job->wrap) * I, (size_t)I * sizeof(float));
    }
}

static int CG_FN(take_forward)(float *y, const float *x, const int32_t *index, int64_t O, int64_t A, int64_t I, int64_t n, int wrap) {
    if (!take_inside(index, n, A, wrap)) return CG_EINDEX;
    if (n == 0 || I == 0) return CG_OK;
    const struct take_job job = {y, x, index, A, I, n, wrap};
    for_chunks(take_chunk, &job, O * n, cg_max64(1, CHUNK / I), 0, 8.0 * (double)(O * n) * (double)I);
    return CG_OK;
}

struct zero_job { float *y; };
static void zero_chunk(const void *job, int64_t begin, int64_t end) {
    memset(((const struct zero_job *)job)->y + begin, 0, (size_t)(end - begin) * sizeof(float));
}

/* Columns c0 .. c1-1 of the slices whose number is `part` modulo parts (a power of two) */
static void take_add(const struct take_job *job, const float *dy, int64_t part, int64_t parts, int64_t c0, int64_t c1) {
    for (int64_t i = 0; i < job->n; i++) {
        const int64_t place = take_place(job->index[i], job->A, job->wrap);
        if ((place & (parts - 1)) != part) continue;
        float *to = job->y + place * job->I;
        const float *from = dy + i * job->I;
        for (int64_t c = c0; c < c1; c += VLEN)
            vf_store_upto(to + c, vf_load_upto(to + c, c1 - c) + vf_load_upto(from + c, c1 - c), c1 - c);
    }
}

static int CG_FN(take_backward)(float *dx, const float *dy, const int32_t *index, int64_t O, int64_t A, int64_t I, int64_t n, int wrap) {
    if (!take_inside(index, n, A, wrap)) return CG_EINDEX;
    const struct zero_job zero = {dx};
    for_chunks(zero_chunk, &zero, O * A * I, CHUNK, 0, 4.0 * (double)(O * A) * (double)I);
    if (O == 0 || n == 0 || I == 0) return CG_OK;
    /* Of a table with few columns, each thread would read all indices and write the cache lines that the others write. */
    const int threads = I < TAKE_LINE ? 1 : cg_threads(0, 12.0 * (double)(O * n) * (double)I);
    const int64_t runs = cg_min64(threads, cg_ceil_div(I, TAKE_LINE)), width = cg_ceil_div(cg_ceil_div(I, runs), TAKE_LINE) * TAKE_LINE;
    int64_t parts = 1;
    while (2 * parts * runs * O <= threads) parts *= 2;
    CG_PARALLEL_FOR(threads)
    for (int64_t task = 0; task < O * runs * parts; task++) {
        const int64_t o = task / parts / runs, c0 = task / parts % runs * width;
        const struct take_job job = {dx + o * A * I, NULL, index, A, I, n, wrap};
        take_add(&job, dy + o * n * I, task % parts, parts, c0, cg_min64(I, c0 + width));
    }
    return CG_OK;
}
