/* An entry that ends before stop and destroy. */
#include "sms_plugin.h"
static tl_iface get_interface(tl_plugin* plugin, tl_str id) {
  (void)plugin, (void)id;
  const tl_iface none = {NULL, NULL};
  return none;
}
TL_EXPORT const tl_plugin_entry trunkline_plugin_v1 = {
    32, TL_ABI_CURRENT, TL_ABI_VERSION(1, 0), 0, good_create, get_interface, good_stop, good_destroy};
