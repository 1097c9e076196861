# cmake --install: the binary, headers, libraries, the demo model, MLX's wheel beside them, and the CMake package "mflux".
include(CMakePackageConfigHelpers)

set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/mflux)
set(mlx_home ${CMAKE_INSTALL_LIBDIR}/mflux) # libmlx finds its BLAS by $ORIGIN/../../mlx_cpu.libs

set(libraries mflux_parity mflux_tokenizers)
if(MFLUX_WITH_MLX)
  list(APPEND libraries mflux)
endif()
install(TARGETS ${libraries} EXPORT mflux ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR}
                                          LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(EXPORT mflux NAMESPACE mflux:: DESTINATION ${package_dir} FILE mfluxTargets.cmake)
install(TARGETS mflux_cli RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})

install(DIRECTORY mflux DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN "*.h")
if(IS_DIRECTORY ${PROJECT_SOURCE_DIR}/models/emoji)
  install(DIRECTORY models/emoji DESTINATION ${CMAKE_INSTALL_DATADIR}/mflux/models)
endif()

set(MFLUX_MLX_PATH "")
if(MFLUX_WITH_MLX AND MLX_DIR MATCHES "/mlx/share/cmake/MLX$")
  cmake_path(SET site NORMALIZE ${MLX_DIR}/../../../..)
  install(DIRECTORY ${site}/mlx DESTINATION ${mlx_home})
  if(IS_DIRECTORY ${site}/mlx_cpu.libs)
    install(DIRECTORY ${site}/mlx_cpu.libs DESTINATION ${mlx_home})
  endif()
  set(MFLUX_MLX_PATH ${mlx_home}/mlx/share/cmake/MLX)
  set_property(TARGET mflux_cli APPEND PROPERTY INSTALL_RPATH "$ORIGIN/../${mlx_home}/mlx/lib")
endif()

configure_package_config_file(
  cmake/mfluxConfig.cmake.in ${PROJECT_BINARY_DIR}/mfluxConfig.cmake INSTALL_DESTINATION ${package_dir})
write_basic_package_version_file(
  ${PROJECT_BINARY_DIR}/mfluxConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/mfluxConfig.cmake ${PROJECT_BINARY_DIR}/mfluxConfigVersion.cmake
        DESTINATION ${package_dir})
