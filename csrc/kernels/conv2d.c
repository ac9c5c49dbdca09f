/* conv2d.c: 2-D convolution and its two gradients on matmul's register tile, without an im2col matrix.
 *
 * In NHWC the S*C values that one kernel row meets at a pixel are neighbours in x, and neighbouring pixels of a row of y see them
 * stride_w * C further on. So a tile of pixels by filters is a matmul tile whose a is x itself: the sum runs over R segments
 * of S*C steps (R*S segments of C/G where dilation or groups break the row up). The kernels differ in what the tile's letters mean:
 *
 *                     rows i            columns j    steps k of the sum          a                   b
 *   forward           pixels of a line  filters      r, (s, c)                   x                   kernel[(r,s,c), f]
 *   backward_kernel   (s, c) at an r    filters      lines, their pixels         x                   dy[pixel, f]
 *   backward_input    pixels of a line  channels     r, (s, f)                   dy                  kernel[r,s,c,f] as [(r,s,f), c], turned
 *     few channels    (r, c)            pixels       s, f; added by rows of dy   kernel[r,s,c,f]     dy as planes [f, pixel]
 *     one or two      (r, s, c)         pixels       f; then added by s and r    kernel[r,s,c,f]     dy as planes [f, pixel]
 *
 * Padding is neither stored nor multiplied: y falls into regions of which each is a convolution without padding by a part of the
 * kernel (regions.c). The gradient of x falls into stride_h * stride_w convolutions (phases.c). */

static int is_matmul(const struct conv *c) { /* 1 x 1, every pixel, one group: y[N*H*W, F] = x[N*H*W, C] kernel[C, F] */
    return c->R == 1 && c->S == 1 && c->stride_h == 1 && c->stride_w == 1 && c->groups == 1 && c->pad_top == 0 && c->pad_left == 0 &&
           c->P == c->H && c->Q == c->W;
}

static const struct minimal *find_winograd(const struct conv *c) {
    const int plain = c->R == c->S && c->stride_h == 1 && c->stride_w == 1 && c->dilation_h == 1 && c->dilation_w == 1 && c->groups == 1;
    return plain && cg_get_winograd() ? winograd_form(c->R, c->C, c->F, c->P, c->Q) : NULL;
}

/* For a y that is in no second-level cache: */
enum {
    ASKED_FOR = 8, ASKED_FOR_AT_MOST = 512, /* a tile is asked for before its sums, where these hide that, and are not so long that its end costs nothing */
    BLOCK_OF_Y = 8192                       /* numbers in which y is finished, panel by panel, where the kernel stays in the second-level cache */
};

/* What all tasks of a convolution share. */
struct convolution {
    const struct conv *c;
    const struct plan *plan;
    float *y;
    const float *x, *kernel, *bias; /* the kernel as panels [panels][R*S*C/G][NR] where it is packed */
    int64_t K, panels;
    int packed, ask, activation;
};

/* A region's tiles first .. end-1 by panels p0 .. p1-1 of the kernel. */
static void convolve_tiles(const struct convolution *v, const struct region *g, int64_t first, int64_t end, int64_t p0, int64_t p1) {
    const struct conv *c = v->c;
    const int64_t Fg = c->F / c->groups, Cg = c->C / c->groups;
    struct tile t = {.y_row = v->plan->y_step[g->along], .a_row = v->plan->x_step[g->along], .a_k = 1, .segment = g->offset, .segments = g->runs,
                     .K = g->run, .b_k = v->packed ? NR : c->F,
                     .ahead = v->packed ? 0 : ahead_of(g->tile, v->K * c->F), .relu = v->activation == CG_RELU};
    if (g->runs * g->run < v->K) t.b_segment = g->kernel_offset; /* a part of the kernel */
    for (int64_t i = p0; i < p1; i++) {
        const int64_t in_group = v->panels / c->groups, group = i / in_group, j = i % in_group * NR;
        const int64_t f = group * Fg + j, n = cg_min64(NR, Fg - j);
        t.b = v->kernel + (v->packed ? i * NR * v->K : f) + g->kernel;
        t.start = v->bias ? v->bias + f : NULL;
        for (int64_t line = first / g->tiles, q = first % g->tiles, left = end - first; left > 0; left -= g->tiles - q, line++, q = 0) {
            const float *from = v->x + line_start(g, g->x, v->plan->x_step, line) + group * Cg;
            float *to = v->y + line_start(g, g->y, v->plan->y_step, line) + f;
            for (int64_t pixel = q * g->tile; pixel < cg_min64(g->length, (q + left) * g->tile); pixel += g->tile) {
                const int64_t m = cg_min64(g->tile, g->length - pixel);
                t.a = from + pixel * t.a_row;
                t.y = to + pixel * t.y_row;
                if (v->ask) ask_for(t.y, m, n, t.y_row, 1);
                run_tile(&t, m, n);
                if (!t.relu) activate_rows(t.y, m, n, t.y_row, v->activation);
                finish_rows(c->epilogue, t.y, m, n, t.y_row, f);
            }
        }
    }
}

