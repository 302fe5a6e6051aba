# trunkline_unity(target [APART file...]): with TRUNKLINE_UNITY its files are compiled a few at a time, which halves the time of a
# clean build: most of it is the same headers again and again. Names in the unnamed namespaces of a folder must differ then; files
# that cannot share stand APART, and so does each asio_impl.cpp, which is Asio itself.
function(trunkline_unity target)
  cmake_parse_arguments(ARG "" "" "APART" ${ARGN})
  if(NOT TRUNKLINE_UNITY)
    return()
  endif()
  set_target_properties(${target} PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE ${TRUNKLINE_UNITY})
  get_target_property(sources ${target} SOURCES)
  list(FILTER sources INCLUDE REGEX "asio_impl\\.cpp$")
  foreach(source ${sources} ${ARG_APART})
    set_source_files_properties(${source} PROPERTIES SKIP_UNITY_BUILD_INCLUSION ON)
  endforeach()
  # The file that is compiled only includes: to the compiler each type of an unnamed namespace seems to come from a header.
  target_compile_options(${target} PRIVATE $<$<CXX_COMPILER_ID:GNU>:-Wno-subobject-linkage>)
endfunction()

# trunkline_library(base DEPENDS a b LIBRARIES x y): the static library of one folder, from all its sources.
# `base` in runtime/base becomes target tl_base. A folder sees the includes of its DEPENDS and nothing else.
function(trunkline_library name)
  cmake_parse_arguments(ARG "" "" "DEPENDS;LIBRARIES;PRIVATE_LIBRARIES;APART" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.cpp)
  list(TRANSFORM ARG_DEPENDS PREPEND tl_)
  if(sources)
    add_library(tl_${name} STATIC ${sources})
    target_include_directories(tl_${name} PUBLIC ${PROJECT_SOURCE_DIR})
    target_link_libraries(tl_${name} PUBLIC trunkline_sdk ${ARG_DEPENDS} ${ARG_LIBRARIES} PRIVATE ${ARG_PRIVATE_LIBRARIES})
    target_compile_options(tl_${name} PRIVATE ${TRUNKLINE_WARNINGS})
    trunkline_unity(tl_${name} APART ${ARG_APART})
  else()
    add_library(tl_${name} INTERFACE)
    target_include_directories(tl_${name} INTERFACE ${PROJECT_SOURCE_DIR})
    target_link_libraries(tl_${name} INTERFACE trunkline_sdk ${ARG_DEPENDS} ${ARG_LIBRARIES})
  endif()
endfunction()

# Warnings are errors only in presets (TRUNKLINE_WERROR).
# GCC 12 sees uninitialised members of std::variant where an optimised coroutine moves one.
set(TRUNKLINE_WARNINGS -Wall -Wextra -Wno-missing-field-initializers $<$<CXX_COMPILER_ID:GNU>:-Wno-maybe-uninitialized>)
if(TRUNKLINE_WERROR)
  list(APPEND TRUNKLINE_WARNINGS -Werror)
endif()

# trunkline_plugin(id): a loadable module from src/, its plugin.json beside it, exporting exactly one symbol. HEADER_ONLY: over the
# headers of the SDK alone, as a plugin outside this repository is.
function(trunkline_plugin id)
  cmake_parse_arguments(ARG "HEADER_ONLY" "OUTPUT_DIRECTORY" "LIBRARIES;SOURCES" ${ARGN})
  if(NOT ARG_OUTPUT_DIRECTORY)
    set(ARG_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/plugins/${id})
  endif()
  if(NOT ARG_SOURCES)
    file(GLOB ARG_SOURCES CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/src/*.cpp ${CMAKE_CURRENT_SOURCE_DIR}/src/*.c)
  endif()
  string(REPLACE "-" "_" target plugin_${id})
  add_library(${target} MODULE ${ARG_SOURCES})
  target_link_libraries(${target} PRIVATE $<IF:$<BOOL:${ARG_HEADER_ONLY}>,trunkline_cpp,trunkline_sdk> ${ARG_LIBRARIES})
  target_compile_options(${target} PRIVATE ${TRUNKLINE_WARNINGS})
  set_target_properties(${target} PROPERTIES PREFIX "" OUTPUT_NAME ${id} LIBRARY_OUTPUT_DIRECTORY ${ARG_OUTPUT_DIRECTORY})
  target_link_options(${target} PRIVATE LINKER:--version-script=${PROJECT_SOURCE_DIR}/cmake/plugin.map LINKER:-z,defs)
  set_property(TARGET ${target} APPEND PROPERTY LINK_DEPENDS ${PROJECT_SOURCE_DIR}/cmake/plugin.map)
  if(NOT ARG_HEADER_ONLY)
    trunkline_unity(${target})
  endif()
  if(EXISTS ${CMAKE_CURRENT_SOURCE_DIR}/plugin.json)
    configure_file(${CMAKE_CURRENT_SOURCE_DIR}/plugin.json ${ARG_OUTPUT_DIRECTORY}/plugin.json COPYONLY)
  endif()
endfunction()
