/* recurrent.c: SimpleRNN, GRU and LSTM over whole sequences, one call for the forward and one for the backward pass. Here is what the three
 * share, and SimpleRNN; the other cells are in gru.c and lstm.c.
 *
 * z, the product of x for all steps, comes from matmul.c; here is what cannot be done for all steps at once. A thread takes a block of
 * samples through all steps: nobody waits for anybody, and a sample's bits depend on no other. Within a step a panel of units is computed
 * for all gates on matmul's tile, z going on where x's product ended, and the gates are applied while they are in cache. The recurrent
 * kernel is packed once a sequence; the state lies in scratch rows of its own, for rows of y are a power of two apart all too often.
 *
 * What is a sum over the steps (the gradients of the kernels and the biases) is left to matmul and reduce_sum, which run over all steps
 * at once: forward saves the state before each step, backward gives dz for each.
 *
 * Recurrent dropout: for each gate, which values of a sample's state its product meets, and how they are scaled, the same in all steps
 * (Gal and Ghahramani 2016). Then each gate has a product of its own.
 *
 * A mask concerns only what goes from step to step, in forward_block and backward_block; the cells' own functions do not know it. */

enum {
    BLOCK_ROWS = 64,  /* most samples of a block: their state stays in the first or second-level cache */
    EVEN_ROWS = 8,    /* so many fill a tile: smaller blocks only where threads would have none */
    K_RUN = 128,        /* steps of k for which a panel stays in the first-level cache while the rows pass */
    FEW_STEPS = 4,    /* so few rows of all samples and steps read the recurrent kernel where it lies: packing would cost as much */
};

struct sequence {
    int64_t N, T, U;
    int gates;
    const uint8_t *mask;
    const float *kept; /* [gates,N,U], by which the state is multiplied before the product; or NULL */
    int activation, recurrent_activation, reverse, sequences, zero_output;
    /* op(recurrent_kernel), in panels [K][width] of one gate's columns, or in place */
    const float *kernel;
    float *packed;
    int64_t K, width, panel_k;
};

static struct sequence sequence_of(const float *kernel, const float *kept, const uint8_t *mask, int64_t N, int64_t T, int64_t U, int gates,
                                   int activation, int recurrent_activation, int reverse, int sequences, int zero_output) {
    return (struct sequence){.N = N, .T = T, .U = U, .gates = gates, .mask = mask, .kept = kept, .activation = activation,
                             .recurrent_activation = recurrent_activation, .reverse = reverse, .sequences = sequences,
                             .zero_output = zero_output, .kernel = kernel};
}

/* Scratch rows: not a multiple of 4 KiB apart, lest they push each other out of the cache. */
static inline int64_t scratch_row(int64_t n) { return ((n + 15) & ~(int64_t)15) + 16; }

static inline int64_t panels_of(const struct sequence *q) { return cg_ceil_div(q->U, q->width); }

static inline const float *panel_of(const struct sequence *q, int64_t gate, int64_t unit) {
    if (!q->packed) return q->kernel + gate * q->U + unit;
    return q->packed + (gate * panels_of(q) + unit / q->width) * q->K * q->width;
}

static inline size_t packed_bytes(const struct sequence *q, int64_t groups) {
    return (size_t)(groups * panels_of(q) * q->K * q->width) * sizeof(float);
}

/* Packs recurrent_kernel[U, gates U]: as `gates` groups of U columns, or transposed as one. */
static void pack_recurrent(const struct sequence *q, int transposed) {
    const int64_t row = q->gates * q->U, groups = transposed ? 1 : q->gates;
    for (int64_t g = 0; g < groups; g++) {
        for (int64_t j = 0; j < q->U; j += q->width) {
            float *to = q->packed + (g * panels_of(q) + j / q->width) * q->K * q->width;
            const int64_t n = cg_min64(q->width, q->U - j);
            if (transposed) {
                copy_transposed(to, q->width, q->kernel + j * row, row, n, q->K);
            } else {
                for (int64_t k = 0; k < q->K; k++) memcpy(to + k * q->width, q->kernel + k * row + g * q->U + j, (size_t)n * sizeof(float));
            }
        }
    }
}

