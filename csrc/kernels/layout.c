/* layout.c: values moved, repeated, picked and converted, without arithmetic. Copies between strided arrays walk rows, as
 * elementwise.c does; where the one side is dense along an axis and the other along another, they go by square tiles. */
#include "../map.h"

/* ---- strided copies: y[...] = a[...] ---- */

static void copy_row(float *y, int64_t y_step, const float *a, int64_t a_step, const float *b, int64_t b_step, int64_t n) {
    (void)b, (void)b_step;
    if (y_step == 1 && a_step == 1 && n >= 128)
        memcpy(y, a, (size_t)n * sizeof *y);
    else if (y_step == 1 && a_step <= 1 && a_step >= 0)
        for (int64_t i = 0; i < n; i += VLEN) vf_store_upto(y + i, load_step(a + (a_step ? i : 0), a_step, n - i), n - i);
    else
        for (int64_t i = 0; i < n; i++) y[i * y_step] = a[i * a_step];
}

/* A copy by tiles: axis along[0] is the one along which y is dense, along[1] the one along which a is. The walk's other axes, and
 * the number of tiles along those two, make the shape of the work. */
enum { TILE = 32 };
struct transpose_job { const struct walk *walk; float *y; const float *a; int64_t along[2], tiles[2]; };

/* Reads whole cache lines of a into the tile, then writes whole lines of y, so that lines which fall into one cache set, as they do
 * with strides that are powers of two, do no harm. The padding does the same for the tile. */
static void transpose_tile(float *y, int64_t y_step, const float *a, int64_t a_step, int64_t rows, int64_t cols) {
    float tile[TILE][TILE + 1];
    for (int64_t i = 0; i < rows; i++)
        for (int64_t j = 0; j < cols; j++) tile[i][j] = a[i * a_step + j];
    for (int64_t j = 0; j < cols; j++)
        for (int64_t i = 0; i < rows; i++) y[j * y_step + i] = tile[i][j];
}

static void transpose_chunk(const void *job_, int64_t begin, int64_t end) {
    const struct transpose_job *job = job_;
    const struct walk *w = job->walk;
    const int64_t y_axis = job->along[0], a_axis = job->along[1];
    for (int64_t t = begin; t < end; t++) {
        const int64_t i = t % job->tiles[0] * TILE, j = t / job->tiles[0] % job->tiles[1] * TILE;
        int64_t rest = t / job->tiles[0] / job->tiles[1];
        float *y = job->y + i + j * w->step[0][a_axis];
        const float *a = job->a + j + i * w->step[1][y_axis];
        for (int64_t axis = w->rank - 1; axis >= 0; axis--) {
            if (axis == y_axis || axis == a_axis) continue;
            y += rest % w->shape[axis] * w->step[0][axis];
            a += rest % w->shape[axis] * w->step[1][axis];
            rest /= w->shape[axis];
        }
        transpose_tile(y, w->step[0][a_axis], a, w->step[1][y_axis], cg_min64(TILE, w->shape[y_axis] - i),
                       cg_min64(TILE, w->shape[a_axis] - j));
    }
}

static void copy_strided(float *y, const float *a, int64_t rank, cg_dims shape, cg_dims y_steps, cg_dims a_steps) {
    static const int64_t none[CG_MAX_RANK] = {0};
    const struct walk w = make_walk(rank, shape, y_steps, a_steps, none);
    struct transpose_job job = {.walk = &w, .y = y, .a = a, .along = {-1, -1}};
    for (int64_t axis = 0; axis < w.rank; axis++)
        for (int k = 0; k < 2; k++)
            if (w.step[k][axis] == 1) job.along[k] = axis;
    const int64_t y_axis = job.along[0], a_axis = job.along[1];
    if (y_axis < 0 || a_axis < 0 || y_axis == a_axis || cg_min64(w.shape[y_axis], w.shape[a_axis]) < 4) {
        walk_all(&w, copy_row, y, a, a, 0);
        return;
    }
    job.tiles[0] = cg_ceil_div(w.shape[y_axis], TILE);
    job.tiles[1] = cg_ceil_div(w.shape[a_axis], TILE);
    const int64_t tiles = w.size / w.shape[y_axis] / w.shape[a_axis] * job.tiles[0] * job.tiles[1];
    for_chunks(transpose_chunk, &job, tiles, 4, 0, (double)w.size * 8);
}

