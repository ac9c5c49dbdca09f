/* matmul.c: y[M,N] = activation(op(a) op(b) + bias), batches of products, and the register tile that conv2d.c runs on too.
 *
 * One order of summation for every shape, path and thread count: an element of y starts at its bias and adds the products for
 * k = 0, 1, 2 ... by fused multiply-adds. Splitting K stores and reloads that running sum, which changes no bit; so packing,
 * tiles, masks and partitions may follow speed alone, and a row's result does not depend on the other rows. (A y of one column
 * has an order of its own, which depends on no more than K and whether there is a bias.)
 *
 * The tile: m <= MR rows by nv <= NV vectors of y stay in registers; each step of k loads nv vectors of b and one number of each
 * row of a. a is read in place (a_row apart from row to row, a_k from k to k), so transposed and plain operands and the pixels of
 * an image all go without a copy. The tile hides what a second-level cache takes to answer; copies are for what it does not hide:
 *   b into [K][NR] panels (NR = NV * VLEN) where it is transposed or many rows meet it: one panel at a time, by the thread that needs it
 *   and just before, or all of b at once where several blocks of rows would pack it again. (For a few rows, a transposed b is turned in
 *   registers on its way to the sums.)
 *   a into [K][rows] panels where it is transposed and long, or its rows lie so that they push each other out of the first-level cache. */

enum {
    NR = NV * VLEN,
    NEAR_ROWS = 8,           /* so many have a register each for how far they lie from the first; more share them, by odd multiples */
    WIDE = 4, WIDE_ROWS = 2, /* so few rows get tiles of WIDE vectors, where b is read in place: two sums would wait for each other */
};

struct tile {
    float *y;               /* y[i * y_row + j] */
    int64_t y_row;
    const float *a;         /* a[segment[s] + i * a_row + k * a_k], k < K, s < segments */
    int64_t a_row, a_k;
    const int64_t *segment; /* where each run of K consecutive steps starts in a */
    int64_t segments, K;
    const float *b;         /* b[b_segment[s] + k * b_k + j]; b_segment NULL: b[(s * K + k) * b_k + j] */
    const int64_t *b_segment;
    int64_t b_k;
    int64_t ahead;          /* so far behind each row of b lies what is needed next: the next panel, where b is read in place; else 0 */
    const float *start;     /* bias[j]: the sum starts there; NULL: at 0. Ignored where the sum goes on in y. */
    int goes_on;            /* the sum goes on from what is in y */
    int relu;
    int64_t last;           /* columns in the last vector, 1 .. VLEN */
};

/* The address of p[i * stride], from the stride's odd multiples in bytes: an address may add a register times 1, 2, 4 or 8. */
CG_INLINE const float *at_multiple(const float *p, const int64_t *odd, const int i) {
    const int twos = __builtin_ctz((unsigned)i);
    return (const float *)((const char *)p + (odd[(i >> twos) / 2] << twos));
}

/* With m, nv, masked and dense constant after inlining, all loops over i and j unroll and sum lives in registers.
 * dense: rows of a are neighbours (packed or transposed a), which leaves one address register. */
CG_INLINE void tile_body(const struct tile *t, const int m, const int nv, const int masked, const int dense) {
    vf sum[MR][WIDE];
    const float *restrict b = t->b;
    const int far = !dense && m > NEAR_ROWS;
    int64_t odd[MR / 2]; /* a_row times 1, 3, 5 ..., in bytes */
    const int64_t a_row = dense ? 1 : t->a_row, a_k = t->a_k, b_k = t->b_k, K = t->K, ahead = t->ahead;
    CG_UNROLL
    for (int i = 0; i < m; i++) {
        CG_UNROLL
        for (int j = 0; j < nv; j++) {
            const float *from = t->goes_on ? t->y + i * t->y_row : t->start;
            if (!from) sum[i][j] = vf_set(0);
            else sum[i][j] = masked && j == nv - 1 ? vf_load_n(from + j * VLEN, t->last) : vf_load(from + j * VLEN);
        }
    }
    CG_UNROLL
    for (int i = 0; i < MR / 2; i++) odd[i] = (2 * i + 1) * a_row * (int64_t)sizeof(float);
    for (int64_t s = 0; s < t->segments; s++) {
        const float *restrict a = t->a + t->segment[s];
        if (t->b_segment) b = t->b + t->b_segment[s];
        for (int64_t k = 0; k < K; k++, a += a_k, b += b_k) {
            vf row[WIDE];
            if (m >= MR - 2 || m == MR / 2 || (m > MR / 3 && ahead)) { /* see ahead_of: b's way from memory is hidden */
                CG_UNROLL
                for (int j = 0; j < nv * VLEN; j += 16) __builtin_prefetch(b + ahead + j);
            }
            CG_UNROLL
            for (int j = 0; j < nv; j++)
                row[j] = vf_register(masked && j == nv - 1 ? vf_load_n(b + j * VLEN, t->last) : vf_load(b + j * VLEN));
            CG_UNROLL
            for (int i = 0; i < MR / 2; i++) odd[i] = offset_register(odd[i]);
            CG_UNROLL
            for (int i = 0; i < m; i++) {
                vf x = vf_set(far && i ? *at_multiple(a, odd, i) : a[i * a_row]);
                CG_UNROLL
                for (int j = 0; j < nv; j++) sum[i][j] = vf_fma(x, row[j], sum[i][j]);
            }
        }
    }
    CG_UNROLL
    for (int i = 0; i < m; i++) {
        CG_UNROLL
        for (int j = 0; j < nv; j++) {
            vf v = t->relu ? vf_max(vf_set(0), sum[i][j]) : sum[i][j];
            float *to = t->y + i * t->y_row + j * VLEN;
            if (masked && j == nv - 1) vf_store_n(to, v, t->last);
            else vf_store(to, v);
        }
    }
}

