/* epilogue.c: what follows a convolution when a network predicts (batch normalization, a residual, relu), applied to each tile of its result
 * while that is in the first-level cache. As kernels of their own these are three passes over memory, a quarter of ResNet-50's time.
 *
 * A tile is stored and loaded once more in between, which costs a fraction of its sums; in return all paths of a convolution (tiles, Winograd's
 * patches, depthwise and grouped rows) end in one function, and an element is rounded exactly as by the kernels one after the other. */

struct epilogue {
    const float *factor, *shift; /* of each column, as batch_normalization_inference_forward has them; NULL: none */
    const float *y, *residual;   /* what is added, laid out as y is; NULL: nothing */
    float low, high;             /* relu is 0 and infinity; -infinity and infinity change nothing, NaN included */
};

CG_INLINE void finish_tile(const struct epilogue *e, float *y, int64_t rows, int64_t columns, int64_t stride, int64_t first,
                           const int normalize, const int add) {
    const vf low = vf_set(e->low), high = vf_set(e->high);
    const float *residual = add ? e->residual + (y - e->y) : y;
    for (int64_t j = 0; j < columns; j += VLEN) {
        const int64_t n = columns - j;
        const vf factor = normalize ? vf_load_upto(e->factor + first + j, n) : low, shift = normalize ? vf_load_upto(e->shift + first + j, n) : low;
        for (int64_t i = j; i < j + rows * stride; i += stride) {
            vf v = vf_load_upto(y + i, n);
            if (normalize) v = vf_fma(v, factor, shift);
            if (add) v = v + vf_load_upto(residual + i, n);
            vf_store_upto(y + i, vf_min(high, vf_max(low, v)), n);
        }
    }
}

/* Finishes rows, a stride apart, of columns first, first + 1, ...; e NULL: nothing follows. */
static void finish_rows(const struct epilogue *e, float *y, int64_t rows, int64_t columns, int64_t stride, int64_t first) {
    if (!e) return;
    if (e->factor && e->residual) finish_tile(e, y, rows, columns, stride, first, 1, 1);
    else if (e->factor) finish_tile(e, y, rows, columns, stride, first, 1, 0);
    else if (e->residual) finish_tile(e, y, rows, columns, stride, first, 0, 1);
    else finish_tile(e, y, rows, columns, stride, first, 0, 0);
}
