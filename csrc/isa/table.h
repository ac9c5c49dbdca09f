/* table.h: one instruction set's kernels, a member for each line of kernels.def. */
#ifndef CYGRAD_ISA_TABLE_H
#define CYGRAD_ISA_TABLE_H
#include "../cygrad.h"

struct cg_kernels {
#define CG_KERNEL(name, parameters) int (*name) parameters;
#include "../kernels.def"
#undef CG_KERNEL
};
#endif
