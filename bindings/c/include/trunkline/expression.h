/* Expressions of the Workflow Definition Language, without a runtime. Hand-written. C11 and C++20. */
#ifndef TRUNKLINE_EXPRESSION_H
#define TRUNKLINE_EXPRESSION_H
#include "trunkline/abi.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The outcome: JSON, or an error (then result is NULL). Both are the callee's: the result lives during the call, the error is
 * freed by whoever gets it, with tl_error_free. Members of the error besides "code" and "message": "service_code"
 * (InvalidTemplate, …), "offset" (the byte of the string at fault), "pointer", "function", "argument". */
typedef void (*tl_expression_done)(void* user, const tl_str* result, tl_error* error);

/* Evaluates template_json, any JSON whose strings may hold @expression, @{expression} and @@, against context_json: an object
 * with parameters, variables, trigger, actions, items, utcNow, … (docs/guide/expressions.md); absent or empty: nothing is known.
 * Calls done exactly once, before it returns. No I/O but the zone data of the system. [any-thread] */
TL_EXPORT void tl_expression_evaluate(tl_str template_json, tl_str context_json, tl_expression_done done, void* user);

#ifdef __cplusplus
}
#endif
#endif
