# Installs what other folders build, once all of them are known.
# One file under the name that the module asks for: wheels have no links, so the usual chain of them would be three copies.
install(PROGRAMS $<TARGET_FILE:trunkline_embed> DESTINATION trunkline/lib COMPONENT python EXCLUDE_FROM_ALL RENAME $<TARGET_SONAME_FILE_NAME:trunkline_embed>)
foreach(program trunkline trunkline_script trunkline_plugin_host)
  if(TARGET ${program})
    install(TARGETS ${program} RUNTIME DESTINATION trunkline/bin COMPONENT python EXCLUDE_FROM_ALL)
  endif()
endforeach()
install(TARGETS trunkline_voices LIBRARY DESTINATION trunkline/lib/trunkline COMPONENT python EXCLUDE_FROM_ALL)
# The SDK, so that who installed a wheel can write a plugin: the folder trunkline/ is a prefix for find_package(Trunkline).
install(DIRECTORY ${PROJECT_SOURCE_DIR}/bindings/c/include/ ${PROJECT_SOURCE_DIR}/bindings/cpp/include/ DESTINATION trunkline/include
        COMPONENT python EXCLUDE_FROM_ALL FILES_MATCHING PATTERN "*.h" PATTERN "*.hpp")
install(DIRECTORY ${PROJECT_SOURCE_DIR}/bindings/cpp/src/ DESTINATION trunkline/share/trunkline/sdk COMPONENT python EXCLUDE_FROM_ALL
        FILES_MATCHING PATTERN "*.cpp")
install(FILES ${PROJECT_SOURCE_DIR}/cmake/sdk/TrunklineConfig.cmake ${PROJECT_SOURCE_DIR}/cmake/sdk/TrunklinePlugin.cmake
              ${PROJECT_SOURCE_DIR}/cmake/plugin.map ${PROJECT_BINARY_DIR}/sdk/TrunklineConfigVersion.cmake
        DESTINATION trunkline/lib/cmake/Trunkline COMPONENT python EXCLUDE_FROM_ALL)
install(FILES ${PROJECT_BINARY_DIR}/sdk/trunkline-plugin.pc DESTINATION trunkline/lib/pkgconfig COMPONENT python EXCLUDE_FROM_ALL)
# What it needs of this machine comes along. `make packages` does the same to what it installs from a build that is there.
option(TRUNKLINE_VENDOR "Installing for Python brings along the libraries that not every Linux has (needs patchelf)" OFF)
if(TRUNKLINE_VENDOR)
  install(CODE "execute_process(COMMAND \"${Python_EXECUTABLE}\" \"${PROJECT_SOURCE_DIR}/tools/packages/vendor.py\" \"\$ENV{DESTDIR}\${CMAKE_INSTALL_PREFIX}/trunkline\" COMMAND_ERROR_IS_FATAL ANY)"
          COMPONENT python EXCLUDE_FROM_ALL)
endif()
