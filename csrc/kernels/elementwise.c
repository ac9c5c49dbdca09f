/* elementwise.c: functions of one array, and the broadcasting operations of two.
 *
 * Broadcasting walks rows: axes of one element are dropped and adjacent axes that lie evenly in memory are merged, so that most
 * calls end with one long row or with rows of which one side repeats; layout.c copies with the same walk. */
#include "../map.h"

FORWARD(log_forward, 30, vf_log(a))
BACKWARD(log_backward, 10, a / b)

FORWARD(sqrt_forward, 10, vf_sqrt(a))
BACKWARD(sqrt_backward, 10, a / (b + b))

FORWARD(square_forward, 1, a * a)
BACKWARD(square_backward, 2, a * (b + b))

FORWARD(absolute_forward, 1, vf_abs(a))
BACKWARD(absolute_backward, 1, a * vf_select((vi)(vf_abs(b) > 0.0f), vf_copysign(vf_set(1.0f), b), b)) /* 0 and NaN stay */

SPAN(clip_forward_span, 1, vf_min(q, vf_max(p, a))) /* the second operand where one is NaN */
SPAN(clip_backward_span, 2, vf_select((vi)(p <= b) & (vi)(b <= q), a, vf_set(0.0f)))
static int CG_FN(clip_forward)(float *y, const float *x, int64_t n, float low, float high) {
    return map(clip_forward_span, y, x, x, n, low, high, 2);
}
static int CG_FN(clip_backward)(float *dx, const float *dy, const float *x, int64_t n, float low, float high) {
    return map(clip_backward_span, dx, dy, x, n, low, high, 2);
}

SPAN(affine_span, 1, vf_fma(p, a, q))
static int CG_FN(affine)(float *y, const float *x, int64_t n, float scale, float shift) {
    return map(affine_span, y, x, x, n, scale, shift, 2);
}

SPAN(accumulate_span, 2, vf_fma(p, b, a))
static int CG_FN(accumulate)(float *y, const float *x, int64_t n, float scale) {
    return map(accumulate_span, y, y, x, n, scale, 0, 2);
}

/* ---- the walk ---- */

/* An element of y, a and b at each index: y[sum_i index_i y_step_i], a and b alike. step[0] is y's, step[1] a's, step[2] b's. */
struct walk {
    int64_t rank, size, shape[CG_MAX_RANK], step[3][CG_MAX_RANK];
};

/* One row: y[i * y_step] from a[i * a_step] and b[i * b_step]. */
typedef void walk_row(float *y, int64_t y_step, const float *a, int64_t a_step, const float *b, int64_t b_step, int64_t n);

static struct walk make_walk(int64_t rank, cg_dims shape, cg_dims y_steps, cg_dims a_steps, cg_dims b_steps) {
    const cg_dims steps[3] = {y_steps, a_steps, b_steps};
    struct walk w = {.rank = 0, .size = 1};
    for (int64_t axis = 0; axis < rank; axis++) {
        const int64_t extent = shape[axis];
        w.size *= extent;
        if (extent == 1) continue;
        int merge = w.rank > 0;
        for (int k = 0; k < 3; k++) merge = merge && w.step[k][w.rank - 1] == extent * steps[k][axis];
        if (merge) w.rank--;
        w.shape[w.rank] = merge ? w.shape[w.rank] * extent : extent;
        for (int k = 0; k < 3; k++) w.step[k][w.rank] = steps[k][axis];
        w.rank++;
    }
    if (w.rank == 0) { /* one element: a dense row */
        w.shape[0] = w.step[0][0] = w.step[1][0] = w.step[2][0] = 1;
        w.rank = 1;
    }
    return w;
}

static void dense_steps(int64_t *steps, int64_t rank, cg_dims shape) {
    int64_t step = 1;
    for (int64_t axis = rank - 1; axis >= 0; axis--) {
        steps[axis] = step;
        step *= shape[axis];
    }
}

struct walk_job { const struct walk *walk; walk_row *row; float *y; const float *a, *b; };

