/* conv2d.c: 2-D convolution and its two gradients on matmul's register tile, without an im2col matrix.
 *
 * In NHWC the S*C values that one kernel row meets at a pixel are neighbours in x, and neighbouring pixels of a row of y see them
 * stride_w * C further on. So a tile of pixels by filters is a matmul tile whose a is x itself: the sum runs over R segments
 * of S*C steps (R*S segments of C/G where dilation or groups break the row up). The three kernels differ in what the tile's letters mean:
 *
 *                     rows i            columns j    steps k of the sum          a       b
 *   forward           pixels of a row   filters      r, (s, c)                   x       kernel[(r,s,c), f]
 *   backward_kernel   (s, c) at an r    filters      (n, p), q                   x       dy[(n,p,q), f]
 *   backward_input    forward of dy (padded) with the kernel turned around, for stride 1 and enough channels; otherwise
 *                     pixels of a row   (r, s, c)    f                           dy      kernel^T[f, (r,s,c)], then added into dx
 *
 * Padding: x is copied once into a frame of zeros where a window leaves it; one pass over x against R*S*F products for each value. */

/* Where the steps of the sum lie in an image whose rows are W pixels long: runs of `run` neighbours, at offset[0 .. runs-1]. */
struct runs {
    int64_t *offset, runs, run;
    size_t bytes;
};

static int find_runs(struct runs *u, const struct conv *c, int64_t W) {
    const int whole_rows = c->groups == 1 && c->dilation_w == 1;
    u->runs = whole_rows ? c->R : c->R * c->S;
    u->run = whole_rows ? c->S * c->C : c->C / c->groups;
    u->bytes = (size_t)u->runs * sizeof *u->offset;
    if (!(u->offset = cg_alloc(u->bytes))) return CG_ENOMEM;
    for (int64_t i = 0; i < u->runs; i++) {
        const int64_t r = whole_rows ? i : i / c->S, s = whole_rows ? 0 : i % c->S;
        u->offset[i] = (r * c->dilation_h * W + s * c->dilation_w) * c->C;
    }
    return CG_OK;
}

/* x as the windows need it: itself where they stay inside, else a copy in a frame of zeros (rows H, columns W; freed by bytes). */
struct frame {
    const float *x;
    float *copy;
    int64_t H, W;
    size_t bytes;
};

static int frame_image(struct frame *f, const struct conv *c, const float *x) {
    f->x = x, f->copy = NULL, f->H = c->H, f->W = c->W;
    const int64_t H = (c->P - 1) * c->stride_h + (c->R - 1) * c->dilation_h + 1;
    const int64_t W = (c->Q - 1) * c->stride_w + (c->S - 1) * c->dilation_w + 1;
    if (c->pad_top == 0 && c->pad_left == 0 && H <= c->H && W <= c->W) return CG_OK;
    f->H = H, f->W = W, f->bytes = (size_t)(c->N * H * W * c->C) * sizeof *x;
    if (!(f->copy = cg_alloc(f->bytes))) return CG_ENOMEM;
    f->x = f->copy;
    /* columns first .. end-1 of the frame hold x's columns from first - pad_left on */
    const int64_t first = cg_min64(W, cg_max64(0, c->pad_left)), end = cg_max64(first, cg_min64(W, c->W + c->pad_left));
    const size_t left = (size_t)(first * c->C), middle = (size_t)((end - first) * c->C), right = (size_t)((W - end) * c->C);
    const int threads = cg_threads(0, 2.0 * (double)f->bytes);
    CG_PARALLEL_FOR(threads)
    for (int64_t i = 0; i < c->N * H; i++) {
        const int64_t n = i / H, h = i % H - c->pad_top;
        float *to = f->copy + i * W * c->C;
        if (h < 0 || h >= c->H) {
            memset(to, 0, (size_t)(W * c->C) * sizeof *to);
            continue;
        }
        memset(to, 0, left * sizeof *to);
        memcpy(to + left, x + ((n * c->H + h) * c->W + first - c->pad_left) * c->C, middle * sizeof *to);
        memset(to + left + middle, 0, right * sizeof *to);
    }
    return CG_OK;
}