static int CG_FN(gather_strided)(float *y, const float *x, int64_t rank, cg_dims shape, cg_dims strides, int64_t offset) {
    int64_t dense[CG_MAX_RANK];
    dense_steps(dense, rank, shape);
    copy_strided(y, x + offset, rank, shape, dense, strides);
    return CG_OK;
}

static int CG_FN(scatter_strided)(float *y, const float *x, int64_t rank, cg_dims shape, cg_dims strides, int64_t offset) {
    int64_t dense[CG_MAX_RANK];
    dense_steps(dense, rank, shape);
    copy_strided(y + offset, x, rank, shape, strides, dense);
    return CG_OK;
}

#define COPY_ROWS(type)                                                                                                \
    static void gather_##type##_row(void *y_, const void *const *p, const int64_t *step, int64_t n) {                  \
        type *restrict y = y_;                                                                                         \
        const type *x = p[0];                                                                                          \
        if (step[0] == 1) memcpy(y, x, (size_t)n * sizeof *y);                                                         \
        else                                                                                                           \
            for (int64_t i = 0; i < n; i++) y[i] = x[i * step[0]];                                                     \
    }                                                                                                                  \
    static void scatter_##type##_row(void *x_, const void *const *p, const int64_t *step, int64_t n) {                 \
        type *y = (type *)(uintptr_t)p[0];                                                                             \
        const type *x = x_;                                                                                            \
        if (step[0] == 1) memcpy(y, x, (size_t)n * sizeof *y);                                                         \
        else                                                                                                           \
            for (int64_t i = 0; i < n; i++) y[i * step[0]] = x[i];                                                     \
    }
COPY_ROWS(uint8_t)
COPY_ROWS(uint64_t)

static int CG_FN(gather_elements)(void *y, const void *x, int64_t rank, cg_dims shape, cg_dims strides, int64_t offset, int itemsize) {
    if (itemsize == 4) return CG_FN(gather_strided)(y, x, rank, shape, strides, offset);
    const char *first = (const char *)x + offset * itemsize;
    struct nest job = {itemsize == 1 ? gather_uint8_t_row : gather_uint64_t_row, y, itemsize, 1, rank, shape, {{first, itemsize, strides}}};
    return run_nest(&job, 0);
}

/* x is the dense side here, so it stands in y's place in the nest. */
static int CG_FN(scatter_elements)(void *y, const void *x, int64_t rank, cg_dims shape, cg_dims strides, int64_t offset, int itemsize) {
    if (itemsize == 4) return CG_FN(scatter_strided)(y, x, rank, shape, strides, offset);
    char *first = (char *)y + offset * itemsize, *dense = (char *)(uintptr_t)x;
    struct nest job = {itemsize == 1 ? scatter_uint8_t_row : scatter_uint64_t_row, dense, itemsize, 1, rank, shape,
                       {{first, itemsize, strides}}};
    return run_nest(&job, 0);
}

/* ---- pad: each value of y is written once ---- */

struct pad_job { char *y; const char *x, *value; int64_t rank; cg_dims shape, inner, before; size_t itemsize; };

CG_INLINE void fill_values(char *y, const char *value, int64_t n, size_t itemsize) {
    for (size_t i = 0; i < (value ? itemsize : 0); i++)
        if (value[i] != value[0]) { /* 0 is all one byte; so is true */
            for (int64_t k = 0; k < n; k++) memcpy(y + (size_t)k * itemsize, value, itemsize);
            return;
        }
    memset(y, value ? value[0] : 0, (size_t)n * itemsize);
}