/* y, whose pixels lie `at`, = activation(bias + x * kernel). */
static int convolve(const struct conv *c, float *y, struct places at, const float *x, const float *kernel, const float *bias, int activation) {
    if (at.pixel == c->F && at.row == c->Q * c->F && at.image == c->P * at.row) {
        if (is_matmul(c)) return multiply_plain(y, x, kernel, bias, c->N * c->H * c->W, c->F, c->C, activation, c->epilogue);
        const struct minimal *form = find_winograd(c);
        if (form) {
            struct winograd w = {.form = form, .y = y, .x = x, .kernel = kernel, .bias = bias, .activation = activation, .epilogue = c->epilogue, .N = c->N,
                                 .H = c->H, .W = c->W, .C = c->C, .F = c->F, .P = c->P, .Q = c->Q, .pad_top = c->pad_top, .pad_left = c->pad_left};
            return winograd_convolve(&w);
        }
    }
    const int64_t Fg = c->F / c->groups, K = c->R * c->S * (c->C / c->groups), panels = c->groups * cg_ceil_div(Fg, NR);
    /* The kernel as panels of NR filters, for every group; with few pixels, or few panels and not many pixels, it is read as it lies. */
    const int64_t pixels = c->N * c->P * c->Q;
    const int pack = pixels >= (cg_ceil_div(Fg, NR) > 2 ? 256 : 1024);
    const size_t packed_bytes = pack ? (size_t)(panels * NR * K) * sizeof(float) : 0;
    struct plan plan = {0};
    float *packed = NULL;
    int status = make_plan(&plan, c, (const int64_t[]){at.image, at.row, at.pixel}, pack ? NR : c->F);
    if (!status && pack && !(packed = cg_alloc(packed_bytes))) status = CG_ENOMEM;
    const double flops = 2.0 * pixels * K * c->F;
    const int threads = cg_threads(flops, 4.0 * (c->N * (c->H * c->W * c->C + c->P * c->Q * c->F)));
    /* Panel by panel where reading x for each of them is less than reading the kernel for each part of x. */
    int64_t tasks = plan_tasks(&plan, threads > 1 ? 4 * threads : 1, threads, 1);
    const int by_panel = (double)panels * c->N * c->H * c->W * c->C < (double)tasks * K * c->F;
    const int64_t parts = by_panel ? panels : 1;
    if (by_panel) tasks = plan_tasks(&plan, threads > 1 ? cg_ceil_div(4 * threads, panels) : 1, threads, 0);
    const int large = pixels * c->F >= LARGE_Y;
    const struct convolution v = {.c = c, .plan = &plan, .y = y, .x = x, .kernel = pack ? packed : kernel, .bias = bias, .K = K, .panels = panels,
                                  .packed = pack, .ask = large && K >= ASKED_FOR && K <= ASKED_FOR_AT_MOST, .activation = activation};
    CG_PARALLEL_FOR(threads)
    for (int64_t i = 0; i < (packed ? panels : 0); i++) {
        const int64_t in_group = panels / c->groups, j = i % in_group * NR;
        pack_b(packed + i * NR * K, kernel + i / in_group * Fg + j, c->F, 1, K, cg_min64(NR, Fg - j));
    }
#pragma omp parallel for schedule(dynamic) num_threads(threads) if (threads > 1 && !status)
    for (int64_t task = 0; task < (status ? 0 : tasks * parts); task++) {
        const struct region *g = plan.regions + plan.count - 1;
        while (g->first_task > task / parts) g--;
        const int64_t first = (task / parts - g->first_task) * g->tiles_per_task;
        const int64_t end = cg_min64(first + g->tiles_per_task, g->lines * g->tiles);
        const int64_t part = task % parts, block = large && K * c->F <= SECOND_LEVEL ? cg_max64(1, BLOCK_OF_Y / (g->tile * c->F)) : end - first;
        for (int64_t tile = first; tile < end; tile += block)
            convolve_tiles(&v, g, tile, cg_min64(tile + block, end), panels * part / parts, panels * (part + 1) / parts);
    }
    cg_free(packed, packed_bytes);
    cg_free(plan.memory, plan.bytes);
    return status;
}

