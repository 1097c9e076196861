# Installs BUILD into a scratch prefix, builds this folder's project against it from outside, and runs what it built.
set(scratch ${BUILD}/consumer-test)
file(REMOVE_RECURSE ${scratch})
function(run)
  execute_process(COMMAND ${ARGV} RESULT_VARIABLE status OUTPUT_VARIABLE output ERROR_VARIABLE output)
  if(NOT status EQUAL 0)
    message(FATAL_ERROR "${ARGV} failed (${status}):\n${output}")
  endif()
  set(output "${output}" PARENT_SCOPE)
endfunction()

run(${CMAKE_COMMAND} --install ${BUILD} --prefix ${scratch}/first)
file(RENAME ${scratch}/first ${scratch}/prefix) # a package must not remember where it was installed
run(${CMAKE_COMMAND} -S ${SOURCE} -B ${scratch}/build -G Ninja -DCMAKE_PREFIX_PATH=${scratch}/prefix
    -DCMAKE_CXX_COMPILER=${COMPILER} "-DCMAKE_CXX_FLAGS=${FLAGS}" -DCMAKE_BUILD_TYPE=Release)
run(${CMAKE_COMMAND} --build ${scratch}/build)

# The installed binary finds the installed model by its name; the consumer draws the same picture.
run(${scratch}/prefix/bin/mflux generate --prompt "red apple" --seed 7 --output ${scratch}/image.png)
run(${scratch}/build/consumer ${scratch}/prefix/share/mflux/models/emoji ${scratch}/image.png)
if(NOT output MATCHES "consumer: 0 unequal, pixels [01] apart")
  message(FATAL_ERROR "unexpected output: ${output}")
endif()
file(REMOVE_RECURSE ${scratch})
