/* grouped.c: convolution in groups of few channels, forward and both gradients; conv2d.c hands over to it (the gradient of x by phases.c).
 *
 * The matmul tile would fill its vectors with one group's filters, of which there are too few. Here a vector holds the filters of several
 * groups; what it multiplies at step d of the sum is channel d of each lane's own group, a permutation of those groups' channels:
 *
 *     filters of a vector      a a a a b b b b       a, b: groups of 4 channels and 4 filters
 *     channels of a pixel      0 1 2 3 4 5 6 7
 *     at step d = 1            1 1 1 1 5 5 5 5       times kernel[r,s,1,f]
 *
 * Where a group fills a vector by itself, the permutation is one channel in all lanes. A permuted pixel meets all taps of a kernel row at
 * once, in the sums of neighbouring outputs, so there are two multiply-adds and more for each load or permutation. A task first lays out the
 * channels of one vector's groups, some rows with their padding, and its kernel values side by side; both stay in the first caches.
 *
 * The sum's order is bias, r, three columns of the kernel at a time, d, s, on every instruction set and at every stride. */

enum {
    MOST_MEMBERS = 16, /* channels and filters of a group, at most; of more, conv2d.c's tile is as fast */
    TILE_PIXELS = 8,   /* outputs in registers */
    TILE_TAPS = 3,     /* of a kernel row that a pixel meets at once */
    TILE_DEPTH = 4,    /* channels whose gradients are in registers, TILE_TAPS of each */
    BAND_VALUES = 16384 /* of x in a task */
};

static int is_grouped(const struct conv *c) {
    return c->groups > 1 && c->C / c->groups <= MOST_MEMBERS && c->F / c->groups <= MOST_MEMBERS;
}

/* ---- vectors of filters ---- */

/* The channels and filters of a group, groups in a vector, and vectors in all. several: those lie in one vector of channels, too. */
struct members {
    int64_t depth, wide, groups, together, blocks;
    int several;
};

static struct members find_members(const struct conv *c) {
    struct members m = {.depth = c->C / c->groups, .wide = c->F / c->groups, .groups = c->groups};
    m.together = cg_max64(1, VLEN / cg_max64(m.depth, m.wide));
    m.several = m.together > 1;
    m.blocks = m.several ? cg_ceil_div(m.groups, m.together) : m.groups * cg_ceil_div(m.wide, VLEN);
    return m;
}

/* A vector's filters and the channels that they see */
struct member_block { int64_t filter, filters, channel, channels; };

static struct member_block find_block(const struct members *m, int64_t number) {
    const int64_t vectors = cg_ceil_div(m->wide, VLEN), group = m->several ? number * m->together : number / vectors;
    const int64_t lane = m->several ? 0 : number % vectors * VLEN, groups = cg_min64(m->together, m->groups - group);
    return (struct member_block){group * m->wide + lane, m->several ? groups * m->wide : cg_min64(VLEN, m->wide - lane), group * m->depth,
                          groups * m->depth};
}

/* Where each lane's group begins among the channels */
static vi first_channels(const struct members *m) {
    vi first = vi_set(0);
    for (int i = 0; i < VLEN; i++) first[i] = (int32_t)(m->several ? i / m->wide * m->depth : 0);
    return first;
}

/* Channel d of each lane's group; from: first_channels + d */
CG_INLINE vf spread(const float *pixel, int64_t d, vi from, const int several) {
    return several ? vf_permute(vf_load(pixel), from) : vf_set(pixel[d]);
}

/* ---- what a task lays out ---- */

/* Rows first .. end-1 of an image */
struct row_range { int64_t first, end; };

/* The rows of x that rows first .. end-1 of y read */
static struct row_range rows_read(const struct conv *c, int64_t first, int64_t end) {
    const int64_t low = cg_max64(0, first * c->stride_h - c->pad_top);
    const int64_t high = cg_min64(c->H, (end - 1) * c->stride_h - c->pad_top + (c->R - 1) * c->dilation_h + 1);
    return (struct row_range){low, cg_max64(low, high)};
}

