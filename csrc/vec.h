/* vec.h: a vector of VLEN floats; the only file that knows registers exist.
 *
 * GCC and Clang vector types give + - * / and comparisons on every machine; what they lack (fused multiply-add, maximum, square
 * root, loads and stores of fewer than VLEN floats) stands below once for each instruction set. Operations here are exactly rounded, so
 * the same formula gives the same bits on AVX2, AVX-512 and NEON; baseline x86 has no fused multiply-add and
 * rounds twice there. */
#ifndef CYGRAD_VEC_H
#define CYGRAD_VEC_H
#include <math.h>
#include <stdint.h>
#include <string.h>
#if defined(__AVX2__)
#include <immintrin.h>
#elif defined(__SSE2__)
#include <emmintrin.h>
#elif defined(__ARM_NEON)
#include <arm_neon.h>
#endif

typedef float vf __attribute__((vector_size(VLEN * 4), may_alias));    /* floats */
typedef int32_t vi __attribute__((vector_size(VLEN * 4), may_alias));  /* their bits; a comparison gives -1 or 0 */
typedef uint32_t vu __attribute__((vector_size(VLEN * 4), may_alias)); /* the same for sums that may pass 2^31 */
typedef uint64_t vw __attribute__((vector_size(VLEN * 4), may_alias)); /* VLEN / 2 of 64 bits */
typedef float vf_any __attribute__((vector_size(VLEN * 4), aligned(4), may_alias)); /* at any float's address */

/* Before a loop with a constant count that must disappear, so that arrays it walks through become registers. */
#ifdef __clang__
#define CG_UNROLL _Pragma("clang loop unroll(full)")
#else
#define CG_UNROLL _Pragma("GCC unroll 16")
#endif

/* Before a loop over scalars that GCC makes vectors of only when told to; Clang judges for itself, and warns where it is told and cannot. */
#ifdef __clang__
#define CG_VECTORIZE
#else
#define CG_VECTORIZE _Pragma("omp simd")
#endif

/* Before a function whose loop computes several vectors of a long formula: their operations in turn. GCC for x86 writes one vector after the
 * other, so far apart that the processor does not see the next one: 1.15 times as fast on AVX2, 1.05 on AVX-512. (What is said on the command
 * line about floating point has to be said again.) */
#if defined(__GNUC__) && !defined(__clang__) && defined(__x86_64__)
#define CG_INTERLEAVE \
    __attribute__((optimize("schedule-insns", "sched-pressure", "fp-contract=off", "no-trapping-math", "no-math-errno")))
#else
#define CG_INTERLEAVE
#endif

#define CG_INLINE static inline __attribute__((always_inline, unused))

CG_INLINE vf vf_set(float s) { return s - (vf){0}; } /* s in every lane; s - 0 keeps -0 and NaN */
CG_INLINE vi vi_set(int32_t s) { return s - (vi){0}; }
CG_INLINE vf vf_load(const float *p) { return *(const vf_any *)p; }
CG_INLINE void vf_store(float *p, vf v) { *(vf_any *)p = v; }
/* v, in a register: GCC would load what it multiplies by several numbers once for each of them. */
CG_INLINE vf vf_register(vf v) {
#if defined(__AVX512F__)
    __asm__("" : "+v"(v));
#elif defined(__SSE2__)
    __asm__("" : "+x"(v));
#elif defined(__ARM_NEON)
    __asm__("" : "+w"(v));
#endif
    return v;
}
/* p, in a register: GCC would keep the sums of p and each offset that a loop adds to it, until there are no registers left. */
CG_INLINE const float *pointer_register(const float *p) {
    __asm__("" : "+r"(p));
    return p;
}
/* n, in a register: within a loop, GCC keeps n itself there rather than each of the multiples that addresses need, until there are none left. */
CG_INLINE int64_t offset_register(int64_t n) {
    __asm__("" : "+r"(n));
    return n;
}
CG_INLINE vf vf_select(vi mask, vf yes, vf no) { return (vf)((mask & (vi)yes) | (~mask & (vi)no)); }
CG_INLINE vf vf_abs(vf x) { return (vf)((vi)x & vi_set(0x7fffffff)); }
/* magnitude's size with sign's sign */
CG_INLINE vf vf_copysign(vf magnitude, vf sign) {
    return (vf)(((vi)magnitude & vi_set(0x7fffffff)) | ((vi)sign & vi_set((int32_t)0x80000000u)));
}

