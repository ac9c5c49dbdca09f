/* winograd.c: 3 x 3 and 5 x 5 convolution of stride 1, and its kernel's gradient, with a quarter or a third of the multiplications.
 *
 * F(4x4, 3x3) (Winograd 1980; Lavin and Gray 2016): a patch of 4 x 4 pixels of y depends on 6 x 6 pixels of x. With transforms to the
 * values of polynomials at six points, y = A^T [ (G k G^T) * (B^T x B) ] A, where * is one product a point: 36 instead of 144. The sum over
 * F(2x2, 5x5) has the same points and B, and 36 products instead of 100. The sum over channels goes inside the brackets, so that the products at a point are a matmul, [patches, C] x [C, F], on matmul's register tile.
 * The kernel's gradient is the same form read the other way: dk = G^T [ sum over patches (A dy A^T) * (B^T x B) ] G.
 *
 * The points are 0, +-5/8, +-3/2 and infinity. The usual 0, +-1, +-2 make errors four to seven times those of direct sums; these,
 * spread evenly about 1, one to three times (dkernel: up to six; tests/test_kernels.py bounds them), and all of A and B is exact.
 * NaN and infinity spread over their patch, and values beyond 1e36 may overflow.
 *
 * Whether a convolution comes here follows from the sizes of one sample (winograd_pays), and the order of every sum from the sizes:
 * the same bits in any batch, for any number of threads, on AVX2, AVX-512 and NEON.
 *
 * All operands meet as rows of channels at a point: patches of x [36][patches][C], of dy [36][patches][F], the kernel in panels
 * [36][C][NR]; what is made of them at once is bounded by the caches, not by the image. */

enum {
    SIDE = 6, POINTS = SIDE * SIDE, /* of what a patch depends on */
    SLICE = 64,               /* channels, or filters, of what is summed in the second-level cache */
    PATCH_FLOATS = 150 << 10, /* of a task's patches: most of that cache */
    PANEL_FLOATS = 2 << 20,   /* of the kernel's panels made at a time: a part of the third-level cache */
    FEW_PATCHES = 64,         /* up to which tasks split the filters and make their panels themselves */
    AHEAD = 4,                /* channels from the kernel values in use to those that are asked for */
    LEAST_PATCHES = 64, SUM_FLOATS = 2 << 20, /* of a part of dkernel's sum, and of all parts */
};
/* B^T; G, A^T, A, G^T for patches of 4 and 3 taps; the same for patches of 2 and 5 taps */
enum transform { TO_INPUT, TO_KERNEL3, TO_OUTPUT4, BACK_OUTPUT4, BACK_KERNEL3, TO_KERNEL5, TO_OUTPUT2, BACK_OUTPUT2, BACK_KERNEL5 };

#define PT_A 0.625f
#define PT_B 1.5f
#define PT_A2 (PT_A * PT_A)
#define PT_B2 (PT_B * PT_B)
#define PT_0 (1 / (PT_A2 * PT_B2))                   /* G's scale of a point: 1 / the product of its distances from the others */
#define PT_1 (1 / (2 * PT_A2 * (PT_A2 - PT_B2)))
#define PT_2 (1 / (2 * PT_B2 * (PT_B2 - PT_A2)))