/* One function for each m, nv, masked, dense: TILE(m, nv) makes the four of a size. */
#define TILE(m, nv)                                                                                                       \
    static void tile_##m##_##nv##_00(const struct tile *t) { tile_body(t, m, nv, 0, 0); }                                 \
    static void tile_##m##_##nv##_01(const struct tile *t) { tile_body(t, m, nv, 0, 1); }                                 \
    static void tile_##m##_##nv##_10(const struct tile *t) { tile_body(t, m, nv, 1, 0); }                                 \
    static void tile_##m##_##nv##_11(const struct tile *t) { tile_body(t, m, nv, 1, 1); }
#define TILE_NAMES(m, nv) {{tile_##m##_##nv##_00, tile_##m##_##nv##_01}, {tile_##m##_##nv##_10, tile_##m##_##nv##_11}}
#if NV == 3
#define TILES(m) TILE(m, 1) TILE(m, 2) TILE(m, 3)
#define TILES_NAMES(m) {TILE_NAMES(m, 1), TILE_NAMES(m, 2), TILE_NAMES(m, 3)}
#else
#define TILES(m) TILE(m, 1) TILE(m, 2)
#define TILES_NAMES(m) {TILE_NAMES(m, 1), TILE_NAMES(m, 2)}
#endif

TILES(1) TILES(2) TILES(3) TILES(4)
#if MR > 4
TILES(5) TILES(6)
#endif
#if MR > 6
TILES(7) TILES(8)
#endif
#if MR > 8
TILES(9) TILES(10) TILES(11) TILES(12) TILES(13) TILES(14)
#endif
TILE(1, 4) TILE(2, 4)

typedef void (*tile_function)(const struct tile *);
static const tile_function tiles[MR][NV][2][2] = {
    TILES_NAMES(1), TILES_NAMES(2), TILES_NAMES(3), TILES_NAMES(4),
#if MR > 4
    TILES_NAMES(5), TILES_NAMES(6),
#endif
#if MR > 6
    TILES_NAMES(7), TILES_NAMES(8),
#endif
#if MR > 8
    TILES_NAMES(9), TILES_NAMES(10), TILES_NAMES(11), TILES_NAMES(12), TILES_NAMES(13), TILES_NAMES(14),
#endif
};
static const tile_function wide_tiles[WIDE_ROWS][2][2] = {TILE_NAMES(1, 4), TILE_NAMES(2, 4)};

/* Runs the tile of m rows and n columns: n <= NR, or, for m <= WIDE_ROWS, up to WIDE whole vectors or a part of the last. */
static inline void run_tile(struct tile *t, int64_t m, int64_t n) {
    int64_t nv = (n + VLEN - 1) / VLEN;
    t->last = n - (nv - 1) * VLEN;
    int masked = t->last != VLEN, dense = t->a_row == 1;
    if (nv <= NV) tiles[m - 1][nv - 1][masked][dense](t);
    else wide_tiles[m - 1][masked][dense](t);
}

/* Rows in each of the fewest tiles of at most `most` that cover n: as equal as can be, so that none is left nearly empty. */
static inline int64_t even_rows_of(int64_t n, int64_t most) { return n ? cg_ceil_div(n, cg_ceil_div(n, most)) : most; }
static inline int64_t even_rows(int64_t n) { return even_rows_of(n, MR); }

/* column[q][k] = columns 4 q + k of VLEN rows of b, quads * 4 of them */
CG_INLINE void load_columns(vf column[VLEN / 4][4], const float *b, int64_t b_row, const int quads) {
    const float *block[VLEN / 4];
    CG_UNROLL
    for (int q = 0; q < VLEN / 4; q++) block[q] = pointer_register(b + 4 * q * b_row);
    CG_UNROLL
    for (int r = 0; r < 4; r++) {
        if (quads == VLEN / 4) {
            vf rows[VLEN / 4];
            CG_UNROLL
            for (int q = 0; q < quads; q++) rows[q] = vf_load(block[q] + r * b_row);
            vf_transpose_blocks(rows);
            CG_UNROLL
            for (int q = 0; q < quads; q++) column[q][r] = rows[q];
        } else {
            CG_UNROLL
            for (int q = 0; q < quads; q++) column[q][r] = vf_load_quads(b + r * b_row + 4 * q, 4 * b_row);
        }
    }
    CG_UNROLL
    for (int q = 0; q < quads; q++) vf_transpose_quads(column[q]);
}