/* vi_load_bytes, vi_store_bytes: VLEN bytes as numbers 0 .. 255
 * vi_any: whether any lane of a comparison is true
 * vf_maximum: NaN where either is; of equal ones (+0 and -0) b
 * vf_permute: lane i is a[from[i] % VLEN]
 * vf_lookup16: table[index & 15], a table of 16 floats, aligned to 64 bytes; it stays in registers
 * vw_multiply: the whole products of the lower halves. (To the plain product GCC finds no such instruction, but a dozen others.) */
#if defined(__AVX512F__) && VLEN == 16
CG_INLINE vf vf_fma(vf a, vf b, vf c) { return (vf)_mm512_fmadd_ps((__m512)a, (__m512)b, (__m512)c); }
CG_INLINE vf vf_sqrt(vf a) { return (vf)_mm512_sqrt_ps((__m512)a); }
CG_INLINE vf vf_max(vf a, vf b) { return (vf)_mm512_max_ps((__m512)a, (__m512)b); } /* b where either is NaN */
CG_INLINE vf vf_min(vf a, vf b) { return (vf)_mm512_min_ps((__m512)a, (__m512)b); }
CG_INLINE vf vf_load_n(const float *p, int64_t n) { return (vf)_mm512_maskz_loadu_ps((__mmask16)((1u << n) - 1), p); }
CG_INLINE void vf_store_n(float *p, vf v, int64_t n) { _mm512_mask_storeu_ps(p, (__mmask16)((1u << n) - 1), (__m512)v); }
CG_INLINE vf vf_if_less(vf a, vf b, vf yes, vf no) { /* GCC makes two operations of a vf_select on a mask register */
    return (vf)_mm512_mask_blend_ps(_mm512_cmp_ps_mask((__m512)a, (__m512)b, _CMP_LT_OQ), (__m512)no, (__m512)yes);
}
CG_INLINE int vi_any(vi mask) { return _mm512_movepi32_mask((__m512i)mask) != 0; }
CG_INLINE vf vf_maximum(vf a, vf b) {
    return (vf)_mm512_mask_max_ps((__m512)a, _mm512_cmp_ps_mask((__m512)a, (__m512)a, _CMP_ORD_Q), (__m512)a, (__m512)b);
}
CG_INLINE vf vf_permute(vf a, vi from) { return (vf)_mm512_permutexvar_ps((__m512i)from, (__m512)a); }
CG_INLINE vf vf_lookup16(const float *table, vi index) { return (vf)_mm512_permutexvar_ps((__m512i)index, _mm512_load_ps(table)); }
CG_INLINE vf vf_scale(vf y, vf k) { return (vf)_mm512_scalef_ps((__m512)y, (__m512)k); }
CG_INLINE vw vw_multiply(vw a, vw b) { return (vw)_mm512_mul_epu32((__m512i)a, (__m512i)b); }
CG_INLINE vi vi_load_bytes(const uint8_t *p) { return (vi)_mm512_cvtepu8_epi32(_mm_loadu_si128((const __m128i_u *)p)); }
CG_INLINE void vi_store_bytes(uint8_t *p, vi v) { _mm_storeu_si128((__m128i_u *)p, _mm512_cvtepi32_epi8((__m512i)v)); }
#elif defined(__AVX2__) && defined(__FMA__) && VLEN == 8
CG_INLINE __m256i cg_mask(int64_t n) {
    return _mm256_cmpgt_epi32(_mm256_set1_epi32((int)n), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}
CG_INLINE vf vf_fma(vf a, vf b, vf c) { return (vf)_mm256_fmadd_ps((__m256)a, (__m256)b, (__m256)c); }
CG_INLINE vf vf_sqrt(vf a) { return (vf)_mm256_sqrt_ps((__m256)a); }
CG_INLINE vf vf_max(vf a, vf b) { return (vf)_mm256_max_ps((__m256)a, (__m256)b); }
CG_INLINE vf vf_min(vf a, vf b) { return (vf)_mm256_min_ps((__m256)a, (__m256)b); }
CG_INLINE vf vf_load_n(const float *p, int64_t n) { return (vf)_mm256_maskload_ps(p, cg_mask(n)); }
CG_INLINE void vf_store_n(float *p, vf v, int64_t n) { _mm256_maskstore_ps(p, cg_mask(n), (__m256)v); }
CG_INLINE int vi_any(vi mask) { return _mm256_movemask_ps((__m256)mask) != 0; }
CG_INLINE vf vf_permute(vf a, vi from) { return (vf)_mm256_permutevar8x32_ps((__m256)a, (__m256i)from); }
CG_INLINE vf vf_lookup16(const float *table, vi index) {
    __m256 low = _mm256_permutevar8x32_ps(_mm256_load_ps(table), (__m256i)index);
    __m256 high = _mm256_permutevar8x32_ps(_mm256_load_ps(table + 8), (__m256i)index);
    return (vf)_mm256_blendv_ps(low, high, (__m256)(index << 28));
}
CG_INLINE vw vw_multiply(vw a, vw b) { return (vw)_mm256_mul_epu32((__m256i)a, (__m256i)b); }
CG_INLINE vi vi_load_bytes(const uint8_t *p) { return (vi)_mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i_u *)p)); }
CG_INLINE void vi_store_bytes(uint8_t *p, vi v) { /* the four bytes of each half, then side by side */
    __m256i bytes = _mm256_shuffle_epi8((__m256i)v, _mm256_set1_epi32(0x0c080400));
    _mm_storel_epi64((__m128i_u *)p, _mm_unpacklo_epi32(_mm256_castsi256_si128(bytes), _mm256_extracti128_si256(bytes, 1)));
}
#else
#if defined(__ARM_NEON)
CG_INLINE vf vf_fma(vf a, vf b, vf c) { return (vf)vfmaq_f32((float32x4_t)c, (float32x4_t)a, (float32x4_t)b); }
CG_INLINE vf vf_sqrt(vf a) { return (vf)vsqrtq_f32((float32x4_t)a); }
#elif defined(__SSE2__)
CG_INLINE vf vf_fma(vf a, vf b, vf c) { return a * b + c; }
CG_INLINE vf vf_sqrt(vf a) { return (vf)_mm_sqrt_ps((__m128)a); }
#else
CG_INLINE vf vf_fma(vf a, vf b, vf c) { return a * b + c; }
CG_INLINE vf vf_sqrt(vf a) {
    for (int i = 0; i < VLEN; i++) a[i] = sqrtf(a[i]);
    return a;
}
#endif
#if defined(__ARM_NEON)
/* A comparison whose origin the compiler cannot see: Clang would make fmax and fmin of what follows, to which +0 and -0 are not equal. */
CG_INLINE vi vf_opaque(vi mask) {
    __asm__("" : "+w"(mask));
    return mask;
}
#else
CG_INLINE vi vf_opaque(vi mask) { return mask; }
#endif
CG_INLINE vf vf_max(vf a, vf b) { return vf_select(vf_opaque((vi)(a > b)), a, b); }
CG_INLINE vf vf_min(vf a, vf b) { return vf_select(vf_opaque((vi)(a < b)), a, b); }
CG_INLINE vf vf_load_n(const float *p, int64_t n) { /* VLEN is 4: branches cost less than memcpy's call */
    switch (n) {
    case 0: return (vf){0};
    case 1: return (vf){p[0]};
    case 2: return (vf){p[0], p[1]};
    case 3: return (vf){p[0], p[1], p[2]};
    default: return vf_load(p);
    }
}
CG_INLINE void vf_store_n(float *p, vf v, int64_t n) {
    if (n >= VLEN) {
        vf_store(p, v);
        return;
    }
    if (n > 0) p[0] = v[0];
    if (n > 1) p[1] = v[1];
    if (n > 2) p[2] = v[2];
}
CG_INLINE int vi_any(vi mask) {
    const vw halves = (vw)mask;
    return (halves[0] | halves[1]) != 0;
}
CG_INLINE vf vf_permute(vf a, vi from) {
    vf y;
    for (int i = 0; i < VLEN; i++) y[i] = a[from[i] & (VLEN - 1)];
    return y;
}
#if defined(__ARM_NEON)
CG_INLINE vf vf_lookup16(const float *table, vi index) { /* of 64 bytes: four times index, + 0, 1, 2, 3 */
    return (vf)vqtbl4q_u8(vld1q_u8_x4((const uint8_t *)table), (uint8x16_t)((index & 15) * 0x04040404 + 0x03020100));
}
#else
CG_INLINE vf vf_lookup16(const float *table, vi index) {
    return (vf){table[index[0] & 15], table[index[1] & 15], table[index[2] & 15], table[index[3] & 15]};
}
#endif
#if defined(__SSE2__)
CG_INLINE vw vw_multiply(vw a, vw b) { return (vw)_mm_mul_epu32((__m128i)a, (__m128i)b); }
#elif defined(__ARM_NEON)
CG_INLINE vw vw_multiply(vw a, vw b) { return (vw)vmull_u32(vmovn_u64((uint64x2_t)a), vmovn_u64((uint64x2_t)b)); }
#else
CG_INLINE vw vw_multiply(vw a, vw b) { return (a & 0xffffffffu) * (b & 0xffffffffu); }
#endif
typedef uint8_t vbytes __attribute__((vector_size(VLEN), aligned(1), may_alias));
typedef uint16_t vshorts __attribute__((vector_size(VLEN * 2)));
/* By way of shorts: for each of the two steps GCC has an instruction, for both at once it moves single bytes. */
CG_INLINE vi vi_load_bytes(const uint8_t *p) {
    return __builtin_convertvector(__builtin_convertvector(*(const vbytes *)p, vshorts), vi);
}
CG_INLINE void vi_store_bytes(uint8_t *p, vi v) {
    *(vbytes *)p = __builtin_convertvector(__builtin_convertvector(v, vshorts), vbytes);
}
#endif