/* One matrix times one column. */
CG_INLINE void transform_column(vf *to, const vf *x, const enum transform which) {
    const vf a = vf_set(PT_A), b = vf_set(PT_B), a2 = vf_set(PT_A2), b2 = vf_set(PT_B2);
    vf even, odd;
    switch (which) {
    case TO_INPUT:
        to[0] = vf_fma(vf_set(-PT_A2 - PT_B2), x[2], vf_fma(vf_set(PT_A2 * PT_B2), x[0], x[4]));
        to[5] = vf_fma(vf_set(-PT_A2 - PT_B2), x[3], vf_fma(vf_set(PT_A2 * PT_B2), x[1], x[5]));
        even = vf_fma(-b2, x[2], x[4]), odd = vf_fma(-b2, x[1], x[3]);
        to[1] = vf_fma(a, odd, even), to[2] = vf_fma(-a, odd, even);
        even = vf_fma(-a2, x[2], x[4]), odd = vf_fma(-a2, x[1], x[3]);
        to[3] = vf_fma(b, odd, even), to[4] = vf_fma(-b, odd, even);
        break;
    case TO_KERNEL3:
        to[0] = vf_set(PT_0) * x[0], to[5] = x[2];
        even = vf_set(PT_1) * vf_fma(a2, x[2], x[0]), odd = vf_set(PT_1 * PT_A) * x[1];
        to[1] = even + odd, to[2] = even - odd;
        even = vf_set(PT_2) * vf_fma(b2, x[2], x[0]), odd = vf_set(PT_2 * PT_B) * x[1];
        to[3] = even + odd, to[4] = even - odd;
        break;
    case TO_OUTPUT4: {
        const vf plus = x[1] + x[2], minus = x[1] - x[2], plus2 = x[3] + x[4], minus2 = x[3] - x[4];
        to[0] = x[0] + plus + plus2;
        to[1] = vf_fma(b, minus2, a * minus);
        to[2] = vf_fma(b2, plus2, a2 * plus);
        to[3] = vf_fma(vf_set(PT_B * PT_B2), minus2, vf_fma(vf_set(PT_A * PT_A2), minus, x[5]));
        break;
    }
    case BACK_OUTPUT4:
        to[0] = x[0], to[5] = x[3];
        even = vf_fma(a2, x[2], x[0]), odd = vf_fma(a2, x[3], x[1]);
        to[1] = vf_fma(a, odd, even), to[2] = vf_fma(-a, odd, even);
        even = vf_fma(b2, x[2], x[0]), odd = vf_fma(b2, x[3], x[1]);
        to[3] = vf_fma(b, odd, even), to[4] = vf_fma(-b, odd, even);
        break;
    case BACK_KERNEL3: {
        const vf plus = vf_set(PT_1) * (x[1] + x[2]), minus = vf_set(PT_1 * PT_A) * (x[1] - x[2]);
        const vf plus2 = vf_set(PT_2) * (x[3] + x[4]), minus2 = vf_set(PT_2 * PT_B) * (x[3] - x[4]);
        to[0] = vf_fma(vf_set(PT_0), x[0], plus + plus2);
        to[1] = minus + minus2;
        to[2] = vf_fma(a2, plus, vf_fma(b2, plus2, x[5]));
        break;
    }
    case TO_KERNEL5:
        to[0] = vf_set(PT_0) * x[0], to[5] = x[4];
        even = vf_set(PT_1) * vf_fma(vf_fma(a2, x[4], x[2]), a2, x[0]), odd = vf_set(PT_1 * PT_A) * vf_fma(a2, x[3], x[1]);
        to[1] = even + odd, to[2] = even - odd;
        even = vf_set(PT_2) * vf_fma(vf_fma(b2, x[4], x[2]), b2, x[0]), odd = vf_set(PT_2 * PT_B) * vf_fma(b2, x[3], x[1]);
        to[3] = even + odd, to[4] = even - odd;
        break;
    case TO_OUTPUT2:
        to[0] = x[0] + (x[1] + x[2]) + (x[3] + x[4]);
        to[1] = vf_fma(b, x[3] - x[4], vf_fma(a, x[1] - x[2], x[5]));
        break;
    case BACK_OUTPUT2:
        to[0] = x[0], to[5] = x[1];
        to[1] = vf_fma(a, x[1], x[0]), to[2] = vf_fma(-a, x[1], x[0]);
        to[3] = vf_fma(b, x[1], x[0]), to[4] = vf_fma(-b, x[1], x[0]);
        break;
    case BACK_KERNEL5: {
        const vf plus = vf_set(PT_1) * (x[1] + x[2]), minus = vf_set(PT_1 * PT_A) * (x[1] - x[2]);
        const vf plus2 = vf_set(PT_2) * (x[3] + x[4]), minus2 = vf_set(PT_2 * PT_B) * (x[3] - x[4]);
        to[0] = vf_fma(vf_set(PT_0), x[0], plus + plus2);
        to[1] = minus + minus2;
        to[2] = vf_fma(a2, plus, b2 * plus2);
        to[3] = vf_fma(a2, minus, b2 * minus2);
        to[4] = vf_fma(a2 * a2, plus, vf_fma(b2 * b2, plus2, x[5]));
        break;
    }
    }
}

/* What y gets on its way to memory. */
struct finish {
    const float *bias; /* NULL: none */
    int relu;
};