/* y[rows, n] = a[rows, K] b[K, n], b's rows b_k apart, added to y where it goes on, else to start[n] (NULL: 0) */
static void multiply_rows(float *y, int64_t y_row, const float *a, int64_t a_row, const float *b, int64_t b_k, int64_t rows, int64_t n, int64_t K,
                          const float *start, int goes_on) {
    static const int64_t at_start[1] = {0};
    const int64_t m = even_rows(rows);
    if (n > NR && n <= (WIDE - 1) * VLEN) { /* between the widths that there are tiles of */
        multiply_rows(y + NR, y_row, a, a_row, b + NR, b_k, rows, n - NR, K, start ? start + NR : NULL, goes_on);
        n = NR;
    }
    for (int64_t k = 0; k < K; k += K_RUN) {
        struct tile t = {.y_row = y_row, .a_row = a_row, .a_k = 1, .segment = at_start, .segments = 1, .K = cg_min64(K_RUN, K - k),
                         .b = b + k * b_k, .b_k = b_k, .start = start, .goes_on = goes_on || k > 0};
        for (int64_t i = 0; i < rows; i += m) {
            t.y = y + i * y_row;
            t.a = a + i * a_row + k;
            run_tile(&t, cg_min64(m, rows - i), n);
        }
    }
}

/* to = from for rows of n values, or 0 where from is NULL */
static void copy_state(float *to, int64_t to_row, const float *from, int64_t from_row, int64_t rows, int64_t n) {
    for (int64_t i = 0; i < rows; i++) {
        if (from) memcpy(to + i * to_row, from + i * from_row, (size_t)n * sizeof(float));
        else memset(to + i * to_row, 0, (size_t)n * sizeof(float));
    }
}

/* ---- gates: those activations whose derivative follows from y ---- */

static __attribute__((noinline)) vf other_gate(vf x, int activation) {
    switch (activation) {
    case CG_RELU: return act_relu(x);
    case CG_LEAKY_RELU: return act_leaky_relu(x, vf_set(0.2f));
    case CG_ELU: return act_elu(x, vf_set(1), vf_set(1));
    case CG_SELU: return act_elu(x, vf_set(SELU_SCALE), vf_set(SELU_SCALE_ALPHA));
    case CG_SIGMOID: return vf_sigmoid(x);
    case CG_TANH: return vf_tanh(x);
    case CG_SOFTPLUS: return vf_softplus(x);
    case CG_SOFTSIGN: return act_softsign(x);
    case CG_EXPONENTIAL: return vf_exp(x);
    case CG_HARD_SIGMOID: return act_hard_sigmoid(x);
    default: return x;
    }
}

static __attribute__((noinline)) vf other_gate_backward(vf dy, vf y, int activation) {
    vf slope;
    switch (activation) {
    case CG_RELU: return act_relu_backward(dy, y);
    case CG_LEAKY_RELU: return act_leaky_relu_backward(dy, y, vf_set(0.2f)); /* y has x's sign */
    case CG_ELU: return act_elu_backward(dy, y, vf_set(1), vf_set(1));
    case CG_SELU: return act_elu_backward(dy, y, vf_set(SELU_SCALE), vf_set(SELU_SCALE_ALPHA));
    case CG_SIGMOID: return act_sigmoid_backward(dy, y);
    case CG_TANH: return act_tanh_backward(dy, y);
    case CG_SOFTPLUS: return act_softplus_backward(dy, y);
    case CG_SOFTSIGN:
        slope = 1.0f - vf_abs(y); /* 1 / (1 + |x|) */
        return dy * slope * slope;
    case CG_EXPONENTIAL: return dy * y;
    case CG_HARD_SIGMOID: return act_hard_sigmoid_backward(dy, y);
    default: return dy;
    }
}