/* Columns of x that a row of y reads, those outside included */
static int64_t columns_read(const struct conv *c) { return (c->Q - 1) * c->stride_w + cg_max64(0, c->S - 1) * c->dilation_w + 1; }

/* Rows of y a task; so many that x's part fits BAND_VALUES, and no more than give each thread some tasks */
static int64_t band_rows(const struct conv *c, int64_t channels, int64_t tasks, int threads) {
    const int64_t row = cg_max64(1, columns_read(c) * channels), reach = (c->R - 1) * c->dilation_h + 1;
    const int64_t fit = cg_max64(1, (BAND_VALUES / row - reach) / c->stride_h + 1);
    return cg_max64(1, cg_min64(fit, cg_ceil_div(c->P, cg_ceil_div(4 * threads, tasks))));
}

/* to[pixels, n] from pixels step apart. A store reaches into the next pixel, which comes later: VLEN values of room behind the last. */
static void gather_pixels(float *to, const float *from, int64_t pixels, int64_t step, int64_t n) {
    for (int64_t i = 0; i < pixels; i++, to += n, from += step)
        for (int64_t k = 0; k < n; k += VLEN) vf_store(to + k, vf_load_upto(from + k, n - k));
}

/* to[rows, columns_read, channels] = rows of an image, zeros beside it */
static void gather_rows_of(const struct conv *c, float *to, const float *image, struct row_range rows, struct member_block b) {
    const int64_t columns = columns_read(c), left = cg_min64(columns, cg_max64(0, c->pad_left)), skipped = cg_max64(0, -c->pad_left);
    const int64_t inside = cg_max64(0, cg_min64(columns - left, c->W - skipped)), right = columns - left - inside;
    for (int64_t h = rows.first; h < rows.end; h++, to += columns * b.channels) {
        memset(to, 0, (size_t)(left * b.channels) * sizeof *to);
        gather_pixels(to + left * b.channels, image + (h * c->W + skipped) * c->C + b.channel, inside, c->C, b.channels);
        memset(to + (left + inside) * b.channels, 0, (size_t)(right * b.channels) * sizeof *to);
    }
}

/* to[r, columns of the kernel three at a time, d, s, VLEN] from kernel[R,S,depth,F] */
static void gather_kernel(const struct conv *c, float *to, const float *kernel, int64_t depth, struct member_block b) {
    for (int64_t r = 0; r < c->R; r++)
        for (int64_t first = 0; first < c->S; first += TILE_TAPS)
            for (int64_t d = 0; d < depth; d++)
                for (int64_t s = first; s < cg_min64(c->S, first + TILE_TAPS); s++, to += VLEN)
                    vf_store(to, vf_load_upto(kernel + ((r * c->S + s) * depth + d) * c->F + b.filter, b.filters));
}

/* ---- forward ---- */

struct grouped_tile {
    float *y;
    const float *x, *kernel, *start; /* as laid out; start NULL: 0 */
    int64_t y_pixel, x_pixel, x_row, x_step, x_tap; /* floats apart; step: from what an output reads to the next one's */
    int64_t rows, S, depth, filters;
    vi first;
};

/* Adds taps columns of a kernel row to the sums of m neighbouring outputs, whose pixels lie side by side, as those of the taps do: the outputs
 * share them. Returns the kernel's end. */
CG_INLINE const float *add_columns(vf *sum, const float *x, const float *kernel, const struct grouped_tile *t, const int m, const int taps,
                                   const int several) {
    for (int64_t d = 0; d < t->depth; d++, kernel += taps * VLEN) {
        const vi from = t->first + (int32_t)d;
        vf weight[TILE_TAPS];
        CG_UNROLL
        for (int s = 0; s < taps; s++) weight[s] = vf_load(kernel + s * VLEN);
        CG_UNROLL
        for (int j = 0; j < m + taps - 1; j++) {
            const vf v = spread(x + j * t->x_pixel, d, from, several);
            CG_UNROLL
            for (int s = 0; s < taps; s++)
                if (0 <= j - s && j - s < m) sum[j - s] = vf_fma(v, weight[s], sum[j - s]);
        }
    }
    return kernel;
}

