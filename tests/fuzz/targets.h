#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "mflux/artifacts/artifact.h"
#include "mflux/artifacts/bytes.h"

namespace mflux::fuzz {

/// Feeds an input to one parser. Error is an answer; anything else that leaves it is a finding.
using Target = std::function<void(artifacts::Bytes)>;

/// Parsers of one kind, by the name that fuzz_NAME, replay and seeds/NAME share.
using Targets = std::map<std::string, Target>;

Targets artifact_targets();
Targets image_targets();
Targets text_targets();
Targets tokenizer_targets();

/// Runs `target` and takes an Error as an answer. Aborts when the chain holds anything foreign,
/// such as a raw text of a library, and when what a user would read is not one line of bounded
/// length.
void run(const Target& target, artifacts::Bytes input);

/// Loads every tensor and reads its last element.
void read_all(const artifacts::Artifact& artifact);

/// A file that exists only in memory, for readers that take a path.
class MemoryFile {
 public:
  explicit MemoryFile(artifacts::Bytes content);
  ~MemoryFile();
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;

  std::string path() const;

 private:
  int descriptor_;
};

} // namespace mflux::fuzz