/* tanh and sigmoid, the usual activations, are inlined into a copy of each cell's loop of their own: `usual` is constant there. */
#define STATE(x) (usual ? vf_tanh(x) : other_gate(x, q->activation))
#define GATE(x) (usual ? vf_sigmoid(x) : other_gate(x, q->recurrent_activation))
#define STATE_BACKWARD(dy, y) (usual ? act_tanh_backward(dy, y) : other_gate_backward(dy, y, q->activation))
#define GATE_BACKWARD(dy, y) (usual ? act_sigmoid_backward(dy, y) : other_gate_backward(dy, y, q->recurrent_activation))
static inline int is_usual(const struct sequence *q) { return q->activation == CG_TANH && q->recurrent_activation == CG_SIGMOID; }

/* ---- forward ---- */

/* A block's samples n .. n + count - 1, and their rows in scratch. */
struct states {
    int64_t n, count, row;
    float *h, *c, *next_h, *next_c; /* before and after the step */
    float *inner;                   /* of the GRU: of the recurrent product, or of the reset state */
    float *dropped;                 /* h as each gate's product meets it, [gates,count,row]; NULL: h */
};

struct recurrence {
    struct sequence q;
    float *y, *h_n, *c_n, *states, *cells, *inner, *z;
    const float *recurrent_bias, *h0, *c0;
    int reset_after;
    void (*step)(const struct recurrence *f, const struct states *b, int64_t t);
};

/* The state that gate g's product meets, with rows b->row apart */
static inline const float *state_of(const struct states *b, int64_t g) { return b->dropped ? b->dropped + g * b->count * b->row : b->h; }

/* to[rows, U] = a * kept, or more of it where `add`; kept's rows are U apart, the others row */
static void multiply_kept(float *to, const float *a, const float *kept, int64_t row, int64_t rows, int64_t U, int add) {
    for (int64_t i = 0; i < rows; i++, to += row, a += row, kept += U)
        for (int64_t j = 0; j < U; j += VLEN) {
            const vf before = add ? vf_load_upto(to + j, U - j) : vf_set(0);
            vf_store_upto(to + j, vf_fma(vf_load_upto(a + j, U - j), vf_load_upto(kept + j, U - j), before), U - j);
        }
}

static inline const float *kept_of(const struct sequence *q, int64_t g, int64_t n) { return q->kept + (g * q->N + n) * q->U; }

/* Does step t of sample n change its state? */
static inline int live(const struct sequence *q, int64_t n, int64_t t) { return !q->mask || q->mask[n * q->T + t]; }

/* Steps s from which on the output of each sample is the state, though a step itself be masked: after the first that is not. */
static void first_steps(const struct sequence *q, int64_t *first, int64_t n, int64_t count) {
    for (int64_t i = 0; i < count; i++) {
        const uint8_t *mask = q->mask + (n + i) * q->T;
        for (first[i] = 0; first[i] < q->T && !mask[q->reverse ? q->T - 1 - first[i] : first[i]]; first[i]++) {}
        if (q->zero_output) first[i] = q->T;
    }
}

