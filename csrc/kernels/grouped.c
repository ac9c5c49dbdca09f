/* grouped.c: convolution in groups of few channels, forward and both gradients; conv2d.c hands over to it.
 *
 * The matmul tile would fill its vectors with one group's filters, of which there are too few. Here vectors run over neighbouring filters,
 * whatever their group, as in depthwise.c: with
 *     e[pixel, d, f] = x[pixel, f's group * D + d],  D the group's channels,
 * a convolution in groups is a depthwise one of D times as many taps, whose kernel[R,S,D,F] lies as it should. e is D F / C times as large
 * as x, so a task makes that part of it which stays in the second-level cache: some rows for a block of filters.
 * The sum's order is conv2d's: bias, then r, s, d. */

enum {
    FEW_MEMBERS = 4,         /* channels and filters of a group, at most; of more, conv2d.c's tile is faster, */
    MORE_MEMBERS = 8,        /* but for its gradient of x, which it adds up in memory */
    EXPANDED_VALUES = 131072 /* of e, half of the second-level cache */
};

/* dilation_w 1: then taps (s, d) of a row are neighbours in e */
static int is_grouped(const struct conv *c, int64_t most) {
    return c->groups > 1 && c->C / c->groups <= most && c->F / c->groups <= most && c->dilation_w == 1;
}

/* to[pixel, d, lane] = from[pixel, group * depth + d] for channels lanes from c on, wide of them in a group; back: d in descending order */
static void expand_pixels(float *to, const float *from, int64_t pixels, int64_t groups, int64_t depth, int64_t wide, int64_t c, int64_t channels,
                          int back) {
    int64_t group[CHANNEL_VECTORS * VLEN]; /* where each lane's group begins */
    for (int64_t l = 0; l < channels; l++) group[l] = (c + l) / wide * depth;
    for (int64_t i = 0; i < pixels; i++, from += groups * depth)
        for (int64_t d = 0; d < depth; d++, to += channels) {
            const float *source = from + (back ? depth - 1 - d : d);
            if (wide % 4 == 0) { /* then c and channels are, too, and four lanes have the same group */
                for (int64_t l = 0; l < channels; l += 4) *(quad *)(to + l) = source[group[l]] - (quad){0};
            } else {
                for (int64_t l = 0; l < channels; l++) to[l] = source[group[l]];
            }
        }
}

/* Rows first .. end-1 of an image */
struct row_range { int64_t first, end; };

/* The inputs that outputs first .. end-1 of an axis read */
static struct row_range inputs_of(const struct axis *a, int64_t first, int64_t end) {
    struct row_range range = {a->inputs, 0};
    for (int64_t o = first; o < end; o++) {
        const struct taps t = find_taps(a, o);
        const int64_t last = t.input + (t.count - 1) * a->input_step;
        if (t.count) range = (struct row_range){cg_min64(range.first, cg_min64(t.input, last)), cg_max64(range.end, cg_max64(t.input, last) + 1)};
    }
    return range.first < range.end ? range : (struct row_range){0, 0};
}

/* Rows of a band whose expanded inputs fit EXPANDED_VALUES, where a row of outputs needs reach rows of inputs, and the next ones step more */
static int64_t rows_of_band(int64_t row_values, int64_t reach, int64_t step) {
    return cg_max64(1, (EXPANDED_VALUES / cg_max64(1, row_values) - reach) / cg_max64(1, step) + 1);
}

/* d->in[N, inputs, groups * depth] to d->out[N, outputs, C], wide of C in a group */
static int grouped_pass(struct depthwise *d, int64_t N, int64_t groups, int64_t wide) {
    const int64_t most = CHANNEL_VECTORS * VLEN, W = d->columns.inputs, image = d->rows.inputs * W * groups * d->depth;
    const size_t bytes = (size_t)d->columns.outputs * sizeof(struct stretch);
    struct stretch *stretches = cg_alloc(bytes);
    if (!stretches) return CG_ENOMEM;
    d->count = find_stretches(stretches, &d->columns, d->depth);
    d->stretches = stretches;
    const int64_t blocks = cg_ceil_div(d->C, most), reach = (d->rows.window - 1) * d->rows.dilation + 1;
    const int64_t band = rows_of_band(W * d->depth * most, d->rows.back ? cg_ceil_div(reach, d->rows.stride) : reach,
                                      d->rows.back ? 1 : d->rows.stride);
    const int64_t bands = cg_ceil_div(d->rows.outputs, band);
    const int threads = pass_threads(d, N);
    int status = CG_OK;
#pragma omp parallel for schedule(dynamic) num_threads(threads) if (threads > 1)
    for (int64_t task = 0; task < N * blocks * bands; task++) {
        const int64_t n = task / bands / blocks, block = task / bands % blocks * most, o0 = task % bands * band;
        const int64_t o1 = cg_min64(o0 + band, d->rows.outputs), end = cg_min64(block + most, d->C);
        const struct row_range range = inputs_of(&d->rows, o0, o1);
        const size_t expanded_bytes = (size_t)((range.end - range.first) * W * d->depth * most) * sizeof(float);
        float *expanded = cg_alloc(expanded_bytes);
        if (!expanded) {
#pragma omp atomic write
            status = CG_ENOMEM;
            continue;
        }
        for (int64_t c = block, channels; c < end; c += channels) {
            channels = channels_of(end - c);
            expand_pixels(expanded, d->in + n * image + range.first * W * groups * d->depth, (range.end - range.first) * W, groups, d->depth, wide,
                          c, channels, d->columns.back);
            for (int64_t o = o0; o < o1; o++)
                depthwise_row(d, n, o, find_taps(&d->rows, o), c, channels, expanded - range.first * W * d->depth * channels, channels);
        }
        cg_free(expanded, expanded_bytes);
    }
    cg_free(stretches, bytes);
    return status;
}