enum { SPARSE_PIXELS = 256 }; /* for so few, reading the kernel is the work */

/* A kernel of one pixel that leaves out pixels of x, as a product with a copy of the others: its tiles are full, where those of y's short rows
 * would be cut, so the kernel is read fewer times. */
static int is_sparse(const struct conv *c) {
    return c->R == 1 && c->S == 1 && c->groups == 1 && c->pad_top == 0 && c->pad_left == 0 && (c->stride_h > 1 || c->stride_w > 1) &&
           c->N * c->P * c->Q <= SPARSE_PIXELS;
}

static int convolve_sparse(const struct conv *c, float *y, const float *x, const float *kernel, const float *bias, int activation) {
    const int64_t row = c->Q * c->C;
    const size_t bytes = (size_t)(c->N * c->P * row) * sizeof(float);
    float *copy = cg_alloc(bytes);
    if (!copy) return CG_ENOMEM;
    const int threads = cg_threads(0, 2.0 * (double)bytes);
    CG_PARALLEL_FOR(threads)
    for (int64_t i = 0; i < c->N * c->P; i++) {
        const float *from = x + (i / c->P * c->H + i % c->P * c->stride_h) * c->W * c->C;
        for (int64_t q = 0; q < c->Q; q++) memcpy(copy + i * row + q * c->C, from + q * c->stride_w * c->C, (size_t)c->C * sizeof *copy);
    }
    const int status = multiply_plain(y, copy, kernel, bias, c->N * c->P * c->Q, c->F, c->C, activation, c->epilogue);
    cg_free(copy, bytes);
    return status;
}

/* y[N,P,Q,F] = activation(bias + x * kernel), and c's epilogue */
static int forward(const struct conv *c, float *y, const float *x, const float *kernel, const float *bias, int activation) {
    if (c->N * c->P * c->Q * c->F == 0) return CG_OK;
    if (is_depthwise(c)) return depthwise_forward(c, y, x, kernel, bias, activation);
    if (is_grouped(c)) return grouped_forward(c, y, x, kernel, bias, activation);
    if (is_sparse(c)) return convolve_sparse(c, y, x, kernel, bias, activation);
    return convolve(c, y, (struct places){c->P * c->Q * c->F, c->Q * c->F, c->F}, x, kernel, bias, activation);
}

static int CG_FN(conv2d_forward)(float *y, const float *x, const float *kernel, const float *bias, int64_t N, int64_t H, int64_t W,
                                 int64_t C, int64_t F, int64_t R, int64_t S, int64_t P, int64_t Q, int64_t stride_h, int64_t stride_w,
                                 int64_t pad_top, int64_t pad_left, int64_t dilation_h, int64_t dilation_w, int64_t groups,
                                 int activation) {
    const struct conv c = {N, H, W, C, F, R, S, P, Q, stride_h, stride_w, pad_top, pad_left, dilation_h, dilation_w, groups, NULL};
    return forward(&c, y, x, kernel, bias, activation);
}

