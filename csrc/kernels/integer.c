/* integer.c: arithmetic of int32 values, whole numbers in masks' counts, positions and labels. Sums and products wrap around.
 * Then reductions of these, and of booleans. */

CG_INLINE int32_t wrapped(uint32_t x) { return (int32_t)x; }
/* As in NumPy: 0 for a divisor of 0; -2^31 / -1 wraps. */
CG_INLINE int32_t floor_quotient(int32_t a, int32_t b) {
    if (b == 0) return 0;
    const int64_t q = (int64_t)a / b;
    return (int32_t)(q - ((int64_t)a % b != 0 && (a < 0) != (b < 0)));
}

NEST_PAIR(add_int32_row, int32_t, int32_t, wrapped((uint32_t)a + (uint32_t)b))
NEST_PAIR(subtract_int32_row, int32_t, int32_t, wrapped((uint32_t)a - (uint32_t)b))
NEST_PAIR(multiply_int32_row, int32_t, int32_t, wrapped((uint32_t)a * (uint32_t)b))
NEST_PAIR(maximum_int32_row, int32_t, int32_t, a > b ? a : b)
NEST_PAIR(minimum_int32_row, int32_t, int32_t, a < b ? a : b)
NEST_PAIR(floor_divide_int32_row, int32_t, int32_t, floor_quotient(a, b))
NEST_PAIR(mod_int32_row, int32_t, int32_t, b == 0 ? 0 : wrapped((uint32_t)a - (uint32_t)b * (uint32_t)floor_quotient(a, b)))
static nest_row *const integer_rows[] = {add_int32_row,     subtract_int32_row,     multiply_int32_row, maximum_int32_row,
                                         minimum_int32_row, floor_divide_int32_row, mod_int32_row};

static int CG_FN(integer)(int32_t *y, const int32_t *a, const int32_t *b, int64_t rank, cg_dims shape, cg_dims strides_a,
                          cg_dims strides_b, int operation) {
    struct nest job = {integer_rows[operation], (char *)y, 4, 2, rank, shape, {{a, 4, strides_a}, {b, 4, strides_b}}};
    return run_nest(&job, 2);
}

/* ---- reductions, of int32 and of booleans ---- */

/* A column of values with nothing beside it */
typedef void reduce_column(void *y, const void *x, int64_t n);
#define COLUMN(name, type, wide, first, formula)                \
    static void name(void *y, const void *x_, int64_t n) {      \
        const type *x = x_;                                     \
        wide a = first;                                         \
        for (int64_t i = 0; i < n; i++) {                       \
            const wide b = (wide)x[i];                          \
            a = formula;                                        \
        }                                                       \
        *(type *)y = (type)a;                                   \
    }
COLUMN(sum_column, int32_t, uint32_t, 0, a + b)
COLUMN(product_column, int32_t, uint32_t, 1, a * b)
COLUMN(maximum_column, int32_t, int32_t, INT32_MIN, a > b ? a : b)
COLUMN(minimum_column, int32_t, int32_t, INT32_MAX, a < b ? a : b)
COLUMN(all_column, uint8_t, uint8_t, 1, a & (b != 0))
COLUMN(any_column, uint8_t, uint8_t, 0, a | (b != 0))

enum { REDUCED = 1024 }; /* bytes of a piece of a row */
struct reduction { size_t size; reduce_column *column; nest_row *row; };
struct reduction_job { char *y; const char *x; int64_t R, I, pieces; struct reduction how; };

/* Pieces of rows of y: one after the other the rows of x go into each. */
static void reduction_chunk(const void *job_, int64_t begin, int64_t end) {
    const struct reduction_job *job = job_;
    const size_t size = job->how.size;
    const int64_t I = job->I, room = REDUCED / (int64_t)size, steps[2] = {1, 1};
    char kept[2][REDUCED] __attribute__((aligned(64)));
    for (int64_t task = begin; task < end; task++) {
        const int64_t o = task / job->pieces, i = task % job->pieces * room, n = cg_min64(room, I - i);
        char *y = job->y + (size_t)(o * I + i) * size;
        const char *x = job->x + (size_t)(o * job->R * I + i) * size;
        if (I == 1) {
            job->how.column(y, x, job->R);
            continue;
        }
        for (int64_t k = 0; k < n; k++) job->how.column(kept[0] + (size_t)k * size, x, 0);
        for (int64_t r = 0; r < job->R; r++) {
            const void *p[2] = {kept[r & 1], x + (size_t)(r * I) * size};
            job->how.row(kept[~r & 1], p, steps, n);
        }
        memcpy(y, kept[job->R & 1], (size_t)n * size);
    }
}

static int run_reduction(void *y, const void *x, int64_t O, int64_t R, int64_t I, struct reduction how) {
    const int64_t room = REDUCED / (int64_t)how.size;
    const struct reduction_job job = {y, x, R, I, cg_ceil_div(I, room), how};
    const double work = (double)O * (double)R * (double)I;
    for_chunks(reduction_chunk, &job, O * job.pieces, cg_max64(1, CHUNK / cg_max64(1, R * cg_min64(I, room))), work, (double)how.size * work);
    return CG_OK;
}

static int CG_FN(reduce_int32)(int32_t *y, const int32_t *x, int64_t O, int64_t R, int64_t I, int operation) {
    static reduce_column *const columns[] = {sum_column, NULL, product_column, maximum_column, minimum_column};
    return run_reduction(y, x, O, R, I, (struct reduction){4, columns[operation], integer_rows[operation]});
}

static int CG_FN(reduce_logical)(uint8_t *y, const uint8_t *x, int64_t O, int64_t R, int64_t I, int operation) {
    return run_reduction(y, x, O, R, I, operation ? (struct reduction){1, any_column, or_row} : (struct reduction){1, all_column, and_row});
}