/* to[c * to_row + r] = from[r * from_row + c] for r < rows, c < columns: four by four in registers, the last ones over their neighbours again */
static void copy_transposed_edge(float *restrict to, int64_t to_row, const float *restrict from, int64_t from_row, int64_t rows, int64_t columns) {
    typedef float v4 __attribute__((vector_size(16), aligned(4), may_alias));
    if (rows < 4 || columns < 4) {
        for (int64_t c = 0; c < columns; c++)
            for (int64_t r = 0; r < rows; r++) to[c * to_row + r] = from[r * from_row + c];
        return;
    }
    for (int64_t j = 0; j < columns; j += 4) {
        for (int64_t i = 0; i < rows; i += 4) {
            const int64_t r = cg_min64(i, rows - 4), c = cg_min64(j, columns - 4);
            const float *f = from + r * from_row + c;
            float *t = to + c * to_row + r;
            v4 a = *(const v4 *)f, b = *(const v4 *)(f + from_row), d = *(const v4 *)(f + 2 * from_row), e = *(const v4 *)(f + 3 * from_row);
            v4 ab = __builtin_shufflevector(a, b, 0, 4, 1, 5), de = __builtin_shufflevector(d, e, 0, 4, 1, 5);
            *(v4 *)t = __builtin_shufflevector(ab, de, 0, 1, 4, 5);
            *(v4 *)(t + to_row) = __builtin_shufflevector(ab, de, 2, 3, 6, 7);
            ab = __builtin_shufflevector(a, b, 2, 6, 3, 7), de = __builtin_shufflevector(d, e, 2, 6, 3, 7);
            *(v4 *)(t + 2 * to_row) = __builtin_shufflevector(ab, de, 0, 1, 4, 5);
            *(v4 *)(t + 3 * to_row) = __builtin_shufflevector(ab, de, 2, 3, 6, 7);
        }
    }
}

/* The same: blocks of VLEN by VLEN, then what is left of rows and columns */
static void copy_transposed(float *restrict to, int64_t to_row, const float *restrict from, int64_t from_row, int64_t rows, int64_t columns) {
    const int64_t whole_rows = rows / VLEN * VLEN, whole_columns = columns / VLEN * VLEN;
    for (int64_t r = 0; r < whole_rows; r += VLEN) {
        for (int64_t c = 0; c < whole_columns; c += VLEN) {
            vf column[VLEN / 4][4];
            load_columns(column, from + r * from_row + c, from_row, VLEN / 4);
            CG_UNROLL
            for (int k = 0; k < VLEN; k++) vf_store(to + (c + k) * to_row + r, column[k / 4][k % 4]);
        }
    }
    if (whole_columns < columns)
        copy_transposed_edge(to + whole_columns * to_row, to_row, from + whole_columns, from_row, whole_rows, columns - whole_columns);
    if (whole_rows < rows) copy_transposed_edge(to + whole_rows, to_row, from + whole_rows * from_row, from_row, rows - whole_rows, columns);
}

/* b's columns j .. j+n-1 (n <= NR) for k < K into [K][NR]; what is beyond n is never read. Element (k, j) is at b[k * b_k + j * b_j]; one
 * of the two strides is 1. */
static void pack_b(float *restrict to, const float *restrict b, int64_t b_k, int64_t b_j, int64_t K, int64_t n) {
    if (b_j != 1) {
        copy_transposed(to, NR, b, b_j, n, K);
    } else {
        for (int64_t k = 0; k < K; k++, to += NR, b += b_k)
            for (int64_t j = 0; j < n; j += VLEN) vf_store(to + j, vf_load_upto(b + j, n - j));
    }
}

/* From one panel [K][rows] of a to the next: a line more, which a vector beyond the last row may write to, and without which all panels of 512 steps
 * would lie in one set of the first-level cache. */
static inline int64_t panel_pitch(int64_t rows, int64_t K) { return rows * K + 16; }

/* a's M rows for k < K into such panels. Element (i, k) is at a[i * a_row + k * a_k]; one of the two strides is 1. */
static void pack_a(float *restrict to, int64_t rows, const float *restrict a, int64_t a_row, int64_t a_k, int64_t K, int64_t M) {
    const int64_t pitch = panel_pitch(rows, K);
    if (a_row != 1) {
        for (int64_t i = 0; i < M; i += rows, to += pitch) copy_transposed(to, rows, a + i * a_row, a_row, cg_min64(rows, M - i), K);
        return;
    }
    for (int64_t k = 0; k < K; k++, a += a_k, to += rows) { /* all panels at once: a line of a holds rows of several */
        float *panel = to;
        for (int64_t i = 0; i < M; i += rows, panel += pitch) {
            __builtin_prefetch(a + 8 * a_k + i);
            for (int64_t j = i; j < cg_min64(i + rows, M); j += VLEN) vf_store(panel + j - i, vf_load_upto(a + j, M - j));
        }
    }
}

/* ---- one product ---- */

enum {
    STEPS = 512, SHARED_STEPS = 1024, /* most k steps at a time, where b is read in place or packed panel by panel; where it is packed as a whole */
    FEW_ROWS_STEPS = 8,               /* for so few rows that b is read once, row by row as it lies: as many streams as are prefetched */
    BLOCK_OF_A = 98304,               /* numbers of a that tiles come back to for each panel of b: most of a second-level cache */
    FIRST_LEVEL = 8192, SECOND_LEVEL = 65536, /* numbers of b: what the first-level cache holds; more than stay in the second-level one beside a */
    FAR = 1 << 20, HUGE = 4 << 20,    /* more than second-level caches hold, and more than any */
    SHORT = 128, LARGE_Y = 3 << 18,           /* sums so short, for a y that is in no second-level cache: memory is the limit */
    IN_PLACE_ROWS = 12,               /* a tile of so many rows takes long over a row of b, and needs no copy of a b that is not transposed */
    /* For more blocks of rows and numbers of b, b is packed as a whole: else each block would pack it, or read it in place from beyond the
     * second-level cache. */
    MANY_BLOCKS = MR < IN_PLACE_ROWS ? 2 : 4, LARGE = MR < IN_PLACE_ROWS ? 200000 : 300000,
    SHARED = 4 << 20,                 /* numbers of b that are packed at a time */
    TURNED_ROWS = 4,                  /* for so few rows, a transposed b is turned in registers */
    SHORT_SUM = 4, SHORT_ROWS = 4,     /* so few steps go by rows, four at a time */
    CHAINS = 2,                       /* vectors of such a row at a time */
    COLUMN_STEPS = 2 * LANES,         /* fewer do not earn the adding of lanes */
    COLUMN_ROWS = 4,                  /* of a, side by side: as many chains as hide what an addition takes, no more streams than are prefetched */
};