static int grouped_forward(const struct conv *c, float *y, const float *x, const float *kernel, const float *bias, int activation) {
    struct depthwise d = {.out = y, .in = x, .kernel = kernel, .bias = bias, .C = c->F, .depth = c->C / c->groups, .activation = activation};
    d.rows = make_axis(c->P, c->H, c->R, c->stride_h, c->pad_top, c->dilation_h, 0);
    d.columns = make_axis(c->Q, c->W, c->S, c->stride_w, c->pad_left, 1, 0);
    return grouped_pass(&d, c->N, c->groups, c->F / c->groups);
}

/* With channels and filters in each other's place: kernel[R,S,F/G,C]. Taps of a phase must be neighbours, so stride_w is 1. */
static int grouped_backward_input(const struct conv *c, float *dx, const float *dy, const float *kernel) {
    const int64_t Cg = c->C / c->groups, Fg = c->F / c->groups;
    const size_t bytes = (size_t)(c->R * c->S * Fg * c->C) * sizeof(float);
    float *turned = cg_alloc(bytes);
    if (!turned) return CG_ENOMEM;
    for (int64_t i = 0; i < c->R * c->S; i++)
        for (int64_t g = 0; g < c->groups; g++)
            copy_transposed(turned + i * Fg * c->C + g * Cg, c->C, kernel + i * Cg * c->F + g * Fg, c->F, Cg, Fg);
    struct depthwise d = {.out = dx, .in = dy, .kernel = turned, .C = c->C, .depth = Fg, .activation = CG_LINEAR};
    d.rows = make_axis(c->H, c->P, c->R, c->stride_h, c->pad_top, c->dilation_h, 1);
    d.columns = make_axis(c->W, c->Q, c->S, 1, c->pad_left, 1, 1);
    const int status = grouped_pass(&d, c->N, c->groups, Cg);
    cg_free(turned, bytes);
    return status;
}

static int grouped_backward_kernel(const struct conv *c, float *dkernel, const float *dy, const float *x) {
    const int64_t depth = c->C / c->groups, size = c->R * c->S * depth * c->F, lines = c->N * c->P, parts = kernel_parts(c);
    const int64_t most = CHANNEL_VECTORS * VLEN, blocks = cg_ceil_div(c->F, most);
    const int64_t band = rows_of_band(c->W * depth * most, (c->R - 1) * c->dilation_h + 1, c->stride_h);
    const size_t bytes = (size_t)(parts * size) * sizeof(float);
    const struct axis axis = make_axis(c->P, c->H, c->R, c->stride_h, c->pad_top, c->dilation_h, 0);
    float *sums = cg_alloc(bytes);
    if (!sums) return CG_ENOMEM;
    memset(sums, 0, bytes);
    const int threads = cg_threads(2.0 * lines * c->Q * size, 4.0 * c->N * (c->H * c->W * c->C + c->P * c->Q * c->F));
    int status = CG_OK;
#pragma omp parallel for schedule(dynamic) num_threads(threads) if (threads > 1)
    for (int64_t task = 0; task < parts * blocks; task++) {
        const int64_t part = task / blocks, block = task % blocks * most, last = lines * (part + 1) / parts;
        for (int64_t line = lines * part / parts, next; line < last; line = next) { /* some rows of an image */
            const int64_t n = line / c->P, p = line % c->P;
            next = cg_min64(last, cg_min64(line + band, (n + 1) * c->P));
            const struct row_range range = inputs_of(&axis, p, p + next - line);
            const size_t expanded_bytes = (size_t)((range.end - range.first) * c->W * depth * most) * sizeof(float);
            float *expanded = cg_alloc(expanded_bytes);
            if (!expanded) {
#pragma omp atomic write
                status = CG_ENOMEM;
                break;
            }
            for (int64_t f = block, channels; f < cg_min64(block + most, c->F); f += channels) {
                channels = channels_of(cg_min64(block + most, c->F) - f);
                const int64_t pixel = depth * channels;
                expand_pixels(expanded, x + (n * c->H + range.first) * c->W * c->C, (range.end - range.first) * c->W, c->groups, depth,
                              c->F / c->groups, f, channels, 0);
                for (int64_t i = line; i < next; i++) {
                    const struct taps rows = find_taps(&axis, i % c->P);
                    for (int64_t r = 0; r < rows.count; r++)
                        kernel_row_sums(c, sums + part * size + (rows.first + r) * c->S * depth * c->F + f, dy + i * c->Q * c->F + f,
                                        expanded + (rows.input + r * c->dilation_h - range.first) * c->W * pixel, pixel, depth, channels);
                }
            }
            cg_free(expanded, expanded_bytes);
        }
    }
    if (!status) column_sums(dkernel, sums, parts, size, size);
    cg_free(sums, bytes);
    return status;
}
