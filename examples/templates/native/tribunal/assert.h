// Stands before the C library's: an assertion that fails ends the call and says where.
#pragma once

#ifdef __cplusplus
extern "C" [[noreturn]]
#else
_Noreturn
#endif
void tribunal_assert_failed(const char *condition, const char *file, int line, const char *function);

#define assert(...) \
    ((__VA_ARGS__) ? (void)0 : tribunal_assert_failed(#__VA_ARGS__, __FILE__, __LINE__, __func__))

#if !defined(__cplusplus) && !defined(static_assert) && __STDC_VERSION__ < 202311L
#define static_assert _Static_assert
#endif
