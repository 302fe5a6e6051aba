/* A required slot of the interface is null. */
#include "sms_plugin.h"
SMS_VTABLE(NULL, good_capabilities)
SMS_GET_INTERFACE
SMS_ENTRY(good_create, good_stop, good_destroy)