/* Where a b of so many numbers is read in place: the tiles of many rows, which have time for it, always ask for the next panel; those of
 * fewer rows where b comes from memory (8 by 2048 by 1000 1810 to 860 us), for where it does not, asking costs 8 rows 5 %. */
static inline int64_t ahead_of(int64_t rows, int64_t numbers) { return rows >= MR - 2 || rows == MR / 2 || numbers > FAR ? NR : 0; }

/* y, a and b as the kernel gets them, with strides instead of transpositions. */
struct product {
    float *y;
    const float *a, *b, *bias;
    int64_t M, N, K, a_row, a_k, b_k, b_j;
    int activation;
    const struct epilogue *epilogue; /* NULL: none; not for a transposed b */
    int64_t steps;              /* of k at a time */
    float *packed_b;            /* b's columns first .. first + width - 1: panels for a block of steps, then those for the next; or NULL */
    int64_t first, width;
};

static inline float *shared_panel(const struct product *p, int64_t j, int64_t k0, int64_t kc) {
    return p->packed_b + k0 * p->width + (j - p->first) * kc;
}

/* Asks for part i of parts of a panel of b that comes next: n columns, kc steps. */
static inline void prefetch_b(const struct product *p, const float *b, int64_t kc, int64_t n, int64_t i, int64_t parts) {
    const int64_t rows = p->b_j == 1 ? kc : n, length = p->b_j == 1 ? n : kc, row = p->b_j == 1 ? p->b_k : p->b_j;
    for (int64_t r = rows * i / parts; r < rows * (i + 1) / parts; r++)
        for (int64_t c = 0; c < length; c += 16) __builtin_prefetch(b + r * row + c);
}

/* sum += a b for 4 quads steps of k: m rows by VLEN columns, b transposed */
CG_INLINE void add_transposed(vf *sum, const float *a, int64_t a_row, const float *b, int64_t b_row, const int m, const int quads) {
    vf column[VLEN / 4][4];
    load_columns(column, b, b_row, quads);
    CG_UNROLL
    for (int k = 0; k < 4 * quads; k++) {
        CG_UNROLL
        for (int i = 0; i < m; i++) sum[i] = vf_fma(vf_set(a[i * a_row + k]), column[k / 4][k % 4], sum[i]);
    }
}

/* y[m,VLEN c] = start + a[m,K] b^T, a transposed b[VLEN c,K] turned in registers instead of copied; c vectors of it side by side */
CG_INLINE void few_rows(float *y, int64_t y_row, const float *a, int64_t a_row, const float *b, int64_t b_row, const float *start, int64_t K,
                        const int m, const int c) {
    int64_t k = 0;
    vf sum[CHAINS][TURNED_ROWS], last = vf_set(0);
    CG_UNROLL
    for (int j = 0; j < c; j++) {
        CG_UNROLL
        for (int i = 0; i < m; i++) sum[j][i] = start ? vf_load(start + j * VLEN) : vf_set(0);
    }
    for (; k + VLEN <= K; k += VLEN) {
        CG_UNROLL
        for (int j = 0; j < c; j++)
            add_transposed(sum[j], pointer_register(a + k), a_row, b + j * VLEN * b_row + k, b_row, m, VLEN / 4);
    }
    for (; k + 4 <= K; k += 4) {
        CG_UNROLL
        for (int j = 0; j < c; j++) add_transposed(sum[j], a + k, a_row, b + j * VLEN * b_row + k, b_row, m, 1);
    }
    for (; k < K; k++) {
        CG_UNROLL
        for (int j = 0; j < c; j++) {
            for (int r = 0; r < VLEN; r++) last[r] = b[(j * VLEN + r) * b_row + k];
            CG_UNROLL
            for (int i = 0; i < m; i++) sum[j][i] = vf_fma(vf_set(a[i * a_row + k]), last, sum[j][i]);
        }
    }
    CG_UNROLL
    for (int j = 0; j < c; j++) {
        CG_UNROLL
        for (int i = 0; i < m; i++) vf_store(y + i * y_row + j * VLEN, sum[j][i]);
    }
}
#define FEW_ROWS(name, m, c)                                                                                                        \
    static __attribute__((noinline)) void name(float *y, int64_t y_row, const float *a, int64_t a_row, const float *b, int64_t b_row, \
                                               const float *start, int64_t K) {                                                     \
        few_rows(y, y_row, a, a_row, b, b_row, start, K, m, c);                                                                     \
    }
