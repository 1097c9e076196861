// Writes when each kernel and each copy ran on the GPU. In a process started with this library in
// CUDA_INJECTION64_PATH and a file's name in KERNEL_TRACE, the file gets a line for each: start and
// end in nanoseconds of the steady clock, and its name. kernel_times.py compiles and reads it.
#include <cupti.h>

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>

namespace {

std::FILE* trace = nullptr;

uint64_t steady_nanoseconds() {
  const auto now = std::chrono::steady_clock::now().time_since_epoch();
  return static_cast<uint64_t>(std::chrono::duration_cast<std::chrono::nanoseconds>(now).count());
}

template <typename Record>
void write(const CUpti_Activity& record, const char* name) {
  const auto& run = reinterpret_cast<const Record&>(record);
  std::fprintf(
      trace,
      "%llu %llu %s\n",
      static_cast<unsigned long long>(run.start),
      static_cast<unsigned long long>(run.end),
      name);
}

void write_any(const CUpti_Activity& record) {
  switch (record.kind) {
    case CUPTI_ACTIVITY_KIND_CONCURRENT_KERNEL:
      write<CUpti_ActivityKernel9>(
          record, reinterpret_cast<const CUpti_ActivityKernel9&>(record).name);
      break;
    case CUPTI_ACTIVITY_KIND_MEMCPY:
      write<CUpti_ActivityMemcpy6>(record, "memcpy");
      break;
    case CUPTI_ACTIVITY_KIND_MEMSET:
      write<CUpti_ActivityMemset4>(record, "memset");
      break;
    default:
      break;
  }
}

void CUPTIAPI give_buffer(uint8_t** buffer, size_t* size, size_t* most_records) {
  *size = size_t{8} << 20;
  *buffer = static_cast<uint8_t*>(std::aligned_alloc(8, *size));
  *most_records = 0;
}

void CUPTIAPI take_buffer(CUcontext, uint32_t, uint8_t* buffer, size_t, size_t used) {
  CUpti_Activity* record = nullptr;
  while (cuptiActivityGetNextRecord(buffer, used, &record) == CUPTI_SUCCESS) {
    write_any(*record);
  }
  std::free(buffer);
}

void finish() {
  cuptiActivityFlushAll(CUPTI_ACTIVITY_FLAG_FLUSH_FORCED);
  std::fclose(trace);
}

} // namespace

/// Called by CUDA's driver as it starts.
extern "C" int InitializeInjection() {
  const char* path = std::getenv("KERNEL_TRACE");
  trace = path ? std::fopen(path, "w") : nullptr;
  const auto is_done = [](CUptiResult result) { return result == CUPTI_SUCCESS; };
  if (!trace || !is_done(cuptiActivityRegisterTimestampCallback(steady_nanoseconds)) ||
      !is_done(cuptiActivityRegisterCallbacks(give_buffer, take_buffer))) {
    return 0;
  }
  for (const auto kind :
       {CUPTI_ACTIVITY_KIND_CONCURRENT_KERNEL,
        CUPTI_ACTIVITY_KIND_MEMCPY,
        CUPTI_ACTIVITY_KIND_MEMSET}) {
    if (!is_done(cuptiActivityEnable(kind))) {
      return 0;
    }
  }
  std::atexit(finish);
  return 1;
}
