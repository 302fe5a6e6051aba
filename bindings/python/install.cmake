# Installs what other folders build, once all of them are known.
# One file under the name that the module asks for: wheels have no links, so the usual chain of them would be three copies.
install(PROGRAMS $<TARGET_FILE:trunkline_embed> DESTINATION trunkline/lib COMPONENT python EXCLUDE_FROM_ALL RENAME $<TARGET_SONAME_FILE_NAME:trunkline_embed>)
if(TARGET trunkline)
  install(TARGETS trunkline trunkline_script RUNTIME DESTINATION trunkline/bin COMPONENT python EXCLUDE_FROM_ALL)
endif()