/* to[i][at ..] = the transform, of rows and columns, of from[j][at ..], for lanes floats of all pixels i and j. */
CG_INLINE void transform_vector(float *const *to, float *const *from, int64_t at, int64_t lanes, const enum transform which,
                                const struct finish *finish) {
    static const int sizes[][2] = {{6, 6}, {3, 6}, {6, 4}, {4, 6}, {6, 3}, {5, 6}, {6, 2}, {2, 6}, {6, 5}};
    const int rows_from = sizes[which][0], rows_to = sizes[which][1], to_output = which == TO_OUTPUT4 || which == TO_OUTPUT2;
    vf half[SIDE][SIDE];
    CG_UNROLL
    for (int j = 0; j < rows_from; j++) {
        vf x[SIDE], column[SIDE];
        CG_UNROLL
        for (int i = 0; i < rows_from; i++) x[i] = vf_load_upto(from[i * rows_from + j] + at, lanes);
        transform_column(column, x, which);
        CG_UNROLL
        for (int i = 0; i < rows_to; i++) half[i][j] = column[i];
    }
    const vf bias = to_output && finish->bias ? vf_load_upto(finish->bias + at, lanes) : vf_set(0);
    CG_UNROLL
    for (int i = 0; i < rows_to; i++) {
        vf row[SIDE];
        transform_column(row, half[i], which);
        CG_UNROLL
        for (int j = 0; j < rows_to; j++) {
            float *p = to[i * rows_to + j] + at;
            if (to_output) {
                row[j] = row[j] + bias;
                if (finish->relu) row[j] = vf_max(vf_set(0), row[j]);
            }
            vf_store_upto(p, row[j], lanes);
        }
    }
}

#define TRANSFORM(name, which)                                                                                              \
    static void name(float *const *to, float *const *from, int64_t n, const struct finish *finish) {                  \
        int64_t at = 0;                                                                                                     \
        for (; at + VLEN <= n; at += VLEN) transform_vector(to, from, at, VLEN, which, finish);                             \
        if (at < n) transform_vector(to, from, at, n - at, which, finish);                                                  \
    }
TRANSFORM(transform_input, TO_INPUT)
TRANSFORM(transform_kernel3, TO_KERNEL3)
TRANSFORM(transform_output4, TO_OUTPUT4)
TRANSFORM(transform_back_output4, BACK_OUTPUT4)
TRANSFORM(transform_back_kernel3, BACK_KERNEL3)
TRANSFORM(transform_kernel5, TO_KERNEL5)
TRANSFORM(transform_output2, TO_OUTPUT2)
TRANSFORM(transform_back_output2, BACK_OUTPUT2)
TRANSFORM(transform_back_kernel5, BACK_KERNEL5)

typedef void transform_function(float *const *to, float *const *from, int64_t n, const struct finish *);

/* F(patch x patch, taps x taps), patch + taps = SIDE + 1 */
struct minimal {
    int patch, taps;
    int64_t least_products, least_pixels; /* C * F and P * Q for which it pays */
    transform_function *kernel, *output, *back_output, *back_kernel;
};
static const struct minimal by3 = {4, 3, 128, 16, transform_kernel3, transform_output4, transform_back_output4, transform_back_kernel3};
static const struct minimal by5 = {2, 5, 512, 64, transform_kernel5, transform_output2, transform_back_output2, transform_back_kernel5};

/* y = activation(bias + x * kernel), or dkernel from x and dy; y as patches, i of which lies in image i / (down * across). */
struct winograd {
    const struct minimal *form;
    float *y, *dkernel;
    const float *x, *kernel, *bias, *dy;
    int activation;
    const struct epilogue *epilogue;
    int64_t N, H, W, C, F, P, Q, pad_top, pad_left, down, across, patches;
};

/* The form for so many taps and sizes of one sample, if it pays: enough channels for the transforms, patches at least half full of pixels. */
static const struct minimal *winograd_form(int64_t taps, int64_t C, int64_t F, int64_t P, int64_t Q) {
    const struct minimal *form = taps == 3 ? &by3 : taps == 5 ? &by5 : NULL;
    if (!form || C < 8 || F < 8 || C * F < form->least_products || P * Q < form->least_pixels) return NULL;
    return 2 * P * Q >= form->patch * form->patch * cg_ceil_div(P, form->patch) * cg_ceil_div(Q, form->patch) ? form : NULL;
}