static void forward_block(const struct recurrence *f, int64_t n, int64_t count, float *scratch) {
    const struct sequence *q = &f->q;
    const int64_t U = q->U, T = q->T, row = scratch_row(U), size = count * row;
    struct states b = {.n = n, .count = count, .row = row, .h = scratch, .c = scratch + size, .next_h = scratch + 2 * size,
                       .next_c = scratch + 3 * size, .inner = scratch + 4 * size,
                       .dropped = q->kept ? scratch + 5 * size : NULL};
    int64_t first[BLOCK_ROWS];
    if (q->mask) first_steps(q, first, n, count);
    copy_state(b.h, row, f->h0 ? f->h0 + n * U : NULL, U, count, U);
    if (f->c_n) copy_state(b.c, row, f->c0 ? f->c0 + n * U : NULL, U, count, U);
    if (!q->sequences && !T) copy_state(f->y + n * U, U, NULL, 0, count, U);
    for (int64_t s = 0; s < T; s++) {
        const int64_t t = q->reverse ? T - 1 - s : s;
        if (f->states) copy_state(f->states + (n * T + t) * U, T * U, b.h, row, count, U);
        if (f->cells) copy_state(f->cells + (n * T + t) * U, T * U, b.c, row, count, U);
        for (int64_t g = 0; g < (q->kept ? q->gates : 0); g++)
            multiply_kept(b.dropped + g * size, b.h, kept_of(q, g, n), row, count, U, 0);
        f->step(f, &b, t);
        for (int64_t i = 0; i < count; i++) {
            const int changes = live(q, n + i, t);
            if (!changes) {
                memcpy(b.next_h + i * row, b.h + i * row, (size_t)U * sizeof(float));
                if (f->c_n) memcpy(b.next_c + i * row, b.c + i * row, (size_t)U * sizeof(float));
            }
            if (q->sequences || s == T - 1) {
                float *y = f->y + (q->sequences ? (n + i) * T + s : n + i) * U;
                copy_state(y, U, changes || first[i] < s ? b.next_h + i * row : NULL, row, 1, U);
            }
        }
        float *h = b.h, *c = b.c;
        b.h = b.next_h, b.c = b.next_c;
        b.next_h = h, b.next_c = c;
    }
    copy_state(f->h_n + n * U, U, b.h, row, count, U);
    if (f->c_n) copy_state(f->c_n + n * U, U, b.c, row, count, U);
}

/* Blocks of samples for the threads that the work deserves, as equal as can be; a status. */
typedef void block_function(const void *job, int64_t n, int64_t count, float *scratch);
static int for_blocks(block_function *f, const void *job, const struct sequence *q, int64_t scratch) {
    const double values = (double)q->N * q->T * q->U * q->gates;
    const int threads = cg_threads(values * (2 * q->U + 40), 16 * values);
    const int64_t rows = threads > 1 ? cg_max64(EVEN_ROWS, cg_min64(BLOCK_ROWS, q->N / (4 * threads))) : BLOCK_ROWS;
    const int64_t blocks = cg_min64(q->N, cg_ceil_div(cg_ceil_div(q->N, rows), threads) * threads), most = cg_ceil_div(q->N, blocks);
    const size_t bytes = (size_t)(blocks * most * scratch) * sizeof(float);
    float *memory = cg_alloc(bytes);
    if (!memory) return CG_ENOMEM;
    CG_PARALLEL_FOR(threads)
    for (int64_t i = 0; i < blocks; i++) {
        const int64_t n = q->N * i / blocks;
        f(job, n, q->N * (i + 1) / blocks - n, memory + i * most * scratch);
    }
    cg_free(memory, bytes);
    return CG_OK;
}

static void run_forward_block(const void *job, int64_t n, int64_t count, float *scratch) { forward_block(job, n, count, scratch); }

static int run_recurrence(struct recurrence *f) {
    struct sequence *q = &f->q;
    if (!q->N) return CG_OK;
    q->K = q->U;
    q->width = NR;
    q->panel_k = q->gates * q->U;
    size_t bytes = 0;
    if (q->N * q->T > FEW_STEPS) {
        if (q->N <= WIDE_ROWS) q->width = WIDE * VLEN;
        q->panel_k = q->width;
        bytes = packed_bytes(q, q->gates);
        if (!(q->packed = cg_alloc(bytes))) return CG_ENOMEM;
        pack_recurrent(q, 0);
    }
    const int status = for_blocks(run_forward_block, f, q, (5 + (q->kept ? q->gates : 0)) * scratch_row(q->U));
    cg_free(q->packed, bytes);
    return status;
}

/* ---- backward ---- */