FEW_ROWS(one_row_of_two, 1, 2)
FEW_ROWS(one_row, 1, 1)
FEW_ROWS(two_rows, 2, 1)
FEW_ROWS(three_rows, 3, 1)
FEW_ROWS(four_rows, 4, 1)

/* m rows of y, which begin at y and at a[m,K], with a transposed b; columns j .. n1-1 as far as they fill vectors; returns the first that is
 * left. */
static int64_t turned_rows(const struct product *p, float *y, const float *a, int64_t a_row, int64_t j, int64_t n1, int64_t m) {
    static void (*const rows[])(float *, int64_t, const float *, int64_t, const float *, int64_t, const float *, int64_t) = {
        one_row, two_rows, three_rows, four_rows};
    /* A single chain of sums waits for itself; but rows that collide push each other out of the first-level cache, the more the worse. */
    const int side_by_side = m == 1 && p->b_j % (8192 / VLEN) != 0;
    for (int64_t n = VLEN; j + VLEN <= n1; j += n) {
        const float *b = p->b + j * p->b_j, *start = p->bias ? p->bias + j : NULL;
        n = side_by_side && j + CHAINS * VLEN <= n1 ? CHAINS * VLEN : VLEN;
        (n == VLEN ? rows[m - 1] : one_row_of_two)(y + j, p->N, a, a_row, b, p->b_j, start, p->K);
    }
    return j;
}

/* Asks for a tile of y, or of what is added to it: that takes about as long as short sums. */
CG_INLINE void ask_for(const float *y, int64_t rows, int64_t columns, int64_t stride, const int to_write) {
    for (int64_t i = 0; i < rows; i++)
        for (int64_t j = 0; j < columns; j += 16) {
            if (to_write) __builtin_prefetch(y + i * stride + j, 1); /* its argument must be written as a constant */
            else __builtin_prefetch(y + i * stride + j);
        }
}

/* m rows by a vector of columns of y, of which n are there (whole: all of them), for a[m,K] in registers. */
CG_INLINE void short_step(const struct product *p, float *y, const float *b, const float *start, vf x[SHORT_ROWS][SHORT_SUM], int64_t n,
                          const int m, const int K, const int whole) {
    vf sum[SHORT_ROWS];
    const vf first = !start ? vf_set(0) : whole ? vf_load(start) : vf_load_upto(start, n);
    CG_UNROLL
    for (int i = 0; i < m; i++) sum[i] = first;
    CG_UNROLL
    for (int k = 0; k < K; k++) {
        const vf row = whole ? vf_load(b + k * p->b_k) : vf_load_upto(b + k * p->b_k, n);
        CG_UNROLL
        for (int i = 0; i < m; i++) sum[i] = vf_fma(x[i][k], row, sum[i]);
    }
    if (p->activation == CG_RELU) {
        CG_UNROLL
        for (int i = 0; i < m; i++) sum[i] = vf_max(vf_set(0), sum[i]);
    }
    CG_UNROLL
    for (int i = 0; i < m; i++) {
        if (whole) vf_store(y + i * p->N, sum[i]);
        else vf_store_upto(y + i * p->N, sum[i], n);
    }
}
/* m rows by columns j .. n1-1 of y where a[m,K] stays in registers and y is written row by row: for so few steps, a tile would come and go
 * before it has earned its call. */
CG_INLINE void short_sums(const struct product *p, float *y, const float *a, int64_t j, int64_t n1, const int m, const int K) {
    vf x[SHORT_ROWS][SHORT_SUM];
    CG_UNROLL
    for (int i = 0; i < m; i++) {
        CG_UNROLL
        for (int k = 0; k < K; k++) x[i][k] = vf_set(a[i * p->a_row + k * p->a_k]);
    }
    for (; j + VLEN <= n1; j += VLEN) short_step(p, y + j, p->b + j, p->bias ? p->bias + j : NULL, x, VLEN, m, K, 1);
    if (j < n1) short_step(p, y + j, p->b + j, p->bias ? p->bias + j : NULL, x, n1 - j, m, K, 0);
}
#define SHORT_SUMS_OF(K)                                                                                                                       \
    static void short_sums_##K(const struct product *p, float *y, const float *a, int64_t j, int64_t n1, int64_t rows) {                       \
        int64_t i = 0;                                                                                                                        \
        for (; i + SHORT_ROWS <= rows; i += SHORT_ROWS) short_sums(p, y + i * p->N, a + i * p->a_row, j, n1, SHORT_ROWS, K);                      \
        for (; i < rows; i++) short_sums(p, y + i * p->N, a + i * p->a_row, j, n1, 1, K);                                                      \
    }
SHORT_SUMS_OF(1) SHORT_SUMS_OF(2) SHORT_SUMS_OF(3) SHORT_SUMS_OF(4)

/* ---- one column: its sums run on sixteen lanes, which are added in the end in the order of lanes_sum ---- */

/* For numbers of one order a's rows would be turned, at half the speed of reading them. With a bias there is no such way (below, in matmul). */
static inline int is_column(const struct product *p) { return p->N == 1 && p->a_k == 1 && (p->K >= COLUMN_STEPS || p->bias); }