static int winograd_threads(struct winograd *w) {
    w->down = cg_ceil_div(w->P, w->form->patch), w->across = cg_ceil_div(w->Q, w->form->patch), w->patches = w->N * w->down * w->across;
    return cg_threads(2.0 * POINTS * w->patches * w->C * w->F, 4.0 * (w->N * (w->H * w->W * w->C + w->P * w->Q * w->F)));
}

/* The first pixel of a patch in y. */
struct place { int64_t image, p, q; };
static inline struct place find_patch(const struct winograd *w, int64_t patch) {
    const int64_t in_image = patch % (w->down * w->across);
    return (struct place){patch / (w->down * w->across), in_image / w->across * w->form->patch,
                          in_image % w->across * w->form->patch};
}

/* Addresses of size x size pixels of an image[H,W,C] from (top, left) on; `outside` stands for those that it does not have. */
static void find_pixels(float **pixel, const float *image, int64_t H, int64_t W, int64_t C, int64_t top, int64_t left, int size,
                        const float *outside) {
    for (int i = 0; i < size; i++) {
        for (int j = 0; j < size; j++) {
            const int64_t h = top + i, w = left + j;
            *pixel++ = (float *)(h >= 0 && h < H && w >= 0 && w < W ? image + (h * W + w) * C : outside);
        }
    }
}

static void find_points(float **point, float *first, int64_t apart) {
    for (int k = 0; k < POINTS; k++) point[k] = first + k * apart;
}

static const float zeros[SLICE]; /* the pixels around an image */

/* Up to SLICE channels from c0 on of a patch of x: point k at to + k * apart. Rows are written in whole vectors. */
static void x_to_points(const struct winograd *w, float *to, int64_t apart, int64_t patch, int64_t c0, int64_t c1) {
    float *from[POINTS], *at[POINTS];
    const struct place place = find_patch(w, patch);
    find_pixels(from, w->x + place.image * w->H * w->W * w->C + c0, w->H, w->W, w->C, place.p - w->pad_top, place.q - w->pad_left,
                SIDE, zeros);
    find_points(at, to, apart);
    transform_input(at, from, c1 - c0, NULL);
}

/* The same for filters of dy. */
static void dy_to_points(const struct winograd *w, float *to, int64_t apart, int64_t patch, int64_t f0, int64_t f1) {
    float *from[POINTS], *at[POINTS];
    const struct place place = find_patch(w, patch);
    find_pixels(from, w->dy + place.image * w->P * w->Q * w->F + f0, w->P, w->Q, w->F, place.p, place.q, w->form->patch, zeros);
    find_points(at, to, apart);
    w->form->back_output(at, from, f1 - f0, NULL);
}

/* ---- forward ---- */

/* What a task works on: n patches from `first` on as points [36][n][row], a line more between points, or multiples of 4 KiB would
 * share a cache set; the products' sums [36][n][NR]; a slice of a panel. */
struct block {
    int64_t first, n, row, apart;
    float *points, *sums, *slice;
};

/* Channel c of the kernel for the panel of filters from f on: point k at to + k * apart. */
static void kernel_to_points(const struct winograd *w, float *to, int64_t apart, int64_t c, int64_t f) {
    float *from[POINTS], *at[POINTS];
    for (int k = 0; k < w->form->taps * w->form->taps; k++) {
        from[k] = (float *)w->kernel + (k * w->C + c) * w->F + f;
        for (int i = 0; i < NR; i += 16) __builtin_prefetch(from[k] + AHEAD * w->F + i); /* one of many streams, too short for the hardware */
    }
    find_points(at, to, apart);
    w->form->kernel(at, from, cg_min64(NR, w->F - f), NULL);
}

