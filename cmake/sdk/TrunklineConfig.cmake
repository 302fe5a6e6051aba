# find_package(Trunkline): Trunkline::plugin (headers and link options of plugins; nothing to link), Trunkline::runtime (libtrunkline, for
# embedding; there when it was installed), trunkline_add_plugin() and trunkline_test_plugin(). Found wherever the prefix was moved to.
get_filename_component(Trunkline_PREFIX ${CMAKE_CURRENT_LIST_DIR}/../../.. ABSOLUTE)
set(Trunkline_PLUGIN_MAP ${CMAKE_CURRENT_LIST_DIR}/plugin.map)
set(Trunkline_SDK_SOURCES ${Trunkline_PREFIX}/share/trunkline/sdk)

if(NOT TARGET Trunkline::plugin)
  add_library(Trunkline::plugin INTERFACE IMPORTED)
  set_target_properties(Trunkline::plugin PROPERTIES
    INTERFACE_INCLUDE_DIRECTORIES ${Trunkline_PREFIX}/include
    INTERFACE_COMPILE_FEATURES "c_std_11;cxx_std_20"
    INTERFACE_LINK_OPTIONS "LINKER:--version-script=${Trunkline_PLUGIN_MAP};LINKER:-z,defs")
endif()
file(GLOB Trunkline_runtime ${Trunkline_PREFIX}/lib/libtrunkline.so)
if(Trunkline_runtime AND NOT TARGET Trunkline::runtime)
  add_library(Trunkline::runtime SHARED IMPORTED)
  set_target_properties(Trunkline::runtime PROPERTIES
    IMPORTED_LOCATION ${Trunkline_runtime}
    INTERFACE_INCLUDE_DIRECTORIES ${Trunkline_PREFIX}/include)
endif()
foreach(component ${Trunkline_FIND_COMPONENTS})
  if(TARGET Trunkline::${component})
    set(Trunkline_${component}_FOUND TRUE)
  elseif(Trunkline_FIND_REQUIRED_${component})
    set(Trunkline_FOUND FALSE)
    set(Trunkline_NOT_FOUND_MESSAGE "Trunkline in ${Trunkline_PREFIX} has no component ${component}")
  endif()
endforeach()
include(${CMAKE_CURRENT_LIST_DIR}/TrunklinePlugin.cmake)