/* lane[i] = the lanes of sum_k a[i,k] b[k], for m rows */
CG_INLINE void column_lanes(float lane[][LANES], const float *a, int64_t a_row, const float *b, int64_t K, const int m) {
    lanes sum[COLUMN_ROWS];
    int64_t k = 0;
    CG_UNROLL
    for (int i = 0; i < m; i++) sum[i] = lanes_set(0);
    for (; k + LANES <= K; k += LANES) {
        const lanes x = lanes_load_upto(b + k, LANES, 0);
        CG_UNROLL
        for (int i = 0; i < m; i++) sum[i] = lanes_fma(lanes_load_upto(a + i * a_row + k, LANES, 0), x, sum[i]);
    }
    if (k < K) {
        const lanes x = lanes_load_upto(b + k, K - k, 0);
        CG_UNROLL
        for (int i = 0; i < m; i++) sum[i] = lanes_fma(lanes_load_upto(a + i * a_row + k, K - k, 0), x, sum[i]);
    }
    CG_UNROLL
    for (int i = 0; i < m; i++) lanes_store_upto(lane[i], sum[i], LANES);
}

/* Rows m0 .. m1-1 of a y with one column */
static void column_part(const struct product *p, int64_t m0, int64_t m1) {
    float lane[VLEN][LANES] __attribute__((aligned(64)));
    const vf start = vf_set(p->bias ? *p->bias : 0);
    for (int64_t i = m0, n; i < m1; i += n) {
        const float *a = p->a + i * p->a_row;
        int64_t r = 0;
        n = cg_min64(VLEN, m1 - i);
        for (; r + COLUMN_ROWS <= n; r += COLUMN_ROWS) column_lanes(lane + r, a + r * p->a_row, p->a_row, p->b, p->K, COLUMN_ROWS);
        for (; r < n; r++) column_lanes(lane + r, a + r * p->a_row, p->a_row, p->b, p->K, 1);
        vf sum[LANES / 4][4];
        for (int c = 0; c < LANES; c += VLEN) load_columns(sum + c / 4, lane[0] + c, LANES, VLEN / 4);
        CG_UNROLL
        for (int w = LANES / 2; w; w /= 2) {
            CG_UNROLL
            for (int k = 0; k < w; k++) sum[k / 4][k % 4] += sum[(k + w) / 4][(k + w) % 4];
        }
        vf_store_upto(p->y + i, sum[0][0] + start, n);
    }
    activate_rows(p->y + m0, 1, m1 - m0, m1 - m0, p->activation);
    finish_rows(p->epilogue, p->y + m0, m1 - m0, 1, 1, 0);
}

/* Rows m0 .. m1-1 and columns n0 .. n1-1 of y, on the calling thread. */
static void product_part(const struct product *p, int64_t m0, int64_t m1, int64_t n0, int64_t n1) {
    static const int64_t at_start[1] = {0};
    float panel[STEPS * NR] __attribute__((aligned(64)));
    const int64_t M = m1 - m0;
    if (is_column(p)) {
        column_part(p, m0, m1);
        return;
    }
    if (p->K > 0 && p->K <= SHORT_SUM && p->b_j == 1 && !p->packed_b && !p->epilogue) {
        static void (*const steps[])(const struct product *, float *, const float *, int64_t, int64_t, int64_t) = {
            short_sums_1, short_sums_2, short_sums_3, short_sums_4};
        float *y = p->y + m0 * p->N;
        steps[p->K - 1](p, y, p->a + m0 * p->a_row, n0, n1, M);
        if (p->activation != CG_RELU) activate_rows(y + n0, M, n1 - n0, p->N, p->activation);
        return;
    }
    if (M <= TURNED_ROWS && p->b_j != 1 && !p->packed_b && (p->a_k == 1 || M * p->K <= STEPS * NR)) {
        float *y = p->y + m0 * p->N;
        const float *a = p->a + m0 * p->a_row;
        const int64_t from = n0;
        if (p->a_k == 1) n0 = turned_rows(p, y, a, p->a_row, n0, n1, M);
        else {
            copy_transposed(panel, p->K, a, p->a_k, p->K, M);
            n0 = turned_rows(p, y, panel, p->K, n0, n1, M);
        }
        activate_rows(y + from, M, n0 - from, p->N, p->activation);
        if (n0 == n1) return;
    }
    /* Rows a multiple of 4 KiB apart fall into one set of the first-level cache, which has eight places or more. */
    const int collide = p->a_row % 1024 == 0;
    const int pack = n1 - n0 > 4 * NR && (p->a_row == 1 ? M > MR && p->a_k > 4 * NR : collide && MR > 7 && M > 7);
    const size_t a_bytes = pack ? (size_t)(cg_ceil_div(M, even_rows(M)) * panel_pitch(even_rows(M), p->steps)) * sizeof(float) : 0;
    float *packed_a = pack ? cg_alloc(a_bytes) : NULL; /* where there is no memory, a is read in place after all */
    const int64_t rows = even_rows_of(M, collide && !packed_a ? cg_min64(7, MR) : MR), tiles = cg_ceil_div(M, rows);
    const int in_place = !p->packed_b && p->b_j == 1 && (MR >= IN_PLACE_ROWS || M < 128 || p->b_k <= 2 * NR);
    const int prefetch = !in_place && !p->packed_b && M > WIDE_ROWS && p->K * p->N > SECOND_LEVEL;
    const int64_t stay = in_place && p->K * p->N <= (p->M * p->N < LARGE_Y ? FIRST_LEVEL : SECOND_LEVEL) ? rows : M; /* first, so that y is written in order */
    const int ask = p->K <= SHORT && p->M * p->N >= LARGE_Y;
    int64_t k0 = 0;
    do { /* once even where K is 0 */
        const int64_t kc = cg_min64(p->steps, p->K - k0);
        const int finished = k0 + kc == p->K;
        struct tile t = {.y_row = p->N, .a_row = packed_a ? 1 : p->a_row, .a_k = packed_a ? rows : p->a_k, .segment = at_start,
                         .segments = 1, .K = kc, .b_k = in_place ? p->b_k : NR, .goes_on = k0 > 0,
                         .ahead = in_place ? ahead_of(rows, p->K * p->N) : 0, .relu = finished && p->activation == CG_RELU};
        if (packed_a) pack_a(packed_a, rows, p->a + m0 * p->a_row + k0 * p->a_k, p->a_row, p->a_k, kc, M);
        for (int64_t i0 = 0; i0 < M; i0 += stay) {
            const int64_t i1 = cg_min64(i0 + stay, M);
            for (int64_t j = n0, n; j < n1; j += n) {
                const float *b = p->b + k0 * p->b_k + j * p->b_j;
                const int wide = in_place && M <= WIDE_ROWS && n1 - j > (WIDE - 1) * VLEN;
                n = cg_min64(wide ? WIDE * VLEN : NR, n1 - j);
                t.b = in_place ? b : p->packed_b ? shared_panel(p, j, k0, kc) : panel;
                t.start = p->bias ? p->bias + j : NULL;
                if (t.b == panel) pack_b(panel, b, p->b_k, p->b_j, kc, n);
                for (int64_t i = i0; i < i1; i += rows) {
                    const int64_t m = cg_min64(rows, M - i);
                    t.a = packed_a ? packed_a + i / rows * panel_pitch(rows, kc) : p->a + (m0 + i) * p->a_row + k0 * p->a_k;
                    t.y = p->y + (m0 + i) * p->N + j;
                    if (prefetch && j + n < n1) prefetch_b(p, b + n * p->b_j, kc, cg_min64(n, n1 - j - n), i / rows, tiles);
                    if (ask) ask_for(t.y, m, n, p->N, 1);
                    if (ask && p->epilogue && p->epilogue->residual) ask_for(p->epilogue->residual + (t.y - p->y), m, n, p->N, 0);
                    run_tile(&t, m, n);
                    if (finished && !t.relu) activate_rows(t.y, m, n, p->N, p->activation);
                    if (finished) finish_rows(p->epilogue, t.y, m, n, p->N, j);
                }
            }
        }
        k0 += kc;
    } while (k0 < p->K);
    cg_free(packed_a, a_bytes);
}