static int CG_FN(conv2d_fused_forward)(float *y, const float *x, const float *kernel, const float *bias, const float *mean, const float *variance,
                                       const float *scale, const float *offset, const float *residual, int64_t N, int64_t H, int64_t W,
                                       int64_t C, int64_t F, int64_t R, int64_t S, int64_t P, int64_t Q, int64_t stride_h, int64_t stride_w,
                                       int64_t pad_top, int64_t pad_left, int64_t dilation_h, int64_t dilation_w, int64_t groups,
                                       int activation, float epsilon, float low, float high) {
    const size_t bytes = mean ? 2 * (size_t)F * sizeof(float) : 0;
    float *factor = mean ? cg_alloc(bytes) : NULL, *shift = factor ? factor + F : NULL;
    const struct epilogue e = {factor, shift, y, residual, low, high};
    const struct conv c = {N, H, W, C, F, R, S, P, Q, stride_h, stride_w, pad_top, pad_left, dilation_h, dilation_w, groups, &e};
    if (mean && !factor) return CG_ENOMEM;
    if (mean) inference_line(factor, shift, mean, variance, scale, offset, F, epsilon);
    const int status = forward(&c, y, x, kernel, bias, activation);
    cg_free(factor, bytes);
    return status;
}

/* ---- gradient with respect to x ---- */

enum {
    BAND_ROWS = 16, BAND_FLOATS = 32768, /* of dx in a task: at least, and at most so much of the second-level cache */
    SPAN = 512,                          /* columns of a phase in a task */
    FEW_ROWS = 4,                        /* so few sums, which would share what a tile loads of dy, are made from products with the whole kernel */
    PRODUCTS = 65536                     /* of those at a time: what stays in the second-level cache */
};

/* Channels too few to fill a vector: vectors run over columns instead, of dy's rows turned to planes [f, q] and of each phase of dx's. */
struct rows_back {
    const struct conv *c;
    float *dx;
    const float *dy, *kernel; /* the kernel turned to [G][S][F/G][R*C/G]; as it lies where products are made */
    int64_t Cg, Fg;
    int64_t low, high;        /* what columns j0 .. j1-1 of dx's phases meet of dy: columns j0 + low .. j1-1 + high */
    int64_t plane, span;      /* from plane to plane; from a row of sums, which belongs to one channel and phase, to the next */
    int64_t together;         /* rows of the kernel whose products are made at a time; 0: none are, a tile sums over the taps */
};

/* Rows of n floats, and of whole vectors; an odd number of cache lines apart, for a power of two would put them into few sets of a cache. */
static int64_t odd_lines(int64_t n) { return (cg_ceil_div(n, 16) | 1) * 16; }

/* What planes of a row of dy add to rows of a band of dx, `columns` of each phase: rows r0 .. r1-1 of the turned kernel, to `sum` for r0's first
 * channel. A tile sums over the taps of a phase, each of which reads the planes further on. */
static void sum_phases(const struct rows_back *b, float *sum, const float *planes, int64_t columns, const float *kernel, int64_t r0, int64_t r1,
                     int64_t *offset) {
    const struct conv *c = b->c;
    const int64_t RC = c->R * b->Cg, M = (r1 - r0) * b->Cg, rows = even_rows(M);
    struct tile t = {.y_row = c->stride_w * b->span, .a_row = 1, .a_k = RC, .segment = offset, .b_segment = offset + c->S, .K = b->Fg,
                     .b_k = b->plane, .goes_on = 1};
    for (int64_t i = 0; i < cg_min64(c->stride_w, c->W); i++, sum += b->span) {
        const struct phase p = find_phase(i, c->W, c->S, c->stride_w, c->pad_left, c->dilation_w);
        t.segments = p.taps;
        for (int64_t k = 0; k < p.taps; k++) {
            offset[k] = (p.tap + k * p.step) * b->Fg * RC;
            offset[c->S + k] = p.low - b->low + (p.taps - 1 - k) * p.dilation;
        }
        for (int64_t j = 0; j < columns; j += NR) {
            for (int64_t row = 0; row < M; row += rows) {
                t.a = kernel + r0 * b->Cg + row;
                t.b = planes + j;
                t.y = sum + row * t.y_row + j;
                run_tile(&t, cg_min64(rows, M - row), cg_min64(NR, columns - j));
            }
        }
    }
}

