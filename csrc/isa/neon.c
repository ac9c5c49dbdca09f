/* neon.c: 64-bit ARM: 32 registers, 24 of them accumulators. */
#define CG_ISA neon
#define VLEN 4
#define MR 8
#define NV 3
#include "kernels.inc"
