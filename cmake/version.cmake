# The program's version and the git commit it was built from, in a generated source file; rebuilt when HEAD moves.
find_package(Git QUIET)
add_custom_target(
  braggbench_version_file
  BYPRODUCTS ${PROJECT_BINARY_DIR}/version.cpp
  COMMAND ${CMAKE_COMMAND} -DGIT=${GIT_EXECUTABLE} -DSOURCE=${PROJECT_SOURCE_DIR} -DVERSION=${PROJECT_VERSION}
          -DOUTPUT=${PROJECT_BINARY_DIR}/version.cpp -P ${PROJECT_SOURCE_DIR}/cmake/write_version.cmake)