/* ---- a batch of them, by all threads ---- */

/* Products i = 0 .. count-1, whose a and b lie where the indices of i in shape say; their y follow one another. */
struct batch {
    int64_t count, rank;
    cg_dims shape, strides_a, strides_b;
};

static struct product product_of(const struct batch *batch, struct product p, int64_t i) {
    p.y += i * p.M * p.N;
    for (int64_t axis = batch->rank; axis-- > 0; i /= batch->shape[axis]) {
        p.a += i % batch->shape[axis] * batch->strides_a[axis];
        p.b += i % batch->shape[axis] * batch->strides_b[axis];
    }
    return p;
}

/* Columns n0 .. n1-1 of every product: a task is a block of rows by a group of panels of one of them. */
static void multiply_columns(const struct batch *batch, const struct product *p, int64_t n0, int64_t n1, int64_t blocks, int threads) {
    const int64_t panels = cg_ceil_div(n1 - n0, NR);
    int64_t groups = 1;
    if (threads > 1) { /* several tasks for each thread where they remain worth a call, or else would not come out even */
        if (blocks > 1) blocks = cg_min64(p->M, cg_ceil_div(blocks, threads) * threads); /* as many for each */
        const int several = 2.0 * p->M * p->K * (n1 - n0) * batch->count > 2e7 * threads || (batch->count > 1 && batch->count % threads);
        const int64_t wanted = cg_ceil_div((several ? 4 : 1) * threads, batch->count * blocks);
        /* With a small b, writing y is the work: whole rows for each thread, for prefetchers run on into what another one writes. */
        const int by_rows = p->M > 8 * p->N || (p->K * p->N <= FIRST_LEVEL && p->M >= 64 * threads);
        if (panels < threads || by_rows) blocks = cg_min64(p->M, blocks * wanted);
        else groups = cg_min64(panels, wanted);
    }
    const int64_t parts = blocks * groups;
#pragma omp parallel for schedule(dynamic) num_threads(threads) if (threads > 1)
    for (int64_t task = 0; task < batch->count * parts; task++) {
        const struct product one = product_of(batch, *p, task / parts);
        const int64_t i = task % blocks, j = task % parts / blocks;
        product_part(&one, p->M * i / blocks, p->M * (i + 1) / blocks, n0 + panels * j / groups * NR,
                     cg_min64(n0 + panels * (j + 1) / groups * NR, n1));
    }
}