/* y of a block for the panel of filters from f on: given as [36][C + 1][NR], or NULL: made here. */
static void convolve_panel(const struct winograd *w, const struct block *b, const float *panel, int64_t f) {
    static const int64_t at_start[1] = {0};
    const int64_t columns = cg_min64(NR, w->F - f), rows = even_rows(b->n), step = panel ? w->C : SLICE, apart = (step + 1) * NR;
    struct tile t = {.y_row = NR, .a_row = b->row, .a_k = 1, .segment = at_start, .segments = 1, .b_k = NR};
    for (int64_t c = 0; c < w->C; c += step) {
        t.K = cg_min64(step, w->C - c);
        t.goes_on = c > 0;
        for (int64_t i = 0; i < (panel ? 0 : t.K); i++) kernel_to_points(w, b->slice + i * NR, apart, c + i, f);
        for (int k = 0; k < POINTS; k++) {
            t.b = (panel ? panel : b->slice) + k * apart;
            for (int64_t i = 0; i < b->n; i += rows) {
                t.a = b->points + k * b->apart + i * b->row + c;
                t.y = b->sums + (k * b->n + i) * NR;
                run_tile(&t, cg_min64(rows, b->n - i), columns);
            }
        }
    }
    const struct finish finish = {w->bias ? w->bias + f : NULL, w->activation == CG_RELU};
    for (int64_t i = 0; i < b->n; i++) {
        float outside[NR], *from[POINTS], *to[POINTS];
        const struct place place = find_patch(w, b->first + i);
        float *image = w->y + place.image * w->P * w->Q * w->F + f;
        find_pixels(to, image, w->P, w->Q, w->F, place.p, place.q, w->form->patch, outside);
        find_points(from, b->sums + i * NR, b->n * NR);
        w->form->output(to, from, columns, &finish);
        for (int64_t p = place.p; p < cg_min64(place.p + w->form->patch, w->P); p++) {
            float *row = image + (p * w->Q + place.q) * w->F;
            const int64_t pixels = cg_min64(w->form->patch, w->Q - place.q);
            if (w->activation > CG_RELU) activate_rows(row, pixels, columns, w->F, w->activation);
            finish_rows(w->epilogue, row, pixels, columns, w->F, f);
        }
    }
}

static int winograd_convolve(struct winograd *w) {
    const int threads = winograd_threads(w), few = w->patches <= FEW_PATCHES;
    const int64_t panels = cg_ceil_div(w->F, NR), panel_floats = POINTS * (w->C + 1) * NR;
    const int64_t groups = few ? 1 : cg_ceil_div(panels, cg_max64(1, PANEL_FLOATS / panel_floats)), group = cg_ceil_div(panels, groups);
    const int64_t row = cg_ceil_div(w->C, VLEN) * VLEN, most = cg_max64(MR, PATCH_FLOATS / (POINTS * row) / MR * MR);
    const int64_t blocks = few ? 1 : cg_min64(cg_ceil_div(cg_ceil_div(w->patches, most), threads) * threads, cg_ceil_div(w->patches, MR));
    const int64_t shares = few ? cg_min64(panels, threads) : 1; /* of a block's panels */
    const int64_t block = cg_ceil_div(w->patches, blocks), apart = block * row + 16;
    const size_t bytes = (size_t)(POINTS * (apart + block * NR + (few ? (SLICE + 1) * NR : 0))) * sizeof(float);
    const size_t made_bytes = few ? 0 : (size_t)(group * panel_floats) * sizeof(float);
    float *made = cg_alloc(made_bytes);
    int status = made ? CG_OK : CG_ENOMEM;
    for (int64_t panel0 = 0; panel0 < panels && !status; panel0 += group) {
        const int64_t here = cg_min64(group, panels - panel0);
        CG_PARALLEL_FOR(threads)
        for (int64_t i = 0; i < (few ? 0 : here * w->C); i++)
            kernel_to_points(w, made + i % here * panel_floats + i / here * NR, (w->C + 1) * NR, i / here, (panel0 + i % here) * NR);
#pragma omp parallel for schedule(dynamic) num_threads(threads) if (threads > 1)
        for (int64_t task = 0; task < blocks * shares; task++) {
            const int64_t i = task / shares, share = task % shares, first = w->patches * i / blocks;
            struct block b = {.first = first, .n = w->patches * (i + 1) / blocks - first, .row = row, .apart = apart};
            if (!(b.points = cg_alloc(bytes))) {
#pragma omp atomic write
                status = CG_ENOMEM;
                continue;
            }
            b.sums = b.points + POINTS * apart;
            b.slice = b.sums + POINTS * block * NR;
            for (int64_t j = 0; j < b.n; j++)
                for (int64_t c = 0; c < w->C; c += SLICE)
                    x_to_points(w, b.points + j * row + c, apart, first + j, c, cg_min64(c + SLICE, w->C));
            for (int64_t panel = here * share / shares; panel < here * (share + 1) / shares; panel++)
                convolve_panel(w, &b, few ? NULL : made + panel * panel_floats, (panel0 + panel) * NR);
            cg_free(b.points, bytes);
        }
    }
    cg_free(made, made_bytes);
    return status;
}

/* ---- gradient with respect to the kernel ---- */