/* The same by way of products[(r,s,c), q] = sum_f kernel[r,s,c,f] planes[f,q], of which a phase adds its taps', each further on. */
static void add_products(const struct rows_back *b, float *sum, float *products, const float *planes, int64_t columns, const float *kernel, int64_t r0,
                         int64_t r1) {
    static const int64_t at_start[1] = {0};
    const struct conv *c = b->c;
    const int64_t M = (r1 - r0) * c->S * b->Cg, rows = even_rows(M), met = cg_ceil_div(columns + b->high - b->low, VLEN) * VLEN;
    struct tile t = {.y_row = b->plane, .a_row = c->F, .a_k = 1, .segment = at_start, .segments = 1, .K = b->Fg, .b_k = b->plane};
    for (int64_t row = 0; row < M; row += rows) {
        for (int64_t q = 0; q < met; q += NR) {
            t.a = kernel + (r0 * c->S * b->Cg + row) * c->F;
            t.b = planes + q;
            t.y = products + row * b->plane + q;
            run_tile(&t, cg_min64(rows, M - row), cg_min64(NR, met - q));
        }
    }
    for (int64_t i = 0; i < cg_min64(c->stride_w, c->W); i++, sum += b->span) {
        const struct phase p = find_phase(i, c->W, c->S, c->stride_w, c->pad_left, c->dilation_w);
        const int64_t next = p.step * b->Cg * b->plane - p.dilation;
        for (int64_t row = 0; row < (r1 - r0) * b->Cg; row++) {
            const int64_t first = (row / b->Cg * c->S + p.tap) * b->Cg + row % b->Cg;
            const float *from = products + first * b->plane + p.low - b->low + (p.taps - 1) * p.dilation;
            float *to = sum + row * c->stride_w * b->span;
            for (int64_t j = 0; j < columns; j += VLEN) {
                vf v = vf_load(to + j);
                for (int64_t k = 0; k < p.taps; k++) v += vf_load(from + j + k * next);
                vf_store(to + j, v);
            }
        }
    }
}

static int64_t products_size(const struct rows_back *b) { return b->together * b->c->S * b->Cg * b->plane; }

/* Rows h0 .. h1-1 and columns j0 .. j1-1 of each phase, of a group's part of image n of dx: rows of dy are added in turn. */
static void sum_band(const struct rows_back *b, float *planes, float *sums, int64_t *offset, int64_t n, int64_t group, int64_t h0, int64_t h1,
                     int64_t j0, int64_t j1) {
    const struct conv *c = b->c;
    const int64_t sum_row = b->Cg * c->stride_w * b->span, row = c->W * c->C, dilation = c->dilation_h;
    const float *kernel = b->kernel + (b->together ? group * b->Fg : group * c->S * b->Fg * c->R * b->Cg);
    float *products = planes + b->Fg * b->plane, *to = b->dx + (n * c->H + h0) * row + j0 * c->stride_w * c->C + group * b->Cg;
    const int64_t from = cg_max64(0, j0 + b->low), until = cg_min64(c->Q, j0 + b->low + b->plane); /* dy's columns in planes */
    memset(planes, 0, (size_t)(b->Fg * b->plane) * sizeof *planes); /* once: all rows of dy lie between the same zeros */
    memset(sums, 0, (size_t)((h1 - h0) * sum_row) * sizeof *sums);
    for (int64_t p = 0; p < c->P; p++) {
        const int64_t top = p * c->stride_h - c->pad_top;
        const int64_t first = cg_ceil_div(cg_max64(0, h0 - top), dilation), end = cg_min64(c->R, cg_ceil_div(cg_max64(0, h1 - top), dilation));
        if (first >= end) continue;
        const float *line = b->dy + (n * c->P + p) * c->Q * c->F + group * b->Fg;
        if (from < until) copy_transposed(planes + from - j0 - b->low, b->plane, line + from * c->F, c->F, until - from, b->Fg);
        const int64_t together = dilation > 1 ? 1 : b->together ? b->together : c->R; /* rows of the kernel that meet neighbouring rows of dx */
        for (int64_t r = first; r < end; r += together) {
            float *sum = sums + (top + r * dilation - h0) * sum_row;
            if (b->together) add_products(b, sum, products, planes, j1 - j0, kernel, r, cg_min64(r + together, end));
            else sum_phases(b, sum, planes, j1 - j0, kernel, r, cg_min64(r + together, end), offset);
        }
    }
    for (int64_t h = 0; h < h1 - h0; h++) {
        for (int64_t i = 0; i < cg_min64(c->stride_w, c->W - j0 * c->stride_w); i++) {
            const float *sum = sums + h * sum_row + i * b->span;
            const int64_t columns = cg_min64(j1 - j0, cg_ceil_div(c->W - i, c->stride_w) - j0);
            if (c->C * c->stride_w == 1) memcpy(to + h * row, sum, (size_t)columns * sizeof *sum);
            else copy_transposed(to + h * row + i * c->C, c->stride_w * c->C, sum, c->stride_w * b->span, b->Cg, columns);
        }
    }
}

