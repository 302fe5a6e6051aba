# What `cmake --install` gives. Component `sdk` needs nothing built: headers, CMake package, pkg-config. Component `runtime` is what was
# built: the program, libtrunkline and its plugins. Included last, when all targets are known.
include(CMakePackageConfigHelpers)
set(sdk ${CMAKE_CURRENT_LIST_DIR}/sdk)
file(STRINGS ${PROJECT_SOURCE_DIR}/bindings/c/include/trunkline/abi.h abi_lines REGEX "^#define TL_ABI_(MAJOR|MINOR) ")
string(REGEX REPLACE "[^0-9;]" "" abi_numbers "${abi_lines}")
list(JOIN abi_numbers "." TRUNKLINE_ABI)

write_basic_package_version_file(${CMAKE_CURRENT_BINARY_DIR}/sdk/TrunklineConfigVersion.cmake COMPATIBILITY SameMinorVersion ARCH_INDEPENDENT)
foreach(file trunkline trunkline-plugin)
  configure_file(${sdk}/${file}.pc.in ${CMAKE_CURRENT_BINARY_DIR}/sdk/${file}.pc @ONLY)
endforeach()
set(headers FILES_MATCHING PATTERN "*.h" PATTERN "*.hpp")
install(DIRECTORY bindings/c/include/ bindings/cpp/include/ DESTINATION include COMPONENT sdk ${headers})
install(DIRECTORY bindings/cpp/src/ DESTINATION share/trunkline/sdk COMPONENT sdk FILES_MATCHING PATTERN "*.cpp")
install(FILES ${sdk}/TrunklineConfig.cmake ${sdk}/TrunklinePlugin.cmake ${CMAKE_CURRENT_LIST_DIR}/plugin.map
              ${CMAKE_CURRENT_BINARY_DIR}/sdk/TrunklineConfigVersion.cmake
        DESTINATION lib/cmake/Trunkline COMPONENT sdk)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/sdk/trunkline-plugin.pc DESTINATION lib/pkgconfig COMPONENT sdk)

install(FILES ${CMAKE_CURRENT_BINARY_DIR}/sdk/trunkline.pc DESTINATION lib/pkgconfig COMPONENT runtime)
install(TARGETS trunkline trunkline_script trunkline_plugin_host RUNTIME DESTINATION bin COMPONENT runtime)
install(TARGETS trunkline_voices LIBRARY DESTINATION lib/trunkline COMPONENT runtime)
install(TARGETS trunkline_embed LIBRARY DESTINATION lib COMPONENT runtime NAMELINK_COMPONENT runtime)
install(DIRECTORY ${CMAKE_BINARY_DIR}/plugins/ DESTINATION lib/trunkline/plugins COMPONENT runtime USE_SOURCE_PERMISSIONS
        FILES_MATCHING PATTERN "*.so" PATTERN "plugin.json" PATTERN "quirks.json" PATTERN "CMakeFiles" EXCLUDE)
