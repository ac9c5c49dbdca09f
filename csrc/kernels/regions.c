/* regions.c: the pixels of a convolution's output whose windows overlap the input in the same taps.
 *
 * With padding, windows at the borders reach beyond x. Instead of a copy of x in a frame of zeros, which is memory and time, and products with
 * these zeros (a tenth of all for 5 x 5 on 27 x 27 pixels), conv2d.c computes region by region: nine of them for 3 x 3 "same", one where nothing
 * is padded. What is left out would have been added as 0 in its turn, so the bits are those of a frame.
 * The inner region's pixels are computed along rows; at the left and right border lines run down columns, in the corners across the batch:
 * they, too, fill tiles of pixels that are equally far apart. */

/* Outputs first .. end-1 of an axis, which meet inputs with their taps low .. high-1. */
struct zone { int64_t first, end, low, high; };

static int64_t find_zones(struct zone *zones, int64_t outputs, int64_t inputs, int64_t window, int64_t stride, int64_t pad, int64_t dilation) {
    int64_t count = 0;
    for (int64_t o = 0; o < outputs; o++) {
        const int64_t input = o * stride - pad;
        int64_t low = input < 0 ? cg_ceil_div(-input, dilation) : 0;
        int64_t high = input < inputs ? cg_min64(window, cg_ceil_div(inputs - input, dilation)) : 0;
        if (low >= high) low = high = 0;
        if (count && zones[count - 1].low == low && zones[count - 1].high == high) zones[count - 1].end++;
        else zones[count++] = (struct zone){o, o + 1, low, high};
    }
    return count;
}

/* The pixels of a zone of rows and one of columns, in all images: as lines along one of these three axes. */
struct region {
    int64_t x, y, kernel;     /* where the first pixel's first tap lies in x, the pixel in y, the tap in the kernel */
    int64_t extent[3], along; /* images, rows, columns */
    int64_t lines, length;    /* pixels of each line */
    const int64_t *offset, *kernel_offset; /* from there to each of the runs of taps, run values long */
    int64_t runs, run;
    int64_t tile, tiles;      /* pixels of a tile, tiles of a line */
    int64_t first_line, first_task, tiles_per_task;
};

struct plan {
    struct region *regions;
    int64_t count, lines, x_step[3], y_step[3]; /* from an image, a row, a column of pixels to the next */
    void *memory;
    size_t bytes;
};

/* How many pixels of an axis make a line worth while: a tile of so many has sums enough to hide the multiply-adds' latency. */
enum { LINE = 4 };