/* Elements begin .. end-1 in row-major order */
static void walk_chunk(const void *job_, int64_t begin, int64_t end) {
    const struct walk_job *job = job_;
    const struct walk *w = job->walk;
    const int64_t last = w->rank - 1, length = w->shape[last], *inner[3] = {w->step[0], w->step[1], w->step[2]};
    int64_t index[CG_MAX_RANK], at[3] = {0};
    if (begin >= end) return;
    int64_t i = begin % length, rest = begin / length;
    for (int64_t axis = last - 1; axis >= 0; axis--) {
        index[axis] = rest % w->shape[axis];
        rest /= w->shape[axis];
        for (int k = 0; k < 3; k++) at[k] += index[axis] * w->step[k][axis];
    }
    const int64_t y_step = inner[0][last], a_step = inner[1][last], b_step = inner[2][last];
    for (;;) {
        const int64_t n = cg_min64(length - i, end - begin);
        job->row(job->y + at[0] + i * y_step, y_step, job->a + at[1] + i * a_step, a_step, job->b + at[2] + i * b_step, b_step, n);
        if ((begin += n) >= end) return;
        i = 0;
        for (int64_t axis = last - 1; axis >= 0; axis--) { /* to the next row */
            for (int k = 0; k < 3; k++) at[k] += w->step[k][axis];
            if (++index[axis] < w->shape[axis]) break;
            for (int k = 0; k < 3; k++) at[k] -= w->shape[axis] * w->step[k][axis];
            index[axis] = 0;
        }
    }
}

static void walk_all(const struct walk *w, walk_row *row, float *y, const float *a, const float *b, int flops) {
    const struct walk_job job = {w, row, y, a, b};
    for_chunks(walk_chunk, &job, w->size, CHUNK, (double)w->size * flops, (double)w->size * 12);
}

/* ---- broadcasting ---- */

enum {
    ROW_BUFFER = 2048, /* values that short rows are made of: they stay in the first-level cache */
    PERMUTED = 4,      /* values of a row up to which a vector of values is permuted, instead of a vector stored for each */
    STRETCHED = 64     /* values of a row from which on it costs more to lay out a value as a row than to begin a row */
};

/* Rows of which a or b is dense, and the other is one value a row */
struct stretch_job { map_span *span; walk_row *row; float *y; const float *dense, *column; int64_t length, step; int column_first; };

/* Each of rows values, step apart, length times. */
static void stretch(float *to, const float *value, int64_t step, int64_t rows, int64_t length) {
    if (VLEN >= 8 && length <= PERMUTED && step == 1) { /* VLEN values become length vectors, each a permutation of them */
        int32_t index[PERMUTED * VLEN];
        vi from[PERMUTED];
        for (int r = 0, i = 0; r < VLEN; r++)
            for (int64_t k = 0; k < length; k++) index[i++] = r;
        memcpy(from, index, (size_t)length * sizeof *from);
        for (int64_t r = 0; r < rows; r += VLEN) {
            const vf v = vf_load_upto(value + r, rows - r);
            for (int64_t k = 0; k < length; k++, to += VLEN) vf_store(to, vf_permute(v, from[k]));
        }
        return;
    }
    for (int64_t r = 0; r < rows; r++) { /* the last vector of a row reaches into the next one, which comes later */
        const vf v = vf_set(value[r * step]);
        for (int64_t i = 0; i < length; i += VLEN) vf_store(to + r * length + i, v);
    }
}