static int add_rows_back(const struct conv *c, float *dx, const float *dy, const float *kernel) {
    struct rows_back b = {.c = c, .dx = dx, .dy = dy, .kernel = kernel, .Cg = c->C / c->groups, .Fg = c->F / c->groups};
    const int64_t RC = c->R * b.Cg;
    for (int64_t i = 0; i < cg_min64(c->stride_w, c->W); i++) {
        const struct phase p = find_phase(i, c->W, c->S, c->stride_w, c->pad_left, c->dilation_w);
        if (!p.taps) continue;
        b.low = cg_min64(b.low, p.low);
        b.high = cg_max64(b.high, p.low + (p.taps - 1) * p.dilation);
    }
    const int64_t columns = cg_ceil_div(c->W, c->stride_w), spans = cg_ceil_div(columns, SPAN);
    b.span = cg_ceil_div(cg_ceil_div(columns, spans), 16) * 16;
    b.plane = odd_lines(b.span + b.high - b.low);
    if (RC <= FEW_ROWS) b.together = cg_max64(1, cg_min64(c->R, PRODUCTS / (c->S * b.Cg * b.plane)));
    const int threads = cg_threads(2.0 * c->N * c->P * c->Q * c->F * c->S * RC, 4.0 * c->N * (c->H * c->W * c->C + c->P * c->Q * c->F));
    const int64_t wanted = cg_max64(BAND_ROWS, cg_ceil_div(c->N * c->H, 4 * threads)), sum_row = b.Cg * c->stride_w * b.span;
    const int64_t band = cg_min64(c->H, cg_min64(wanted, cg_max64(1, BAND_FLOATS / sum_row))), bands = cg_ceil_div(c->H, band);
    const size_t turned_bytes = b.together ? 0 : (size_t)(RC * c->S * c->F) * sizeof(float), offset_bytes = 2 * (size_t)c->S * sizeof(int64_t);
    const size_t bytes = (size_t)(b.Fg * b.plane + products_size(&b) + band * sum_row) * sizeof(float);
    float *turned = b.together ? NULL : cg_alloc(turned_bytes);
    int status = b.together || turned ? CG_OK : CG_ENOMEM;
    for (int64_t i = 0; turned && i < c->groups * c->S * c->R; i++) {
        const int64_t r = i % c->R, at = i / c->R, s = at % c->S, group = at / c->S;
        copy_transposed(turned + at * b.Fg * RC + r * b.Cg, RC, kernel + (r * c->S + s) * b.Cg * c->F + group * b.Fg, c->F, b.Cg, b.Fg);
    }
    if (turned) b.kernel = turned;
#pragma omp parallel for schedule(dynamic) num_threads(threads) if (threads > 1 && !status)
    for (int64_t task = 0; task < (status ? 0 : c->N * bands * spans * c->groups); task++) {
        const int64_t group = task % c->groups, part = task / c->groups % spans, h0 = task / c->groups / spans % bands * band;
        float *planes = cg_alloc(bytes);
        int64_t *offset = cg_alloc(offset_bytes);
        if (planes && offset) {
            sum_band(&b, planes, planes + b.Fg * b.plane + products_size(&b), offset, task / c->groups / spans / bands, group, h0,
                     cg_min64(h0 + band, c->H), part * b.span, cg_min64((part + 1) * b.span, columns));
        } else {
#pragma omp atomic write
            status = CG_ENOMEM;
        }
        cg_free(offset, offset_bytes);
        cg_free(planes, bytes);
    }
    cg_free(turned, turned_bytes);
    return status;
}