/* The same where a stride or a dilation leaves nothing to share */
CG_INLINE const float *add_columns_apart(vf *sum, const float *x, const float *kernel, const struct grouped_tile *t, const int m, int64_t taps,
                                         const int several) {
    for (int64_t d = 0; d < t->depth; d++) {
        const vi from = t->first + (int32_t)d;
        for (int64_t s = 0; s < taps; s++, kernel += VLEN) {
            const vf weight = vf_load(kernel);
            CG_UNROLL
            for (int i = 0; i < m; i++) sum[i] = vf_fma(spread(x + i * t->x_step + s * t->x_tap, d, from, several), weight, sum[i]);
        }
    }
    return kernel;
}

CG_INLINE void grouped_outputs(const struct grouped_tile *t, const int m, const int several, const int adjacent) {
    const float *kernel = t->kernel;
    vf sum[TILE_PIXELS], from = t->start ? vf_load_upto(t->start, t->filters) : vf_set(0);
    CG_UNROLL
    for (int i = 0; i < m; i++) sum[i] = from;
    for (int64_t r = 0; r < t->rows; r++) {
        const float *x = t->x + r * t->x_row;
        int64_t s = 0;
        if (adjacent) {
            for (; s + 3 <= t->S; s += 3) kernel = add_columns(sum, x + s * t->x_tap, kernel, t, m, 3, several);
            if (t->S - s == 2) kernel = add_columns(sum, x + s * t->x_tap, kernel, t, m, 2, several);
            if (t->S - s == 1) kernel = add_columns(sum, x + s * t->x_tap, kernel, t, m, 1, several);
        } else {
            for (; s < t->S; s += TILE_TAPS)
                kernel = add_columns_apart(sum, x + s * t->x_tap, kernel, t, m, cg_min64(TILE_TAPS, t->S - s), several);
        }
    }
    CG_UNROLL
    for (int i = 0; i < m; i++) vf_store_upto(t->y + i * t->y_pixel, sum[i], t->filters);
}

CG_INLINE void grouped_outputs_of(const struct grouped_tile *t, const int m, int several, int adjacent) {
    if (several && adjacent) grouped_outputs(t, m, 1, 1);
    else if (several) grouped_outputs(t, m, 1, 0);
    else if (adjacent) grouped_outputs(t, m, 0, 1);
    else grouped_outputs(t, m, 0, 0);
}

static void run_grouped_tile(const struct grouped_tile *t, int64_t m, int several, int adjacent) {
    switch (m) {
    case 8: grouped_outputs_of(t, 8, several, adjacent); break;
    case 7: grouped_outputs_of(t, 7, several, adjacent); break;
    case 6: grouped_outputs_of(t, 6, several, adjacent); break;
    case 5: grouped_outputs_of(t, 5, several, adjacent); break;
    case 4: grouped_outputs_of(t, 4, several, adjacent); break;
    case 3: grouped_outputs_of(t, 3, several, adjacent); break;
    case 2: grouped_outputs_of(t, 2, several, adjacent); break;
    default: grouped_outputs_of(t, 1, several, adjacent);
    }
}

