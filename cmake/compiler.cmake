# Language level, warnings as errors, optimisation, ccache: one interface target that every target of ours links.
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "" FORCE)
endif()

find_program(CCACHE ccache)
if(CCACHE)
  # A precompiled header is only cached with this sloppiness (ccache manual, "Precompiled headers"); the base directory
  # lets clones at other places share the cache.
  set(CMAKE_CXX_COMPILER_LAUNCHER
      env CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime
      CCACHE_BASEDIR=${PROJECT_SOURCE_DIR} CCACHE_NOHASHDIR=1 ${CCACHE})
endif()

add_library(braggbench_flags INTERFACE)
target_include_directories(braggbench_flags INTERFACE ${PROJECT_SOURCE_DIR})
target_compile_options(braggbench_flags INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wnon-virtual-dtor
                                                  -Werror $<$<BOOL:${CCACHE}>:-fpch-preprocess>)
if(BRAGGBENCH_ARCH)
  target_compile_options(braggbench_flags INTERFACE -march=${BRAGGBENCH_ARCH})
endif()
if(BRAGGBENCH_SANITIZE)
  # GCC's manual: the sanitizers bring false positives of -Wmaybe-uninitialized (here in std::regex).
  target_compile_options(braggbench_flags INTERFACE -fsanitize=address,undefined -fno-sanitize-recover=all
                                                    -fno-omit-frame-pointer -Wno-maybe-uninitialized)
  target_link_options(braggbench_flags INTERFACE -fsanitize=address,undefined)
endif()