/* Output pixels as lines of equally spaced windows: rows of y; its columns where it is one pixel wide; the batch where it is one pixel. */
struct lines {
    int64_t count, length, step; /* step: floats of the frame from one window of a line to the next */
};

static struct lines find_lines(const struct conv *c, const struct frame *f) {
    if (c->Q > 1) return (struct lines){c->N * c->P, c->Q, c->stride_w * c->C};
    if (c->P > 1) return (struct lines){c->N, c->P, c->stride_h * f->W * c->C};
    return (struct lines){1, c->N, f->H * f->W * c->C};
}

/* Where line i's first window starts in the frame. */
static inline int64_t line_start(const struct conv *c, const struct frame *f, int64_t i) {
    if (c->Q > 1) return (i / c->P * f->H + i % c->P * c->stride_h) * f->W * c->C;
    return i * f->H * f->W * c->C;
}

static int is_matmul(const struct conv *c) { /* 1 x 1, every pixel, one group: y[N*H*W, F] = x[N*H*W, C] kernel[C, F] */
    return c->R == 1 && c->S == 1 && c->stride_h == 1 && c->stride_w == 1 && c->groups == 1 && c->pad_top == 0 && c->pad_left == 0 &&
           c->P == c->H && c->Q == c->W;
}

static int is_winograd(const struct conv *c) {
    return c->R == 3 && c->S == 3 && c->stride_h == 1 && c->stride_w == 1 && c->dilation_h == 1 && c->dilation_w == 1 && c->groups == 1 &&
           cg_get_winograd() && winograd_pays(c->C, c->F, c->P, c->Q);
}

static int convolve(const struct conv *c, float *y, const float *x, const float *kernel, const float *bias, int activation) {
    if (is_matmul(c)) return CG_FN(matmul)(y, x, kernel, bias, c->N * c->H * c->W, c->F, c->C, 0, 0, activation);
    if (is_winograd(c)) {
        struct winograd w = {.y = y, .x = x, .kernel = kernel, .bias = bias, .activation = activation, .N = c->N, .H = c->H, .W = c->W,
                             .C = c->C, .F = c->F, .P = c->P, .Q = c->Q, .pad_top = c->pad_top, .pad_left = c->pad_left};
        return winograd_convolve(&w);
    }
    struct frame frame = {0};
    struct runs runs = {0};
    int status = frame_image(&frame, c, x);
    if (!status) status = find_runs(&runs, c, frame.W);
    const int64_t Fg = c->F / c->groups, Cg = c->C / c->groups, K = runs.runs * runs.run, panels = cg_ceil_div(Fg, NR);
    const struct lines lines = find_lines(c, &frame);
    /* The kernel as panels of NR filters, for every group; with few pixels, or few panels and not many pixels, it is read as it lies. */
    const int64_t pixels = lines.count * lines.length;
    const int pack = pixels >= (panels > 2 ? 64 : 1024);
    const size_t packed_bytes = pack ? (size_t)(c->groups * panels * NR * K) * sizeof(float) : 0;
    float *packed = NULL;
    if (!status && pack && !(packed = cg_alloc(packed_bytes))) status = CG_ENOMEM;
    /* A task is as many lines as leave their part of x in the second-level cache while all panels pass over it, and no more than keep the
     * threads busy; a single line is split along its length. */
    const double flops = 2.0 * pixels * K * c->F;
    const int threads = cg_threads(flops, 4.0 * (c->N * (c->H * c->W * c->C + c->P * c->Q * c->F)));
    CG_PARALLEL_FOR(threads)
    for (int64_t i = 0; i < (packed ? c->groups * panels : 0); i++) {
        const int64_t j = i % panels * NR;
        pack_b(packed + i * NR * K, kernel + i / panels * Fg + j, c->F, 1, K, cg_min64(NR, Fg - j));
    }
    const int64_t line_floats = lines.length * lines.step, rows = even_rows(lines.length);
    int64_t lines_per_task = cg_max64(1, cg_min64(32768 / cg_max64(1, line_floats), cg_ceil_div(lines.count, 4 * threads)));
    const int64_t tasks = cg_ceil_div(lines.count, lines_per_task);
    const int64_t pieces = tasks < threads ? cg_min64(cg_ceil_div(lines.length, rows), cg_ceil_div(threads, tasks)) : 1;
    const int64_t piece = cg_ceil_div(cg_ceil_div(lines.length, pieces), rows) * rows;
#pragma omp parallel for schedule(dynamic) num_threads(threads) if (threads > 1 && !status)
    for (int64_t task = 0; task < (status ? 0 : tasks * pieces); task++) {
        const int64_t first = task / pieces * lines_per_task, end = cg_min64(first + lines_per_task, lines.count);
        const int64_t q0 = task % pieces * piece, q1 = cg_min64(q0 + piece, lines.length);
        struct tile t = {.y_row = c->F, .a_row = lines.step, .a_k = 1, .segment = runs.offset, .segments = runs.runs, .K = runs.run,
                         .b_k = pack ? NR : c->F, .relu = activation == CG_RELU};
        for (int64_t i = 0; i < c->groups * panels; i++) {
            const int64_t group = i / panels, j = i % panels * NR, f = group * Fg + j, n = cg_min64(NR, Fg - j);
            t.b = pack ? packed + i * NR * K : kernel + f;
            t.start = bias ? bias + f : NULL;
            for (int64_t line = first; line < end; line++) {
                const float *from = frame.x + line_start(c, &frame, line) + group * Cg;
                for (int64_t q = q0; q < q1; q += rows) {
                    const int64_t m = cg_min64(rows, q1 - q);
                    t.a = from + q * lines.step;
                    t.y = y + (line * lines.length + q) * c->F + f;
                    run_tile(&t, m, n);
                    if (!t.relu) activate_rows(t.y, m, n, c->F, activation);
                }
            }
        }
    }
    cg_free(packed, packed_bytes);
    cg_free(runs.offset, runs.bytes);
    cg_free(frame.copy, frame.bytes);
    return status;
}

