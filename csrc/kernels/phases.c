/* phases.c: the gradient of a convolution's input as convolutions at stride 1, one for each phase of the strides.
 *
 * Rows of dx a stride apart are reached by the same taps, each from neighbouring rows of dy; so are columns. That part of dx is a convolution of
 * dy with those taps, turned around, channels and filters changing places; its pixels are written a stride apart. No product is with a
 * zero, and each number of dx is written once. */

/* Where a convolution's outputs are written: images, rows and pixels so many floats apart. */
struct places { int64_t image, row, pixel; };

typedef int convolution(const struct conv *, float *y, struct places, const float *x, const float *kernel, const float *bias, int activation);

/* Inputs first, first + stride ... of an axis, and the taps that reach them: tap, tap + step ..., `taps` of them. Of the first input, the last
 * tap is met at output `low`, each one before it `dilation` further on; of the next input, all of them one further on. */
struct phase { int64_t first, inputs, tap, step, taps, low, dilation; };

static struct phase find_phase(int64_t first, int64_t inputs, int64_t window, int64_t stride, int64_t pad, int64_t dilation) {
    struct phase p = {.first = first, .inputs = cg_ceil_div(cg_max64(0, inputs - first), stride), .dilation = dilation};
    for (p.step = 1; p.step * dilation % stride; p.step++) {}
    while (p.tap < cg_min64(window, p.step) && (first + pad - p.tap * dilation) % stride) p.tap++;
    if (p.tap == cg_min64(window, p.step)) return p; /* none */
    p.taps = cg_ceil_div(window - p.tap, p.step);
    p.low = (first + pad - (p.tap + (p.taps - 1) * p.step) * dilation) / stride;
    p.dilation = p.step * dilation / stride;
    return p;
}

static int convolve_phase(const struct conv *c, float *dx, const float *dy, const float *kernel, convolution convolve, struct phase rows,
                          struct phase columns) {
    const int64_t Cg = c->C / c->groups, Fg = c->F / c->groups;
    const struct conv back = {c->N, c->P, c->Q, c->F, c->C, rows.taps, columns.taps, rows.inputs, columns.inputs, 1, 1, -rows.low, -columns.low,
                              rows.dilation, columns.dilation, c->groups, NULL};
    const struct places at = {c->H * c->W * c->C, c->stride_h * c->W * c->C, c->stride_w * c->C};
    const int64_t taps = rows.taps * columns.taps, strips = cg_ceil_div(Cg, 16); /* of a cache line of channels */
    const size_t bytes = (size_t)(taps * Fg * c->C) * sizeof(float);
    float *turned = cg_alloc(bytes); /* [taps of rows, of columns, F/G, C] */
    if (!turned) return CG_ENOMEM;
    const int threads = cg_threads(0, 2.0 * (double)bytes);
    CG_PARALLEL_FOR(threads)
    for (int64_t i = 0; i < taps * c->groups * strips; i++) {
        const int64_t tap = i / strips / c->groups, g = i / strips % c->groups, first = i % strips * 16;
        const int64_t r = rows.tap + (rows.taps - 1 - tap / columns.taps) * rows.step;
        const int64_t s = columns.tap + (columns.taps - 1 - tap % columns.taps) * columns.step;
        copy_transposed(turned + tap * Fg * c->C + g * Cg + first, c->C, kernel + ((r * c->S + s) * Cg + first) * c->F + g * Fg, c->F,
                        cg_min64(16, Cg - first), Fg);
    }
    const int status = convolve(&back, dx + (rows.first * c->W + columns.first) * c->C, at, dy, turned, NULL, CG_LINEAR);
    cg_free(turned, bytes);
    return status;
}

static int convolve_back(const struct conv *c, float *dx, const float *dy, const float *kernel, convolution convolve) {
    int status = CG_OK;
    for (int64_t i = 0; i < c->stride_h * c->stride_w && !status; i++) {
        const struct phase rows = find_phase(i / c->stride_w, c->H, c->R, c->stride_h, c->pad_top, c->dilation_h);
        const struct phase columns = find_phase(i % c->stride_w, c->W, c->S, c->stride_w, c->pad_left, c->dilation_w);
        if (rows.inputs && columns.inputs) status = convolve_phase(c, dx, dy, kernel, convolve, rows, columns);
    }
    return status;
}
