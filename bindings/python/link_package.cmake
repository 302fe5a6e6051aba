# cmake -DTO=folder "-DFROM=a;b" -P: makes every Python file below a and b appear below TO, as a link.
foreach(from IN LISTS FROM)
  file(GLOB_RECURSE files RELATIVE ${from} ${from}/*.py ${from}/*.pyi ${from}/py.typed)
  foreach(file IN LISTS files)
    get_filename_component(folder ${TO}/${file} DIRECTORY)
    file(MAKE_DIRECTORY ${folder})
    file(CREATE_LINK ${from}/${file} ${TO}/${file} SYMBOLIC)
  endforeach()
endforeach()