static int CG_FN(conv2d_forward)(float *y, const float *x, const float *kernel, const float *bias, int64_t N, int64_t H, int64_t W,
                                 int64_t C, int64_t F, int64_t R, int64_t S, int64_t P, int64_t Q, int64_t stride_h, int64_t stride_w,
                                 int64_t pad_top, int64_t pad_left, int64_t dilation_h, int64_t dilation_w, int64_t groups,
                                 int activation) {
    const struct conv c = {N, H, W, C, F, R, S, P, Q, stride_h, stride_w, pad_top, pad_left, dilation_h, dilation_w, groups};
    if (N * P * Q * F == 0) return CG_OK;
    if (is_depthwise(&c)) return depthwise_forward(&c, y, x, kernel, bias, activation);
    if (is_grouped(&c)) return grouped_forward(&c, y, x, kernel, bias, activation);
    return convolve(&c, y, x, kernel, bias, activation);
}

/* ---- gradient with respect to x ---- */

/* Stride 1: dx is the convolution of dy with the kernel turned around in r and s, channels and filters changing places. */
static int convolve_back(const struct conv *c, float *dx, const float *dy, const float *kernel) {
    const int64_t Cg = c->C / c->groups, Fg = c->F / c->groups;
    const struct conv back = {c->N, c->P, c->Q, c->F, c->C, c->R, c->S, c->H, c->W, 1, 1,
                              (c->R - 1) * c->dilation_h - c->pad_top, (c->S - 1) * c->dilation_w - c->pad_left,
                              c->dilation_h, c->dilation_w, c->groups};
    const size_t bytes = (size_t)(c->R * c->S * Cg * c->F) * sizeof(float);
    float *turned = cg_alloc(bytes); /* [R,S,F/G,C] */
    if (!turned) return CG_ENOMEM;
    const int64_t taps = c->R * c->S, strips = cg_ceil_div(Cg, 16); /* of a cache line of channels */
    const int threads = cg_threads(0, 2.0 * (double)bytes);
    CG_PARALLEL_FOR(threads)
    for (int64_t i = 0; i < taps * c->groups * strips; i++) {
        const int64_t tap = i / strips / c->groups, g = i / strips % c->groups, first = i % strips * 16;
        copy_transposed(turned + (taps - 1 - tap) * Fg * c->C + g * Cg + first, c->C, kernel + (tap * Cg + first) * c->F + g * Fg, c->F,
                        cg_min64(16, Cg - first), Fg);
    }
    const int status = convolve(&back, dx, dy, turned, NULL, CG_LINEAR);
    cg_free(turned, bytes);
    return status;
}