#if !(defined(__AVX512F__) && VLEN == 16)
CG_INLINE vf vf_maximum(vf a, vf b) { return vf_select((vi)(a == a), vf_max(a, b), a); }
/* a < b ? yes : no */
CG_INLINE vf vf_if_less(vf a, vf b, vf yes, vf no) { return vf_select((vi)(a < b), yes, no); }
/* y 2^floor(k), rounded once, for y in 1/2 .. 2.1 or NaN and k in -250 .. 250, a multiple of 1/16. In two steps, for neither 2^128 nor
 * 2^-150 is a normal number: half goes to y's exponent, the rest is a factor. */
CG_INLINE vf vf_scale(vf y, vf k) {
    vi n = __builtin_convertvector(k * 16.0f, vi) >> 4, half = n >> 1;
    return (vf)((vi)y + (half << 23)) * (vf)((n - half + 127) << 23);
}
#endif

/* A store that goes past the caches, to an aligned address: for outputs larger than these, because a normal store first reads the line
 * that it overwrites. After the last one of a piece of work: vf_stream_end. */
#if defined(__AVX512F__) && VLEN == 16
CG_INLINE void vf_stream(float *p, vf v) { _mm512_stream_ps(p, (__m512)v); }
#elif defined(__AVX2__) && VLEN == 8
CG_INLINE void vf_stream(float *p, vf v) { _mm256_stream_ps(p, (__m256)v); }
#elif defined(__SSE2__)
CG_INLINE void vf_stream(float *p, vf v) { _mm_stream_ps(p, (__m128)v); }
#else
CG_INLINE void vf_stream(float *p, vf v) { vf_store(p, v); }
#endif
CG_INLINE void vf_stream_end(void) {
#if defined(__SSE2__)
    _mm_sfence();
#endif
}

