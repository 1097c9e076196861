# Warnings and sanitizers of our own targets: target_link_libraries(x PRIVATE mflux_settings).
add_library(mflux_settings INTERFACE)
target_compile_options(mflux_settings INTERFACE -Wall -Wextra -Wpedantic -Wuninitialized)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # g++ 12 sees overlaps in std::string's operator+ that are none (GCC bug 105651).
  target_compile_options(mflux_settings INTERFACE -Wno-restrict)
endif()
if(MFLUX_WARNINGS_AS_ERRORS)
  target_compile_options(mflux_settings INTERFACE -Werror)
endif()
if(MFLUX_SANITIZE)
  target_compile_options(mflux_settings INTERFACE -fsanitize=${MFLUX_SANITIZE} -fno-omit-frame-pointer
                         -fno-sanitize-recover=all)
  target_link_options(mflux_settings INTERFACE -fsanitize=${MFLUX_SANITIZE})
endif()
if(MFLUX_BUILD_FUZZERS)
  target_compile_options(mflux_settings INTERFACE -fsanitize=fuzzer-no-link) # coverage for libFuzzer
endif()

find_program(MFLUX_CCACHE ccache)
if(MFLUX_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${MFLUX_CCACHE})
endif()