static int CG_FN(conv2d_backward_input)(float *dx, const float *dy, const float *kernel, int64_t N, int64_t H, int64_t W, int64_t C,
                                        int64_t F, int64_t R, int64_t S, int64_t P, int64_t Q, int64_t stride_h, int64_t stride_w,
                                        int64_t pad_top, int64_t pad_left, int64_t dilation_h, int64_t dilation_w, int64_t groups) {
    const struct conv c = {N, H, W, C, F, R, S, P, Q, stride_h, stride_w, pad_top, pad_left, dilation_h, dilation_w, groups, NULL};
    if (N * H * W * C == 0) return CG_OK;
    if (P * Q * F == 0) {
        memset(dx, 0, (size_t)(N * H * W * C) * sizeof *dx);
        return CG_OK;
    }
    if (is_depthwise(&c)) return depthwise_backward_input(&c, dx, dy, kernel);
    if (is_grouped(&c)) return convolve_back(&c, dx, dy, kernel, grouped_pass);
    if (is_matmul(&c)) return CG_FN(matmul)(dx, dy, kernel, NULL, N * H * W, C, F, 0, 1, CG_LINEAR);
    /* Vectors of a row of dx, of channels or of pixels (and a quarter for the planes); 16 on every machine, so that all take the same way. */
    const double by_channels = (double)W * cg_ceil_div(C / groups, 16);
    const double by_pixels = 1.25 * (C / groups) * stride_w * cg_ceil_div(cg_ceil_div(W, stride_w), 16);
    return by_channels <= by_pixels || find_winograd(&c) ? convolve_back(&c, dx, dy, kernel, convolve) : add_rows_back(&c, dx, dy, kernel);
}

/* ---- gradient with respect to the kernel ---- */

/* The sum over all pixels is split into parts fixed by the sizes, each with a kernel-sized sum of its own; the parts are added in
 * order. A large kernel has tiles enough for the threads and gets one part. */
static int64_t kernel_gradient_parts(const struct conv *c, int64_t lines) {
    const double kernel = (double)c->R * c->S * (c->C / c->groups) * c->F, flops = 2.0 * c->N * c->P * c->Q * kernel;
    if (kernel > 65536) return 1;
    return cg_max64(1, cg_min64(cg_min64(16, lines), (int64_t)(flops / 1e6)));
}

enum { BLOCK_FLOATS = 65536 }; /* of x and dy, which stay in the second-level cache while all tiles pass over them */

/* Rows from .. to-1, counted as [groups, R*S*C/G], of a part's sum: it begins at 0 and goes on from region to region, in each from line to
 * line, which begin at x_starts and dy_starts. */
static void sum_kernel_rows(const struct conv *c, const struct plan *plan, float *sum, const float *dy, const float *x, const int64_t *x_starts,
                            const int64_t *dy_starts, int64_t part, int64_t parts, int64_t from, int64_t to) {
    const int64_t Cg = c->C / c->groups, Fg = c->F / c->groups, in_group = c->R * c->S * Cg;
    for (int64_t row = from; row < to; row++)
        memset(sum + row % in_group * c->F + row / in_group * Fg, 0, (size_t)Fg * sizeof *sum);
    for (const struct region *g = plan->regions; g < plan->regions + plan->count; g++) {
        const int64_t line_floats = g->length * (cg_min64(plan->x_step[g->along], g->runs * g->run) + c->F);
        const int64_t block = cg_max64(1, BLOCK_FLOATS / line_floats), last = g->lines * (part + 1) / parts;
        for (int64_t line = g->lines * part / parts; line < last; line += block) {
            struct tile t = {.y_row = c->F, .a_row = 1, .a_k = plan->x_step[g->along], .segment = x_starts + g->first_line + line,
                             .b_segment = dy_starts + g->first_line + line, .segments = cg_min64(block, last - line), .K = g->length,
                             .b_k = plan->y_step[g->along], .goes_on = 1};
            for (int64_t i = from / in_group * g->runs; i < cg_ceil_div(to, in_group) * g->runs; i++) {
                const int64_t group = i / g->runs, run = i % g->runs, run_row = g->kernel + g->kernel_offset[run];
                const int64_t first = cg_max64(from - group * in_group, run_row), end = cg_min64(to - group * in_group, run_row + g->run);
                const int64_t rows = even_rows(cg_max64(0, end - first));
                for (int64_t row = first; row < end; row += rows) {
                    t.a = x + g->offset[run] + row - run_row + group * Cg;
                    for (int64_t j = 0; j < Fg; j += NR) {
                        t.b = dy + group * Fg + j;
                        t.y = sum + row * c->F + group * Fg + j;
                        run_tile(&t, cg_min64(rows, end - row), cg_min64(NR, Fg - j));
                    }
                }
            }
        }
    }
}

