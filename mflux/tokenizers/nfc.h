#pragma once

#include <string>
#include <string_view>

namespace mflux::tokenizers {

/// Unicode's normalisation form C of well-formed UTF-8, by the data of Hugging Face tokenizers
/// 0.23.3, which is Unicode 9.0's: composites and combining marks assigned later stay as they are.
std::string to_nfc(std::string_view text);

} // namespace mflux::tokenizers