/* Rows begin .. end-1; short ones as many at a time as fit the buffer, where each value is laid out as a row. */
static void stretch_chunk(const void *job_, int64_t begin, int64_t end) {
    const struct stretch_job *job = job_;
    const int64_t length = job->length, most = ROW_BUFFER / length;
    float buffer[ROW_BUFFER + PERMUTED * VLEN]; /* the last vectors go beyond */
    if (length > STRETCHED) {
        for (int64_t row = begin; row < end; row++) {
            const float *dense = job->dense + row * length, *value = job->column + row * job->step;
            if (job->column_first) job->row(job->y + row * length, 1, value, 0, dense, 1, length);
            else job->row(job->y + row * length, 1, dense, 1, value, 0, length);
        }
        return;
    }
    for (int64_t row = begin; row < end; row += most) {
        const int64_t rows = cg_min64(most, end - row), n = rows * length, at = row * length;
        stretch(buffer, job->column + row * job->step, job->step, rows, length);
        if (job->column_first) job->span(job->y + at, buffer, job->dense + at, n, 0, 0, 0);
        else job->span(job->y + at, job->dense + at, buffer, n, 0, 0, 0);
    }
}

/* y = a op b with y dense, by span (unless NULL) where both are dense too. Short rows are taken many at a time: where all meet the same
 * row, as NHWC pixels meet one value a channel, that row is first repeated; where each meets one value, that value. */
static int broadcast(map_span *span, walk_row *row, float *y, const float *a, const float *b, int64_t rank, cg_dims shape,
                     cg_dims strides_a, cg_dims strides_b, int flops) {
    int64_t dense[CG_MAX_RANK];
    float repeated[ROW_BUFFER];
    dense_steps(dense, rank, shape);
    struct walk w = make_walk(rank, shape, dense, strides_a, strides_b);
    const int64_t length = w.shape[w.rank - 1], rows = w.shape[0];
    if (w.size == 0) return CG_OK;
    if (span && w.rank == 1 && w.step[1][0] == 1 && w.step[2][0] == 1) return map(span, y, a, b, w.size, 0, 0, flops);
    for (int k = 1; k <= 2 && w.rank == 2 && rows >= 16 && length * 8 <= ROW_BUFFER; k++) {
        const int64_t *other = w.step[3 - k];
        if (other[0] != length || other[1] != 1) continue;
        if (span && w.step[k][1] == 0) {
            const struct stretch_job job = {span, row, y, k == 1 ? b : a, k == 1 ? a : b, length, w.step[k][0], k == 1};
            for_chunks(stretch_chunk, &job, rows, cg_ceil_div(CHUNK, length), (double)w.size * flops, (double)w.size * 8);
            return CG_OK;
        }
        if (w.step[k][0] != 0 || w.step[k][1] != 1) continue;
        const int64_t times = cg_min64(ROW_BUFFER / length, rows), left = rows % times, done = (rows - left) * length;
        memcpy(repeated, k == 1 ? a : b, (size_t)length * sizeof *repeated);
        for (int64_t n = length; n < times * length; n *= 2)
            memcpy(repeated + n, repeated, (size_t)cg_min64(n, times * length - n) * sizeof *repeated);
        w.shape[0] = rows / times;
        w.shape[1] = times * length;
        w.step[0][0] = w.step[3 - k][0] = times * length;
        w.size = done;
        walk_all(&w, row, y, k == 1 ? repeated : a, k == 2 ? repeated : b, flops);
        row(y + done, 1, k == 1 ? repeated : a + done, 1, k == 2 ? repeated : b + done, 1, left * length);
        return CG_OK;
    }
    walk_all(&w, row, y, a, b, flops);
    return CG_OK;
}

/* p[0], p[step], ... of n values, at most VLEN of them; step is a constant but for odd strides */
CG_INLINE vf load_step(const float *p, int64_t step, int64_t n) {
    if (step == 1) return vf_load_upto(p, n);
    if (step == 0) return vf_set(*p);
    float lanes_[VLEN] = {0};
    for (int64_t i = 0; i < cg_min64(n, VLEN); i++) lanes_[i] = p[i * step];
    return vf_load(lanes_);
}