/* A block's samples, and the gradients of its state, and of the recurrent product of a step, in scratch. */
struct state_gradients {
    int64_t n, count, row, wide;
    float *dh, *dc, *d; /* d[count, gates U] */
    float *part;        /* of dh, one gate's */
};

struct recurrence_backward {
    struct sequence q;
    float *dz, *dinner, *dh0, *dc0;
    const float *dy, *dh_n, *dc_n, *z, *states, *cells, *inner;
    int reset_after;
    void (*step)(const struct recurrence_backward *r, const struct state_gradients *b, int64_t t);
};

static void backward_block(const struct recurrence_backward *r, int64_t n, int64_t count, float *scratch) {
    const struct sequence *q = &r->q;
    const int64_t U = q->U, T = q->T, row = scratch_row(U), wide = scratch_row(q->gates * U), size = count * row;
    struct state_gradients b = {.n = n, .count = count, .row = row, .wide = wide, .dh = scratch, .dc = scratch + size, .part = scratch + 2 * size,
                                .d = scratch + 3 * size};
    int64_t first[BLOCK_ROWS];
    if (q->mask) first_steps(q, first, n, count);
    copy_state(b.dh, row, r->dh_n ? r->dh_n + n * U : NULL, U, count, U);
    copy_state(b.dc, row, r->dc_n ? r->dc_n + n * U : NULL, U, count, U);
    for (int64_t s = T - 1; s >= 0; s--) {
        const int64_t t = q->reverse ? T - 1 - s : s;
        for (int64_t i = 0; r->dy && (q->sequences || s == T - 1) && i < count; i++) {
            if (!live(q, n + i, t) && first[i] >= s) continue;
            const float *dy = r->dy + (q->sequences ? (n + i) * T + s : n + i) * U;
            for (int64_t j = 0; j < U; j += VLEN)
                vf_store_upto(b.dh + i * row + j, vf_load_upto(b.dh + i * row + j, U - j) + vf_load_upto(dy + j, U - j), U - j);
        }
        r->step(r, &b, t);
    }
    if (r->dh0) copy_state(r->dh0 + n * U, U, b.dh, row, count, U);
    if (r->dc0) copy_state(r->dc0 + n * U, U, b.dc, row, count, U);
}

static void run_backward_block(const void *job, int64_t n, int64_t count, float *scratch) { backward_block(job, n, count, scratch); }

static int run_recurrence_backward(struct recurrence_backward *r) {
    struct sequence *q = &r->q;
    if (!q->N) return CG_OK;
    q->K = q->gates * q->U;
    q->panel_k = q->width = q->N <= WIDE_ROWS ? WIDE * VLEN : NR;
    const size_t bytes = packed_bytes(q, 1);
    if (!(q->packed = cg_alloc(bytes))) return CG_ENOMEM;
    pack_recurrent(q, 1);
    const int status = for_blocks(run_backward_block, r, q, 3 * scratch_row(q->U) + scratch_row(q->K));
    cg_free(q->packed, bytes);
    return status;
}

/* dh[rows, U] += columns k0 .. k0 + K - 1 of d times the same rows of the transposed recurrent kernel; add = 0: dh is written */
static void add_product(const struct sequence *q, const struct state_gradients *b, float *dh, int64_t k0, int64_t K, int add) {
    for (int64_t j = 0; j < q->U; j += q->width)
        multiply_rows(dh + j, b->row, b->d + k0, b->wide, panel_of(q, 0, j) + k0 * q->width, q->width, b->count,
                      cg_min64(q->width, q->U - j), K, NULL, add);
}

/* The same for d's columns of some gates */
static void backward_product(const struct sequence *q, const struct state_gradients *b, float *dh, int64_t first, int64_t gates, int add) {
    if (!q->kept) {
        add_product(q, b, dh, first * q->U, gates * q->U, add);
        return;
    }
    for (int64_t g = first; g < first + gates; g++) {
        add_product(q, b, b->part, g * q->U, q->U, 0);
        multiply_kept(dh, b->part, kept_of(q, g, b->n), b->row, b->count, q->U, add || g > first);
    }
}

