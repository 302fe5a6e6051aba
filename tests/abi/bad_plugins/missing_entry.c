/* Exports something, but no entry. */
#include "trunkline/abi.h"
TL_EXPORT const int some_other_symbol = 1;