/* vf_load_quads: four floats from each of VLEN / 4 places, stride apart
 * vf_transpose_blocks: v[i] gets number i of the blocks of four floats of each of VLEN / 4 vectors. After whole loads from such places, that
 * makes what vf_load_quads loads from each column of blocks, for fewer loads.
 * vf_transpose_quads: quarter g of v[i] gets number i of the quarters g of all four. After loading q[r] from row r, 4 + r, 8 + r ... of a matrix,
 * that makes q[i] column i of VLEN rows. */
#if defined(__AVX512F__) && VLEN == 16
CG_INLINE vf vf_load_quads(const float *p, int64_t stride) { /* loads into masked lanes are no shuffles, unlike inserts */
    __m512 v = _mm512_castps128_ps512(_mm_loadu_ps(p));
    v = _mm512_mask_broadcast_f32x4(v, 0x00f0, _mm_loadu_ps(p + stride));
    v = _mm512_mask_broadcast_f32x4(v, 0x0f00, _mm_loadu_ps(p + 2 * stride));
    return (vf)_mm512_mask_broadcast_f32x4(v, 0xf000, _mm_loadu_ps(p + 3 * stride));
}
CG_INLINE void vf_transpose_blocks(vf *v) {
    __m512 a = _mm512_shuffle_f32x4((__m512)v[0], (__m512)v[1], 0x88), b = _mm512_shuffle_f32x4((__m512)v[0], (__m512)v[1], 0xdd);
    __m512 c = _mm512_shuffle_f32x4((__m512)v[2], (__m512)v[3], 0x88), d = _mm512_shuffle_f32x4((__m512)v[2], (__m512)v[3], 0xdd);
    v[0] = (vf)_mm512_shuffle_f32x4(a, c, 0x88);
    v[1] = (vf)_mm512_shuffle_f32x4(b, d, 0x88);
    v[2] = (vf)_mm512_shuffle_f32x4(a, c, 0xdd);
    v[3] = (vf)_mm512_shuffle_f32x4(b, d, 0xdd);
}
CG_INLINE vf vf_unpack_low(vf a, vf b) { return (vf)_mm512_unpacklo_ps((__m512)a, (__m512)b); }
CG_INLINE vf vf_unpack_high(vf a, vf b) { return (vf)_mm512_unpackhi_ps((__m512)a, (__m512)b); }
CG_INLINE vf vf_lower_halves(vf a, vf b) { return (vf)_mm512_shuffle_ps((__m512)a, (__m512)b, 0x44); }
CG_INLINE vf vf_upper_halves(vf a, vf b) { return (vf)_mm512_shuffle_ps((__m512)a, (__m512)b, 0xee); }
#elif defined(__AVX2__) && VLEN == 8
CG_INLINE vf vf_load_quads(const float *p, int64_t stride) {
    return (vf)_mm256_insertf128_ps(_mm256_castps128_ps256(_mm_loadu_ps(p)), _mm_loadu_ps(p + stride), 1);
}
CG_INLINE void vf_transpose_blocks(vf *v) {
    __m256 a = (__m256)v[0], b = (__m256)v[1];
    v[0] = (vf)_mm256_permute2f128_ps(a, b, 0x20);
    v[1] = (vf)_mm256_permute2f128_ps(a, b, 0x31);
}
CG_INLINE vf vf_unpack_low(vf a, vf b) { return (vf)_mm256_unpacklo_ps((__m256)a, (__m256)b); }
CG_INLINE vf vf_unpack_high(vf a, vf b) { return (vf)_mm256_unpackhi_ps((__m256)a, (__m256)b); }
CG_INLINE vf vf_lower_halves(vf a, vf b) { return (vf)_mm256_shuffle_ps((__m256)a, (__m256)b, 0x44); }
CG_INLINE vf vf_upper_halves(vf a, vf b) { return (vf)_mm256_shuffle_ps((__m256)a, (__m256)b, 0xee); }
#else
CG_INLINE vf vf_load_quads(const float *p, int64_t stride) {
    (void)stride;
    return vf_load(p);
}
CG_INLINE void vf_transpose_blocks(vf *v) { (void)v; }
CG_INLINE vf vf_unpack_low(vf a, vf b) { return __builtin_shufflevector(a, b, 0, 4, 1, 5); }
CG_INLINE vf vf_unpack_high(vf a, vf b) { return __builtin_shufflevector(a, b, 2, 6, 3, 7); }
CG_INLINE vf vf_lower_halves(vf a, vf b) { return __builtin_shufflevector(a, b, 0, 1, 4, 5); }
CG_INLINE vf vf_upper_halves(vf a, vf b) { return __builtin_shufflevector(a, b, 2, 3, 6, 7); }
#endif
CG_INLINE void vf_transpose_quads(vf *v) {
    vf a = vf_unpack_low(v[0], v[1]), b = vf_unpack_high(v[0], v[1]), c = vf_unpack_low(v[2], v[3]), d = vf_unpack_high(v[2], v[3]);
    v[0] = vf_lower_halves(a, c);
    v[1] = vf_upper_halves(a, c);
    v[2] = vf_lower_halves(b, d);
    v[3] = vf_upper_halves(b, d);
}

