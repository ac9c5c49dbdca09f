/* dispatch.c: asks the CPU once and points every cg_NAME at its kernel for one instruction set.
 * Compiled with baseline flags and without LTO, so that it runs on any CPU. */
#include "cygrad.h"
#include "isa/table.h"

#include <stdlib.h>
#include <string.h>

extern const struct cg_kernels cg_table_baseline;
#ifdef CG_HAVE_X86
extern const struct cg_kernels cg_table_avx2, cg_table_avx512;
static int has_avx2(void) { return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"); }
static int has_avx512(void) {
    return has_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
           __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl");
}
#endif
#ifdef CG_HAVE_NEON
extern const struct cg_kernels cg_table_neon;
#endif
static int always(void) { return 1; }

static const struct { const char *name; const struct cg_kernels *table; int (*supported)(void); } isas[] = {
    {"baseline", &cg_table_baseline, always}, /* worst first */
#ifdef CG_HAVE_X86
    {"avx2", &cg_table_avx2, has_avx2},
    {"avx512", &cg_table_avx512, has_avx512},
#endif
#ifdef CG_HAVE_NEON
    {"neon", &cg_table_neon, always}, /* every 64-bit ARM has it */
#endif
};
enum { ISAS = sizeof isas / sizeof *isas };
static int current = -1;
static int winograd = -1; /* not known yet */

#define CG_KERNEL(name, parameters) int (*cg_##name) parameters;
#include "kernels.def"
#undef CG_KERNEL

void cg_threads_init(void);

int cg_init(const char *isa) {
    int pick = -1;
    cg_threads_init();
    if (winograd < 0) {
        const char *asked = getenv("CYGRAD_WINOGRAD");
        winograd = !asked || strcmp(asked, "0") != 0;
    }
    if (!isa || !*isa) isa = getenv("CYGRAD_ISA");
    for (int i = 0; i < ISAS; i++)
        if (isas[i].supported() && (!isa || !*isa || !strcmp(isa, isas[i].name))) pick = i;
    if (pick < 0) return CG_EISA;
#define CG_KERNEL(name, parameters) cg_##name = isas[pick].table->name;
#include "kernels.def"
#undef CG_KERNEL
    current = pick;
    return CG_OK;
}

const char *cg_isa(void) { return current < 0 ? NULL : isas[current].name; }

int cg_set_winograd(int on) {
    const int old = winograd;
    winograd = on != 0;
    return old;
}

int cg_get_winograd(void) { return winograd; }

const char *cg_isa_available(int i) {
    for (int j = 0; j < ISAS; j++)
        if (isas[j].supported() && i-- == 0) return isas[j].name;
    return NULL;
}

const char *cg_compiler(void) {
#ifdef __clang__
    return "Clang " __clang_version__;
#else
    return "GCC " __VERSION__;
#endif
}

const char *cg_status_message(int status) {
    switch (status) {
    case CG_OK: return "ok";
    case CG_ENOMEM: return "out of memory";
    case CG_EISA: return "unknown or unsupported instruction set";
    case CG_EINDEX: return "a label or index lies outside its range";
    default: return "unknown status";
    }
}