#define BROADCAST(name, flops, formula)                                                                                    \
    SPAN(name##_span, 2, formula)                                                                                          \
    CG_INLINE vf name##_pair(vf a, vf b) { return name##_span_at(a, b, a, a); }                                            \
    CG_INLINE void name##_steps(float *y, const float *a, int64_t a_step, const float *b, int64_t b_step, int64_t n) {     \
        int64_t i = 0;                                                                                                     \
        for (; i + 2 * VLEN <= n; i += 2 * VLEN) {                                                                         \
            const float *a0 = a + i * a_step, *a1 = a0 + VLEN * a_step, *b0 = b + i * b_step, *b1 = b0 + VLEN * b_step;    \
            vf y0 = name##_pair(load_step(a0, a_step, VLEN), load_step(b0, b_step, VLEN));                                 \
            vf y1 = name##_pair(load_step(a1, a_step, VLEN), load_step(b1, b_step, VLEN));                                 \
            vf_store(y + i, y0);                                                                                           \
            vf_store(y + i + VLEN, y1);                                                                                    \
        }                                                                                                                  \
        for (; i < n; i += VLEN) {                                                                                         \
            vf a0 = load_step(a + i * a_step, a_step, n - i), b0 = load_step(b + i * b_step, b_step, n - i);               \
            vf_store_upto(y + i, name##_pair(a0, b0), n - i);                                                              \
        }                                                                                                                  \
    }                                                                                                                      \
    static void name##_broadcast(float *y, int64_t y_step, const float *a, int64_t a_step, const float *b, int64_t b_step, \
                                 int64_t n) {                                                                              \
        (void)y_step; /* 1: y is dense */                                                                                  \
        if (a_step == 1 && b_step == 1) name##_span(y, a, b, n, 0, 0, 0);                                                   \
        else if (a_step == 1 && b_step == 0) name##_steps(y, a, 1, b, 0, n);                                               \
        else if (a_step == 0 && b_step == 1) name##_steps(y, a, 0, b, 1, n);                                               \
        else name##_steps(y, a, a_step, b, b_step, n);                                                                     \
    }                                                                                                                      \
    static int CG_FN(name)(float *y, const float *a, const float *b, int64_t rank, cg_dims shape, cg_dims strides_a,       \
                           cg_dims strides_b) {                                                                            \
        return broadcast(name##_span, name##_broadcast, y, a, b, rank, shape, strides_a, strides_b, flops);                \
    }

BROADCAST(add, 1, a + b)
BROADCAST(subtract, 1, a - b)
BROADCAST(multiply, 1, a * b)
BROADCAST(divide, 10, a / b)
BROADCAST(maximum, 2, vf_maximum(a, b))
BROADCAST(minimum, 2, vf_select((vi)(a == a), vf_min(a, b), a))

/* By way of dense pieces, whatever the steps: only a loop over these becomes vectors. */
static void power_broadcast(float *y, int64_t y_step, const float *a, int64_t a_step, const float *b, int64_t b_step, int64_t n) {
    enum { PIECE = 64 };
    float base[PIECE], exponent[PIECE], result[PIECE];
    (void)y_step;
    for (int k = 0; k < PIECE; k++) base[k] = exponent[k] = 1;
    for (int64_t i = 0; i < n; i += PIECE) {
        const int64_t count = cg_min64(PIECE, n - i);
        for (int64_t k = 0; k < count; k++) base[k] = a[(i + k) * a_step], exponent[k] = b[(i + k) * b_step];
        int32_t special = 0;
        CG_PRAGMA(omp simd reduction(| : special))
        for (int k = 0; k < PIECE; k++) special |= !(base[k] > 0) | !(base[k] < INFINITY) | !(fabsf(exponent[k]) < INFINITY);
        if (special) {
            CG_PRAGMA(omp simd)
            for (int k = 0; k < PIECE; k++) result[k] = scalar_power(base[k], exponent[k], 0);
        } else {
            CG_PRAGMA(omp simd)
            for (int k = 0; k < PIECE; k++) result[k] = scalar_power(base[k], exponent[k], 1);
        }
        memcpy(y + i, result, (size_t)count * sizeof *y);
    }
}
static int CG_FN(power)(float *y, const float *a, const float *b, int64_t rank, cg_dims shape, cg_dims strides_a,
                        cg_dims strides_b) {
    return broadcast(NULL, power_broadcast, y, a, b, rank, shape, strides_a, strides_b, 100);
}
