/* avx512.c: AVX-512 F, DQ, BW, VL: 32 registers, 28 of them accumulators. */
#define CG_ISA avx512
#define VLEN 16
#define MR 14
#define NV 2
#include "kernels.inc"