/* to[0 .. n-1] += from[0 .. n-1] */
static inline void accumulate_row(float *to, const float *from, int64_t n) {
    int64_t i = 0;
    for (; i + VLEN <= n; i += VLEN) vf_store(to + i, vf_load(to + i) + vf_load(from + i));
    if (i < n) vf_store_n(to + i, vf_load_n(to + i, n - i) + vf_load_n(from + i, n - i), n - i);
}

/* One row of products[Q, R*S*C/G] = dy[n,p,:,g] kernel^T is added into the rows h0 .. h1-1 of image n that it touches. */
static void add_products(const struct conv *c, float *dx, const float *products, int64_t p, int64_t group, int64_t h0, int64_t h1) {
    const int64_t Cg = c->C / c->groups, row = c->S * Cg;
    for (int64_t r = 0; r < c->R; r++) {
        const int64_t h = p * c->stride_h - c->pad_top + r * c->dilation_h;
        if (h < h0 || h >= h1) continue;
        for (int64_t q = 0; q < c->Q; q++) {
            const float *from = products + (q * c->R + r) * row;
            const int64_t w = q * c->stride_w - c->pad_left;
            if (c->groups == 1 && c->dilation_w == 1) {
                const int64_t first = cg_max64(0, -w), end = cg_min64(c->S, c->W - w);
                if (first < end) accumulate_row(dx + (h * c->W + w + first) * c->C, from + first * c->C, (end - first) * c->C);
            } else {
                for (int64_t s = 0; s < c->S; s++) {
                    const int64_t at = w + s * c->dilation_w;
                    if (at >= 0 && at < c->W) accumulate_row(dx + (h * c->W + at) * c->C + group * Cg, from + s * Cg, Cg);
                }
            }
        }
    }
}

/* Any stride, few channels: the products of a row of dy with every kernel value, added where they belong. A task owns rows of dx, and adds
 * what the rows of dy bring to them in the order of p; rows of dy at a border are multiplied by both neighbours. */
static int scatter_back(const struct conv *c, float *dx, const float *dy, const float *kernel) {
    const int64_t Cg = c->C / c->groups, Fg = c->F / c->groups, RSC = c->R * c->S * Cg, panels = cg_ceil_div(RSC, NR);
    const double flops = 2.0 * c->N * c->P * c->Q * c->F * RSC;
    const int threads = cg_threads(flops, 4.0 * c->N * (c->H * c->W * c->C + c->P * c->Q * c->F));
    const int64_t parts = cg_max64(1, cg_min64(cg_ceil_div(2 * threads, c->N), c->H / 16)), part = cg_ceil_div(c->H, parts);
    const size_t packed_bytes = (size_t)(c->groups * panels * NR * Fg) * sizeof(float);
    const size_t products_bytes = (size_t)(c->Q * RSC) * sizeof(float);
    float *packed = cg_alloc(packed_bytes);
    int status = packed ? CG_OK : CG_ENOMEM;
    for (int64_t i = 0; packed && i < c->groups * panels; i++) { /* column j of kernel^T is row j of kernel */
        const int64_t j = i % panels * NR;
        pack_b(packed + i * NR * Fg, kernel + j * c->F + i / panels * Fg, 1, c->F, Fg, cg_min64(NR, RSC - j));
    }
#pragma omp parallel num_threads(threads) if (threads > 1 && !status)
    {
        static const int64_t at_start[1] = {0};
        float *products = status ? NULL : cg_alloc(products_bytes);
        int failed = !products;
#pragma omp for schedule(dynamic) nowait
        for (int64_t task = 0; task < c->N * parts; task++) {
            if (failed) continue;
            const int64_t n = task / parts, h0 = task % parts * part, h1 = cg_min64(h0 + part, c->H);
            const int64_t rows = even_rows(c->Q), reach = (c->R - 1) * c->dilation_h;
            float *image = dx + n * c->H * c->W * c->C;
            if (h0 < h1) memset(image + h0 * c->W * c->C, 0, (size_t)((h1 - h0) * c->W * c->C) * sizeof *dx);
            for (int64_t p = 0; p < c->P; p++) {
                const int64_t top = p * c->stride_h - c->pad_top;
                if (top >= h1 || top + reach < h0) continue;
                for (int64_t group = 0; group < c->groups; group++) {
                    struct tile t = {.y_row = RSC, .a_row = c->F, .a_k = 1, .segment = at_start, .segments = 1, .K = Fg, .b_k = NR};
                    for (int64_t j = 0; j < RSC; j += NR) {
                        t.b = packed + (group * panels * NR + j) * Fg;
                        for (int64_t q = 0; q < c->Q; q += rows) {
                            t.a = dy + ((n * c->P + p) * c->Q + q) * c->F + group * Fg;
                            t.y = products + q * RSC + j;
                            run_tile(&t, cg_min64(rows, c->Q - q), cg_min64(NR, RSC - j));
                        }
                    }
                    add_products(c, image, products, p, group, h0, h1);
                }
            }
        }
        if (failed) {
#pragma omp atomic write
            status = CG_ENOMEM;
        }
        cg_free(products, products_bytes);
    }
    cg_free(packed, packed_bytes);
    return status;
}

