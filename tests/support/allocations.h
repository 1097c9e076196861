#pragma once

namespace mflux::testing {

/// Counts this thread's calls of operator new while it lives. A test executable that uses it
/// compiles allocations.cpp, which replaces the operators.
class AllocationCounter {
 public:
  AllocationCounter();
  ~AllocationCounter();
  AllocationCounter(const AllocationCounter&) = delete;
  AllocationCounter& operator=(const AllocationCounter&) = delete;

  int count() const;
};

} // namespace mflux::testing