/* A masked step's part: the gradient of what the step would have computed is 0. */
static int clear_masked(const struct recurrence_backward *r, const struct state_gradients *b, int64_t i, int64_t t) {
    const struct sequence *q = &r->q;
    const int64_t all = q->gates * q->U;
    if (live(q, b->n + i, t)) return 0;
    copy_state(b->d + i * b->wide, 0, NULL, 0, 1, all);
    copy_state(r->dz + ((b->n + i) * q->T + t) * all, 0, NULL, 0, 1, all);
    if (r->dinner) copy_state(r->dinner + ((b->n + i) * q->T + t) * all, 0, NULL, 0, 1, all);
    return 1;
}

/* ---- h' = activation(z + h U) ---- */

static void simple_rnn_step(const struct recurrence *f, const struct states *b, int64_t t) {
    const struct sequence *q = &f->q;
    const int64_t U = q->U, z_row = q->T * U;
    float *z = f->z + (b->n * q->T + t) * U;
    for (int64_t j = 0; j < U; j += q->width) {
        const int64_t w = cg_min64(q->width, U - j);
        multiply_rows(z + j, z_row, state_of(b, 0), b->row, panel_of(q, 0, j), q->panel_k, b->count, w, U, NULL, 1);
        activate_rows(z + j, b->count, w, z_row, q->activation);
    }
    copy_state(b->next_h, b->row, z, z_row, b->count, U);
}

static void simple_rnn_step_backward(const struct recurrence_backward *r, const struct state_gradients *b, int64_t t) {
    const struct sequence *q = &r->q;
    const int64_t U = q->U;
    const int usual = q->activation == CG_TANH;
    for (int64_t i = 0; i < b->count; i++) {
        if (clear_masked(r, b, i, t)) continue;
        const int64_t at = ((b->n + i) * q->T + t) * U;
        for (int64_t j = 0; j < U; j += VLEN) {
            float *dh = b->dh + i * b->row + j;
            vf dz = STATE_BACKWARD(vf_load_upto(dh, U - j), vf_load_upto(r->z + at + j, U - j));
            vf_store_upto(b->d + i * b->wide + j, dz, U - j);
            vf_store_upto(r->dz + at + j, dz, U - j);
            vf_store_upto(dh, vf_set(0), U - j);
        }
    }
    backward_product(q, b, b->dh, 0, 1, 1);
}

static int CG_FN(simple_rnn_forward)(float *y, float *h_n, float *states, float *z, const float *recurrent_kernel, const float *h0,
                                     const float *kept, const uint8_t *mask, int64_t N, int64_t T, int64_t U, int activation, int reverse,
                                     int sequences, int zero_output) {
    struct recurrence f = {.q = sequence_of(recurrent_kernel, kept, mask, N, T, U, 1, activation, CG_SIGMOID, reverse, sequences, zero_output),
                        .y = y, .h_n = h_n, .states = states, .z = z, .h0 = h0, .step = simple_rnn_step};
    return run_recurrence(&f);
}

static int CG_FN(simple_rnn_backward)(float *dz, float *dh0, const float *dy, const float *dh_n, const float *z,
                                      const float *recurrent_kernel, const float *kept, const uint8_t *mask, int64_t N, int64_t T, int64_t U,
                                      int activation, int reverse, int sequences, int zero_output) {
    struct recurrence_backward r = {.q = sequence_of(recurrent_kernel, kept, mask, N, T, U, 1, activation, CG_SIGMOID, reverse, sequences, zero_output),
                         .dz = dz, .dh0 = dh0, .dy = dy, .dh_n = dh_n, .z = z, .step = simple_rnn_step_backward};
    return run_recurrence_backward(&r);
}