static int CG_FN(conv2d_backward_input)(float *dx, const float *dy, const float *kernel, int64_t N, int64_t H, int64_t W, int64_t C,
                                        int64_t F, int64_t R, int64_t S, int64_t P, int64_t Q, int64_t stride_h, int64_t stride_w,
                                        int64_t pad_top, int64_t pad_left, int64_t dilation_h, int64_t dilation_w, int64_t groups) {
    const struct conv c = {N, H, W, C, F, R, S, P, Q, stride_h, stride_w, pad_top, pad_left, dilation_h, dilation_w, groups};
    if (N * H * W * C == 0) return CG_OK;
    if (P * Q * F == 0) {
        memset(dx, 0, (size_t)(N * H * W * C) * sizeof *dx);
        return CG_OK;
    }
    if (is_depthwise(&c)) return depthwise_backward_input(&c, dx, dy, kernel);
    if (is_grouped_backward(&c)) return grouped_backward_input(&c, dx, dy, kernel);
    if (is_matmul(&c)) return CG_FN(matmul)(dx, dy, kernel, NULL, N * H * W, C, F, 0, 1, CG_LINEAR);
    /* Work in vectors of 16 columns, half of it again for adding into dx; 16 on every machine, so that all take the same way. */
    const double direct = (double)R * S * cg_ceil_div(C / groups, 16), scattered = 1.5 * cg_ceil_div(R * S * (C / groups), 16);
    return stride_h == 1 && stride_w == 1 && direct <= scattered ? convolve_back(&c, dx, dy, kernel) : scatter_back(&c, dx, dy, kernel);
}

/* ---- gradient with respect to the kernel ---- */

/* The sum over all pixels is split into parts fixed by the sizes, each with a kernel-sized sum of its own; the parts are added in
 * order. A large kernel has tiles enough for the threads and gets one part. */
static int64_t kernel_gradient_parts(const struct conv *c, int64_t lines) {
    const double kernel = (double)c->R * c->S * (c->C / c->groups) * c->F, flops = 2.0 * c->N * c->P * c->Q * kernel;
    if (kernel > 65536) return 1;
    return cg_max64(1, cg_min64(cg_min64(16, lines), (int64_t)(flops / 1e6)));
}