/* Rows begin .. end-1 along the last axis */
static void pad_chunk(const void *job_, int64_t begin, int64_t end) {
    const struct pad_job *job = job_;
    const int64_t last = job->rank - 1, length = job->shape[last], n = job->inner[last], left = job->before[last];
    const size_t size = job->itemsize;
    for (int64_t row = begin; row < end; row++) {
        char *y = job->y + (size_t)(row * length) * size;
        int64_t rest = row, from = 0, stride = 1, inside = 1;
        for (int64_t axis = last - 1; axis >= 0; axis--) {
            const int64_t index = rest % job->shape[axis] - job->before[axis];
            rest /= job->shape[axis];
            inside = inside && index >= 0 && index < job->inner[axis];
            from += index * stride;
            stride *= job->inner[axis];
        }
        if (!inside) {
            fill_values(y, job->value, length, size);
            continue;
        }
        fill_values(y, job->value, left, size);
        memcpy(y + (size_t)left * size, job->x + (size_t)(from * n) * size, (size_t)n * size);
        fill_values(y + (size_t)(left + n) * size, job->value, length - left - n, size);
    }
}

static int CG_FN(pad)(void *y, const void *x, const void *value, int64_t rank, cg_dims shape, cg_dims inner, cg_dims before, int itemsize) {
    const struct pad_job job = {y, x, value, rank, shape, inner, before, (size_t)itemsize};
    int64_t rows = 1;
    for (int64_t axis = 0; axis < rank - 1; axis++) rows *= shape[axis];
    const double row_bytes = (double)shape[rank - 1] * itemsize;
    for_chunks(pad_chunk, &job, rows, cg_max64(1, CHUNK / cg_max64(1, shape[rank - 1])), 0, 2 * (double)rows * row_bytes);
    return CG_OK;
}

/* ---- rows ---- */

struct rows_job { char *y; const char *x; const int64_t *index; size_t row_bytes; };

/* Shuffled rows of a data set come from memory, each after a wait of its own: worth so many bytes in cache. For 32 rows of 3 KB a second
 * thread makes it 1.5 times as fast. */
enum { ROWS_FROM_MEMORY = 4, ROWS_AHEAD = 4096 };

/* Shuffled rows lie out of cache: those of the next 4 KB are on their way while one is copied. Asked for in the second-level cache, which
 * waits for more lines at a time than the first: 128 rows of 3 KB take 25 us instead of 42. */
static void gather_rows_chunk(const void *job_, int64_t begin, int64_t end) {
    const struct rows_job *job = job_;
    const size_t size = job->row_bytes;
    const int64_t ahead = cg_max64(1, ROWS_AHEAD / (int64_t)size);
    for (int64_t i = begin; i < end; i++) {
        if (i + ahead < end) {
            const char *next = job->x + (size_t)job->index[i + ahead] * size;
            for (size_t at = 0; at < size && at < ROWS_AHEAD; at += 64) __builtin_prefetch(next + at, 0, 2);
        }
        memcpy(job->y + (size_t)i * size, job->x + (size_t)job->index[i] * size, size);
    }
}

static int CG_FN(gather_rows)(void *y, const void *x, const int64_t *index, int64_t n, int64_t rows, int64_t row_bytes) {
    for (int64_t i = 0; i < n; i++)
        if (index[i] < 0 || index[i] >= rows) return CG_EINDEX;
    if (row_bytes == 0) return CG_OK;
    const struct rows_job job = {y, x, index, (size_t)row_bytes};
    for_chunks(gather_rows_chunk, &job, n, cg_max64(1, 16384 / row_bytes), 0, ROWS_FROM_MEMORY * 2.0 * (double)n * (double)row_bytes);
    return CG_OK;
}

struct one_hot_job { float *y; const int32_t *labels; int64_t K; };

static void one_hot_chunk(const void *job_, int64_t begin, int64_t end) {
    const struct one_hot_job *job = job_;
    const int64_t K = job->K;
    if (begin < end) memset(job->y + begin * K, 0, (size_t)((end - begin) * K) * sizeof(float));
    for (int64_t m = begin; m < end; m++)
        if (job->labels[m] >= 0 && job->labels[m] < K) job->y[m * K + job->labels[m]] = 1.0f;
}

static int CG_FN(one_hot)(float *y, const int32_t *labels, int64_t M, int64_t K) {
    if (K == 0) return CG_OK;
    const struct one_hot_job job = {y, labels, K};
    for_chunks(one_hot_chunk, &job, M, cg_max64(1, CHUNK / K), 0, 4.0 * (double)M * (double)K);
    return CG_OK;
}

