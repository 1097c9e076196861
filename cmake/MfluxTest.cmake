# mflux_add_test(NAME label SOURCES… [LIBRARIES…]): one executable per folder of tests, every case known to ctest
# as NAME.Suite.Case under `label` (unit, parity, reference, slow). Tests find fixtures through MFLUX_SOURCE_DIR.
function(mflux_add_test name label)
  cmake_parse_arguments(PARSE_ARGV 2 arg "" "" "SOURCES;LIBRARIES")
  add_executable(test_${name} ${arg_SOURCES})
  target_include_directories(test_${name} PRIVATE ${PROJECT_SOURCE_DIR} ${PROJECT_SOURCE_DIR}/tests)
  target_compile_definitions(test_${name} PRIVATE MFLUX_SOURCE_DIR="${PROJECT_SOURCE_DIR}" MFLUX_TEST_NAME="${name}")
  target_compile_options(test_${name} PRIVATE $<$<CONFIG:Release>:-O2>) # quick to build
  target_link_libraries(test_${name} PRIVATE ${arg_LIBRARIES} mflux_settings GTest::gmock GTest::gtest_main)
  gtest_discover_tests(
    test_${name} TEST_PREFIX ${name}. DISCOVERY_TIMEOUT 60 PROPERTIES LABELS ${label} TIMEOUT 600)
endfunction()
