# Installs what other folders build, once all of them are known.
install(TARGETS trunkline_embed LIBRARY DESTINATION trunkline/lib COMPONENT python NAMELINK_SKIP)
if(TARGET trunkline)
  install(TARGETS trunkline RUNTIME DESTINATION trunkline/bin COMPONENT python)
endif()
