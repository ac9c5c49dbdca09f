/* cygrad.h: the C API. Nothing here needs Python.
 *
 * Arrays are dense, row-major (NHWC for images), float32; labels and indices are integers; sizes are int64_t.
 * Every kernel returns a status, allocates nothing but scratch memory, prints nothing and never aborts. It may be called from
 * several threads at once. Sizes and pointers are the caller's duty; what depends on values (a label, a row index) is
 * checked by the kernel and reported as a status.
 *
 *     if (cg_init(NULL) != CG_OK) ...;      // once: asks the CPU, honours CYGRAD_ISA and CYGRAD_NUM_THREADS
 *     cg_relu_forward(y, x, n);             // then call kernels; kernels.def lists them with formulas and shapes
 */
#ifndef CYGRAD_H
#define CYGRAD_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum cg_status {
    CG_OK = 0,
    CG_ENOMEM = 1, /* the system has no more memory */
    CG_EISA = 2,   /* an instruction set that is unknown, not compiled in, or not supported by this CPU */
    CG_EINDEX = 3  /* a label or a row index lies outside its range; nothing useful was computed */
};
const char *cg_status_message(int status);

/* Activations that a matmul or a convolution applies to its result while that is still in cache. The formulas stand in
 * kernels.def; here leaky_relu has slope 0.2 and elu alpha 1, Keras's defaults. */
enum cg_activation {
    CG_LINEAR, CG_RELU, CG_LEAKY_RELU, CG_ELU, CG_SELU, CG_SIGMOID, CG_TANH, CG_SOFTPLUS, CG_SOFTSIGN, CG_GELU, CG_SILU,
    CG_EXPONENTIAL, CG_HARD_SIGMOID
};

/* What the kernel function computes. */
enum cg_function {
    CG_FLOOR, CG_CEIL, CG_ROUND, CG_TRUNC, CG_SIGN, CG_LOG1P, CG_EXPM1, CG_LOG2, CG_LOG10, CG_SIN, CG_COS, CG_TAN, CG_ARCSIN, CG_ARCCOS,
    CG_ARCTAN, CG_SINH, CG_COSH, CG_ARCSINH, CG_ARCCOSH, CG_ARCTANH, CG_ERF, CG_ERFINV
};

/* Sizes, strides or a permutation: one value an axis, at most CG_MAX_RANK of them. Strides count elements. */
#define CG_MAX_RANK 8
typedef const int64_t *cg_dims;

/* ---- instruction sets (dispatch.c) ---- */
int cg_init(const char *isa);           /* NULL: CYGRAD_ISA, else the best this CPU has; may be called again to switch */
const char *cg_isa(void);               /* the one in use: "baseline", "avx2", "avx512" or "neon" */
const char *cg_isa_available(int i);    /* the i-th usable here, worst first; NULL past the end */
const char *cg_compiler(void);

/* ---- threads (parallel.c) ---- */
int cg_set_num_threads(int n);          /* returns what is set: at least 1; a forked child stays at 1 */
int cg_get_num_threads(void);

/* ---- 3 x 3 and 5 x 5 convolution (dispatch.c) ---- */
int cg_set_winograd(int on);            /* 0: direct sums only; returns the old setting. At first on, unless CYGRAD_WINOGRAD=0 */
int cg_get_winograd(void);

/* ---- memory (alloc.c) ---- */
void *cg_alloc(size_t bytes);           /* 64-byte aligned, uninitialised; NULL when there is none */
void cg_free(void *p, size_t bytes);    /* the same bytes as at cg_alloc */
void cg_alloc_trim(void);               /* gives cached blocks back to the system */
struct cg_alloc_stats { int64_t in_use, cached, peak, system_calls; }; /* bytes, bytes, bytes, count */
struct cg_alloc_stats cg_alloc_stats(void);

/* ---- calls on the same rows, by one region (rows.c) ---- */
enum { CG_ROW_WORDS = 32 };
struct cg_row_call {
    int (*run)(void *words);            /* calls a kernel with its arguments, one a word of 8 bytes */
    uint64_t *words;
    const int64_t *each;                /* of each word: > 0: a pointer, so many bytes a row; < 0: a size, minus what a row counts; 0: as it is */
    int64_t count;                      /* words, at most CG_ROW_WORDS */
};
struct cg_rows {
    const struct cg_row_call *calls;
    int64_t count, rows;
    double flops, bytes;                /* of all calls together */
};
int cg_run_rows(void *rows);            /* a struct cg_rows; the first status that is not CG_OK */

/* ---- kernels: cg_NAME is a pointer that cg_init sets ---- */
#define CG_KERNEL(name, parameters) extern int (*cg_##name) parameters;
#include "kernels.def"
#undef CG_KERNEL

#ifdef __cplusplus
}
#endif
#endif
