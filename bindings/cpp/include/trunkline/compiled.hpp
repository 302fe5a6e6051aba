// Where the generated definitions are. Hand-written.
//
// The SDK is header-only: a generated header ends with its definitions, out of trunkline/inline. A project of many files compiles
// them once instead, which takes most of the SDK's compile time out of its other files: it defines TRUNKLINE_COMPILED in every
// file that is linked together, and compiles bindings/cpp/src. TL_INLINE is what a definition needs to be in either place.
#pragma once

#ifdef TRUNKLINE_COMPILED
#define TL_INLINE
#else
#define TL_INLINE inline
#endif