static int grouped_pass(const struct conv *c, float *y, struct places at, const float *x, const float *kernel, const float *bias, int activation) {
    const struct members members = find_members(c);
    const int adjacent = c->stride_w == 1 && c->dilation_w == 1;
    const int threads = cg_threads(2.0 * c->N * c->P * c->Q * c->R * c->S * members.depth * c->F,
                                   4.0 * c->N * (c->H * c->W * c->C + c->P * c->Q * c->F));
    const int64_t channels = members.together * members.depth, columns = columns_read(c), images = c->N * members.blocks;
    const int64_t band = band_rows(c, channels, images, threads), bands = cg_ceil_div(c->P, band);
    const int64_t kernel_values = c->R * c->S * members.depth * VLEN, pieces = cg_ceil_div(c->Q, TILE_PIXELS);
    int status = CG_OK;
#pragma omp parallel for schedule(dynamic) num_threads(threads) if (threads > 1)
    for (int64_t task = 0; task < images * bands; task++) { /* neighbouring tasks read the same rows of x, other channels of them */
        const struct member_block block = find_block(&members, task % members.blocks);
        const int64_t n = task / members.blocks / bands, p0 = task / members.blocks % bands * band, p1 = cg_min64(p0 + band, c->P);
        const struct row_range rows = rows_read(c, p0, p1);
        const size_t bytes = (size_t)(kernel_values + (rows.end - rows.first) * columns * channels + VLEN) * sizeof(float);
        float *own = cg_alloc(bytes), *pixels = own + kernel_values;
        if (!own) {
#pragma omp atomic write
            status = CG_ENOMEM;
            continue;
        }
        gather_kernel(c, own, kernel, members.depth, block);
        gather_rows_of(c, pixels, x + n * c->H * c->W * c->C, rows, block);
        struct grouped_tile t = {.start = bias ? bias + block.filter : NULL, .y_pixel = at.pixel, .x_pixel = block.channels,
                                 .x_row = c->dilation_h * columns * block.channels, .x_step = c->stride_w * block.channels,
                                 .x_tap = c->dilation_w * block.channels, .S = c->S, .depth = members.depth, .filters = block.filters,
                                 .first = first_channels(&members)};
        for (int64_t p = p0; p < p1; p++) {
            const int64_t top = p * c->stride_h - c->pad_top; /* kernel rows r of which top + r*dilation lies inside x */
            const int64_t r0 = cg_max64(0, cg_ceil_div(-top, c->dilation_h));
            const int64_t r1 = cg_min64(c->R, c->H > top ? cg_ceil_div(c->H - top, c->dilation_h) : 0);
            t.rows = cg_max64(0, r1 - r0);
            t.kernel = own + r0 * c->S * members.depth * VLEN;
            for (int64_t i = 0; i < pieces; i++) {
                const int64_t q = c->Q * i / pieces, m = c->Q * (i + 1) / pieces - q;
                t.x = pixels + ((top + r0 * c->dilation_h - rows.first) * columns + q * c->stride_w) * block.channels;
                t.y = y + n * at.image + p * at.row + q * at.pixel + block.filter;
                run_grouped_tile(&t, m, members.several, adjacent);
                if (activation != CG_LINEAR) activate_rows(t.y, m, block.filters, at.pixel, activation);
                finish_rows(c->epilogue, t.y, m, block.filters, at.pixel, block.filter);
            }
        }
        cg_free(own, bytes);
    }
    return status;
}

static int grouped_forward(const struct conv *c, float *y, const float *x, const float *kernel, const float *bias, int activation) {
    return grouped_pass(c, y, (struct places){c->P * c->Q * c->F, c->Q * c->F, c->F}, x, kernel, bias, activation);
}

/* ---- gradient with respect to the kernel ---- */

struct grouped_sums {
    float *sums;                 /* of the first tap and channel; taps and channels so many floats apart: */
    int64_t sums_tap, sums_depth;
    const float *dy, *x;         /* dy[Q, VLEN]; x at what output 0's first tap reads */
    int64_t Q, x_pixel, x_step, x_tap;
    int64_t dy_row, x_row, rows; /* floats from a row to the next, and rows */
    int64_t depth, filters;      /* the first channel of the group */
    vi first;
};

/* One pixel of x and the outputs that its taps meet, of which those outside the row are left out if checked */
CG_INLINE void meet_pixel(vf sum[][TILE_DEPTH], const struct grouped_sums *t, const float *dy, const float *x, int64_t j, const int taps,
                          const int depth, const int several, const int checked) {
    vf from[TILE_TAPS];
    CG_UNROLL
    for (int s = 0; s < taps; s++) from[s] = !checked || (0 <= j - s && j - s < t->Q) ? vf_load(dy + (j - s) * VLEN) : vf_set(0);
    CG_UNROLL
    for (int d = 0; d < depth; d++) {
        const vf v = spread(x + j * t->x_pixel, t->depth + d, t->first + d, several);
        CG_UNROLL
        for (int s = 0; s < taps; s++)
            if (!checked || (0 <= j - s && j - s < t->Q)) sum[s][d] = vf_fma(v, from[s], sum[s][d]);
    }
}