/* dkernel[:,:,c0..c1-1,f0..f1-1] = the sum over patches first .. end-1, at most `block` of them at a time, at most SLICE channels and
 * filters. In memory: these patches of x and of dy as points, then the sum, [36][c1-c0][f1-f0 up to whole panels]. */
static void gradient_of_slice(const struct winograd *w, float *dkernel, int64_t first, int64_t end, int64_t block, int64_t c0, int64_t c1,
                              int64_t f0, int64_t f1, float *memory) {
    static const int64_t at_start[1] = {0};
    const int64_t apart = block * SLICE + 16, wide = cg_ceil_div(f1 - f0, NR) * NR, rows = even_rows(c1 - c0);
    float *x = memory, *dy = x + POINTS * apart, *sum = dy + POINTS * apart;
    struct tile t = {.y_row = wide, .a_row = 1, .a_k = SLICE, .segment = at_start, .segments = 1, .b_k = SLICE};
    for (int64_t patch = first; patch < end; patch += block) {
        t.K = cg_min64(block, end - patch);
        t.goes_on = patch > first;
        for (int64_t i = 0; i < t.K; i++) {
            x_to_points(w, x + i * SLICE, apart, patch + i, c0, c1);
            dy_to_points(w, dy + i * SLICE, apart, patch + i, f0, f1);
        }
        for (int k = 0; k < POINTS; k++) {
            for (int64_t f = 0; f < f1 - f0; f += NR) {
                for (int64_t c = 0; c < c1 - c0; c += rows) {
                    t.a = x + k * apart + c;
                    t.b = dy + k * apart + f;
                    t.y = sum + (k * (c1 - c0) + c) * wide + f;
                    run_tile(&t, cg_min64(rows, c1 - c0 - c), cg_min64(NR, f1 - f0 - f));
                }
            }
        }
    }
    for (int64_t c = c0; c < c1; c++) {
        float *from[POINTS], *to[POINTS];
        for (int k = 0; k < w->form->taps * w->form->taps; k++) to[k] = dkernel + (k * w->C + c) * w->F + f0;
        find_points(from, sum + (c - c0) * wide, (c1 - c0) * wide);
        w->form->back_kernel(to, from, f1 - f0, NULL);
    }
}

/* The patches in parts fixed by the sizes, whose sums are added in order; channels and filters in slices. A task is a slice of a part. */
static int winograd_backward_kernel(struct winograd *w) {
    const int threads = winograd_threads(w);
    const int64_t size = w->form->taps * w->form->taps * w->C * w->F, parts = cg_max64(1, cg_min64(cg_min64(16, w->patches / LEAST_PATCHES), SUM_FLOATS / size));
    const int64_t c_slices = cg_ceil_div(w->C, SLICE), f_slices = cg_ceil_div(w->F, SLICE), slices = c_slices * f_slices;
    const int64_t in_part = cg_ceil_div(w->patches, parts);
    const int64_t block = cg_ceil_div(in_part, cg_ceil_div(in_part, PATCH_FLOATS / (2 * POINTS * SLICE)));
    const size_t bytes = (size_t)(POINTS * (2 * (block * SLICE + 16) + SLICE * (SLICE + NR))) * sizeof(float);
    const size_t sums_bytes = parts > 1 ? (size_t)(parts * size) * sizeof(float) : 0;
    float *sums = parts > 1 ? cg_alloc(sums_bytes) : w->dkernel;
    int status = sums ? CG_OK : CG_ENOMEM;
#pragma omp parallel for schedule(dynamic) num_threads(threads) if (threads > 1)
    for (int64_t task = 0; task < (status ? 0 : parts * slices); task++) {
        const int64_t part = task / slices, c0 = task % slices / f_slices * SLICE, f0 = task % f_slices * SLICE;
        float *memory = cg_alloc(bytes);
        if (memory) {
            gradient_of_slice(w, sums + part * size, w->patches * part / parts, w->patches * (part + 1) / parts, block, c0,
                              cg_min64(c0 + SLICE, w->C), f0, cg_min64(f0 + SLICE, w->F), memory);
        } else {
#pragma omp atomic write
            status = CG_ENOMEM;
        }
        cg_free(memory, bytes);
    }
    if (parts > 1 && !status) column_sums(w->dkernel, sums, parts, size, size);
    if (parts > 1) cg_free(sums, sums_bytes);
    return status;
}