/* Regions of y, whose pixels lie y_step apart, for a kernel with rows kernel_row apart. */
static int make_plan(struct plan *plan, const struct conv *c, const int64_t y_step[3], int64_t kernel_row) {
    const int whole_rows = c->groups == 1 && c->dilation_w == 1;
    const int64_t Cg = c->C / c->groups, most_runs = c->R * (whole_rows ? 1 : c->S);
    const size_t zones_bytes = (size_t)(c->P + c->Q) * sizeof(struct zone);
    struct zone *rows = cg_alloc(zones_bytes), *columns = rows + c->P;
    if (!rows) return CG_ENOMEM;
    const int64_t down = find_zones(rows, c->P, c->H, c->R, c->stride_h, c->pad_top, c->dilation_h);
    const int64_t across = find_zones(columns, c->Q, c->W, c->S, c->stride_w, c->pad_left, c->dilation_w);
    const size_t offsets = (size_t)(across * most_runs);
    plan->bytes = (size_t)(down * across) * sizeof(struct region) + 2 * offsets * sizeof(int64_t);
    if (!(plan->memory = cg_alloc(plan->bytes))) {
        cg_free(rows, zones_bytes);
        return CG_ENOMEM;
    }
    plan->regions = plan->memory, plan->count = down * across, plan->lines = 0;
    int64_t *offset = (int64_t *)(plan->regions + plan->count);
    const int64_t x_step[3] = {c->H * c->W * c->C, c->stride_h * c->W * c->C, c->stride_w * c->C};
    memcpy(plan->x_step, x_step, sizeof x_step);
    memcpy(plan->y_step, y_step, sizeof x_step);
    for (int64_t j = 0; j < across; j++, offset += 2 * most_runs) {
        const struct zone s = columns[j];
        const int64_t wide = s.high - s.low, in_row = whole_rows ? 1 : wide;
        for (int64_t i = 0; i < c->R * in_row; i++) {
            offset[i] = (i / in_row * c->dilation_h * c->W + i % in_row * c->dilation_w) * c->C;
            offset[most_runs + i] = (i / in_row * c->S + i % in_row) * Cg * kernel_row;
        }
        for (int64_t i = 0; i < down; i++) {
            const struct zone r = rows[i];
            const int empty = r.low == r.high || s.low == s.high; /* windows wholly outside x */
            struct region g = {.extent = {c->N, r.end - r.first, s.end - s.first}, .offset = offset, .kernel_offset = offset + most_runs,
                               .runs = empty ? 0 : (r.high - r.low) * in_row, .run = whole_rows ? wide * c->C : Cg,
                               .y = r.first * y_step[1] + s.first * y_step[2]};
            if (!empty) {
                const int64_t h = r.first * c->stride_h - c->pad_top + r.low * c->dilation_h;
                g.x = (h * c->W + s.first * c->stride_w - c->pad_left + s.low * c->dilation_w) * c->C;
                g.kernel = (r.low * c->S + s.low) * Cg * kernel_row;
            }
            g.along = g.extent[2] >= LINE ? 2 : g.extent[1] >= LINE ? 1 : g.extent[0] >= LINE ? 0 : g.extent[2] >= g.extent[1] ? 2 : 1;
            g.length = g.extent[g.along];
            g.lines = g.extent[0] * g.extent[1] * g.extent[2] / g.length;
            /* Pixels a multiple of 4 KiB apart fall into one set of the first-level cache, which has eight places or more. */
            g.tile = even_rows_of(g.length, x_step[g.along] % 1024 == 0 ? cg_min64(7, MR) : MR);
            g.tiles = cg_ceil_div(g.length, g.tile);
            g.first_line = plan->lines;
            plan->lines += g.lines;
            plan->regions[j * down + i] = g;
        }
    }
    cg_free(rows, zones_bytes);
    return CG_OK;
}

/* Where line i of a region starts in x or y. */
static inline int64_t line_start(const struct region *g, int64_t first, const int64_t step[3], int64_t i) {
    for (int axis = 2; axis >= 0; axis--) {
        if (axis == g->along) continue;
        first += i % g->extent[axis] * step[axis];
        i /= g->extent[axis];
    }
    return first;
}

enum { TASK_FLOATS = 32768 }; /* of x, which stay in the second-level cache while all panels pass over them */

/* Tasks, at least so many: tiles of a region's lines in turn, no more than leave their part of x in cache (where that matters). A region's tasks
 * are of one size, and as many for each thread: five for one and four for the other would cost a tenth. */
static int64_t plan_tasks(struct plan *plan, int64_t wanted, int64_t threads, int in_cache) {
    int64_t tasks = 0, tiles = 0;
    for (const struct region *g = plan->regions; g < plan->regions + plan->count; g++) tiles += g->lines * g->tiles;
    for (struct region *g = plan->regions; g < plan->regions + plan->count; g++) {
        const int64_t tile_floats = g->tile * cg_min64(plan->x_step[g->along], g->runs * g->run), all = g->lines * g->tiles;
        const int64_t most = cg_max64(1, cg_min64(cg_ceil_div(tiles, wanted), in_cache ? TASK_FLOATS / cg_max64(1, tile_floats) : tiles));
        const int64_t least = cg_ceil_div(all, most), even = least > 1 ? cg_ceil_div(least, threads) * threads : least;
        g->tiles_per_task = cg_max64(1, cg_ceil_div(all, cg_max64(1, even)));
        g->first_task = tasks;
        tasks += cg_ceil_div(all, g->tiles_per_task);
    }
    return tasks;
}
