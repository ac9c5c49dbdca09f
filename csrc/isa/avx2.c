/* avx2.c: AVX2 and FMA: 16 registers, 12 of them accumulators. */
#define CG_ISA avx2
#define VLEN 8
#define MR 6
#define NV 2
#include "kernels.inc"
