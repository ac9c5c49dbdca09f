/* baseline.c: any 64-bit machine: SSE2 on x86, ASIMD on ARM, whatever the compiler makes of 4-float vectors elsewhere. */
#define CG_ISA baseline
#define VLEN 4
#define MR 4
#define NV 2
#include "kernels.inc"