/* Adds what rows of dy and x give to taps x depth values of the kernel's gradient, pixel by pixel */
CG_INLINE void grouped_gradient(const struct grouped_sums *t, const int taps, const int depth, const int several, const int adjacent) {
    vf sum[TILE_TAPS][TILE_DEPTH];
    CG_UNROLL
    for (int s = 0; s < taps; s++) {
        CG_UNROLL
        for (int d = 0; d < depth; d++) sum[s][d] = vf_load_upto(t->sums + s * t->sums_tap + d * t->sums_depth, t->filters);
    }
    for (int64_t row = 0; row < t->rows; row++) {
        const float *dy = t->dy + row * t->dy_row, *x = t->x + row * t->x_row;
        if (adjacent) {
            const int64_t end = t->Q + taps - 1, low = cg_min64(taps - 1, end), high = cg_max64(low, t->Q);
            for (int64_t j = 0; j < low; j++) meet_pixel(sum, t, dy, x, j, taps, depth, several, 1);
            for (int64_t j = low; j < high; j++) meet_pixel(sum, t, dy, x, j, taps, depth, several, 0);
            for (int64_t j = high; j < end; j++) meet_pixel(sum, t, dy, x, j, taps, depth, several, 1);
        } else {
            for (int64_t q = 0; q < t->Q; q++) {
                const vf from = vf_load(dy + q * VLEN);
                CG_UNROLL
                for (int s = 0; s < taps; s++) {
                    CG_UNROLL
                    for (int d = 0; d < depth; d++)
                        sum[s][d] = vf_fma(spread(x + q * t->x_step + s * t->x_tap, t->depth + d, t->first + d, several), from, sum[s][d]);
                }
            }
        }
    }
    CG_UNROLL
    for (int s = 0; s < taps; s++) {
        CG_UNROLL
        for (int d = 0; d < depth; d++) vf_store_upto(t->sums + s * t->sums_tap + d * t->sums_depth, sum[s][d], t->filters);
    }
}

CG_INLINE void grouped_gradient_of(const struct grouped_sums *t, const int taps, const int depth, int several, int adjacent) {
    if (several && adjacent) grouped_gradient(t, taps, depth, 1, 1);
    else if (several) grouped_gradient(t, taps, depth, 1, 0);
    else if (adjacent) grouped_gradient(t, taps, depth, 0, 1);
    else grouped_gradient(t, taps, depth, 0, 0);
}

static void run_grouped_gradient(const struct grouped_sums *t, int64_t taps, int64_t depth, int several, int adjacent) {
#define CASE(taps_, depth_) \
    case 4 * taps_ + depth_: grouped_gradient_of(t, taps_, depth_, several, adjacent); break
    switch (4 * taps + depth) {
        CASE(3, 4); CASE(3, 3); CASE(3, 2); CASE(3, 1);
        CASE(2, 4); CASE(2, 3); CASE(2, 2); CASE(2, 1);
        CASE(1, 4); CASE(1, 3); CASE(1, 2); CASE(1, 1);
    }
#undef CASE
}

/* Sums over parts of the rows of dy, [parts, R, S, depth, F]; how many follows from the sizes, and from how much else there is to share. */
static int64_t grouped_parts(const struct conv *c) {
    const double flops = 2.0 * c->N * c->P * c->Q * c->R * c->S * (c->C / c->groups) * c->F;
    return cg_max64(1, cg_min64(cg_min64(KERNEL_PARTS, c->N * c->P), (int64_t)(flops / 1e6 / cg_ceil_div(c->F, 16))));
}

