/* compare.c: comparisons, logic on their results, and the choice by them. Booleans are bytes: 0 and 1 when written, 0 or not when read. */

NEST_PAIR(equal_row, uint8_t, float, a == b)
NEST_PAIR(not_equal_row, uint8_t, float, a != b)
NEST_PAIR(less_row, uint8_t, float, a < b)
NEST_PAIR(less_equal_row, uint8_t, float, a <= b)
static int CG_FN(compare)(uint8_t *y, const float *a, const float *b, int64_t rank, cg_dims shape, cg_dims strides_a, cg_dims strides_b,
                          int relation) {
    static nest_row *const rows[] = {equal_row, not_equal_row, less_row, less_equal_row};
    struct nest job = {rows[relation], (char *)y, 1, 2, rank, shape, {{a, 4, strides_a}, {b, 4, strides_b}}};
    return run_nest(&job, 1);
}

NEST_PAIR(equal_int32_row, uint8_t, int32_t, a == b)
NEST_PAIR(not_equal_int32_row, uint8_t, int32_t, a != b)
NEST_PAIR(less_int32_row, uint8_t, int32_t, a < b)
NEST_PAIR(less_equal_int32_row, uint8_t, int32_t, a <= b)
static int CG_FN(compare_int32)(uint8_t *y, const int32_t *a, const int32_t *b, int64_t rank, cg_dims shape, cg_dims strides_a,
                                cg_dims strides_b, int relation) {
    static nest_row *const rows[] = {equal_int32_row, not_equal_int32_row, less_int32_row, less_equal_int32_row};
    struct nest job = {rows[relation], (char *)y, 1, 2, rank, shape, {{a, 4, strides_a}, {b, 4, strides_b}}};
    return run_nest(&job, 1);
}

NEST_PAIR(and_row, uint8_t, uint8_t, (a != 0) & (b != 0))
NEST_PAIR(or_row, uint8_t, uint8_t, (a | b) != 0)
NEST_PAIR(xor_row, uint8_t, uint8_t, (a != 0) ^ (b != 0))
static int CG_FN(logical)(uint8_t *y, const uint8_t *a, const uint8_t *b, int64_t rank, cg_dims shape, cg_dims strides_a,
                          cg_dims strides_b, int operation) {
    static nest_row *const rows[] = {and_row, or_row, xor_row};
    struct nest job = {rows[operation], (char *)y, 1, 2, rank, shape, {{a, 1, strides_a}, {b, 1, strides_b}}};
    return run_nest(&job, 1);
}

/* Both values are read whatever the condition, or the loop would not become vectors. */
#define WHERE_ROW(name, type)                                                                                                    \
    CG_INLINE void name##_steps(type *restrict y, const uint8_t *condition, int64_t step, const type *a_, int64_t a_step,        \
                                const type *b_, int64_t b_step, int64_t n) {                                                     \
        for (int64_t i = 0; i < n; i++) {                                                                                        \
            const type a = a_[i * a_step], b = b_[i * b_step];                                                                   \
            y[i] = condition[i * step] ? a : b;                                                                                  \
        }                                                                                                                        \
    }                                                                                                                            \
    static void name(void *y, const void *const *p, const int64_t *step, int64_t n) {                                            \
        const int64_t kind = step[0] == 1 && step[1] >> 1 == 0 && step[2] >> 1 == 0 ? 2 * step[1] + step[2] : -1;                \
        if (kind == 3) name##_steps(y, p[0], 1, p[1], 1, p[2], 1, n);                                                            \
        else if (kind == 2) name##_steps(y, p[0], 1, p[1], 1, p[2], 0, n);                                                       \
        else if (kind == 1) name##_steps(y, p[0], 1, p[1], 0, p[2], 1, n);                                                       \
        else if (step[0] == 0 && step[1] == 1 && step[2] == 1) name##_steps(y, p[0], 0, p[1], 1, p[2], 1, n);                     \
        else name##_steps(y, p[0], step[0], p[1], step[1], p[2], step[2], n);                                                    \
    }
WHERE_ROW(where_bytes_row, uint8_t)
WHERE_ROW(where_words_row, uint32_t)
WHERE_ROW(where_long_row, uint64_t)
static int CG_FN(where)(void *y, const uint8_t *condition, const void *a, const void *b, int64_t rank, cg_dims shape,
                        cg_dims strides_condition, cg_dims strides_a, cg_dims strides_b, int itemsize) {
    nest_row *const row = itemsize == 1 ? where_bytes_row : itemsize == 4 ? where_words_row : where_long_row;
    struct nest job = {row, y, itemsize, 3, rank, shape,
                       {{condition, 1, strides_condition}, {a, itemsize, strides_a}, {b, itemsize, strides_b}}};
    return run_nest(&job, 1);
}