static int CG_FN(conv2d_backward_kernel)(float *dkernel, const float *dy, const float *x, int64_t N, int64_t H, int64_t W, int64_t C,
                                         int64_t F, int64_t R, int64_t S, int64_t P, int64_t Q, int64_t stride_h, int64_t stride_w,
                                         int64_t pad_top, int64_t pad_left, int64_t dilation_h, int64_t dilation_w, int64_t groups) {
    const struct conv c = {N, H, W, C, F, R, S, P, Q, stride_h, stride_w, pad_top, pad_left, dilation_h, dilation_w, groups};
    const int64_t Cg = C / groups, Fg = F / groups, size = R * S * Cg * F;
    if (size == 0) return CG_OK;
    if (N * P * Q == 0) {
        memset(dkernel, 0, (size_t)size * sizeof *dkernel);
        return CG_OK;
    }
    if (is_depthwise(&c)) return depthwise_backward_kernel(&c, dkernel, dy, x);
    if (is_grouped(&c)) return grouped_backward_kernel(&c, dkernel, dy, x);
    if (is_winograd(&c)) {
        struct winograd w = {.dkernel = dkernel, .dy = dy, .x = x, .N = N, .H = H, .W = W, .C = C, .F = F, .P = P, .Q = Q,
                             .pad_top = pad_top, .pad_left = pad_left};
        return winograd_backward_kernel(&w);
    }
    struct frame frame = {0};
    struct runs runs = {0};
    int status = frame_image(&frame, &c, x);
    if (!status) status = find_runs(&runs, &c, frame.W);
    const struct lines lines = find_lines(&c, &frame);
    const int64_t parts = kernel_gradient_parts(&c, lines.count);
    const size_t starts_bytes = (size_t)lines.count * sizeof(int64_t), sums_bytes = parts > 1 ? (size_t)(parts * size) * sizeof(float) : 0;
    int64_t *starts = cg_alloc(starts_bytes);
    float *sums = parts > 1 ? cg_alloc(sums_bytes) : dkernel;
    if (!starts || !sums) status = CG_ENOMEM;
    for (int64_t i = 0; i < (status ? 0 : lines.count); i++) starts[i] = line_start(&c, &frame, i);

    const int threads = cg_threads(2.0 * N * P * Q * size, 4.0 * (N * (H * W * C + P * Q * F) + size));
    const int64_t rows = even_rows(runs.run), row_tiles = status ? 0 : cg_ceil_div(runs.run, rows) * runs.runs * groups;
    const int64_t shares = parts >= 4 * threads ? 1 : cg_min64(row_tiles, cg_ceil_div(4 * threads, parts));
    /* Lines whose x and dy fit the second-level cache together: all tiles of a share pass over them before the next lines come. */
    const int64_t line_floats = lines.length * (lines.step + F), block = cg_max64(1, 65536 / line_floats);
#pragma omp parallel for schedule(dynamic) num_threads(threads) if (threads > 1 && !status)
    for (int64_t task = 0; task < (status ? 0 : parts * shares); task++) {
        const int64_t part = task / shares, share = task % shares;
        const int64_t first = lines.count * part / parts, end = lines.count * (part + 1) / parts;
        for (int64_t line = first; line < end; line += block) {
            struct tile t = {.y_row = F, .a_row = 1, .a_k = lines.step, .segment = starts + line, .segments = cg_min64(block, end - line),
                             .K = lines.length, .b_k = F, .goes_on = line > first};
            for (int64_t i = row_tiles * share / shares; i < row_tiles * (share + 1) / shares; i++) {
                const int64_t tiles_of_run = cg_ceil_div(runs.run, rows), tile = i % tiles_of_run * rows;
                const int64_t run = i / tiles_of_run % runs.runs, group = i / tiles_of_run / runs.runs;
                t.a = frame.x + runs.offset[run] + group * Cg + tile;
                for (int64_t j = 0; j < Fg; j += NR) {
                    t.b = dy + line * lines.length * F + group * Fg + j;
                    t.y = sums + part * size + (run * runs.run + tile) * F + group * Fg + j;
                    run_tile(&t, cg_min64(rows, runs.run - tile), cg_min64(NR, Fg - j));
                }
            }
        }
    }
    if (parts > 1 && !status) column_sums(dkernel, sums, parts, size, size);
    if (parts > 1) cg_free(sums, sums_bytes);
    cg_free(starts, starts_bytes);
    cg_free(runs.offset, runs.bytes);
    cg_free(frame.copy, frame.bytes);
    return status;
}