static int grouped_backward_kernel(const struct conv *c, float *dkernel, const float *dy, const float *x) {
    const struct members members = find_members(c);
    const int adjacent = c->stride_w == 1 && c->dilation_w == 1;
    const int64_t depth = members.depth, size = c->R * c->S * depth * c->F, lines = c->N * c->P, parts = grouped_parts(c);
    const int64_t channels = members.together * depth, columns = columns_read(c), band = band_rows(c, channels, 1, 1);
    const int64_t band_inputs = (band - 1) * c->stride_h + (c->R - 1) * c->dilation_h + 1;
    const size_t own_bytes = (size_t)(band * c->Q * VLEN + band_inputs * columns * channels + VLEN) * sizeof(float);
    const size_t bytes = parts > 1 ? (size_t)(parts * size) * sizeof(float) : 0;
    float *sums = parts > 1 ? cg_alloc(bytes) : dkernel;
    if (!sums) return CG_ENOMEM;
    memset(sums, 0, (size_t)(parts * size) * sizeof *sums);
    const int threads = cg_threads(2.0 * lines * c->Q * size, 4.0 * c->N * (c->H * c->W * c->C + c->P * c->Q * c->F));
    int status = CG_OK;
#pragma omp parallel for schedule(dynamic) num_threads(threads) if (threads > 1)
    for (int64_t task = 0; task < parts * members.blocks; task++) {
        const struct member_block block = find_block(&members, task % members.blocks);
        const int64_t part = task / members.blocks, last = lines * (part + 1) / parts;
        float *own = cg_alloc(own_bytes), *pixels = own + band * c->Q * VLEN;
        if (!own) {
#pragma omp atomic write
            status = CG_ENOMEM;
            continue;
        }
        for (int64_t line = lines * part / parts, next; line < last; line = next) { /* some rows of an image */
            const int64_t n = line / c->P, p0 = line % c->P, p1 = cg_min64(cg_min64(c->P, p0 + band), p0 + last - line);
            const struct row_range rows = rows_read(c, p0, p1);
            next = line + p1 - p0;
            for (int64_t i = 0; i < (p1 - p0) * c->Q; i++)
                vf_store(own + i * VLEN, vf_load_upto(dy + (line * c->Q + i) * c->F + block.filter, block.filters));
            gather_rows_of(c, pixels, x + n * c->H * c->W * c->C, rows, block);
            struct grouped_sums t = {.sums_tap = depth * c->F, .sums_depth = c->F, .Q = c->Q, .x_pixel = block.channels,
                                     .x_step = c->stride_w * block.channels, .x_tap = c->dilation_w * block.channels,
                                     .dy_row = c->Q * VLEN, .x_row = c->stride_h * columns * block.channels, .filters = block.filters};
            for (int64_t r = 0; r < c->R; r++) {
                const int64_t shift = c->pad_top - r * c->dilation_h; /* 0 <= p * stride - shift < H */
                const int64_t low = cg_max64(p0, shift > 0 ? cg_ceil_div(shift, c->stride_h) : 0);
                const int64_t high = c->H + shift > 0 ? cg_min64(p1, cg_ceil_div(c->H + shift, c->stride_h)) : 0;
                t.rows = high - low;
                t.dy = own + (low - p0) * t.dy_row;
                for (int64_t s = 0; s < c->S && t.rows > 0; s += TILE_TAPS) {
                    t.x = pixels + ((low * c->stride_h - shift - rows.first) * columns + s * c->dilation_w) * block.channels;
                    for (int64_t d = 0; d < depth; d += TILE_DEPTH) {
                        t.sums = sums + part * size + ((r * c->S + s) * depth + d) * c->F + block.filter;
                        t.depth = d;
                        t.first = first_channels(&members) + (int32_t)d;
                        run_grouped_gradient(&t, cg_min64(TILE_TAPS, c->S - s), cg_min64(TILE_DEPTH, depth - d), members.several, adjacent);
                    }
                }
            }
        }
        cg_free(own, own_bytes);
    }
    if (!status && parts > 1) column_sums(dkernel, sums, parts, size, size);
    if (parts > 1) cg_free(sums, bytes);
    return status;
}