static int CG_FN(conv2d_backward_kernel)(float *dkernel, const float *dy, const float *x, int64_t N, int64_t H, int64_t W, int64_t C,
                                         int64_t F, int64_t R, int64_t S, int64_t P, int64_t Q, int64_t stride_h, int64_t stride_w,
                                         int64_t pad_top, int64_t pad_left, int64_t dilation_h, int64_t dilation_w, int64_t groups) {
    const struct conv c = {N, H, W, C, F, R, S, P, Q, stride_h, stride_w, pad_top, pad_left, dilation_h, dilation_w, groups, NULL};
    const int64_t Cg = C / groups, size = R * S * Cg * F;
    if (size == 0) return CG_OK;
    if (N * P * Q == 0) {
        memset(dkernel, 0, (size_t)size * sizeof *dkernel);
        return CG_OK;
    }
    if (is_depthwise(&c)) return depthwise_backward_kernel(&c, dkernel, dy, x);
    if (is_grouped(&c)) return grouped_backward_kernel(&c, dkernel, dy, x);
    const struct minimal *form = find_winograd(&c);
    if (form) {
        struct winograd w = {.form = form, .dkernel = dkernel, .dy = dy, .x = x, .N = N, .H = H, .W = W, .C = C, .F = F, .P = P, .Q = Q,
                             .pad_top = pad_top, .pad_left = pad_left};
        return winograd_backward_kernel(&w);
    }
    struct plan plan = {0};
    int status = make_plan(&plan, &c, (const int64_t[]){P * Q * F, Q * F, F}, 1);
    const int64_t parts = kernel_gradient_parts(&c, plan.lines), rows = groups * R * S * Cg;
    const size_t starts_bytes = 2 * (size_t)plan.lines * sizeof(int64_t), sums_bytes = parts > 1 ? (size_t)(parts * size) * sizeof(float) : 0;
    int64_t *x_starts = cg_alloc(starts_bytes), *dy_starts = x_starts + plan.lines;
    float *sums = parts > 1 ? cg_alloc(sums_bytes) : dkernel;
    if (!x_starts || !sums) status = CG_ENOMEM;
    for (const struct region *g = plan.regions; !status && g < plan.regions + plan.count; g++) {
        for (int64_t i = 0; i < g->lines; i++) {
            x_starts[g->first_line + i] = line_start(g, g->x, plan.x_step, i);
            dy_starts[g->first_line + i] = line_start(g, g->y, plan.y_step, i);
        }
    }

    const int threads = cg_threads(2.0 * N * P * Q * size, 4.0 * (N * (H * W * C + P * Q * F) + size));
    const int64_t shares = parts >= 4 * threads ? 1 : cg_min64(cg_ceil_div(rows, MR), cg_ceil_div(4 * threads, parts));
#pragma omp parallel for schedule(dynamic) num_threads(threads) if (threads > 1 && !status)
    for (int64_t task = 0; task < (status ? 0 : parts * shares); task++) {
        const int64_t part = task / shares, share = task % shares;
        sum_kernel_rows(&c, &plan, sums + part * size, dy, x, x_starts, dy_starts, part, parts, rows * share / shares,
                        rows * (share + 1) / shares);
    }
    if (parts > 1 && !status) column_sums(dkernel, sums, parts, size, size);
    if (parts > 1) cg_free(sums, sums_bytes);
    cg_free(x_starts, starts_bytes);
    cg_free(plan.memory, plan.bytes);
    return status;
}
