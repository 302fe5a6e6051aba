/* No stop function. */
#include "sms_plugin.h"
static tl_iface get_interface(tl_plugin* plugin, tl_str id) {
  (void)plugin, (void)id;
  const tl_iface none = {NULL, NULL};
  return none;
}
TL_EXPORT const tl_plugin_entry trunkline_plugin_v1 = {
    sizeof(tl_plugin_entry), TL_ABI_CURRENT, TL_ABI_VERSION(1, 0), 0, good_create, get_interface, NULL, good_destroy};