/* Packs b as a whole, or as many columns as SHARED allows at a time, before its blocks of rows are computed. */
static int multiply_packed(struct product p, int64_t blocks, int threads) {
    static const struct batch one = {.count = 1};
    const int64_t width = NR * cg_max64(1, cg_min64(cg_ceil_div(p.N, NR), SHARED / (NR * p.K))), runs = cg_ceil_div(p.K, p.steps);
    const size_t bytes = (size_t)(width * p.K) * sizeof(float);
    if (!(p.packed_b = cg_alloc(bytes))) return CG_ENOMEM;
    p.width = width;
    for (int64_t n0 = 0; n0 < p.N; n0 += width) {
        const int64_t n1 = cg_min64(n0 + width, p.N);
        p.first = n0;
#pragma omp parallel for schedule(dynamic) num_threads(threads) if (threads > 1)
        for (int64_t i = 0; i < cg_ceil_div(n1 - n0, NR) * runs; i++) {
            const int64_t j = n0 + i / runs * NR, k0 = i % runs * p.steps, kc = cg_min64(p.steps, p.K - k0);
            pack_b(shared_panel(&p, j, k0, kc), p.b + k0 * p.b_k + j * p.b_j, p.b_k, p.b_j, kc, cg_min64(NR, n1 - j));
        }
        multiply_columns(&one, &p, n0, n1, blocks, threads);
    }
    cg_free(p.packed_b, bytes);
    return CG_OK;
}

/* K in runs of at most so many steps, equally long but for their cache lines. */
static int64_t even_steps(int64_t K, int64_t most) { return K > most ? (cg_ceil_div(K, cg_ceil_div(K, most)) + 15) & ~(int64_t)15 : cg_max64(1, K); }

static int multiply(const struct batch *batch, struct product *p) {
    const double count = (double)batch->count;
    if (p->M == 0 || p->N == 0 || batch->count == 0) return CG_OK;
    const int threads = cg_threads(2 * count * p->M * p->N * p->K, 4 * count * (p->M * p->K + p->K * p->N + p->M * p->N));
    const int64_t steps = even_steps(p->K, SHARED_STEPS);
    int64_t blocks = cg_ceil_div(p->M, cg_max64(MR, BLOCK_OF_A / steps));
    if (blocks > MANY_BLOCKS && p->K * p->N > LARGE && (p->b_j != 1 || p->b_k > 2 * NR)) {
        int status = CG_OK;
        p->steps = steps;
        for (int64_t i = 0; i < batch->count && !status; i++) status = multiply_packed(product_of(batch, *p, i), blocks, threads);
        return status;
    }
    /* Where rows of b collide, so do the lines of a panel in the second-level cache, and one that is asked for ahead pushes itself out. */
    const int sweep = (p->M <= WIDE_ROWS && p->K * p->N > SECOND_LEVEL) || (p->M <= 8 && p->b_k % 1024 == 0 && p->K * p->N > HUGE);
    p->steps = even_steps(p->K, sweep && p->b_j == 1 ? FEW_ROWS_STEPS : STEPS);
    blocks = cg_ceil_div(p->M, cg_max64(MR, BLOCK_OF_A / p->steps));
    /* A small product is not worth entering OpenMP for. */
    if (threads == 1 && batch->count * blocks == 1) product_part(p, 0, p->M, 0, p->N);
    else multiply_columns(batch, p, 0, p->N, blocks, threads);
    return CG_OK;
}

static int CG_FN(matmul)(float *y, const float *a, const float *b, const float *bias, int64_t M, int64_t N, int64_t K,
                         int transpose_a, int transpose_b, int activation) {
    static const struct batch one = {.count = 1};
    if (N == 1 && M > 1 && !bias && (transpose_a || K < COLUMN_STEPS)) /* a column is a row in memory: y^T = b^T a^T fills vectors */
        return CG_FN(matmul)(y, b, a, NULL, 1, M, K, 0, !transpose_a, activation);
    struct product p = {.y = y, .a = a, .b = b, .bias = bias, .M = M, .N = N, .K = K, .activation = activation,
                        .a_row = transpose_a ? 1 : K, .a_k = transpose_a ? M : 1, .b_k = transpose_b ? 1 : N, .b_j = transpose_b ? K : 1};
    return multiply(&one, &p);
}

/* y[M,N] = activation(a b + bias), and what follows */
static int multiply_plain(float *y, const float *a, const float *b, const float *bias, int64_t M, int64_t N, int64_t K, int activation,
                          const struct epilogue *epilogue) {
    static const struct batch one = {.count = 1};
    struct product p = {.y = y, .a = a, .b = b, .bias = bias, .M = M, .N = N, .K = K, .activation = activation, .epilogue = epilogue,
                        .a_row = K, .a_k = 1, .b_k = N, .b_j = 1};
    return epilogue ? multiply(&one, &p) : CG_FN(matmul)(y, a, b, bias, M, N, K, 0, 0, activation);
}

static int CG_FN(batched_matmul)(float *y, const float *a, const float *b, int64_t rank, cg_dims shape, cg_dims strides_a,
                                 cg_dims strides_b, int64_t M, int64_t N, int64_t K, int transpose_a, int transpose_b) {
    if (N == 1 && M > 1 && (transpose_a || K < COLUMN_STEPS)) /* as in matmul */
        return CG_FN(batched_matmul)(y, b, a, rank, shape, strides_b, strides_a, 1, M, K, 0, !transpose_a);
    struct batch batch = {1, rank, shape, strides_a, strides_b};
    struct product p = {.y = y, .a = a, .b = b, .M = M, .N = N, .K = K,
                        .a_row = transpose_a ? 1 : K, .a_k = transpose_a ? M : 1, .b_k = transpose_b ? 1 : N, .b_j = transpose_b ? K : 1};
    for (int64_t axis = 0; axis < rank; axis++) batch.count *= shape[axis];
    return multiply(&batch, &p);
}
