/* integer.c: arithmetic of int32 values, whole numbers in masks' counts, positions and labels. Sums and products wrap around. */

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
enum { INTEGER_ADD, INTEGER_SUBTRACT, INTEGER_MULTIPLY, INTEGER_MAXIMUM, INTEGER_MINIMUM };

static int CG_FN(integer)(int32_t *y, const int32_t *a, const int32_t *b, int64_t rank, cg_dims shape, cg_dims strides_a,
                          cg_dims strides_b, int operation) {
    struct nest job = {integer_rows[operation], (char *)y, 4, 2, rank, shape, {{a, 4, strides_a}, {b, 4, strides_b}}};
    return run_nest(&job, 2);
}

struct reduce_int32_job { int32_t *y; const int32_t *x; int64_t R, I; nest_row *row; int32_t first; };

/* Rows of y begin .. end-1, each of I values: one after the other the R rows of x go into it; a single column is halved until one is left. */
static void reduce_int32_chunk(const void *job_, int64_t begin, int64_t end) {
    const struct reduce_int32_job *job = job_;
    const int64_t I = job->I, steps[2] = {1, 1};
    enum { PIECE = 256 };
    int32_t kept[PIECE], next[PIECE];
    for (int64_t o = begin; o < end; o++) {
        int32_t *y = job->y + o * I;
        const int32_t *x = job->x + o * job->R * I;
        if (I != 1) {
            for (int64_t i = 0; i < I; i++) y[i] = job->first;
            for (int64_t r = 0; r < job->R; r++)
                for (int64_t i = 0; i < I; i += PIECE) {
                    const int64_t n = cg_min64(PIECE, I - i);
                    const void *p[2] = {memcpy(kept, y + i, (size_t)n * 4), x + r * I + i};
                    job->row(y + i, p, steps, n);
                }
            continue;
        }
        for (int64_t i = 0; i < PIECE; i++) kept[i] = job->first;
        for (int64_t r = 0; r < job->R; r += PIECE) {
            const int64_t n = cg_min64(PIECE, job->R - r);
            const void *p[2] = {memcpy(next, kept, (size_t)n * 4), x + r};
            job->row(kept, p, steps, n);
        }
        for (int64_t n = PIECE / 2; n > 0; n /= 2) {
            const void *p[2] = {memcpy(next, kept, (size_t)n * 4), kept + n};
            job->row(kept, p, steps, n);
        }
        *y = kept[0];
    }
}

static int CG_FN(reduce_int32)(int32_t *y, const int32_t *x, int64_t O, int64_t R, int64_t I, int operation) {
    const int32_t first = operation == INTEGER_MULTIPLY ? 1 : operation == INTEGER_MAXIMUM ? INT32_MIN
                          : operation == INTEGER_MINIMUM ? INT32_MAX : 0;
    const struct reduce_int32_job job = {y, x, R, I, integer_rows[operation], first};
    const double work = (double)O * (double)R * (double)I;
    for_chunks(reduce_int32_chunk, &job, O, cg_max64(1, CHUNK / cg_max64(1, R * I)), work, 4 * work);
    return CG_OK;
}
