/* nest.c: the loop over rows of kernels whose arrays are of several types: compare.c, integer.c, functions.c.
 *
 * y is dense; up to three operands are broadcast, a stride of 0 repeats. A row function gets one row at a time with pointers and steps,
 * and knows the types. (elementwise.c's walk, for floats only, also merges axes and lays out short rows.) */

typedef void nest_row(void *y, const void *const *p, const int64_t *step, int64_t n);

struct operand { const void *values; int64_t size; cg_dims strides; }; /* size: bytes of a value */
struct nest {
    nest_row *row;
    char *y;
    int64_t y_size, operands, rank;
    cg_dims shape;
    struct operand operand[3];
};

/* Values begin .. end-1 of y in row-major order */
static void nest_chunk(const void *job_, int64_t begin, int64_t end) {
    const struct nest *job = job_;
    if (begin >= end) return;
    const int64_t last = job->rank - 1, length = job->shape[last];
    int64_t index[CG_MAX_RANK], step[3] = {0}, i = begin % length, row = begin / length;
    const char *at[3] = {0};
    for (int64_t k = 0; k < job->operands; k++) step[k] = job->operand[k].strides[last], at[k] = job->operand[k].values;
    for (int64_t axis = last - 1; axis >= 0; axis--) {
        index[axis] = row % job->shape[axis];
        row /= job->shape[axis];
        for (int64_t k = 0; k < job->operands; k++) at[k] += index[axis] * job->operand[k].strides[axis] * job->operand[k].size;
    }
    while (begin < end) {
        const void *p[3];
        const int64_t n = cg_min64(length - i, end - begin);
        for (int64_t k = 0; k < job->operands; k++) p[k] = at[k] + i * step[k] * job->operand[k].size;
        job->row(job->y + begin * job->y_size, p, step, n);
        begin += n;
        i = 0;
        for (int64_t axis = last - 1; axis >= 0; axis--) { /* to the next row */
            const int more = index[axis] + 1 < job->shape[axis];
            const int64_t move = more ? 1 : -index[axis];
            for (int64_t k = 0; k < job->operands; k++) at[k] += move * job->operand[k].strides[axis] * job->operand[k].size;
            index[axis] += move;
            if (more) break;
        }
    }
}

/* flops: of one value */
static int run_nest(struct nest *job, int flops) {
    static const int64_t one[1] = {1}, none[1] = {0};
    int64_t n = 1, bytes = job->y_size;
    for (int64_t axis = 0; axis < job->rank; axis++) n *= job->shape[axis];
    if (job->rank == 0) {
        job->rank = 1;
        job->shape = one;
        for (int64_t k = 0; k < job->operands; k++) job->operand[k].strides = none;
    }
    for (int64_t k = 0; k < job->operands; k++) bytes += job->operand[k].size;
    for_chunks(nest_chunk, job, n, CHUNK, (double)n * flops, (double)n * (double)bytes);
    return CG_OK;
}

/* Defines the row function name: y = formula in a and b. The steps that are common are constants, so that these loops become vectors. */
#define NEST_PAIR(name, y_type, type, formula)                                                                                  \
    CG_INLINE void name##_steps(y_type *restrict y, const type *a_, int64_t a_step, const type *b_, int64_t b_step, int64_t n) { \
        for (int64_t i = 0; i < n; i++) {                                                                                       \
            const type a = a_[i * a_step], b = b_[i * b_step];                                                                  \
            y[i] = (y_type)(formula);                                                                                           \
        }                                                                                                                       \
    }                                                                                                                           \
    static void name(void *y, const void *const *p, const int64_t *step, int64_t n) {                                           \
        if (step[0] == 1 && step[1] == 1) name##_steps(y, p[0], 1, p[1], 1, n);                                                 \
        else if (step[0] == 1 && step[1] == 0) name##_steps(y, p[0], 1, p[1], 0, n);                                            \
        else if (step[0] == 0 && step[1] == 1) name##_steps(y, p[0], 0, p[1], 1, n);                                            \
        else name##_steps(y, p[0], step[0], p[1], step[1], n);                                                                  \
    }