/* Loads and stores that are whole where n >= VLEN, partial at the end of a row. */
CG_INLINE vf vf_load_upto(const float *p, int64_t n) { return n >= VLEN ? vf_load(p) : vf_load_n(p, n); }
CG_INLINE void vf_store_upto(float *p, vf v, int64_t n) {
    if (n >= VLEN) vf_store(p, v);
    else vf_store_n(p, v, n);
}

/* p[VLEN] where the bytes beside it are value, 0 elsewhere */
CG_INLINE vf vf_load_where(const float *p, const uint8_t *bytes, int32_t value) {
#if defined(__AVX512F__) && VLEN == 16
    return (vf)_mm512_maskz_loadu_ps(_mm_cmpeq_epi8_mask(_mm_loadu_si128((const __m128i_u *)bytes), _mm_set1_epi8((char)value)), p);
#else
    return (vf)((vi)vf_load(p) & (vi)(vi_load_bytes(bytes) == vi_set(value)));
#endif
}

/* Four floats: a pixel of a picture with three or four channels, which is too few for a vector. */
typedef float quad __attribute__((vector_size(16), may_alias));
typedef float quad_any __attribute__((vector_size(16), aligned(4), may_alias));
CG_INLINE quad quad_load(const float *p) { return *(const quad_any *)p; }
CG_INLINE void quad_store(float *p, quad v) { *(quad_any *)p = v; }
CG_INLINE quad quad_load_bytes(const uint8_t *p) { /* four bytes as numbers 0 .. 255 */
#if defined(__AVX2__)
    return (quad)_mm_cvtepi32_ps(_mm_cvtepu8_epi32(_mm_loadu_si32(p)));
#elif defined(__SSE2__)
    const __m128i none = _mm_setzero_si128();
    return (quad)_mm_cvtepi32_ps(_mm_unpacklo_epi16(_mm_unpacklo_epi8(_mm_loadu_si32(p), none), none));
#else
    return (quad){p[0], p[1], p[2], p[3]};
#endif
}
#endif