/* ---- conversions ---- */

struct cast_job { float *restrict y; const void *x; };

static void cast_uint8_chunk(const void *job_, int64_t begin, int64_t end) {
    const struct cast_job *job = job_;
    float *restrict y = job->y;
    const uint8_t *restrict x = job->x;
    for (int64_t i = begin; i < end; i++) y[i] = (float)x[i];
}
static int CG_FN(cast_uint8)(float *y, const uint8_t *x, int64_t n) {
    const struct cast_job job = {y, x};
    for_chunks(cast_uint8_chunk, &job, n, CHUNK, 0, 5.0 * (double)n);
    return CG_OK;
}

static void cast_int32_chunk(const void *job_, int64_t begin, int64_t end) {
    const struct cast_job *job = job_;
    float *restrict y = job->y;
    const int32_t *restrict x = job->x;
    for (int64_t i = begin; i < end; i++) y[i] = (float)x[i];
}
static int CG_FN(cast_int32)(float *y, const int32_t *x, int64_t n) {
    const struct cast_job job = {y, x};
    for_chunks(cast_int32_chunk, &job, n, CHUNK, 0, 8.0 * (double)n);
    return CG_OK;
}

struct truncate_job { int32_t *y; const float *x; };

static void truncate_chunk(const void *job_, int64_t begin, int64_t end) {
    const struct truncate_job *job = job_;
    for (int64_t i = begin; i < end; i += VLEN) {
        const vf x = vf_load_upto(job->x + i, end - i);
        const vi held = (vi)(x >= -0x1p31f) & (vi)(x < 0x1p31f); /* what others become is the machine's choice */
        const vi y = __builtin_convertvector(vf_select(held, x, vf_set(-0x1p31f)), vi);
        vf_store_upto((float *)(job->y + i), (vf)y, end - i);
    }
}
static int CG_FN(truncate)(int32_t *y, const float *x, int64_t n) {
    const struct truncate_job job = {y, x};
    for_chunks(truncate_chunk, &job, n, CHUNK, 0, 8.0 * (double)n);
    return CG_OK;
}

struct nonzero_job { uint8_t *restrict y; const int32_t *x; };

static void nonzero_chunk(const void *job_, int64_t begin, int64_t end) {
    const struct nonzero_job *job = job_;
    uint8_t *restrict y = job->y;
    const int32_t *x = job->x;
    for (int64_t i = begin; i < end; i++) y[i] = x[i] != 0;
}
static int CG_FN(nonzero)(uint8_t *y, const int32_t *x, int64_t n) {
    const struct nonzero_job job = {y, x};
    for_chunks(nonzero_chunk, &job, n, CHUNK, 0, 5.0 * (double)n);
    return CG_OK;
}

struct convert_job { void *y; const void *x; int y_bytes, x_bytes; };
#define CONVERT(to, from)                                                              \
    if (job->y_bytes == sizeof(to) && job->x_bytes == sizeof(from)) {                  \
        to *restrict y = job->y;                                                 \
        const from *restrict x = job->x;                                 \
        for (int64_t i = begin; i < end; i++) y[i] = (to)x[i];                         \
    }
static void convert_integers_chunk(const void *job_, int64_t begin, int64_t end) {
    const struct convert_job *job = job_;
    CONVERT(uint8_t, uint8_t)
    CONVERT(uint8_t, int32_t)
    CONVERT(uint8_t, int64_t)
    CONVERT(int32_t, uint8_t)
    CONVERT(int32_t, int32_t)
    CONVERT(int32_t, int64_t)
    CONVERT(int64_t, uint8_t)
    CONVERT(int64_t, int32_t)
    CONVERT(int64_t, int64_t)
}
static int CG_FN(convert_integers)(void *y, const void *x, int64_t n, int y_bytes, int x_bytes) {
    const struct convert_job job = {y, x, y_bytes, x_bytes};
    for_chunks(convert_integers_chunk, &job, n, CHUNK, 0, (double)n * (y_bytes + x_bytes));
    return CG_OK;
}
